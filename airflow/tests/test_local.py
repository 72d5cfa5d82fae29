"""The process and docker runtimes: exit codes, results, logs, secrets, and the end of a step."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from retune import Loop, step
from retune.local import secrets

PROJECT = Path(__file__).parents[1]
LOOP = Loop(name="credit-default", bare_ids=True)
RUN = """
import sys
sys.path.insert(0, "tests")
import conftest
conftest.create_database()
conftest.DagBag(dag_folder="dags").dags["data_pipeline"].test(run_conf={})
"""


def test_the_result_file_is_the_result(run, program):
    program.answer({"generate_data": {"rows": 7}})
    assert run("data_pipeline").results["generate_data"] == {"rows": 7}


def test_a_step_knows_its_task_instance_and_nothing_of_airflows_settings(run, program):
    run("data_pipeline")
    environment = program.calls[0]["environment"]
    assert environment["RETUNE_DAG_ID"] == "data_pipeline"
    assert environment["RETUNE_RUN_ID"].startswith("manual__")
    assert environment["RETUNE_TASK_ID"] == "generate_data"
    assert environment["RETUNE_TRY_NUMBER"] == "1"
    run_page = f"/dags/data_pipeline/runs/{quote(environment['RETUNE_RUN_ID'])}"
    assert environment["RETUNE_RUN_URL"].endswith(run_page)
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", environment["TRACEPARENT"])
    assert not [name for name in environment if name.startswith("AIRFLOW_")]


@pytest.mark.parametrize(
    ("code", "tries", "sentence"),
    [
        (1, 4, "generate_data ended with exit code 1: No luck."),
        (20, 4, "generate_data is not ready and will be retried: No luck."),
        (50, 1, "generate_data failed and will not be retried: No luck."),
        (137, 4, "Raise the limit in the loop file, under resources.generate_data."),
        (143, 4, "generate_data was stopped; nothing is half-written."),
    ],
)
def test_an_exit_code_says_whether_to_try_again(run, program, capsys, code, tries, sentence):
    error = {"code": code, "message": "No luck.", "retryable": code != 50}
    program.answer({"generate_data": {"_exit": code, "error": error}})
    ended = run("data_pipeline")
    assert (ended.state, ended.tries["generate_data"]) == ("failed", tries)
    assert ended.results == {"generate_data": {"error": error}}
    assert sentence in capsys.readouterr().out


def test_a_crash_without_a_result_points_to_the_log(run, program, capsys):
    program.answer({"generate_data": {"_exit": 3, "_result": False}})
    assert run("data_pipeline").results == {}
    assert "generate_data ended with exit code 3: see its log." in capsys.readouterr().out


def test_success_without_a_result_is_a_failure(run, program, capsys):
    program.answer({"generate_data": {"_result": False}})
    assert run("data_pipeline").state == "failed"
    assert "generate_data ended with exit code 0 but left no result." in capsys.readouterr().out


def test_log_lines_come_with_their_level(run, program):
    lines = [
        '{"level": "WARNING", "message": "rare"}',
        '{"level": "ERROR", "message": "bad"}',
        '{"level": "INFO", "message": "[Finetune] Epoch  1"}',
        "100 % plain text",
        '{"no": "log line"}',
    ]
    program.answer({"generate_data": {"_log": lines}})
    with capture_logs() as logs:
        run("data_pipeline")
    seen = [(entry["log_level"], entry["event"]) for entry in logs]
    start = seen.index(("warning", "rare"))
    assert seen[start : start + len(lines)] == [
        ("warning", "rare"),
        ("error", "bad"),
        ("info", "[Finetune] Epoch  1"),
        ("info", "100 % plain text"),
        ("info", '{"no": "log line"}'),
    ]


def test_secrets_are_known_by_their_variables():
    assert secrets(
        {
            "RETUNE_MONGO_URI": "mongodb://retune:hunter22@db/retune",
            "RETUNE_PAGERDUTY_ROUTING_KEY": "R0UT1NG",
            "RETUNE_SLACK_WEBHOOK_URL": "https://hooks.example/services/T0/B0/x",
            "RETUNE_EMAIL_TO": "team@example.org",
            "PATH": "/bin",
        }
    ) == ["hunter22", "R0UT1NG", "/services/T0/B0/x"]


@pytest.fixture
def task_at_work(program):
    """A task in a process of its own, as under a scheduler, whose step logs and then waits."""
    line = "connected as retune with hunter22"
    program.answer({"generate_data": {"_log": [line, "at work"], "_sleep": 60}})
    task = subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=PROJECT,
        env=os.environ
        | {"RETUNE_RUNTIME": "process", "RETUNE_MONGO_URI": "mongodb://retune:hunter22@db/retune"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with task:
        yield task
        task.kill()


def test_logs_are_live_without_secrets_and_the_end_of_a_task_ends_its_step(task_at_work, program):
    shown = []
    for line in task_at_work.stdout:
        shown.append(line)
        if "at work" in line:
            break
    assert any("connected as retune with ***" in line for line in shown)
    assert not any("hunter22" in line for line in shown)

    pids = program.folder / "pids"
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    step_and_child = [int(pid) for pid in pids.read_text().split()]
    assert all(map(alive, step_and_child))
    task_at_work.send_signal(signal.SIGTERM)
    wait_until(lambda: not any(map(alive, step_and_child)), seconds=5)


def test_a_container_has_the_limits_and_the_user_of_its_pod(monkeypatch):
    monkeypatch.setenv("RETUNE_RUNTIME", "docker")
    monkeypatch.setenv("RETUNE_IMAGE", "registry.example/retune/{step}:7")
    monkeypatch.setenv("RETUNE_PAGERDUTY_ROUTING_KEY", "R0UT1NG")
    command = step("finetune_model", LOOP, model_id="m", data_path="d").command_line(
        "{}", Path("/x")
    )
    words = " ".join(command)
    assert command[:3] == ["docker", "run", "--rm"]
    assert f"--user {os.getuid()}:{os.getgid()} --read-only --tmpfs /tmp" in words
    assert "--cpus 1 --memory 4g" in words
    assert "--volume /x:/airflow/xcom" in words
    for name in ("RETUNE_PAGERDUTY_ROUTING_KEY", "RETUNE_RUN_ID", "RETUNE_STEP_IMAGE"):
        assert f"--env {name}" in words
    assert "R0UT1NG" not in words
    assert command[-3:] == ["registry.example/retune/finetune-model:7", "--input", "{}"]


def wait_until(ready, seconds=10.0):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.02)


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
