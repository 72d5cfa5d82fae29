"""The chart retune: what it makes of values, and which values it refuses with which sentence.

A golden file that changed on purpose is written again with `RETUNE_GOLDEN=write`.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
CHART = HERE.parent / "retune"
VALUES = sorted((HERE / "values").glob("*.yaml"), key=lambda file: file.stem)
STORE = {"store": {"uri": "mongodb://db/retune"}, "networkPolicy": {"enabled": False}}


def helm(*words, values=None):
    return subprocess.run(
        ["helm", *words, *(["--values", "-"] if values is not None else [])],
        input=None if values is None else yaml.safe_dump(values),
        text=True,
        capture_output=True,
        check=False,
    )


def template(values):
    return helm("template", "retune", str(CHART), "--namespace", "retune", values=values)


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


@pytest.mark.parametrize("file", VALUES, ids=lambda file: file.stem)
def test_every_pod_is_locked_down(file):
    documents = [
        d for d in yaml.safe_load_all(template(yaml.safe_load(file.read_text())).stdout) if d
    ]
    pods = [d["spec"]["template"]["spec"] for d in documents if d["kind"] in ("Job", "StatefulSet")]
    pods += [
        yaml.safe_load(d["data"]["pod.yaml"])["spec"]
        for d in documents
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


def test_the_registration_job_is_another_where_what_it_does_is_another():
    values = {
        **STORE,
        "registration": {"enabled": True, "volume": {"emptyDir": {}}, "models": [{"path": "m"}]},
    }

    def job(**changes):
        made = template({**values, **changes})
        (name,) = [
            d["metadata"]["name"]
            for d in yaml.safe_load_all(made.stdout)
            if d and d["kind"] == "Job"
        ]
        return name

    assert re.fullmatch("retune-registration-[0-9a-f]{8}", job())
    assert job(loops={"churn": "name: churn"}) == job()
    others = [
        job(images={"tag": "0.2.0"}),
        job(store={"uri": "mongodb://other/retune"}),
        job(registration={**values["registration"], "models": [{"path": "m", "champion": True}]}),
    ]
    assert len({job(), *others}) == 4


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
    ],
)
def test_values_of_the_wrong_kind_are_refused_by_name(values, name):
    refused = template(values)
    assert refused.returncode != 0
    assert name in refused.stderr
    assert "don't meet the specifications of the schema" in refused.stderr
