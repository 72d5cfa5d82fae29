"""A model's retrainings in a real Airflow with the real steps, one after the other.

Its days run without Airflow, and but for one they learn nothing: only a retraining helps then.
"""

import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from conftest import PROJECT, Run
from orders import orders, write
from pymongo import MongoClient
from real import RETUNE, answer, retune, running_store

LOOP = """\
name: shop
data: {{source: csv, path: "{folder}/{{date}}.csv"}}
gate: {{metric: f1_macro, threshold: 0.8, policy: superior(0.05)}}
attempts: [{attempt}]
"""
TRIGGERS = "retraining: {triggers: [harm, drift, weekly], candidates: [trees], window_days: 1}\n"
MONDAY, TUESDAY, WEDNESDAY = "2026-11-02", "2026-11-03", "2026-11-04"
THURSDAY = "2026-11-05"
LONG_AGO = "20260101_000000"


@pytest.fixture(scope="module")
def life(tmp_path_factory, database):
    """The model's life: each of its runs, and the version in production after it."""
    folder = tmp_path_factory.mktemp("shop")
    sleep = time.sleep
    with (
        pytest.MonkeyPatch.context() as patch,
        running_store(folder / "store") as address,
        MongoClient(address) as client,
    ):
        patch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.01)))
        patch.setenv("RETUNE_MONGO_URI", address)
        patch.setenv("RETUNE_RUNTIME", "process")
        patch.setenv("RETUNE_COMMAND", str(RETUNE))
        patch.setenv("RETUNE_LOOPS", str(folder / "loops"))
        patch.setenv("RETUNE_DEPLOYMENT_DIR", str(folder / "deployment"))
        (folder / "loops").mkdir()
        (folder / "days").mkdir()
        table = folder / "shop.csv"
        write(table, orders(1_500, 1))
        learned = ("--data", table, "--target", "returned", "--positive", "yes", "--name", "shop")
        network = ("--architecture", "mlp", "--epochs", "10", "--metric", "f1_macro")
        made = folder / "made"
        answer("train_model", *learned, *network, "--output", made)
        # Trained before the last Sunday.
        description = json.loads((made / "model.json").read_text())
        (made / "model.json").write_text(json.dumps(description | {"model_version": LONG_AGO}))
        answer("register_model", "--path", made, "--champion", "true")
        settings = LOOP.format(folder=folder, attempt="threshold")
        (folder / "loops" / "shop.yaml").write_text(settings + TRIGGERS)
        write(folder / f"{MONDAY}.csv", orders(1_200, 3, turned="amount"))
        write(folder / f"{TUESDAY}.csv", orders(1_200, 4, turned="days"))
        # What is returned, and why, is as on Tuesday; one channel is missing.
        moved = [order for order in orders(1_800, 5, turned="days") if order["channel"] != "c"]
        write(folder / f"{WEDNESDAY}.csv", moved)
        write(folder / f"{THURSDAY}.csv", orders(1_200, 6, noise=True))
        store = client["retune"]

        def run(dag: str, partition: str | None = None, meanwhile: Any = None, **conf: Any) -> Run:
            patch.setattr(Run, "partition_key", partition)
            parsed = DagBag(dag_folder=str(PROJECT / "dags")).dags[f"{dag}.shop"]
            if meanwhile is not None:
                task: Any = parsed.task_dict["decide_after_comparison"]
                decide = task.python_callable
                task.python_callable = lambda ti: (meanwhile(), decide(ti))[1]
            return Run(parsed, conf)

        def day(date: str, attempt: str) -> str:
            """How the daily loop ends, which has no part in a retraining."""
            file = folder / "days" / "shop.yaml"
            file.write_text(LOOP.format(folder=folder, attempt=attempt))
            ended = answer("run_loop", "shop", "--date", date, "--loops", folder / "days")
            return str(ended["status"])

        def champion() -> str:
            return str(store["champions"].find_one("shop")["model_id"])

        life = SimpleNamespace(store=store, first=champion())
        life.nothing = run("model_retraining")

        monday = ("--model", "shop", "--logical-date", MONDAY)
        answer("ingest", *monday, "--data", folder / f"{MONDAY}.csv")
        answer("process_data", *monday)
        life.statuses = []
        life.calendar = run(
            "model_retraining", meanwhile=lambda: life.statuses.append(day(MONDAY, "trees"))
        )
        life.daily = champion()

        life.statuses.append(day(TUESDAY, "threshold"))
        life.promoted = run("model_retraining")
        life.before_deployment = champion()
        life.id = life.promoted.results["check_retraining_trigger"]["retraining_id"]
        life.deployed = run("model_deployment_pipeline", life.id)
        life.last = champion()

        held = answer("check_retraining_trigger", "--model", "shop", "--force-retrain", "true")
        life.overlapping = run("model_retraining", force_retrain=True)
        life.held = held["retraining_id"]
        answer("log_retraining_event", "--model", "shop", "--retraining-id", life.held)
        life.rejected = run("model_retraining", force_retrain=True)
        life.wrong = run("model_retraining", force_retrain=True, target_column="price")
        life.statuses.append(day(WEDNESDAY, "threshold"))
        life.drifted = run("model_retraining")
        life.statuses.append(day(THURSDAY, "threshold"))
        life.harmed = run("model_retraining")
        life.after_harm = champion()
        rows = ("--data", folder / f"{THURSDAY}.csv", "--output", folder / "answers.csv")
        life.answered = answer("predict", "--model", "shop", *rows)

        exported = folder / "events.jsonl"
        answer("export_events", "--model", "shop", "--output", exported)
        life.exported = exported.read_text()
        life.history = retune("history", "shop").stdout
        yield life


