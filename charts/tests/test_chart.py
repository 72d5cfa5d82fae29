"""The chart retune: its objects, and the messages with which it refuses values.

`RETUNE_GOLDEN=write` rewrites the golden files.
"""

import os
import re

import pytest
import readme
import yaml
from made import CHART, HERE, STORE, documents, helm, template

VALUES = sorted((HERE / "values").glob("*.yaml"), key=lambda file: file.stem)
WORKLOADS = ("Deployment", "Job", "StatefulSet")
REGISTERED = {"enabled": True, "volume": {"emptyDir": {}}, "models": [{"path": "m"}]}
SERVED = {"models": [{"model": "credit-default"}]}
ROUTED = {"enabled": True, "host": "a.b", "parentRefs": [{"name": "public"}]}


@pytest.mark.parametrize("file", VALUES, ids=lambda file: file.stem)
def test_the_rendered_values_equal_the_golden_file(file):
    values = yaml.safe_load(file.read_text())
    linted = helm("lint", "--strict", str(CHART), "--values", str(file))
    assert linted.returncode == 0, linted.stdout

    made = template(values)

    assert made.returncode == 0, made.stderr
    golden = HERE / "golden" / file.name
    if os.environ.get("RETUNE_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(made.stdout)
    assert made.stdout == golden.read_text()


def test_a_models_name_may_look_like_a_number():
    values = {
        **STORE,
        "serving": {"models": [{"model": name} for name in ("123", "007", "true")]},
    }
    deployments = of_kind("Deployment", values)
    assert len(deployments) == 3
    for deployment in deployments:
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert all(isinstance(value, str) for value in labels.values())


@pytest.mark.parametrize("file", VALUES, ids=lambda file: file.stem)
def test_every_pod_is_locked_down(file):
    made = documents(yaml.safe_load(file.read_text()))
    pods = [d["spec"]["template"]["spec"] for d in made if d["kind"] in WORKLOADS]
    pods += [d["spec"] for d in made if d["kind"] == "Pod"]
    pods += [
        yaml.safe_load(d["data"]["pod.yaml"])["spec"]
        for d in made
        if "pod.yaml" in d.get("data", {})
    ]
    assert pods
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsUser"] == 65532
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            }


def of_kind(kind, values):
    return [d for d in documents(values) if d["kind"] == kind]


def test_the_registration_job_gets_a_new_name_when_its_work_changes():
    values = {
        **STORE,
        "registration": {
            "enabled": True,
            "volume": {"emptyDir": {}},
            "models": [{"path": "m"}],
        },
    }

    def job(**changes):
        (made,) = of_kind("Job", {**values, **changes})
        return made["metadata"]["name"]

    assert re.fullmatch("retune-registration-[0-9a-f]{8}", job())
    assert job(loops={"churn": "name: churn"}) == job()
    others = [
        job(images={"tag": "0.2.0"}),
        job(store={"uri": "mongodb://other/retune"}),
        job(
            registration={
                **values["registration"],
                "models": [{"path": "m", "champion": True}],
            }
        ),
    ]
    assert len({job(), *others}) == 4


def test_serving_pods_are_replaced_when_the_stores_address_changes():
    def pod(uri):
        (made,) = of_kind("Deployment", {**STORE, "store": {"uri": uri}, "serving": SERVED})
        return made["spec"]["template"]

    assert pod("mongodb://db/retune") == pod("mongodb://db/retune")
    assert pod("mongodb://db/retune") != pod("mongodb://other/retune")


def test_with_autoscaling_the_deployment_sets_no_replicas():
    def deployment(**serving):
        (made,) = of_kind("Deployment", {**STORE, "serving": {**SERVED, **serving}})
        return made["spec"]

    assert deployment(replicas=3)["replicas"] == 3
    assert "replicas" not in deployment(replicas=3, autoscaling={"enabled": True})


def test_a_single_pod_has_no_disruption_budget():
    def budgets(**serving):
        return of_kind("PodDisruptionBudget", {**STORE, "serving": {**SERVED, **serving}})

    assert [b["spec"]["maxUnavailable"] for b in budgets()] == [1]
    assert budgets(replicas=1) == []
    assert len(budgets(replicas=1, autoscaling={"enabled": True})) == 1
    assert budgets(podDisruptionBudget={"enabled": False}) == []


