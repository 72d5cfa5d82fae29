"""The independent audit, on a verdict that was computed by hand."""

import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from pymongo import MongoClient
from real import running_store

TOP = Path(__file__).parents[2]
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


def fill(database):
    rows = len(PROBABILITIES)
    both = [value for p in PROBABILITIES for value in (1 - p, p)]
    content = struct.pack(f"<{2 * rows}i{2 * rows}d", *range(1, 6), *LABELS[1:], *both)
    digest = hashlib.sha256(content).hexdigest()
    kept = f"shop-0123/content/{digest[:12]}"
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


def audit(address, *words):
    command = [sys.executable, TOP / "examples/audit/recompute.py", "shop", *words]
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
