"""The chart retune: what it makes of values, and which values it refuses with which sentence.

A golden file that changed on purpose is written again with `RETUNE_GOLDEN=write`.
"""

import os
import re

import pytest
import yaml
from made import CHART, HERE, STORE, documents, helm, template

VALUES = sorted((HERE / "values").glob("*.yaml"), key=lambda file: file.stem)
WORKLOADS = ("Deployment", "Job", "StatefulSet")
SERVED = {"models": [{"model": "credit-default"}]}


@pytest.mark.parametrize("file", VALUES, ids=lambda file: file.stem)
def test_what_is_made_of_values_is_the_golden_file(file):
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
    values = {**STORE, "serving": {"models": [{"model": name} for name in ("123", "007", "true")]}}
    deployments = of_kind("Deployment", values)
    assert len(deployments) == 3
    for deployment in deployments:
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert all(isinstance(value, str) for value in labels.values())


@pytest.mark.parametrize("file", VALUES, ids=lambda file: file.stem)
def test_every_pod_is_locked_down(file):
    made = documents(yaml.safe_load(file.read_text()))
    pods = [d["spec"]["template"]["spec"] for d in made if d["kind"] in WORKLOADS]
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


def test_the_registration_job_is_another_where_what_it_does_is_another():
    values = {
        **STORE,
        "registration": {"enabled": True, "volume": {"emptyDir": {}}, "models": [{"path": "m"}]},
    }

    def job(**changes):
        (made,) = of_kind("Job", {**values, **changes})
        return made["metadata"]["name"]

    assert re.fullmatch("retune-registration-[0-9a-f]{8}", job())
    assert job(loops={"churn": "name: churn"}) == job()
    others = [
        job(images={"tag": "0.2.0"}),
        job(store={"uri": "mongodb://other/retune"}),
        job(registration={**values["registration"], "models": [{"path": "m", "champion": True}]}),
    ]
    assert len({job(), *others}) == 4


def test_pods_that_serve_are_others_where_the_stores_address_is_another():
    def pod(uri):
        (made,) = of_kind("Deployment", {**STORE, "store": {"uri": uri}, "serving": SERVED})
        return made["spec"]["template"]

    assert pod("mongodb://db/retune") == pod("mongodb://db/retune")
    assert pod("mongodb://db/retune") != pod("mongodb://other/retune")


def test_the_autoscaler_alone_decides_how_many_pods_there_are():
    def deployment(**serving):
        (made,) = of_kind("Deployment", {**STORE, "serving": {**SERVED, **serving}})
        return made["spec"]

    assert deployment(replicas=3)["replicas"] == 3
    assert "replicas" not in deployment(replicas=3, autoscaling={"enabled": True})


def test_where_one_pod_is_all_there_is_no_budget_of_pods_to_spare():
    def budgets(**serving):
        return of_kind("PodDisruptionBudget", {**STORE, "serving": {**SERVED, **serving}})

    assert [b["spec"]["maxUnavailable"] for b in budgets()] == [1]
    assert budgets(replicas=1) == []
    assert len(budgets(replicas=1, autoscaling={"enabled": True})) == 1
    assert budgets(podDisruptionBudget={"enabled": False}) == []


