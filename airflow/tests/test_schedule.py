"""The control service runs a loop by its own schedule where there is no Airflow."""

import json
import time
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from conftest import PROJECT
from pymongo import MongoClient
from real import RETUNE, answer, running_control, running_store

MODEL = "credit-default"
EXAMPLE = PROJECT.parent / "examples" / MODEL
TOKEN = "0123456789abcdefghijklmnop"
SECONDS = 240


def test_the_day_that_has_ended_runs_by_itself_also_after_a_restart(tmp_path, monkeypatch):
    with running_store(tmp_path / "store") as address:
        monkeypatch.setenv("RETUNE_MONGO_URI", address)
        monkeypatch.setenv("RETUNE_COMMAND", str(RETUNE))
        answer("register_distribution", "--model", MODEL, "--path", EXAMPLE / "distribution.json")
        answer("register_model", "--path", EXAMPLE / "finetuned", "--champion", "true")
        with MongoClient(address) as client:
            schedules = client.get_default_database("retune")["schedules"]
            with service(tmp_path) as call:
                assert call("GET", "/scheduler/status")["scheduler"]["status"] == "not_started"
                started = call("POST", "/scheduler/start")
                assert started["message"] == "Scheduler started successfully"
            # As if the service had been down since before midnight.
            yesterday = datetime.now(UTC) - timedelta(days=1)
            due = {"done.daily_loop": yesterday.isoformat().replace("+00:00", "Z")}
            schedules.update_one({"_id": MODEL}, {"$set": due})
            with service(tmp_path) as call:
                job = until(lambda: daily_job_that_ran(call))
        assert job["last_run"]["exit_code"] == 0, job
        assert job["next_run"] > datetime.now(UTC).isoformat()
        (day,) = (
            event
            for event in answer("history", MODEL)["events"]
            if event["event"].startswith("evaluated_")
        )
        assert day["logical_date"] == f"{yesterday:%Y-%m-%d}"
        assert day["run_id"] == f"run-loop__{yesterday:%Y-%m-%d}"
        assert job["last_run"]["message"] == day["reason"]


def daily_job_that_ran(call):
    jobs = call("GET", "/scheduler/status")["scheduler"]["jobs"]
    return next((job for job in jobs if job["id"] == "daily_loop" and job["last_run"]), None)


def until(ready):
    """What `ready` says once it says something."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if found := ready():
            return found
        time.sleep(0.3)
    raise TimeoutError


@contextmanager
def service(folder):
    """The control service; yields a function that calls it."""
    with running_control(folder, TOKEN, "--runtime", "process") as address:

        def call(method, path):
            request = urllib.request.Request(
                address + path, method=method, headers={"Authorization": f"Bearer {TOKEN}"}
            )
            with urllib.request.urlopen(request, timeout=60) as answered:
                return json.load(answered)

        yield call
