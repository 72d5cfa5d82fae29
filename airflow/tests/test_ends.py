"""Every end that a day can have, in a real Airflow with the real steps, in the life of one model.

The days follow each other: what one leaves in the store, the next one meets.
"""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from conftest import PROJECT, Run
from orders import orders, write
from pymongo import MongoClient
from real import RETUNE, answer, running_store

# The demo has the other ends of a day that is chosen so: fixed, and nothing to learn.
BEST_ON_VALIDATION = "selection: best_on_validation"
FIRST_PASSING = "selection: first_passing"
LOOP = """\
name: shop
data: {{source: csv, path: "{folder}/{{date}}.csv"}}
gate: {{metric: f1_macro, threshold: {threshold}, {gate}}}
finetuning: {{epochs: 20, learning_rate: {learning_rate}}}
"""
# Runs the step, after damage to what was deployed last if the step is the one that verifies it.
DAMAGE = """\
#!/bin/sh
if [ "$1" = verify_deployment ]; then
  echo damaged > "$(ls -td "$RETUNE_DEPLOYMENT_DIR"/shop/*/ | head -n 1)weights.safetensors"
fi
exec {retune} "$@"
"""


class Shop:
    """A model, its store and its loop, whose gate may change from day to day."""

    def __init__(self, folder: Path, store: Any, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.store = store
        self.patch = patch
        self.loop = folder / "loops" / "shop.yaml"
        self.loop.parent.mkdir()
        table = folder / "shop.csv"
        write(table, orders(1_500, 1))
        learned = ("--data", table, "--target", "returned")
        network = ("--models", "network", "--pretraining-epochs", "1", "--epochs", "100")
        made = ("--output", folder / "made", "--loops", self.loop.parent)
        answer("new_loop", *learned, *network, *made)

    def day(
        self,
        date: str,
        rows: list[dict[str, object]],
        gate: str,
        threshold: float = 0.8,
        learning_rate: str = "1e-2",
    ) -> Run:
        """Takes a day's rows through data and evaluation."""
        write(self.folder / f"{date}.csv", rows)
        settings = {"gate": gate, "threshold": threshold, "learning_rate": learning_rate}
        self.loop.write_text(LOOP.format(folder=self.folder, **settings))
        self.patch.setattr(Run, "partition_key", date)
        assert self._run("data_pipeline").state == "success"
        return self._run("model_evaluation_pipeline")

    def deploy(self, command: Path = RETUNE) -> Run:
        """Puts what the day's evaluation approved into production."""
        return self._run("model_deployment_pipeline", command)

    def roll_back(self, **form: str) -> Run:
        """Takes a promotion back."""
        self.patch.setattr(Run, "partition_key", None)
        return self._run("model_rollback", **form)

    @property
    def champion(self) -> str:
        """The version in production."""
        return str(self.store["champions"].find_one("shop")["model_id"])

    def _run(self, dag: str, command: Path = RETUNE, **conf: Any) -> Run:
        self.patch.setenv("RETUNE_COMMAND", str(command))
        return Run(DagBag(dag_folder=str(PROJECT / "dags")).dags[f"{dag}.shop"], conf)


@pytest.fixture(scope="module")
def life(tmp_path_factory, database):
    """The model's life: how each of its days ended, and the version in production after it."""
    folder = tmp_path_factory.mktemp("shop")
    damage = folder / "damage.sh"
    damage.write_text(DAMAGE.format(retune=RETUNE))
    damage.chmod(0o755)
    sleep = time.sleep
    with (
        pytest.MonkeyPatch.context() as patch,
        running_store(folder / "store") as address,
        MongoClient(address) as client,
    ):
        patch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.01)))
        patch.setenv("RETUNE_MONGO_URI", address)
        patch.setenv("RETUNE_RUNTIME", "process")
        patch.setenv("RETUNE_LOOPS", str(folder / "loops"))
        patch.setenv("RETUNE_DEPLOYMENT_DIR", str(folder / "deployment"))
        store = client["retune"]
        shop, life = Shop(folder, store, patch), SimpleNamespace(store=store)

        life.first = shop.champion
        life.healthy = shop.day("2026-11-05", orders(1_200, 2), BEST_ON_VALIDATION)

        turned = orders(1_200, 3, turned="amount")
        life.fixed = shop.day("2026-11-06", turned, FIRST_PASSING)
        life.deployed = shop.deploy()
        life.second = shop.champion

        life.looked_back = shop.day("2026-11-07", orders(1_200, 4), BEST_ON_VALIDATION)
        shop.deploy()
        life.after_looked_back = shop.champion

        turned = orders(1_200, 5, turned="amount")
        hold = f"{BEST_ON_VALIDATION}, max_attempts: 1, on_conflict: hold"
        life.held = shop.day("2026-11-08", turned, hold)

        turned = orders(1_200, 10, turned="amount")
        life.asked = shop.day("2026-11-09", turned, hold.replace("hold", "ask"))

        few = orders(300, 6)
        interval = f"{BEST_ON_VALIDATION}, evidence: interval"
        life.undecided = shop.day("2026-11-10", few, interval, threshold=0.95)

        turned = orders(1_200, 7, turned="days")
        superior = f"{BEST_ON_VALIDATION}, max_attempts: 1, below_gate: promote_if_superior"
        life.superior = shop.day("2026-11-11", turned, superior, threshold=0.99)
        life.damaged = shop.deploy(damage)
        life.after_damaged = shop.champion

        life.rolled_back = shop.roll_back(version=life.second, reason="too slow")
        life.after_rolled_back = shop.champion

        interval = f"{BEST_ON_VALIDATION}, max_attempts: 1, evidence: interval"
        turned = orders(300, 8, turned="days")
        life.challenged = shop.day("2026-11-12", turned, interval)
        life.challenger = life.challenged.results["judge_candidate"]["model_id"]
        # The champion fails, and the attempt learns nothing.
        turned, ask = orders(2_000, 11, turned="days"), f"{interval}, below_gate: ask"
        life.asked_late = shop.day("2026-11-13", turned, ask, 0.99, learning_rate="1e-9")
        turned = orders(2_000, 9, turned="days")
        life.proved = shop.day("2026-11-14", turned, interval, threshold=0.3)
        shop.deploy()
        life.after_proved = shop.champion
        yield life


