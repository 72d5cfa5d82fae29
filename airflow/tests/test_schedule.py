"""The control service runs a loop by its own schedule where there is no Airflow."""

import json
import re
import shutil
import time
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from conftest import PROJECT
from pymongo import MongoClient
from real import RETUNE, answer, retune, running_control, running_store

MODEL = "credit-default"
EXAMPLE = PROJECT.parent / "examples" / MODEL
TOKEN = "0123456789abcdefghijklmnop"
SECONDS = 240


def test_the_day_that_has_ended_runs_by_itself_also_after_a_restart(tmp_path, monkeypatch):
    """It also weighs the challenger that has traffic, and puts a better one into production."""
    with running_store(tmp_path / "store") as address:
        monkeypatch.setenv("RETUNE_MONGO_URI", address)
        monkeypatch.setenv("RETUNE_COMMAND", str(RETUNE))
        answer("register_distribution", "--model", MODEL, "--path", EXAMPLE / "distribution.json")
        answer("register_model", "--path", EXAMPLE / "finetuned", "--champion", "true")
        challenger = another_version(tmp_path)
        answer("register_model", "--path", tmp_path / "challenger")
        answer("start_challenger", challenger, "--reason", "newer")
        # As if the service had been down since before midnight.
        yesterday = datetime.now(UTC) - timedelta(days=1)
        with MongoClient(address) as client:
            database = client.get_default_database("retune")
            log_pairs(database, challenger, yesterday)
            schedules = database["schedules"]
            with service(tmp_path) as call:
                assert call("GET", "/scheduler/status")["scheduler"]["status"] == "not_started"
                started = call("POST", "/scheduler/start")
                assert started["message"] == "Scheduler started successfully"
            due = {"done.daily_loop": text(yesterday)}
            schedules.update_one({"_id": MODEL}, {"$set": due})
            with service(tmp_path) as call:
                job = until(lambda: daily_job_that_ran(call))
            champion = database["champions"].find_one({"_id": MODEL})
        assert job["last_run"]["exit_code"] == 0, job
        assert job["next_run"] > datetime.now(UTC).isoformat()
        events = answer("history", MODEL)["events"]
        (day,) = (event for event in events if event["event"].startswith("evaluated_"))
        assert day["logical_date"] == f"{yesterday:%Y-%m-%d}"
        assert day["run_id"] == f"run-loop__{yesterday:%Y-%m-%d}"
        assert job["last_run"]["message"] == day["reason"]
        assert champion["model_id"] == challenger
        deployed = [event for event in events if event["event"] == "model_deployed"][-1]
        assert deployed["model_id"] == challenger
        assert f"{challenger} is better than the champion" in deployed["reason"], deployed


def another_version(folder):
    """The example with another threshold, in a folder; gives its id."""
    shutil.copytree(EXAMPLE / "finetuned", folder / "challenger")
    description = folder / "challenger" / "model.json"
    version = json.loads(description.read_text()) | {"decision_threshold": 0.5}
    description.write_text(json.dumps(version))
    refused = retune("register_model", "--path", description.parent)
    version["model_id"] = re.search(r"its content is that of (\S+);", refused.stdout)[1]
    description.write_text(json.dumps(version))
    return version["model_id"]


def log_pairs(database, challenger, day):
    """Requests of a day that both versions scored, with labels; the challenger had traffic then.

    The champion answers seven of ten rightly, the challenger all.
    """
    rows = 600
    labels = [str(row % 2) for row in range(rows)]
    champion = [str((row + (row % 10 > 6)) % 2) for row in range(rows)]
    requests = [f"r{row}" for row in range(rows)]
    now = text(day)
    database["champions"].update_one({"_id": MODEL}, {"$set": {"challenger.started_at": now}})
    scored = {"confidence": [0.8] * rows}
    database["query_logs"].insert_one(
        {
            "_id": f"{MODEL}/{now[:10]}/1",
            "model_name": MODEL,
            "date": now[:10],
            "started_at": now,
            "ended_at": now,
            "rows": rows,
            "request_id": requests,
            "row": [0] * rows,
            "received_at": [now] * rows,
            "model_id": [json.loads((EXAMPLE / "finetuned/model.json").read_text())["model_id"]]
            * rows,
            "predicted": champion,
            "probability": [0.8 if answer == "1" else 0.2 for answer in champion],
            "latency_us": [300] * rows,
            "columns": {},
            **scored,
            "challenger": {
                "model_id": [challenger] * rows,
                "mode": ["shadow"] * rows,
                "predicted": labels,
                "probability": [0.8 if label == "1" else 0.2 for label in labels],
                **scored,
            },
        }
    )
    database["feedback"].insert_many(
        {
            "_id": f"{MODEL}/{now[:10]}/{request}",
            "model": MODEL,
            "key": f"{request}/0",
            "label": label,
            "received_at": now,
        }
        for request, label in zip(requests, labels, strict=True)
    )


def text(time):
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


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