def test_everybody_may_request_predictions_unless_clients_are_set():
    def ingress(**policy):
        store = [{"ipBlock": {"cidr": "10.0.12.0/24"}}]
        values = {
            **STORE,
            "serving": SERVED,
            "networkPolicy": {"store": store, **policy},
        }
        (made,) = [
            d for d in of_kind("NetworkPolicy", values) if d["metadata"]["name"] == "retune-serving"
        ]
        return made["spec"]["ingress"]

    port = [{"port": 8090, "protocol": "TCP"}]
    clients = [{"namespaceSelector": {"matchLabels": {"team": "shop"}}}]
    assert ingress() == [{"ports": port}]
    tester = {
        "podSelector": {
            "matchLabels": {
                "app.kubernetes.io/instance": "retune",
                "app.kubernetes.io/component": "test",
            }
        }
    }
    verifier = {
        "podSelector": {
            "matchLabels": {
                "app.kubernetes.io/part-of": "retune",
                "app.kubernetes.io/component": "verify-deployment",
            }
        }
    }
    assert ingress(clients=clients) == [{"ports": port, "from": [*clients, tester, verifier]}]


def test_steps_that_tell_people_reach_them():
    peers = [{"ipBlock": {"cidr": "10.0.3.0/24"}}]
    policy = {"store": [{"ipBlock": {"cidr": "10.0.12.0/24"}}], "notification": peers}
    made = of_kind("NetworkPolicy", {**STORE, "networkPolicy": policy})
    (spec,) = [d["spec"] for d in made if d["metadata"]["name"] == "retune-notification"]
    (expression,) = spec["podSelector"]["matchExpressions"]
    sources = CHART.parents[1] / "tasks" / "steps" / "src" / "main"
    calls = re.compile(
        r"new Notifier\(|new Conclusion\(|Question\.send\(|production\.(tell|completeRollback)\("
    )
    telling = {
        re.sub(r"(?<=[a-z])(?=[A-Z])", "-", file.stem).lower()
        for file in sources.rglob("*.java")
        if "@AutoService(Step.class)" in (text := file.read_text()) and calls.search(text)
    }
    assert set(expression["values"]) == telling


STEERED = {"enabled": True, "tokenSecret": "tokens", "airflowUrl": "http://airflow:8080"}


def control_pod(**control):
    (made,) = of_kind("Deployment", {**STORE, "control": {"enabled": True, **control}})
    return made["spec"]["template"]["spec"]


def test_nothing_is_logged_unless_asked_for_and_a_model_may_differ():
    def arguments(**values):
        secret = {"settings": {"RETUNE_QUERY_LOG_SECRET": "of-at-least-24-characters"}}
        served = documents({**STORE, "secret": secret, "serving": values})
        pods = [d["spec"]["template"]["spec"] for d in served if d["kind"] == "Deployment"]
        return [pod["containers"][0]["args"] for pod in pods]

    (plain,) = arguments(**SERVED)
    assert not [word for word in plain if "query-log" in word or "feedback" in word]

    models = [
        {"model": "a"},
        {"model": "b", "queryLog": {"columns": ["age", "city"], "hash": ["city"]}},
    ]
    log = {"enabled": True, "keepDays": 30, "feedbackTokenSecret": "shop"}
    first, second = arguments(models=models, queryLog=log)
    words = ["--query-log", "--query-log-keep-days", "30"]
    tokens = ["--feedback-token-file", "/etc/retune/feedback/tokens"]
    assert first[-5:] == [*words, *tokens]
    columns = ["--query-log-columns", "age,city", "--query-log-hash", "city"]
    assert second[-9:] == [*words, *columns, *tokens]


def test_control_only_tells_unless_it_gets_tokens_and_an_airflow():
    (container,) = control_pod()["containers"]
    assert "--token-file" not in container["args"]
    assert "env" not in container
    assert [source["secretRef"]["name"] for source in container["envFrom"]] == ["retune"]

    (container,) = control_pod(**STEERED, airflowSecret="login")["containers"]
    assert {"name": "RETUNE_AIRFLOW_URL", "value": "http://airflow:8080"} in container["env"]
    assert [s["secretRef"]["name"] for s in container["envFrom"]] == ["retune", "login"]


