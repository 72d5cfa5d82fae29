"""The chart's alerts and dashboard, tested with Prometheus' own promtool."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from made import CHART, HERE, STORE, documents

SERVED = {**STORE, "serving": {"models": [{"model": "credit-default"}]}}
MONITORED = {
    **SERVED,
    "control": {"enabled": True},
    "monitoring": {"rules": {"enabled": True}, "dashboards": {"enabled": True}},
}

# The metrics that each service exports at /metrics: one per line, with its labels.
METRICS_OF = {
    service: {
        name: set(labels)
        for name, *labels in map(str.split, (HERE / file).read_text().splitlines())
    }
    for service, file in (("serving", "metrics.txt"), ("control", "loop-metrics.txt"))
}
METRICS = METRICS_OF["serving"]
DASHBOARDS = {"serving": "serving", "control": "loop"}
# The labels that Prometheus' operator adds to all metrics of a pod.
TARGET = {"namespace", "service", "pod"}

WORDS = {"and", "or", "unless", "by", "on", "group_left"}
GROUPING = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")
SELECTOR = re.compile(r"(\w+)\s*\{([^}]*)\}")


def promtool(*words):
    program = shutil.which("promtool")
    if program is None:
        pytest.fail(
            "promtool is not on the PATH: install Prometheus, on Debian the package prometheus."
        )
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def rules(service="serving"):
    (rule,) = [
        d
        for d in documents(MONITORED)
        if d["kind"] == "PrometheusRule" and d["metadata"]["name"] == f"retune-{service}"
    ]
    return rule["spec"]


def alerts(service="serving"):
    return [alert for group in rules(service)["groups"] for alert in group["rules"]]


def dashboard(service="serving"):
    return json.loads((CHART / "dashboards" / f"{DASHBOARDS[service]}.json").read_text())


def queries(service="serving"):
    """The dashboard's queries, as its panels send them for one release."""
    for panel in dashboard(service)["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "5m")
            for variable in ("namespace", "service", "model"):
                query = query.replace(f"${variable}", "retune")
            yield panel["title"], query, target["legendFormat"]


def expressions(service):
    return [a["expr"] for a in alerts(service)] + [query for _, query, _ in queries(service)]


@pytest.mark.parametrize("service", DASHBOARDS)
def test_promtool_accepts_the_rules_and_queries(service, tmp_path):
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules(service)))
    recorded = [{"record": f"query_{i}", "expr": q} for i, (_, q, _) in enumerate(queries(service))]
    panels = {"groups": [{"name": "dashboard", "rules": recorded}]}
    (tmp_path / "dashboard.yaml").write_text(yaml.safe_dump(panels))

    for file in ("rules.yaml", "dashboard.yaml"):
        checked = promtool("check", "rules", str(tmp_path / file))
        assert checked.returncode == 0, checked.stdout + checked.stderr
    assert len(recorded) > 15


def test_promtool_rejects_a_broken_query(tmp_path):
    wrong = {"groups": [{"name": "wrong", "rules": [{"record": "x", "expr": "sum by (rate("}]}]}
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    assert promtool("check", "rules", str(tmp_path / "wrong.yaml")).returncode != 0


def unknown(query, metrics=METRICS):
    """The metrics and labels in a query that a service does not export."""
    bare = re.sub(r'\{[^}]*\}|\[[^]]*\]|"[^"]*"', "", GROUPING.sub("", query))
    names = set(re.findall(r"\b[a-z]\w+\b(?!\s*\()", bare)) - WORDS
    wrong = names - metrics.keys()
    for name, matchers in SELECTOR.findall(query):
        matched = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        wrong |= matched - metrics.get(name, set()) - TARGET
    known = TARGET.union(*(metrics.get(name, set()) for name in names))
    grouped = {label.strip() for labels in GROUPING.findall(query) for label in labels.split(",")}
    return wrong | grouped - known - {""}


@pytest.mark.parametrize("service", DASHBOARDS)
def test_rules_and_queries_use_only_metrics_of_the_service(service):
    metrics = METRICS_OF[service]
    wrong = {query: unknown(query, metrics) for query in expressions(service)}
    assert {query: names for query, names in wrong.items() if names} == {}
    known = TARGET.union(*metrics.values())
    legends = {
        label for *_, legend in queries(service) for label in re.findall(r"{{(\w+)}}", legend)
    }
    assert legends <= known
    listed = dashboard(service)["templating"]["list"]
    variables = [v["definition"] for v in listed if "definition" in v]
    assert set(re.findall(r"retune_\w+", " ".join(variables))) <= metrics.keys()


