"""The independent audit, on a verdict that was computed by hand."""

import hashlib
import importlib.util
import json
import math
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pymongo import MongoClient
from real import running_store

TOP = Path(__file__).parents[2]
EXAMPLE = TOP / "examples/credit-default"
DAY = "shop/2026-11-05"
VERDICT = f"{DAY}/run/key/0"
# The first of six rows has no label; 3 of the other 5 are answered rightly.
LABELS = [-1, 1, 0, 1, 0, 0]
PROBABILITIES = [0.9, 0.2, 0.4, 0.6, 0.1]  # of class 1; answered from 0.5 on
METRICS = {
    "f1_score": 0.5,
    "f1_macro": 0.5833333333333333,
    "f1_weighted": 0.6,
    "accuracy": 0.6,
    "roc_auc": 5 / 6,
    "precision": 0.5,
    "recall": 0.5,
    "log_loss": 0.45328920927563443,
    "brier_score": 0.156,
    "expected_calibration_error": 0.32,
}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with running_store(tmp_path_factory.mktemp("store")) as address:
        yield address


@pytest.fixture
def store(address):
    with MongoClient(address) as client:
        database = client.get_default_database()
        fill(database)
        yield database, address
        client.drop_database(database.name)


def keep(database, version, probabilities):
    """Keeps predictions for the five labelled rows and returns their id."""
    rows = len(probabilities)
    both = [value for p in probabilities for value in (1 - p, p)]
    content = struct.pack(f"<{2 * rows}i{2 * rows}d", *range(1, 6), *LABELS[1:], *both)
    digest = hashlib.sha256(content).hexdigest()
    kept = f"{version}/content/{digest[:12]}"
    file = f"predictions/{kept}"
    database["fs.files"].insert_one({"_id": file, "length": len(content)})
    database["fs.chunks"].insert_one({"files_id": file, "n": 0, "data": content})
    database["predictions"].insert_one(
        {
            "_id": kept,
            "data_path": DAY,
            "content_hash": "content",
            "rows": rows,
            "classes": ["0", "1"],
            "positive": 1,
            "decision_threshold": 0.5,
            "file": file,
            "sha256": digest,
        }
    )
    return kept


def fill(database):
    rows = len(PROBABILITIES)
    kept = keep(database, "shop-0123", PROBABILITIES)
    database["processing_metadata"].insert_one(
        {"_id": DAY, "content_hash": "content", "chunks": ["hash/0/6"]}
    )
    database["processed_columns"].insert_one(
        {"_id": f"{DAY}/hash/00000000", "labels": struct.pack("<6i", *LABELS)}
    )
    gate = {
        "name": "gate",
        "value": METRICS["f1_macro"],
        "limit": 0.66,
        "answer": "failed",
        "rows": rows,
        "more_rows": 0,
        "decisive": True,
    }
    database["verdicts"].insert_one(
        {
            "_id": VERDICT,
            "timestamp": "2026-11-06T01:00:00Z",
            "model_id": "shop-0123",
            "champion_id": "shop-0123",
            "status": "needs_retraining",
            "metric": "f1_macro",
            "value": METRICS["f1_macro"],
            "checks": [gate],
            "metrics": METRICS,
            "champion_metrics": METRICS,
            "predictions": kept,
            "champion_predictions": kept,
            "key": {"threshold": 0.66},
        }
    )


def add_to_ledger(database):
    """A day too short for bets: a challenger has its share of a new bet's weight, no more."""
    day = {"e_values": [0.0] * 5, "log_wealth": [-math.log(365)] * 5, "e_value": 1 / 365}
    challenger = {
        "model_id": "shop-4567",
        "rows": 5,
        "labels": [3, 2],
        "positive": 1,
        "cells": [[0, 0, 0, 2], [0, 1, 0, 1], [1, 0, 1, 1], [1, 1, 1, 1]],
        "predictions": keep(database, "shop-4567", [0.9, 0.2, 0.6, 0.4, 0.1]),
        "champion_predictions": database["verdicts"].find_one()["predictions"],
        "worse_log_wealth": day["log_wealth"],
        "days": 1,
        "standing": "open",
    }
    database["error_ledger"].insert_one(
        {
            "_id": "shop/1",
            "number": 1,
            "logical_date": "2026-11-05",
            "model_id": "shop-0123",
            "metric": "f1_macro",
            "threshold": 0.66,
            "classes": 2,
            "positive": 1,
            "cells": [[0, 0, 2], [0, 1, 1], [1, 0, 1], [1, 1, 1]],
            "days_of_year": 1,
            "usable": False,
            "decided": False,
            "challengers": [challenger | day],
        }
        | day
    )


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({}, None),
        ({"cells.1.3": 2}, "the cells of the challenger shop-4567 of 2026-11-05 in the error"),
        ({"labels": [2, 3]}, "the labels of the challenger shop-4567"),
        ({"log_wealth": [0.0] * 5}, "log_wealth of the challenger shop-4567"),
        ({"worse_log_wealth": [0.0] * 5}, "worse_log_wealth of the challenger shop-4567"),
        ({"e_value": 41.0}, "the e-value of the challenger shop-4567 of 2026-11-05"),
        ({"days": 2}, "the days of the challenger shop-4567"),
        ({"standing": "better"}, "the standing of the challenger shop-4567"),
    ],
)
def test_the_evidence_about_challengers_is_computed_again(store, change, difference):
    database, address = store
    add_to_ledger(database)
    if change:
        changes = {f"challengers.0.{name}": value for name, value in change.items()}
        database["error_ledger"].update_one({}, {"$set": changes})
    ended = audit(address)
    assert (difference or "") in ended.stderr
    assert ended.returncode == (0 if difference is None else 1)