def test_control_reads_for_those_with_a_token_alone_and_prometheus_has_one():
    closed = {**STEERED, "reading": "token", "metricsTokenSecret": "prometheus"}
    (container,) = control_pod(**closed)["containers"]
    assert container["args"][container["args"].index("--reading") + 1] == "token"
    values = {**STORE, "control": closed, "monitoring": {"serviceMonitor": {"enabled": True}}}
    (monitor,) = of_kind("ServiceMonitor", values)
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["authorization"] == {"credentials": {"name": "prometheus", "key": "token"}}
    (tester,) = of_kind("Pod", values)
    assert tester["spec"]["containers"][0]["command"][-1].endswith("/health/live"), "it has none"


def test_controls_token_file_is_in_a_folder_that_follows_its_secret():
    pod = control_pod(**STEERED)
    (container,) = pod["containers"]
    (volume,) = [v for v in pod["volumes"] if "secret" in v]
    (mount,) = [m for m in container["volumeMounts"] if m["name"] == volume["name"]]
    (item,) = volume["secret"]["items"]
    file = container["args"][container["args"].index("--token-file") + 1]
    assert file == f"{mount['mountPath']}/{item['path']}"
    assert "subPath" not in mount, "such a file keeps what it had when the pod started"
    assert volume["secret"]["secretName"] == "tokens"
    assert volume["secret"]["defaultMode"] & 0o007 == 0, "nobody else may read it"


def secured():
    return yaml.safe_load((HERE / "values" / "secured.yaml").read_text())


def one(made, kind, name):
    (found,) = [d for d in made if d["kind"] == kind and d["metadata"]["name"] == name]
    return found["spec"]


HTTPS = [("retune-serving-churn", "churn-certificate"), ("retune-control", "control-certificate")]


def mounted(pod, path):
    """The secret behind a path of the pod's first container, and the path in its volume."""
    (mount,) = [
        m for m in pod["containers"][0]["volumeMounts"] if path.startswith(m["mountPath"] + "/")
    ]
    assert "subPath" not in mount, "such a file keeps what it had when the pod started"
    (volume,) = [v for v in pod["volumes"] if v["name"] == mount["name"]]
    (item,) = [i for i in volume["secret"]["items"] if f"{mount['mountPath']}/{i['path']}" == path]
    assert volume["secret"]["defaultMode"] & 0o007 == 0, "nobody else may read it"
    return volume["secret"]["secretName"], item["key"]