@pytest.mark.parametrize("service", DASHBOARDS)
def test_a_dashboards_panels_have_a_place_and_an_id_of_their_own(service):
    panels = dashboard(service)["panels"]
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels]
    assert len({p["id"] for p in panels}) == len(set(places)) == len(panels)
    assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in panels)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("sum(retune_serving_requests)", {"retune_serving_requests"}),
        ('retune_serving_store_up{status="200"} == 1', {"status"}),
        ("sum by (endpoint) (rate(retune_serving_predictions_total[5m]))", {"endpoint"}),
        ('up{pod="a"} and on (pod) retune_serving_store_up', {"up"}),
    ],
)
def test_a_metric_that_the_service_lacks_is_found(query, names):
    assert unknown(query) == names


def test_prometheus_scrapes_the_serving_pods_and_keeps_the_labels_of_requests():
    made = documents({**SERVED, "monitoring": {"serviceMonitor": {"enabled": True}}})
    (monitor,) = [d["spec"] for d in made if d["kind"] == "ServiceMonitor"]
    (endpoint,) = monitor["endpoints"]

    selected = [
        d
        for d in made
        if d["kind"] == "Service"
        and monitor["selector"]["matchLabels"].items() <= d["metadata"]["labels"].items()
    ]

    assert [d["metadata"]["name"] for d in selected] == ["retune-serving-credit-default"]
    assert endpoint["port"] in [port["name"] for port in selected[0]["spec"]["ports"]]
    dropped = {r["regex"] for r in endpoint["relabelings"] if r["action"] == "labeldrop"}
    # The labels that the operator adds to everything that it scrapes.
    added = {"namespace", "service", "pod", "container", "job", "instance", "endpoint"}
    assert set.union(*METRICS.values()) & (added - dropped) == set()


def test_prometheus_scrapes_the_control_pod():
    values = {**STORE, "control": {"enabled": True}}
    made = documents({**values, "monitoring": {"serviceMonitor": {"enabled": True}}})
    (monitor,) = [d["spec"] for d in made if d["kind"] == "ServiceMonitor"]
    (service,) = [d for d in made if d["kind"] == "Service"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] in [p["name"] for p in service["spec"]["ports"]]
    added = {"namespace", "service", "pod", "container", "job", "instance", "endpoint"}
    assert set.union(*METRICS_OF["control"].values()) & added == set()


def test_the_dashboards_are_in_a_config_map_that_grafana_looks_for():
    (made,) = [d for d in documents(MONITORED) if d["metadata"]["name"] == "retune-dashboards"]
    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(made["data"]["retune-serving.json"]) == dashboard()
    assert json.loads(made["data"]["retune-loop.json"]) == dashboard("control")
    alone = documents({**SERVED, "monitoring": {"dashboards": {"enabled": True}}})
    (made,) = [d for d in alone if d["metadata"]["name"] == "retune-dashboards"]
    assert made["data"].keys() == {"retune-serving.json"}


OF = 'namespace="retune",service="retune-serving-credit-default"'
MODEL = 'model="credit-default",model_id="credit-default-1",model_version="20261101_000000"'
REQUESTS = "retune_serving_requests_total"
BUCKET = "retune_serving_request_duration_seconds_bucket"


def series(name, values, labels="", pod="a"):
    """A pod's series, with one value per minute in promtool's notation."""
    labels = ",".join(filter(None, (OF, f'pod="{pod}"', labels)))
    return {f"{name}{{{labels}}}": values}


def running(pod="a"):
    return series("process_start_time_seconds", "1x60", pod=pod)