def started(run):
    return run.results["check_retraining_trigger"]


def ended(life, run):
    return life.store["retraining_events"].find_one(run.results["log_retraining_event"]["event_id"])


def test_without_a_reason_nothing_is_trained_and_the_decision_is_kept(life):
    assert life.nothing.state == "success"
    assert life.nothing.done == {
        "check_retraining_trigger",
        "decide_after_check",
        "skip_retraining",
    }
    assert started(life.nothing)["reason"].startswith("Not yet - no new labelled samples")
    kept = life.store["trigger_decisions"].find_one(started(life.nothing)["decision_id"])
    assert kept["fires"] is False


def test_a_calendar_time_that_has_passed_starts_a_retraining(life):
    assert started(life.calendar)["trigger"] == "schedule_weekly"
    assert started(life.calendar)["reason"].startswith("The weekly retraining of ")
    assert life.calendar.results["compare_models"]["champion_id"] == life.first


def test_a_retraining_is_compared_again_with_what_the_daily_loop_promoted_meanwhile(life):
    """Better than the version that it began with, but not surely than the day's own."""
    assert life.statuses[:3] == ["retrained", "failed_max_retries", "approved"]
    assert life.calendar.results["compare_models"]["should_promote"]
    again = life.calendar.results["promote_model"]
    assert (again["promoted"], again["champion_id"]) == (False, life.daily)
    assert life.calendar.state == "success"
    assert ended(life, life.calendar)["status"] == "rejected"
    assert life.daily != life.first
    assert life.before_deployment == life.daily


def test_harm_that_the_daily_loop_cannot_mend_retrains_and_the_version_goes_into_production(life):
    assert life.promoted.state == "success"
    assert started(life.promoted)["trigger"] == "harm"
    compared = life.promoted.results["compare_models"]
    assert compared["should_promote"], compared["promotion_reason"]
    assert compared["promotion_reason"].startswith("Performance improved: accuracy +")
    assert life.promoted.states["keep_model"] == "skipped"
    assert life.promoted.states["log_retraining_failure"] == "skipped"
    (event,) = life.promoted.events()
    assert event.partition_key == life.id
    assert life.deployed.state == "success"
    assert life.last == compared["model_id"] != life.daily
    details = ended(life, life.promoted)["details"]
    assert details["dataset_size"] == 1_200
    assert details["comparison"]["should_deploy"] is True
    assert details["filter_stats"]["final_count"] <= details["filter_stats"]["original_count"]


def test_drift_without_harm_retrains_nothing_and_says_so(life):
    assert life.drifted.state == "success"
    assert "skip_retraining" in life.drifted.done
    decision = started(life.drifted)
    assert decision["new_samples"] > 0
    assert "; drift: alarms, but on_drift is evaluate" in decision["reason"]
    assert decision["advice"].startswith(f"The drift report shop/{WEDNESDAY}/")


def test_a_second_trigger_finds_that_a_retraining_runs(life):
    assert "skip_retraining" in life.overlapping.done
    assert started(life.overlapping)["reason"].startswith(f"Not yet - {life.held} is running")


def test_a_retraining_that_is_not_better_on_fresh_rows_is_rejected_and_people_are_told(life):
    assert life.rejected.state == "success"
    assert life.rejected.states["promote_model"] == "skipped"
    assert ended(life, life.rejected)["status"] == "rejected"
    told = life.store["notifications"].find({"type": "retraining_rejected"}, {"message": 1})
    assert {message["message"] for message in told} == {
        life.calendar.results["promote_model"]["message"],
        life.rejected.results["keep_model"]["message"],
        life.harmed.results["keep_model"]["message"],
    }


def test_harm_that_no_retraining_mends_leaves_the_version_in_production_which_still_answers(life):
    """Chance alone decides what is returned, so that there is nothing to learn."""
    assert life.statuses[3] == "failed_max_retries"
    assert started(life.harmed)["trigger"] == "harm"
    assert life.harmed.state == "success"
    assert life.harmed.states["promote_model"] == "skipped"
    assert ended(life, life.harmed)["status"] == "rejected"
    assert life.after_harm == life.last
    assert (life.answered["model_id"], life.answered["predicted"]) == (life.last, 1_200)


def test_another_target_is_refused_without_a_retry(life):
    assert life.wrong.state == "failed"
    assert life.wrong.tries["check_retraining_trigger"] == 1
    assert life.wrong.states["log_retraining_failure"] == "skipped", "there is nothing to record"


def test_every_retraining_has_its_events(life):
    statuses = [line.split('"status": "')[1].split('"')[0] for line in life.exported.splitlines()]
    kept = ["started", "rejected"]
    assert statuses == [*kept, "started", "deployed", "started", "failed", *kept, *kept]
    assert life.id in life.history