@pytest.mark.parametrize(("service", "secret"), HTTPS)
def test_with_a_certificate_everything_speaks_https(service, secret):
    made = documents(secured())
    pod = one(made, "Deployment", service)["template"]["spec"]
    (container,) = pod["containers"]
    args = container["args"]
    for flag, key in (("--tls-cert", "tls.crt"), ("--tls-key", "tls.key")):
        assert mounted(pod, args[args.index(flag) + 1]) == (secret, key)
    (named,) = container["ports"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert (asked["scheme"], asked["port"]) == ("HTTPS", named["name"])

    (port,) = one(made, "Service", service)["ports"]
    assert (port["appProtocol"], port["port"], port["targetPort"]) == ("https", 443, named["name"])
    (endpoint,) = one(made, "ServiceMonitor", service)["endpoints"]
    assert (endpoint["scheme"], endpoint["port"]) == ("https", port["name"])
    trusted = {"secret": {"name": secret, "key": "tls.crt"}}
    assert endpoint["tlsConfig"] == {"ca": trusted, "serverName": f"{service}.retune.svc"}
    (rule,) = one(made, "Ingress", service)["rules"]
    assert rule["http"]["paths"][0]["backend"]["service"]["port"]["name"] == port["name"]
    policy = one(made, "BackendTLSPolicy", service)
    assert [(t["kind"], t["name"]) for t in policy["targetRefs"]] == [("Service", service)]
    assert policy["validation"]["hostname"] == f"{service}.retune.svc"
    assert policy["validation"]["caCertificateRefs"][0]["name"] == "authority"


@pytest.mark.parametrize(("service", "secret"), HTTPS)
def test_helm_test_trusts_the_certificate_and_never_sees_its_key(service, secret):
    pod = one(documents(secured()), "Pod", f"{service}-test")
    (trust,) = pod["initContainers"]
    (probe,) = pod["containers"]
    assert trust["command"][0].endswith("/keytool")
    store = trust["command"][trust["command"].index("-keystore") + 1]
    assert f"-Djavax.net.ssl.trustStore={store}" in probe["command"]
    address = probe["command"][-1]
    assert address.startswith(f"https://{service}.retune.svc:443/")
    assert address.endswith(("/v2/health/ready", "/health/live")), "it has no token"
    (volume,) = [v["secret"] for v in pod["volumes"] if "secret" in v]
    assert (volume["secretName"], [i["key"] for i in volume["items"]]) == (secret, ["tls.crt"])


def test_ingress_nginx_is_told_of_https_and_an_own_annotation_wins():
    key = "nginx.ingress.kubernetes.io/backend-protocol"

    def annotations(**serving):
        values = {**SERVED, "ingress": {"enabled": True, "host": "a.b", **serving.pop("of", {})}}
        (made,) = of_kind("Ingress", {**STORE, "serving": {**values, **serving}})
        return made["metadata"].get("annotations", {})

    assert key not in annotations()
    assert annotations(tlsSecret="tls") == {key: "HTTPS"}
    assert annotations(tlsSecret="tls", of={"annotations": {key: "GRPCS"}}) == {key: "GRPCS"}


def test_callers_and_feedback_have_tokens_of_their_own():
    pod = one(documents(secured()), "Deployment", "retune-serving-churn")["template"]["spec"]
    args = pod["containers"][0]["args"]
    assert mounted(pod, args[args.index("--token-file") + 1]) == ("callers", "serving")
    assert mounted(pod, args[args.index("--feedback-token-file") + 1]) == ("callers", "feedback")

    (plain,) = of_kind("Deployment", {**STORE, "serving": SERVED})
    assert not {"--token-file", "--tls-cert"} & set(
        plain["spec"]["template"]["spec"]["containers"][0]["args"]
    )
    (tester,) = of_kind("Pod", {**STORE, "serving": {**SERVED, "tokenSecret": "callers"}})
    assert tester["spec"]["containers"][0]["command"][-1].endswith(":80/v2/health/ready")


def test_control_is_one_pod_without_rights_and_with_live_probes():
    values = {**STORE, "control": STEERED}
    (deployment,) = of_kind("Deployment", values)
    assert deployment["spec"]["replicas"] == 1
    assert of_kind("Role", values) == of_kind("RoleBinding", values) == []
    (account,) = of_kind("ServiceAccount", values)
    pod = deployment["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert account["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] == "/health/live", "it needs no store and no key"
    (tester,) = of_kind("Pod", values)
    (service,) = of_kind("Service", values)
    assert tester["spec"]["containers"][0]["command"][-1].startswith(
        f"http://{service['metadata']['name']}.retune.svc:80/"
    )


def test_control_alone_reaches_airflow_and_its_clients_can_be_named():
    peers = {"airflow": [{"ipBlock": {"cidr": "10.0.1.0/24"}}]}
    clients = [{"namespaceSelector": {"matchLabels": {"team": "ops"}}}]

    def policies(**more):
        policy = {"store": [{"ipBlock": {"cidr": "10.0.12.0/24"}}], **peers, **more}
        made = of_kind("NetworkPolicy", {**STORE, "control": STEERED, "networkPolicy": policy})
        return {d["metadata"]["name"]: d["spec"] for d in made}

    own = policies()["retune-control"]
    assert own["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "control"
    assert own["egress"] == [{"to": peers["airflow"]}]
    assert own["ingress"] == [{"ports": [{"port": 8091, "protocol": "TCP"}]}]
    (limited,) = policies(controlClients=clients)["retune-control"]["ingress"]
    assert limited["from"][0] == clients[0]
    assert limited["from"][1]["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/instance": "retune",
        "app.kubernetes.io/component": "test",
    }
    assert not any("10.0.1.0" in str(s) for n, s in policies().items() if n != "retune-control")


def test_every_object_and_pod_has_the_common_labels_and_annotations():
    values = yaml.safe_load((HERE / "values" / "everything.yaml").read_text())
    values |= {"serving": SERVED, "monitoring": {"serviceMonitor": {"enabled": True}}}
    values |= {"control": {"enabled": True}}
    made = documents(values)
    assert {d["kind"] for d in made} >= {
        "Pod",
        "Deployment",
        "Job",
        "NetworkPolicy",
        "Role",
    }
    for document in made:
        found = document["metadata"]
        assert found["labels"]["app.kubernetes.io/name"] == "churn-watch"
        assert found["labels"]["team"] == "credit"
        assert found["annotations"]["example.com/owner"] == "credit"
        assert found["name"].startswith("watch-")
        if document["kind"] in WORKLOADS:
            pod = document["spec"]["template"]["metadata"]
            assert pod["labels"].items() >= {"team": "credit", "tier": "batch"}.items()
            assert pod["annotations"].items() >= values["podAnnotations"].items()
            (container,) = document["spec"]["template"]["spec"]["containers"]
            assert container["env"] == values["extraEnv"]


def test_a_digest_wins_over_the_tag_of_its_image_alone():
    digest = "sha256:" + "0" * 64
    values = {**STORE, "images": {"digests": {"serving": digest}}, "serving": SERVED}
    (deployment,) = of_kind("Deployment", values)
    (pod,) = of_kind("Pod", values)
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"retune/serving@{digest}"
    assert pod["spec"]["containers"][0]["image"] == image
    (job,) = of_kind("Job", {**values, "registration": REGISTERED})
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "retune/register-model:0.1.0"


@pytest.mark.parametrize(
    ("kind", "route"),
    [("Ingress", {}), ("HTTPRoute", {"parentRefs": [{"name": "public"}]})],
)
def test_each_model_has_a_host_name_of_its_own(kind, route):
    key = {"HTTPRoute": "httpRoute", "Ingress": "ingress"}[kind]
    values = {
        **STORE,
        "serving": {
            "models": [
                {"model": "credit-default"},
                {"model": "Churn_2026", "name": "churn"},
            ],
            key: {"enabled": True, "host": "{name}.example.com", **route},
        },
    }
    specs = [d["spec"] for d in of_kind(kind, values)]
    hosts = [s["hostnames"][0] if kind == "HTTPRoute" else s["rules"][0]["host"] for s in specs]
    assert hosts == ["credit-default.example.com", "churn.example.com"]


def test_the_loop_files_and_service_accounts_are_in_airflows_namespace():
    values = {
        **STORE,
        "loops": {"churn": "name: churn"},
        "airflow": {"namespace": "airflow", "serviceAccounts": [{"name": "worker"}]},
    }
    (loops,) = [d for d in of_kind("ConfigMap", values) if d["metadata"]["name"] == "retune-loops"]
    (binding,) = of_kind("RoleBinding", values)
    assert loops["metadata"]["namespace"] == "airflow"
    assert binding["subjects"][0]["namespace"] == "airflow"


def test_airflows_values_name_what_the_chart_makes():
    airflow = yaml.safe_load((CHART / "airflow-values.yaml").read_text())
    variables = {entry["name"]: entry["value"] for entry in airflow["env"]}
    loops = {"churn": "name: churn"}
    made = documents({**STORE, "loops": loops, "airflow": {"namespace": "airflow"}})
    names = {(d["kind"], d["metadata"]["name"]) for d in made}
    maps = {volume["name"]: volume["configMap"] for volume in airflow["volumes"]}
    mounted = {mount["name"]: mount["mountPath"] for mount in airflow["volumeMounts"]}
    assert ("Secret", variables["RETUNE_SECRET"]) in names
    assert ("ConfigMap", maps["loops"]["name"]) in names
    assert mounted["loops"] == variables["RETUNE_LOOPS"]
    assert maps["plugins"]["optional"], "people make it by hand, or do without it"
    assert mounted.keys() == maps.keys()


def test_the_readme_lists_every_value():
    written = readme.text()
    if os.environ.get("RETUNE_GOLDEN") == "write":
        readme.FILE.write_text(written)
    assert readme.FILE.read_text() == written


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "No store is configured. Set store.uri, or secret.existing"),
        (
            {"store": {"uri": "mongodb://db/x", "trial": {"enabled": True}}},
            "store.uri and store.trial.enabled are both set",
        ),
        (
            {**STORE, "secret": {"existing": "mine"}},
            "secret.existing is set together with store.uri or secret.settings",
        ),
        (
            {"secret": {"existing": "mine"}, "store": {"trial": {"enabled": True}}},
            "secret.existing is set together with store.trial.enabled",
        ),
        (
            {**STORE, "secret": {"settings": {"RETUNE_MONGO_URI": "mongodb://db/x"}}},
            "secret.settings contains RETUNE_MONGO_URI. Set store.uri instead.",
        ),
        ({"store": {"uri": "mongodb://db/x"}}, "no step could reach the store"),
        (
            {**STORE, "registration": {"enabled": True, "models": [{"path": "m"}]}},
            "Set it to the volume with the models' files",
        ),
        (
            {**STORE, "registration": {"enabled": True, "volume": {"emptyDir": {}}}},
            "there is nothing to register",
        ),
        (
            {**STORE, "loops": {"churn": "name: other"}},
            "The name in a loop file must be its key",
        ),
        ({**STORE, "loops": {"churn": "name: ["}}, "loops.churn is not valid YAML"),
        (
            {**STORE, "loops": {n: f"name: {n}\nprimary: true" for n in ("a", "b")}},
            "Loops a, b are all primary",
        ),
        (
            {
                **STORE,
                "serving": {"models": [{"model": "a"}, {"model": "b", "name": "a"}]},
            },
            "serving.models contains the name 'a' twice",
        ),
        (
            {**STORE, "serving": {"models": [{"model": "Churn_2026"}]}},
            "'Churn_2026', which is not valid in a host name. Add a `name`",
        ),
        (
            {**STORE, "serving": {"models": [{"model": "m", "name": "m" * 44}]}},
            "has 59 characters; at most 58 leave room for its test pod",
        ),
        (
            {
                **STORE,
                "serving": {
                    **SERVED,
                    "autoscaling": {"enabled": True, "minReplicas": 9},
                },
            },
            "serving.autoscaling.minReplicas is 9 and maxReplicas is 6",
        ),
        (
            {
                **STORE,
                "serving": {
                    "models": [
                        {"model": "a"},
                        {"model": "b", "resources": {"limits": {}}},
                    ],
                    "autoscaling": {"enabled": True},
                },
            },
            "model 'b' requests no CPU, which the autoscaler measures against",
        ),
        *(
            (
                {**STORE, "serving": {**serving, kind: {"enabled": True, **route}}},
                sentence,
            )
            for kind in ("ingress", "httpRoute")
            for serving, route, sentence in (
                (
                    {},
                    {"host": "a.b"},
                    f"serving.{kind}.enabled is true and serving.models is empty",
                ),
                (SERVED, {}, f"serving.{kind}.host is empty"),
                (
                    {"models": [{"model": "a"}, {"model": "b"}]},
                    {"host": "p.example.com"},
                    f"serving.{kind}.host is one host name for 2 models",
                ),
            )
        ),
        (
            {
                **STORE,
                "serving": {**SERVED, "httpRoute": {"enabled": True, "host": "a.b"}},
            },
            "serving.httpRoute.parentRefs is empty. Name the gateway.",
        ),
        *(
            (
                {**STORE, "control": {name: "http://airflow:8080"}},
                f"control.{name} is set and control.enabled is false",
            )
            for name in ("airflowUrl", "airflowSecret", "tokenSecret")
        ),
        (
            {**STORE, "control": {"tlsSecret": "tls"}},
            "control.tlsSecret is set and control.enabled is false",
        ),
        *(
            (
                {**STORE, "serving": {name: "mine"}},
                f"serving.{name} is set and serving.models is empty",
            )
            for name in ("tlsSecret", "tokenSecret")
        ),
        *(
            ({**STORE, of: {**on, **values}}, sentence)
            for of, on in (("serving", SERVED), ("control", {"enabled": True}))
            for values, sentence in (
                (
                    {"tlsSecret": "tls", "httpRoute": ROUTED},
                    f"{of}.httpRoute.caConfigMap is empty, so the gateway could not check",
                ),
                (
                    {"httpRoute": {**ROUTED, "caConfigMap": "authority"}},
                    f"{of}.httpRoute.caConfigMap is set, and no gateway asks over HTTPS",
                ),
                (
                    {
                        "tlsSecret": "tls",
                        "ingress": {
                            "enabled": True,
                            "host": "a.b",
                            "annotations": {"nginx.ingress.kubernetes.io/backend-protocol": "http"},
                        },
                    },
                    f"{of}.ingress.annotations make the controller ask over HTTP",
                ),
            )
        ),
        (
            {
                **STORE,
                "serving": {**SERVED, "tlsSecret": "tls"},
                "secret": {"settings": {"RETUNE_SERVING_URL": "http://serving-{model}"}},
            },
            "RETUNE_SERVING_URL in secret.settings begins with http://",
        ),
        (
            {**STORE, "serving": {**SERVED, "queryLog": {"enabled": True, "hash": ["age"]}}},
            "secret.settings has no RETUNE_QUERY_LOG_SECRET",
        ),
        (
            {**STORE, "control": {"enabled": True, "reading": "token"}},
            "control.tokenSecret is empty, so nobody could read",
        ),
        (
            {
                **STORE,
                "control": {**STEERED, "reading": "token"},
                "monitoring": {"serviceMonitor": {"enabled": True}},
            },
            "so Prometheus could not read the metrics",
        ),
        (
            {**STORE, "control": {"enabled": True, "airflowSecret": "login"}},
            "control.airflowSecret is set and control.airflowUrl is empty",
        ),
        (
            {**STORE, "control": STEERED, "networkPolicy": {"store": [{"ipBlock": {}}]}},
            "so the control service could not reach Airflow",
        ),
        *(
            ({**STORE, "control": {**control, kind: {"enabled": True, **route}}}, sentence)
            for kind in ("ingress", "httpRoute")
            for control, route, sentence in (
                (
                    {},
                    {"host": "a.b"},
                    f"control.{kind}.enabled is true and control.enabled is false",
                ),
                ({"enabled": True}, {}, f"control.{kind}.host is empty"),
            )
        ),
        (
            {
                **STORE,
                "control": {"enabled": True, "httpRoute": {"enabled": True, "host": "a.b"}},
            },
            "control.httpRoute.parentRefs is empty. Name the gateway.",
        ),
        (
            {**STORE, "serving": {**SERVED, "queryLog": {"hash": ["age"]}}},
            "The query log of model 'credit-default' has columns, hash or feedbackTokenSecret",
        ),
        (
            {
                **STORE,
                "serving": {
                    **SERVED,
                    "queryLog": {"enabled": True, "columns": ["sex"], "hash": ["age"]},
                },
            },
            "The query log of model 'credit-default' hashes 'age', which queryLog.columns leaves",
        ),
        *(
            (
                {**STORE, "monitoring": {name: {"enabled": True}}},
                f"monitoring.{name}.enabled is true, serving.models is empty and control.enabled",
            )
            for name in ("serviceMonitor", "rules", "dashboards")
        ),
    ],
)
def test_contradictory_values_are_refused_with_a_sentence(values, sentence):
    refused = template(values)
    assert refused.returncode != 0
    assert sentence in refused.stderr


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({**STORE, "imags": {}}, "imags"),
        ({**STORE, "nameOverride": "a b"}, "nameOverride"),
        ({**STORE, "fullnameOverride": "Retune"}, "fullnameOverride"),
        (
            {**STORE, "commonLabels": {"app.kubernetes.io/name": "x"}},
            "app.kubernetes.io/name",
        ),
        ({**STORE, "podLabels": {"team": "a b"}}, "podLabels"),
        ({**STORE, "podAnnotations": {"a": 1}}, "podAnnotations"),
        (
            {**STORE, "extraEnv": [{"name": "RETUNE_MONGO_URI", "value": "x"}]},
            "extraEnv",
        ),
        ({**STORE, "images": {"digests": {"serving": "0123"}}}, "digests"),
        ({**STORE, "registration": {"priorityClassName": 1}}, "priorityClassName"),
        ({**STORE, "serving": {"ingress": {"host": "https://a.b"}}}, "host"),
        ({**STORE, "serving": {"httpRoute": {"parentRefs": [{}]}}}, "parentRefs"),
        ({"store": {"uri": "http://db"}}, "uri"),
        ({**STORE, "images": {"tag": "latest"}}, "tag"),
        ({**STORE, "secret": {"settings": {"PATH": "x"}}}, "PATH"),
        ({**STORE, "registration": {"models": [{"path": "/absolute"}]}}, "path"),
        ({**STORE, "serving": {"models": [{"name": "a"}]}}, "model"),
        ({**STORE, "serving": {"models": [{"model": "a b"}]}}, "model"),
        (
            {**STORE, "serving": {"models": [{"model": "a", "pytorch": "yes"}]}},
            "pytorch",
        ),
        ({**STORE, "serving": {"replicas": 0}}, "replicas"),
        ({**STORE, "serving": {"autoscaling": {"maxReplicas": "6"}}}, "maxReplicas"),
        (
            {**STORE, "serving": {"podDisruptionBudget": {"maxUnavailable": 0}}},
            "maxUnavailable",
        ),
        (
            {**STORE, "serving": {"podDisruptionBudget": {"maxUnavailable": "1"}}},
            "maxUnavailable",
        ),
        ({**STORE, "serving": {"refreshSeconds": 0}}, "refreshSeconds"),
        ({**STORE, "serving": {"drainSeconds": 0}}, "drainSeconds"),
        ({**STORE, "serving": {"queryLog": {"keepDays": 0}}}, "keepDays"),
        ({**STORE, "serving": {"queryLog": {"columns": ["a,b"]}}}, "columns"),
        ({**STORE, "serving": {"tlsSecret": "a b"}}, "tlsSecret"),
        ({**STORE, "serving": {"tokenKey": ""}}, "tokenKey"),
        ({**STORE, "serving": {"queryLog": {"feedbackTokenKey": "a/b"}}}, "feedbackTokenKey"),
        ({**STORE, "control": {"tlsSecret": "{name}-tls"}}, "tlsSecret"),
        ({**STORE, "serving": {"service": {"type": "ExternalName"}}}, "type"),
        ({**STORE, "serving": {"service": {"port": 70000}}}, "port"),
        (
            {**STORE, "serving": {"service": {"annotations": {"a": True}}}},
            "annotations",
        ),
        (
            {
                **STORE,
                "serving": {"topologySpreadConstraints": [{"topologyKey": "zone"}]},
            },
            "topologySpreadConstraints",
        ),
        (
            {**STORE, "monitoring": {"serviceMonitor": {"interval": "often"}}},
            "interval",
        ),
        ({**STORE, "monitoring": {"rules": {"errorRatio": 1}}}, "errorRatio"),
        ({**STORE, "monitoring": {"rules": {"p99Seconds": 10}}}, "p99Seconds"),
        ({**STORE, "monitoring": {"rules": {"silentDays": 0}}}, "silentDays"),
        ({**STORE, "monitoring": {"rules": {"driftShare": 1}}}, "driftShare"),
        ({**STORE, "monitoring": {"dashboards": {"labels": {"a": 1}}}}, "labels"),
        ({**STORE, "networkPolicy": {"clients": [{}]}}, "clients"),
        ({**STORE, "networkPolicy": {"controlClients": [{}]}}, "controlClients"),
        ({**STORE, "control": {"airflowUrl": "airflow:8080"}}, "airflowUrl"),
        ({**STORE, "control": {"airflowUrl": "http://me:secret@airflow"}}, "airflowUrl"),
        ({**STORE, "control": {"replicas": 2}}, "replicas"),
        ({**STORE, "control": {"reading": "closed"}}, "reading"),
        ({**STORE, "control": {"ingress": {"host": "{name}.example.com"}}}, "host"),
    ],
)
def test_values_of_the_wrong_kind_are_refused_by_name(values, name):
    refused = template(values)
    assert refused.returncode != 0
    assert name in refused.stderr
    assert "don't meet the specifications of the schema" in refused.stderr