def test_days_with_too_few_labels_are_counted_together(store):
    database, address = store
    add_to_ledger(database)
    first = database["error_ledger"].find_one()
    weight = -math.log(365)
    ended = 2 / 365
    day = {
        "_id": "shop/2",
        "number": 2,
        "logical_date": "2026-11-06",
        "together": 2,
        "challengers": [],
        "days_of_year": 2,
        "log_wealth": [weight + math.log(2)] * 5,
        "e_value": ended,
    }
    database["error_ledger"].insert_one(first | day)
    assert audit(address).returncode == 0
    database["error_ledger"].update_one({"_id": "shop/2"}, {"$set": {"together": 1}})
    different = audit(address)
    assert different.returncode == 1
    assert "the days counted together of 2026-11-06" in different.stderr


def test_accuracy_takes_the_place_of_a_mean_only_where_labels_are_few():
    program = recompute()
    ledger = program.Ledger(None, [])
    few = {"model_id": "shop-4567", "labels": [30] * 9 + [4], "pairs": [200, 20, 50, 4]}
    better, worse = ledger._leads(few, "f1_macro")
    np.testing.assert_allclose(better, ledger._leads(few, "accuracy")[0])
    assert better[3] > 0 > worse[3]
    with pytest.raises(program.DifferenceError, match="suffice for f1_macro"):
        ledger._leads(few | {"labels": [30] * 10}, "f1_macro")


def test_the_pairs_of_a_challenger_by_accuracy_are_counted_again(store):
    database, _ = store
    add_to_ledger(database)
    challenger = database["error_ledger"].find_one()["challengers"][0]
    del challenger["cells"]
    program = recompute()
    ledger = program.Ledger(program.Store(database), [])
    ledger._check_answers(challenger | {"pairs": [3, 0, 2, 0]}, "of the challenger")
    with pytest.raises(program.DifferenceError, match="the pairs of the challenger"):
        ledger._check_answers(challenger | {"pairs": [3, 2, 0, 0]}, "of the challenger")


