"""Predictions from a cluster: available after installation, through evictions and restarts."""

import json
import re
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from cluster.release import EXAMPLE, NAME, UNTIL_THERE, Release, run, wait_for

SERVING = f"{NAME}-serving-{EXAMPLE.name}"
GROUP = "monitoring.coreos.com"
KINDS = {"servicemonitors": "ServiceMonitor", "prometheusrules": "PrometheusRule"}
SMALL = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "768Mi"}}


def definition(plural, kind):
    """The smallest definition of a Prometheus operator kind that an API server accepts."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [version],
        },
    }


@pytest.fixture(scope="module")
def kinds():
    """Defines the operator's kinds that the cluster lacks, and removes them afterwards."""
    names = [f"{plural}.{GROUP}" for plural in KINDS]
    there = run("kubectl", "get", "crd", "--output", "name", "--ignore-not-found", *names)
    made = [plural for plural in KINDS if f"/{plural}.{GROUP}" not in there]
    try:
        for plural in made:
            given = json.dumps(definition(plural, KINDS[plural]))
            run("kubectl", "create", "--filename", "-", given=given)
        run("kubectl", "wait", "--for=condition=Established", "crd", *names, "--timeout=30s")
        yield names
    finally:
        for plural in made:
            run("kubectl", "delete", "crd", f"{plural}.{GROUP}", "--ignore-not-found")


def values(release, **serving):
    return {
        **release.values(),
        "serving": {"models": [{"model": EXAMPLE.name}], "resources": SMALL, **serving},
        "monitoring": {"serviceMonitor": {"enabled": True}, "rules": {"enabled": True}},
    }


@pytest.fixture(scope="module")
def served(kinds):
    made = Release(f"retune-{uuid.uuid4().hex[:8]}")
    try:
        started = time.monotonic()
        made.install(values(made))
        print(f"installed, registered and ready after {time.monotonic() - started:.1f} s")
        yield made
    finally:
        made.remove()


@contextmanager
def cluster_api():
    command = ["kubectl", "proxy", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            address = re.search(r"127\.0\.0\.1:\d+", proxy.stdout.readline())
            yield f"http://{address[0]}/api/v1/namespaces"
        finally:
            proxy.terminate()


@pytest.fixture(scope="module")
def namespace(served):
    """The address of the namespace in the cluster's API."""
    with cluster_api() as api:
        yield f"{api}/{served.namespace}"


@pytest.fixture(scope="module")
def service(namespace):
    """The address of the service, which sends each request to one of the ready pods."""
    return f"{namespace}/services/{SERVING}:http/proxy"


def ask(address, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = Request(address, data, {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def asked(address, body=None):
    return json.loads(ask(address, body))


@pytest.fixture(scope="module")
def row(service):
    return asked(f"{service}/example")


def pods(release):
    return {pod["metadata"]["name"] for pod in release.pods("serving")}


def test_the_champion_is_served_when_the_installation_ends(served, service, row):
    registered = json.loads((EXAMPLE / "finetuned" / "model.json").read_text())
    conditions = [
        {c["type"]: c["status"] for c in pod["status"]["conditions"]}
        for pod in served.pods("serving")
    ]
    assert [c["Ready"] for c in conditions] == ["True", "True"]

    answer = asked(f"{service}/predict", row)

    assert answer["model_id"] == registered["model_id"]
    assert 0 <= answer["prediction"] <= 1
    assert asked(f"{service}/health")["model_id"] == registered["model_id"]
    assert f'model_id="{registered["model_id"]}"' in ask(f"{service}/metrics")
    assert f"http://{SERVING}.{served.namespace}.svc:80" in served.helm("get", "notes", NAME)


def test_one_pod_at_a_time_may_be_evicted(served, namespace):
    def budget():
        text = served.kubectl("get", "poddisruptionbudget", SERVING, "--output", "json")
        return json.loads(text)["status"].get("disruptionsAllowed")

    def evict(pod):
        metadata = {"name": pod, "namespace": served.namespace}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        ask(f"{namespace}/pods/{pod}/eviction", eviction)

    wait_for("A budget of one pod", lambda: budget() == 1, 60)
    first, second = sorted(pods(served))

    evict(first)
    with pytest.raises(HTTPError) as refused:
        evict(second)

    assert refused.value.code == 429
    served.kubectl("rollout", "status", f"deployment/{SERVING}", "--timeout=120s")
    wait_for("The evicted pod's end", lambda: first not in pods(served), 60)


def test_no_request_is_lost_while_every_pod_is_replaced(served, service, row):
    before = pods(served)
    replaced = Event()

    def keep_asking():
        answers = 0
        while not replaced.is_set():
            asked(f"{service}/predict", row)
            answers += 1
            time.sleep(0.05)
        return answers

    with ThreadPoolExecutor(2) as callers:
        answers = [callers.submit(keep_asking) for _ in range(2)]
        try:
            served.kubectl("rollout", "restart", f"deployment/{SERVING}")
            served.kubectl("rollout", "status", f"deployment/{SERVING}", "--timeout=120s")
            wait_for("The end of the pods before", lambda: not before & pods(served), 60)
        finally:
            replaced.set()

    counted = sum(answer.result() for answer in answers)
    print(f"{counted} requests while {len(before)} pods were replaced")
    assert counted > 50


def test_helm_test_gets_a_prediction_from_each_model(served):
    tested = served.helm("test", NAME, "--timeout", "2m")
    assert f"{SERVING}-test" in tested
    assert re.search(r"Phase: +Succeeded", tested)


def test_what_serves_is_upgraded_rolled_back_and_gone(served, kinds):
    def spec(kind):
        return json.loads(served.kubectl("get", kind, SERVING, "--output", "json"))["spec"]

    assert f"servicemonitor.{GROUP}/{NAME}-serving" in served.left(*kinds)
    assert f"prometheusrule.{GROUP}/{NAME}-serving" in served.left(*kinds)
    changed = values(served, autoscaling={"enabled": True}, service={"port": 8000})

    served.apply("upgrade", changed)

    assert spec("service")["ports"][0]["port"] == 8000
    target = spec("horizontalpodautoscaler")["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", SERVING)
    # Even without metrics, an autoscaler keeps the minimum number of pods.
    wait_for("Two pods", lambda: spec("deployment")["replicas"] == 2, 60)

    served.helm("rollback", NAME, "1", *UNTIL_THERE)

    assert spec("service")["ports"][0]["port"] == 80
    assert "horizontalpodautoscaler" not in served.left()

    served.helm("uninstall", NAME, "--wait", "--timeout", "3m")

    wait_for("The last pod's end", lambda: not served.left(*kinds), 60)