def test_a_model_that_is_served_can_be_asked_by_everybody_unless_clients_are_named():
    def ingress(**policy):
        store = [{"ipBlock": {"cidr": "10.0.12.0/24"}}]
        values = {**STORE, "serving": SERVED, "networkPolicy": {"store": store, **policy}}
        (made,) = [
            d for d in of_kind("NetworkPolicy", values) if d["metadata"]["name"] == "retune-serving"
        ]
        return made["spec"]["ingress"]

    port = [{"port": 8090, "protocol": "TCP"}]
    clients = [{"namespaceSelector": {"matchLabels": {"team": "shop"}}}]
    assert ingress() == [{"ports": port}]
    assert ingress(clients=clients) == [{"ports": port, "from": clients}]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "There is no store: give store.uri, or secret.existing"),
        (
            {"store": {"uri": "mongodb://db/x", "trial": {"enabled": True}}},
            "store.uri and store.trial.enabled are both given",
        ),
        (
            {**STORE, "secret": {"existing": "mine"}},
            "secret.existing is given beside store.uri or secret.settings",
        ),
        (
            {"secret": {"existing": "mine"}, "store": {"trial": {"enabled": True}}},
            "secret.existing is given beside store.trial.enabled",
        ),
        (
            {**STORE, "secret": {"settings": {"RETUNE_MONGO_URI": "mongodb://db/x"}}},
            "give the store's address as store.uri",
        ),
        ({"store": {"uri": "mongodb://db/x"}}, "no step would reach the store"),
        (
            {**STORE, "registration": {"enabled": True, "models": [{"path": "m"}]}},
            "name the volume with the models' files",
        ),
        (
            {**STORE, "registration": {"enabled": True, "volume": {"emptyDir": {}}}},
            "there is nothing to register",
        ),
        ({**STORE, "loops": {"churn": "name: other"}}, "a loop file's name is its key"),
        ({**STORE, "loops": {"churn": "name: ["}}, "loops.churn is no YAML"),
        (
            {**STORE, "loops": {n: f"name: {n}\nprimary: true" for n in ("a", "b")}},
            "loops a, b are all marked primary",
        ),
        (
            {**STORE, "serving": {"models": [{"model": "a"}, {"model": "b", "name": "a"}]}},
            "serving.models has two by the name 'a'",
        ),
        (
            {**STORE, "serving": {"models": [{"model": "Churn_2026"}]}},
            "'Churn_2026', which cannot be in an address: give it a name",
        ),
        (
            {**STORE, "serving": {"models": [{"model": "m", "name": "m" * 49}]}},
            "has 64 characters, and an address at most 63",
        ),
        (
            {**STORE, "serving": {**SERVED, "autoscaling": {"enabled": True, "minReplicas": 9}}},
            "serving.autoscaling has minReplicas 9 and maxReplicas 6",
        ),
        (
            {
                **STORE,
                "serving": {
                    "models": [{"model": "a"}, {"model": "b", "resources": {"limits": {}}}],
                    "autoscaling": {"enabled": True},
                },
            },
            "'b' asks for no CPU, of which the autoscaler takes its share",
        ),
        *(
            (
                {**STORE, "monitoring": {name: {"enabled": True}}},
                f"monitoring.{name}.enabled is true and nothing is served",
            )
            for name in ("serviceMonitor", "rules", "dashboards")
        ),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_a_sentence(values, sentence):
    refused = template(values)
    assert refused.returncode != 0
    assert sentence in refused.stderr


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({**STORE, "imags": {}}, "imags"),
        ({"store": {"uri": "http://db"}}, "uri"),
        ({**STORE, "images": {"tag": "latest"}}, "tag"),
        ({**STORE, "secret": {"settings": {"PATH": "x"}}}, "PATH"),
        ({**STORE, "registration": {"models": [{"path": "/absolute"}]}}, "path"),
        ({**STORE, "serving": {"models": [{"name": "a"}]}}, "model"),
        ({**STORE, "serving": {"models": [{"model": "a b"}]}}, "model"),
        ({**STORE, "serving": {"models": [{"model": "a", "pytorch": "yes"}]}}, "pytorch"),
        ({**STORE, "serving": {"replicas": 0}}, "replicas"),
        ({**STORE, "serving": {"autoscaling": {"maxReplicas": "6"}}}, "maxReplicas"),
        ({**STORE, "serving": {"podDisruptionBudget": {"maxUnavailable": 0}}}, "maxUnavailable"),
        ({**STORE, "serving": {"podDisruptionBudget": {"maxUnavailable": "1"}}}, "maxUnavailable"),
        ({**STORE, "serving": {"refreshSeconds": 0}}, "refreshSeconds"),
        ({**STORE, "serving": {"drainSeconds": 0}}, "drainSeconds"),
        ({**STORE, "serving": {"service": {"type": "ExternalName"}}}, "type"),
        ({**STORE, "serving": {"service": {"port": 70000}}}, "port"),
        ({**STORE, "serving": {"service": {"annotations": {"a": True}}}}, "annotations"),
        (
            {**STORE, "serving": {"topologySpreadConstraints": [{"topologyKey": "zone"}]}},
            "topologySpreadConstraints",
        ),
        ({**STORE, "monitoring": {"serviceMonitor": {"interval": "often"}}}, "interval"),
        ({**STORE, "monitoring": {"rules": {"errorRatio": 1}}}, "errorRatio"),
        ({**STORE, "monitoring": {"rules": {"p99Seconds": 10}}}, "p99Seconds"),
        ({**STORE, "monitoring": {"dashboards": {"labels": {"a": 1}}}}, "labels"),
        ({**STORE, "networkPolicy": {"clients": [{}]}}, "clients"),
    ],
)
def test_values_of_the_wrong_kind_are_refused_by_name(values, name):
    refused = template(values)
    assert refused.returncode != 0
    assert name in refused.stderr
    assert "don't meet the specifications of the schema" in refused.stderr