def recompute():
    """The program as a module."""
    path = TOP / "examples/audit/recompute.py"
    spec = importlib.util.spec_from_file_location("recompute", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["recompute"] = module
    spec.loader.exec_module(module)
    return module


FIXTURES = "tasks/core/src/test/resources/retune/core/judgement/ledger/fixtures.json"


@pytest.mark.parametrize("day", json.loads((TOP / FIXTURES).read_text())["superiority"])
def test_bets_on_challengers_equal_those_of_scikit_learns_metrics(day):
    ledger = recompute().Ledger(None, [])
    counts = np.array(day["counts"]).reshape((day["classes"],) * 3)
    label, champion, answer = np.indices(counts.shape)
    entry = {"labels": counts.sum(axis=(1, 2)).tolist(), "positive": 1}
    if day["metric"] == "accuracy":
        kinds = 2 * (champion != label) + (answer != label)
        entry["pairs"] = np.bincount(kinds.ravel(), counts.ravel()).tolist()
    else:
        entry["cells"] = [[*cell, counts[cell]] for cell in zip(*np.nonzero(counts), strict=True)]
    found, _ = ledger._leads(entry, day["metric"])
    np.testing.assert_allclose(found, day["logs"], atol=1e-5)


def audit(address, *words, model="shop"):
    command = [sys.executable, TOP / "examples/audit/recompute.py", model, *words]
    environment = {**os.environ, "RETUNE_MONGO_URI": address}
    return subprocess.run(
        command, env=environment, check=False, capture_output=True, text=True, timeout=60
    )


def test_a_verdict_that_follows_from_its_data_is_confirmed(store):
    _, address = store
    ended = audit(address, "--verdict", VERDICT)
    assert ended.stderr == ""
    assert f"{VERDICT}: needs_retraining, 5 rows, 1 checks" in ended.stdout
    assert ended.returncode == 0


@pytest.mark.parametrize(
    ("collection", "change", "difference"),
    [
        ("verdicts", {"metrics.log_loss": 0.453289209}, "log_loss of metrics is 0.453289209, but"),
        ("verdicts", {"value": 0.6}, "the value is 0.6, but the data give 0.58333"),
        ("verdicts", {"checks.0.answer": "passed"}, "the answer of the check gate is 'passed'"),
        ("verdicts", {"status": "approved"}, "the status is 'approved', but"),
        ("fs.chunks", {"data": b"x" * 120}, "has the hash"),
        ("processed_columns", {"labels": struct.pack("<6i", 0, 0, 0, 1, 0, 0)}, "label of row 1"),
    ],
)
def test_the_first_difference_is_named(store, collection, change, difference):
    database, address = store
    database[collection].update_one({}, {"$set": change})
    ended = audit(address)
    assert difference in ended.stderr
    assert ended.returncode == 1


def test_a_model_without_verdicts_is_no_success(store):
    _, address = store
    assert audit(address, "--verdict", "another").returncode == 1


@pytest.fixture
def model(address):
    """The example's model in a store of its own; a command that runs a step there."""

    def step(*words):
        done = subprocess.run(
            [TOP / "retune", *words],
            env={**os.environ, "RETUNE_MONGO_URI": address, "RETUNE_RUN_ID": "audit"},
            check=True,
            capture_output=True,
            text=True,
        )
        return json.loads(done.stdout.splitlines()[-1])

    distribution = EXAMPLE / "distribution.json"
    step("register_distribution", "--model", "credit-default", "--path", distribution)
    champion = step("register_model", "--path", EXAMPLE / "finetuned", "--champion")["model_id"]
    yield step, champion
    with MongoClient(address) as client:
        client.drop_database(client.get_default_database().name)


def test_a_verdict_by_classes_and_slices_is_computed_again(address, model):
    """Retune judges a candidate by a policy; each of its checks follows from the store.

    What may be lost is measured from the best version, too, which is not the champion.
    """
    step, champion = model
    day = ("--model", "credit-default", "--logical-date", "2026-11-05")
    batch = ("--data-path", "credit-default/2026-11-05")
    step("generate_data", *day, "--rows", "6000", "--drill", "concept_drift")
    step("process_data", *day)
    step("prepare_retraining_data", "--model-id", champion, *batch)

    def finetuned(epochs):
        rate = ("--epochs", epochs, "--learning-rate", "0.001")
        return step("finetune_model", "--model-id", champion, *batch, *rate)["model_id"]

    best = finetuned("2")
    with MongoClient(address) as client:
        pointers = client.get_default_database()["champions"]
        pointers.update_one({"_id": "credit-default"}, {"$set": {"best_model_id": best}})
    step("evaluate_model", "--model-id", champion, *batch)
    for evidence in ("interval", "point"):
        policy = "within_class(recall, 0.1) and slices(PAY_0, 0.1) and slices(LIMIT_BAL, 0.05)"
        step(
            "check_model_performance", "--model-id", champion, *batch, "--metric", "f1_macro",
            "--evidence", evidence, "--policy", f"{policy} and latency(50)",
        )  # fmt: skip
        tuned = finetuned("3")
        step(
            "evaluate_finetuned_model", "--model-id", tuned, "--champion-id", champion, *batch,
            "--attempt", "1",
        )  # fmt: skip
    ended = audit(address, model="credit-default")
    assert ended.stderr == ""
    candidates = [line for line in ended.stdout.splitlines() if "/1: " in line]
    assert len(candidates) == 2  # by a bound and by the value
    for line in candidates:
        assert "14 checks, not computed again: latency" in line
    assert ended.returncode == 0


@pytest.mark.parametrize(
    ("below_gate", "status", "ended_as"),
    [
        ("alert", "rejected", "failed_max_retries"),
        ("promote_if_superior", "approved", "challenger_promoted"),
        ("ask", "asked", "asked"),
    ],
)
def test_a_verdict_on_a_proved_challenger_below_the_gate_is_computed_again(
    address, model, tmp_path, below_gate, status, ended_as
):
    """Few rows leave a challenger; many prove it better where the attempt learns nothing."""
    step, _ = model
    gate = "gate: {{metric: f1_macro, evidence: interval, threshold: {}}}\n"
    later = f"0.99, max_attempts: 1, below_gate: {below_gate}"
    loop = tmp_path / "loop.yaml"
    for date, rows, rules, learning_rate in (
        ("2026-11-05", "300", "0.66", "1e-4"),
        ("2026-11-06", "2000", later, "1e-9"),
    ):
        finetuning = f"finetuning: {{epochs: 5, learning_rate: {learning_rate}}}\n"
        loop.write_text("name: credit-default\n" + gate.format(rules) + finetuning)
        ended = step(
            "run_loop", "credit-default", "--date", date, "--loops", tmp_path, "--rows", rows,
            "--drill", "concept_drift",
        )  # fmt: skip
    assert ended["status"] == ended_as
    audited = audit(address, model="credit-default")
    assert audited.stderr == ""
    lines = [line for line in audited.stdout.splitlines() if "look_back" in line]
    assert any(f": {status}, " in line for line in lines)
    assert audited.returncode == 0
