"""The docker runtime with the real images, against a real store. `make images` builds them."""

import json
import os
import socket
import subprocess
import threading
import time
import urllib.request
import warnings

import pytest
from airflow.sdk.exceptions import AirflowException
from conftest import DAY, PROJECT, Run

from retune import Loop, step

TOP = PROJECT.parent
EXAMPLE = TOP / "examples" / "credit-default"
IMAGE = "retune/generate-data:0.1.0"
LOOP = Loop(name="credit-default", bare_ids=True)


COMPOSE = (["docker", "compose"], ["docker-compose"])


def answers(command: list[str]) -> bool:
    try:
        return (
            subprocess.run([*command, "version"], check=False, capture_output=True).returncode == 0
        )
    except FileNotFoundError:
        return False


compose = next(filter(answers, COMPOSE), None)


@pytest.fixture(scope="module", autouse=True)
def images():
    """Skips, loudly, where there is no daemon with the images; in CI that is a failure."""
    found = subprocess.run(["docker", "image", "inspect", IMAGE], check=False, capture_output=True)
    if found.returncode and not os.environ.get("RETUNE_REQUIRE_DOCKER"):
        warnings.warn("SKIPPED: no Docker daemon has the images (make images)", stacklevel=1)
        pytest.skip("no Docker daemon has the images; build them by 'make images'")
    assert found.returncode == 0, found.stderr.decode()


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of this test alone, whose address the steps find in their environment."""
    command = [TOP / "retune", "store", "--port", "0", "--data", tmp_path / "store"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        monkeypatch.setenv("RETUNE_MONGO_URI", process.stdout.readline().strip())
        yield
        process.terminate()


@pytest.fixture
def run(bag, database):
    return lambda dag, **conf: Run(bag("docker").dags[dag], conf)


def register(*words: str) -> None:
    subprocess.run([TOP / "retune", *words], check=True, capture_output=True)


def test_steps_run_in_their_images_and_hand_over_their_results(run, store):
    model = ("--model", "credit-default")
    register("register_distribution", *model, "--path", str(EXAMPLE / "distribution.json"))
    register("register_model", "--path", str(EXAMPLE / "finetuned"), "--champion")
    ended = run("data_pipeline", rows=200)
    assert ended.state == "success"
    assert ended.results["generate_data"]["rows"] == 200
    assert ended.results["process_data"]["data_path"] == f"credit-default/{DAY}"
    assert ended.results["process_data"]["rows_out"] == 200


def test_a_container_that_cannot_succeed_is_not_tried_again(run, store, capsys):
    ended = run("data_pipeline")
    assert (ended.state, ended.tries["generate_data"]) == ("failed", 1)
    assert ended.results["generate_data"]["error"]["code"] == "invalid_input"
    assert "generate_data failed and will not be retried" in capsys.readouterr().out


def test_the_end_of_a_task_ends_its_container(monkeypatch, silent):
    monkeypatch.setenv("RETUNE_RUNTIME", "docker")
    monkeypatch.setenv("RETUNE_MONGO_URI", f"mongodb://127.0.0.1:{silent.getsockname()[1]}/retune")
    monkeypatch.setenv("RETUNE_STORE_WAIT", "120")
    task = step("load_latest_model", LOOP, model="credit-default")
    ended: list[Exception] = []

    def execute() -> None:
        try:
            task.execute({"ti": Instance()})
        except AirflowException as failure:
            ended.append(failure)

    thread = threading.Thread(target=execute)
    thread.start()
    asking, _ = silent.accept()  # past the start of the JVM
    assert running(task.container)
    started = time.monotonic()
    task.on_kill()
    thread.join(10)
    assert time.monotonic() - started < 5, "Airflow kills the task itself after five seconds"
    assert (
        str(ended)
        == "[AirflowException('load_latest_model was stopped; nothing is half-written.')]"
    )
    wait_until(lambda: not running(task.container))
    asking.close()


@pytest.fixture
def silent():
    """A store that is asked and never answers, so that a step waits."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(120)
        yield server


@pytest.fixture
def project():
    """Calls docker compose in a project of its own, which is taken down afterwards."""
    if compose is None:
        assert not os.environ.get("RETUNE_REQUIRE_DOCKER"), "CI installs docker-compose"
        pytest.skip("neither docker compose nor docker-compose is installed")
    services = ("STORE", "SERVING", "CONTROL")
    ports = {f"RETUNE_{service}_PORT": "0" for service in services}
    settings = {**os.environ, **ports, "RETUNE_WORK": str(EXAMPLE)}

    def call(*words):
        command = [*compose, "--project-name", f"retune-test-{os.getpid()}", *words]
        ran = subprocess.run(
            command, cwd=TOP, env=settings, check=False, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    yield call
    call("down", "--volumes")


def test_compose_runs_a_step_beside_its_store(project):
    words = ("register-distribution", "--model", "credit-default", "--path", "distribution.json")
    assert json.loads(project("run", "--rm", "-T", *words))["changed"] is True


def test_compose_serves_the_champion_that_a_step_registers(project):
    project("up", "--detach")
    project("run", "--rm", "-T", "register-model", "--path", "finetuned", "--champion")
    address = f"http://{project('port', 'serving', '8090').strip()}"
    wait_until(lambda: answer(address + "/v2/health/ready"))
    assert answer(address + "/predict", answer(address + "/example"))["prediction_class"] == "0"
    control = f"http://{project('port', 'control', '8091').strip()}"
    wait_until(lambda: answer(control + "/health/live"))
    assert answer(control + "/model/status")["model"] == "credit-default"


def answer(address, body=None):
    """The answer's JSON; None as long as there is none."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(address, data) as answered:
            return json.load(answered)
    except OSError:
        return None


class Instance:
    """What the operator asks of a task instance."""

    dag_id, run_id, task_id, map_index, try_number = "dag", "run", "load_latest_model", -1, 1
    log_url = "http://localhost:8080/dags/dag/runs/run/tasks/load_latest_model"

    def xcom_push(self, key, value):
        assert value["error"]["code"] == "stopped"


def running(container: str) -> bool:
    names = subprocess.run(
        ["docker", "ps", "--format", "{{.Names}}"], check=True, capture_output=True, text=True
    )
    return container in names.stdout.split()


def wait_until(ready, seconds=20.0):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.1)
