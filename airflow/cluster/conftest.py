"""One installation and one Airflow for all tests: each takes longer to start than a test."""

import json
import os
import random
import subprocess
import uuid
from pathlib import Path

import pytest

from cluster.release import PREFIX, PROJECT, SPREAD, TAG, Release
from cluster.runs import Run
from demo.airflow import Airflow
from demo.days import PIPELINES
from demo.follow import Follower
from demo.processes import Processes
from demo.screen import Screen

# A run may set another tag, such as the tag of an image that does not exist.
IMAGE = f"{PREFIX}/{{step}}:{{{{{{{{ dag_run.conf.get('tag', '{TAG}') }}}}}}}}"


@pytest.fixture(scope="session")
def release():
    if not os.environ.get("KUBECONFIG"):
        raise pytest.UsageError("KUBECONFIG names no cluster: set it to one that has the images.")
    made = Release(f"retune-{uuid.uuid4().hex[:8]}")
    try:
        made.install()
        yield made
    finally:
        made.remove()


# The first step of this loop gets too little memory at first. The loop has no model to generate
# rows for.
TIGHT = """
name: tight
resources:
  generate_data: {cpu: 100m, memory: 24Mi, memory_after_oom: 1Gi}
"""


@pytest.fixture(scope="session")
def loops(release, tmp_path_factory) -> Path:
    """A folder with the tests' loop files."""
    folder = tmp_path_factory.mktemp("loops")
    (folder / "tight.yaml").write_text(TIGHT)
    (folder / "spread.yaml").write_text(f"name: {SPREAD}\nshards: 3\n")
    return folder


@pytest.fixture(scope="session")
def made(release, loops, tmp_path_factory) -> str:
    """The name of a loop with three shards, created from a table in the release's store."""
    work = tmp_path_factory.mktemp("made")
    draw = random.Random(7)
    rows = [(draw.gauss(0, 1), draw.gauss(0, 1)) for _ in range(400)]
    lines = [
        f"{x:.3f},{y:.3f},{'yes' if x + y + draw.gauss(0, 0.5) > 0 else 'no'}" for x, y in rows
    ]
    (work / "made.csv").write_text("\n".join(["x,y,bought", *lines]))
    words = ["--data", "made.csv", "--target", "bought"]
    words += ["--models", "network", "--pretraining-epochs", "1"]
    with release.store() as address:
        subprocess.run(
            [PROJECT / "retune", "new_loop", *words, "--epochs", "3", "--loops", loops],
            cwd=work,
            env={**os.environ, "RETUNE_MONGO_URI": address},
            check=True,
            stdout=subprocess.DEVNULL,
        )
    with (loops / "made.yaml").open("a") as loop:
        loop.write("\nshards: 3\n")
    return "made"


@pytest.fixture(scope="session")
def environment(release, loops, made) -> dict[str, str]:
    """The settings with which the DAGs run their steps in pods of the release."""
    sidecar = {"limits": {"memory": "32Mi"}, "requests": {"cpu": "10m", "memory": "16Mi"}}
    connection = {
        "conn_type": "kubernetes",
        "extra": {
            "kube_config_path": os.environ["KUBECONFIG"],
            "xcom_sidecar_container_image": f"{PREFIX}/xcom-sidecar:{TAG}",
            "xcom_sidecar_container_resources": json.dumps(sidecar),
        },
    }
    return {
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(connection),
        "RETUNE_RUNTIME": "kubernetes",
        "RETUNE_NAMESPACE": release.namespace,
        "RETUNE_SECRET": "retune",
        "RETUNE_IMAGE": IMAGE,
        "RETUNE_LOOPS": str(loops),
        "RETUNE_POD_CHECK_SECONDS": "0.2",
    }


@pytest.fixture(scope="session")
def tight() -> str:
    """The DAG of the loop with too little memory."""
    return "data_pipeline.tight"


@pytest.fixture(scope="session")
def spread() -> str:
    """The DAG of the loop that splits a day into three shards."""
    return f"data_pipeline.{SPREAD}"


@pytest.fixture(scope="session")
def processes(tmp_path_factory):
    with Processes(tmp_path_factory.mktemp("logs")) as started:
        yield started


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> Airflow:
    return Airflow(tmp_path_factory.mktemp("airflow"), PROJECT / "airflow")


@pytest.fixture(scope="session")
def settings(installed, environment) -> dict[str, str]:
    """The environment of every Airflow component."""
    return installed.environment() | environment


@pytest.fixture(scope="session")
def airflow(installed, settings, processes, tight, spread, made) -> Airflow:
    with installed.migrated(processes, settings):
        pass
    installed.start(processes, settings)
    of_made = [f"{pipeline}.{made}" for pipeline in PIPELINES]
    installed.wait(processes, (*PIPELINES, *of_made, tight, spread))
    return installed


@pytest.fixture
def start(airflow):
    """Starts a DAG run for a day, with a conf."""
    return lambda dag, day, **conf: Run(airflow, dag, airflow.trigger(dag, day, conf))


@pytest.fixture(scope="session")
def follower(airflow, processes) -> Follower:
    return Follower(airflow, processes, Screen())