HEALTHY = {
    **running(),
    **series("retune_serving_model_info", "1x60", MODEL),
    **series(REQUESTS, "0+6000x60", 'endpoint="predict",status="200"'),
    **series(REQUESTS, "0+600x60", 'endpoint="other",status="503"'),
    **series(BUCKET, "0+5990x60", 'endpoint="predict",le="0.25"'),
    **series(BUCKET, "0+6000x60", 'endpoint="predict",le="+Inf"'),
    **series("retune_serving_model_refusals_total", "0x60"),
    **series("retune_query_log_dropped_total", "0x60", 'reason="queue_full"'),
    **series("retune_serving_behind_champion", "0x60"),
    **series("retune_serving_store_up", "1x60"),
}
OTHER = '{namespace="other",service="retune-serving-credit-default",pod="a"}'
DOWN, NOT_READY, ERRORS, SLOW, REFUSED, INCOMPLETE, BEHIND, STORE_AWAY = (
    f"RetuneServing{name}"
    for name in (
        "Down",
        "NotReady",
        "Errors",
        "Slow",
        "ChampionRefused",
        "QueryLogIncomplete",
        "BehindChampion",
        "StoreUnreachable",
    )
)
# For each day, its series and the alerts that fire after so many minutes.
DAYS = {
    "all is well": (HEALTHY, {1: [], 20: [], 60: []}),
    "no pod is there": ({}, {4: [], 6: [DOWN]}),
    "no pod has a version": (running() | running("b"), {4: [], 12: [DOWN]}),
    "one of two pods has no version": (HEALTHY | running("b"), {9: [], 11: [NOT_READY]}),
    "another release has no store": (
        HEALTHY | {f"retune_serving_store_up{OTHER}": "0x60"},
        {60: []},
    ),
    "only another release has pods": ({f"retune_serving_model_info{OTHER}": "1x60"}, {6: [DOWN]}),
    "one request in fifty fails": (
        HEALTHY | series(REQUESTS, "0+120x60", 'endpoint="predict",status="500"'),
        {4: [], 10: [ERRORS]},
    ),
    "one request in two hundred fails": (
        HEALTHY | series(REQUESTS, "0+30x60", 'endpoint="predict",status="500"'),
        {20: []},
    ),
    "callers send what is wrong": (
        HEALTHY | series(REQUESTS, "0+6000x60", 'endpoint="predict",status="422"'),
        {20: []},
    ),
    "one prediction in twenty is slow": (
        HEALTHY
        | series(BUCKET, "0+5700x60", 'endpoint="predict",le="0.25"')
        | series(BUCKET, "0+6000x60", 'endpoint="predict",le="1"'),
        {9: [], 15: [SLOW]},
    ),
    "batches are slow": (
        HEALTHY
        | series(BUCKET, "0x60", 'endpoint="batch_predict",le="0.25"')
        | series(BUCKET, "0+10x60", 'endpoint="batch_predict",le="1"')
        | series(BUCKET, "0+10x60", 'endpoint="batch_predict",le="+Inf"'),
        {20: []},
    ),
    "a champion is refused once": (
        HEALTHY | series("retune_serving_model_refusals_total", "0 0 0 1x57"),
        {2: [], 4: [REFUSED], 20: []},
    ),
    "rows are lost once": (
        HEALTHY
        | series("retune_query_log_dropped_total", "0 0 0 500x57", 'reason="queue_full"')
        | series("retune_query_log_dropped_total", "0x60", 'reason="refused"'),
        {2: [], 4: [INCOMPLETE], 20: []},
    ),
    "a champion takes over within minutes": (
        HEALTHY | series("retune_serving_behind_champion", "0 1x5 0x54"),
        {8: [], 20: []},
    ),
    "a pod stays behind the champion": (
        HEALTHY | series("retune_serving_behind_champion", "1x60", pod="b"),
        {9: [], 11: [BEHIND]},
    ),
    "the store is away": (
        HEALTHY | series("retune_serving_store_up", "0x60", pod="b"),
        {4: [], 6: [STORE_AWAY]},
    ),
}


# For each state of the loops, the alerts that fire after so many minutes.
LOOP = 'namespace="retune",service="retune-control",pod="a"'


def told(name, values, labels='model="credit"'):
    """A series of the control service, with one value per minute."""
    return {f"{name}{{{','.join(filter(None, (LOOP, labels)))}}}": values}


