"""A model's retrainings in a real Airflow with the real steps, one after the other.

The daily loop of this model learns nothing, so that only a retraining helps it.
"""

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
gate: {{metric: f1_macro, threshold: 0.8}}
attempts: [head]
finetuning: {{epochs: 1, learning_rate: 1e-9}}
retraining: {{triggers: [harm], candidates: [trees]}}
"""
DAY = "2026-11-05"


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
        table = folder / "shop.csv"
        write(table, orders(1_500, 1))
        learned = ("--data", table, "--target", "returned", "--pretraining-epochs", "1")
        answer("new_loop", *learned, "--output", folder / "made", "--loops", folder / "loops")
        (folder / "loops" / "shop.yaml").write_text(LOOP.format(folder=folder))
        store = client["retune"]

        def run(dag: str, partition: str | None = None, **conf: Any) -> Run:
            patch.setattr(Run, "partition_key", partition)
            return Run(DagBag(dag_folder=str(PROJECT / "dags")).dags[f"{dag}.shop"], conf)

        def champion() -> str:
            return str(store["champions"].find_one("shop")["model_id"])

        life = SimpleNamespace(store=store, first=champion())
        life.nothing = run("model_retraining")

        write(folder / f"{DAY}.csv", orders(1_200, 3, turned="amount"))
        assert run("data_pipeline", DAY).state == "success"
        life.harmed = run("model_evaluation_pipeline", DAY)
        life.promoted = run("model_retraining")
        life.before_deployment = champion()
        life.id = life.promoted.results["check_retraining_trigger"]["retraining_id"]
        life.deployed = run("model_deployment_pipeline", life.id)
        life.second = champion()

        held = answer("check_retraining_trigger", "--model", "shop", "--force-retrain", "true")
        life.overlapping = run("model_retraining", force_retrain=True)
        life.held = held["retraining_id"]
        answer("log_retraining_event", "--model", "shop", "--retraining-id", life.held)
        life.rejected = run("model_retraining", force_retrain=True)
        life.wrong = run("model_retraining", force_retrain=True, target_column="price")
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


def test_harm_that_the_daily_loop_cannot_mend_retrains_and_the_version_goes_into_production(life):
    assert life.harmed.results["send_evaluation_results"]["status"] == "failed_max_retries"
    assert life.promoted.state == "success"
    assert started(life.promoted)["trigger"] == "harm"
    compared = life.promoted.results["compare_models"]
    assert compared["should_promote"], compared["promotion_reason"]
    assert compared["promotion_reason"].startswith("Performance improved: accuracy +")
    assert life.promoted.states["keep_model"] == "skipped"
    assert life.promoted.states["log_retraining_failure"] == "skipped"
    (event,) = life.promoted.events()
    assert event.partition_key == life.id
    assert life.before_deployment == life.first
    assert life.deployed.state == "success"
    assert life.second == compared["model_id"] != life.first
    details = ended(life, life.promoted)["details"]
    assert details["dataset_size"] == 1_200
    assert details["comparison"]["should_deploy"] is True
    assert details["filter_stats"]["final_count"] <= details["filter_stats"]["original_count"]


def test_a_second_trigger_finds_that_a_retraining_runs(life):
    assert "skip_retraining" in life.overlapping.done
    assert started(life.overlapping)["reason"].startswith(f"Not yet - {life.held} is running")


def test_a_retraining_that_is_not_better_on_fresh_rows_is_rejected_and_people_are_told(life):
    assert life.rejected.state == "success"
    assert life.rejected.states["promote_model"] == "skipped"
    assert ended(life, life.rejected)["status"] == "rejected"
    message = life.rejected.results["keep_model"]["message"]
    assert life.store["notifications"].find_one({"type": "retraining_rejected"})["message"] == (
        message
    )


def test_another_target_is_refused_without_a_retry(life):
    assert life.wrong.state == "failed"
    assert life.wrong.tries["check_retraining_trigger"] == 1


def test_every_retraining_has_its_events(life):
    statuses = [line.split('"status": "')[1].split('"')[0] for line in life.exported.splitlines()]
    assert statuses == ["started", "deployed", "started", "failed", "started", "rejected"]
    assert life.id in life.history