def outcome(run):
    return run.results["send_evaluation_results"]


def test_a_healthy_day_is_approved(life):
    assert life.healthy.state == "success"
    assert outcome(life.healthy)["status"] == "approved"
    assert life.healthy.states["look_back"] == "skipped"


def test_a_drifted_day_is_fixed_by_the_first_attempt_that_passes(life):
    attempts = [
        life.fixed.results[task]
        for task in sorted(life.fixed.results)
        if task.endswith("evaluate_finetuned_model")
    ]
    *failed, last = [attempt["passed"] for attempt in attempts]
    assert (set(failed) <= {False}, last) == (True, True)
    assert outcome(life.fixed)["status"] == "retrained"
    assert life.deployed.results["verify_deployment"]["checks"][-1] == "deployment_folder"
    assert life.second == attempts[-1]["model_id"] != life.first


def test_a_judged_version_has_a_report(life):
    report = life.superior.results["judge_candidate"]["report"]
    kept = life.store["comparison_reports"].find_one(report)
    assert kept["dag_id"] == "model_evaluation_pipeline.shop"
    assert kept["html"].startswith("<!doctype html>")


def test_when_the_drift_is_over_an_earlier_version_comes_back_without_training(life):
    found = life.looked_back.results["look_back"]
    assert (found["passed"], found["model_id"]) == (True, life.first)
    assert outcome(life.looked_back)["status"] == "looked_back"
    assert life.looked_back.states["prepare_retraining_data"] == "skipped"
    assert life.after_looked_back == life.first