WATCHED = {
    **told("process_start_time_seconds", "1x90", ""),
    **told("retune_control_store_up", "1x90", ""),
    **told("retune_loop_days_since_evaluation", "0.5x90"),
    **told("retune_loop_last_outcome", "1x90", 'model="credit",status="approved"'),
    **told("retune_loop_open_alerts", "0x90"),
    **told("retune_loop_drift_share", "0.1x90"),
}
LOOP_STATES = {
    "all is well": (WATCHED, {1: [], 90: []}),
    "nothing watches": ({}, {4: [], 6: ["RetuneControlDown"]}),
    "the store is away": (
        WATCHED | told("retune_control_store_up", "0x90", ""),
        {4: [], 6: ["RetuneLoopsUnreadable"]},
    ),
    "no day was judged for two days": (
        WATCHED | told("retune_loop_days_since_evaluation", "2.1x90"),
        {9: [], 11: ["RetuneLoopNotEvaluated"]},
    ),
    "no version passed": (
        WATCHED | told("retune_loop_last_outcome", "1x90", 'model="a",status="failed_max_retries"'),
        {4: [], 6: ["RetuneLoopVerdictFailing"]},
    ),
    "a person is asked": (
        WATCHED | told("retune_loop_open_alerts", "2x90"),
        {59: [], 61: ["RetuneLoopOpenAlert"]},
    ),
    "a person answers soon": (
        WATCHED | told("retune_loop_open_alerts", "1x30 0x60"),
        {40: [], 90: []},
    ),
    "many columns have drift": (
        WATCHED | told("retune_loop_drift_share", "0.3x90"),
        {9: [], 11: ["RetuneLoopDrift"]},
    ),
}


@pytest.mark.parametrize("name", LOOP_STATES)
def test_exactly_the_expected_alerts_of_the_loops_fire(name, tmp_path):
    state, expected = LOOP_STATES[name]
    tests = [firing(minute, names) for minute, names in expected.items()]
    ended = tried(tmp_path, state, "control", promql_expr_test=tests)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_each_alert_of_the_loops_has_a_state_in_which_it_fires():
    fired = {name for _, e in LOOP_STATES.values() for names in e.values() for name in names}
    assert {alert["alert"] for alert in alerts("control")} == fired


def tried(folder, day, service="serving", **tests):
    """Tests the rules on a day's series with promtool."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules(service)))
    written = [{"series": name, "values": values} for name, values in day.items()]
    test = {"interval": "1m", "input_series": written, **tests}
    (folder / "test.yaml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]})
    )
    return promtool("test", "rules", str(folder / "test.yaml"))


def firing(minute, names):
    return {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{minute}m",
        "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names],
    }


@pytest.mark.parametrize("name", DAYS)
def test_exactly_the_expected_alerts_fire(name, tmp_path):
    day, expected = DAYS[name]
    tests = [firing(minute, names) for minute, names in expected.items()]
    ended = tried(tmp_path, day, promql_expr_test=tests)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_each_alert_has_a_day_on_which_it_fires():
    fired = {name for _, expected in DAYS.values() for names in expected.values() for name in names}
    assert {alert["alert"] for alert in alerts()} == fired


@pytest.mark.parametrize(
    ("name", "minute", "summary"),
    [
        (
            "one of two pods has no version",
            11,
            "Pod b does not serve predictions of credit-default, other pods do.",
        ),
        (
            "one request in fifty fails",
            10,
            "1.961% of the requests for predictions of credit-default fail.",
        ),
        (
            "rows are lost once",
            4,
            "Rows of credit-default are missing in the query log: queue_full.",
        ),
        (
            "one prediction in twenty is slow",
            15,
            "The 99th percentile of predict requests of credit-default is 850ms.",
        ),
    ],
)
def test_an_alerts_summary_has_the_figures(name, minute, summary, tmp_path):
    day, expected = DAYS[name]
    (alert,) = [a for a in alerts() if [a["alert"]] == expected[minute]]
    pod = {"pod": "b", "service": "retune-serving-credit-default"}
    found = {NOT_READY: pod, SLOW: {"endpoint": "predict"}, INCOMPLETE: {"reason": "queue_full"}}
    labels = found.get(alert["alert"], {})
    annotations = alert["annotations"] | {"summary": summary}
    told = {
        "exp_labels": alert["labels"] | labels,
        "exp_annotations": {k: v.replace("{{ $labels.pod }}", "b") for k, v in annotations.items()},
    }
    test = {"eval_time": f"{minute}m", "alertname": alert["alert"], "exp_alerts": [told]}
    ended = tried(tmp_path, day, alert_rule_test=[test])
    assert ended.returncode == 0, ended.stdout + ended.stderr