def test_versions_that_forget_ordinary_rows_are_held_and_the_run_is_red(life):
    found, judged = (life.held.results[task] for task in ("look_back", "judge_candidate"))
    for verdict in (found, judged):
        assert verdict["value"] >= verdict["threshold"]
        assert not verdict["passed"]
        assert "ordinary rows of" in verdict["reason"]
    assert life.held.state == "failed"
    assert life.held.states["fail_run_after_alert"] == "failed"
    assert outcome(life.held)["status"] == "failed_max_retries"
    (event,) = life.held.events()
    assert (event.partition_key, event.extra["status"]) == ("2026-11-08", "failed_max_retries")
    assert life.store["alerts"].find_one(life.held.results["send_alert"]["alert_id"])


def test_few_rows_below_the_gate_decide_nothing(life):
    found = life.undecided.results["check_model_performance"]
    assert found["metrics"]["f1_macro"] < 0.95
    assert life.undecided.state == "success"
    assert outcome(life.undecided)["status"] == "undecided"
    assert life.undecided.states["look_back"] == "skipped"


def test_a_better_version_below_the_gate_is_promoted_where_the_loop_says_so(life):
    judged = life.superior.results["judge_candidate"]
    assert judged["champion_value"] < judged["value"] < judged["threshold"]
    assert outcome(life.superior)["status"] == "retrained"
    assert "promotes a better version below the gate" in outcome(life.superior)["message"]


def test_a_version_that_is_damaged_in_production_is_rolled_back_by_itself(life):
    assert life.damaged.state == "failed"
    assert life.damaged.tries["verify_deployment"] == 1
    assert life.damaged.states["notify_deployment_complete"] == "upstream_failed"
    message = life.damaged.results["verify_deployment"]["error"]["message"]
    version = life.superior.results["judge_candidate"]["model_id"]
    assert f"is rolled back from {version} to {life.first} by verify_deployment" in message
    assert life.after_damaged == life.first


def test_a_promotion_is_taken_back_by_hand(life):
    assert life.rolled_back.state == "success"
    assert life.rolled_back.results["rollback"]["barred_model_id"] == life.first
    assert life.rolled_back.results["verify_deployment"]["checks"][-1] == "deployment_folder"
    assert life.after_rolled_back == life.second
    event = life.store["deployment_events"].find_one({"by": "dag_test"})
    assert event["event_type"] == "model_rolled_back"
    assert (event["model_id"], event["reason"]) == (life.second, "too slow")


def test_a_challenger_is_promoted_by_the_evidence_of_a_later_day(life):
    assert outcome(life.challenged)["status"] == "failed_max_retries"
    assert "It stays a challenger" in outcome(life.challenged)["message"]
    assert life.proved.results["check_model_performance"]["challenger_is_better"]
    assert outcome(life.proved)["status"] == "challenger_promoted"
    assert life.proved.states["prepare_retraining_data"] == "skipped"
    assert life.after_proved == life.challenger


def test_a_person_is_asked_about_a_proved_challenger_below_the_gate_after_the_attempts(life):
    found = life.asked_late.results["look_back"]
    assert (found["passed"], found["asked"], found["fallback"]) == (False, True, False)
    assert life.asked_late.state == "success"
    assert life.asked_late.states["send_alert"] == "skipped"
    assert outcome(life.asked_late)["status"] == "asked"
    assert "The evidence over 1 day that it is better" in outcome(life.asked_late)["message"]
    request = life.store["approval_requests"].find_one(outcome(life.asked_late)["request_id"])
    assert request["model_id"] == life.challenger
    assert request["approved_as"] == "challenger_promoted"


def test_a_person_is_asked_about_a_version_that_forgets_ordinary_rows(life):
    found = life.asked.results["look_back"]
    assert (found["passed"], found["asked"]) == (False, True)
    assert found["value"] >= found["threshold"]
    assert life.asked.state == "success"
    assert life.asked.states["send_alert"] == "skipped"
    assert outcome(life.asked)["status"] == "asked"
    assert "rows the candidate has" in outcome(life.asked)["message"]
    assert life.store["approval_requests"].find_one(outcome(life.asked)["request_id"])
