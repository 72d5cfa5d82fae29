"""The second example: its loop file, and the rows that its generator makes."""

import csv
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import TimeRestriction

from retune.loops import read

DATA = "data_pipeline.customer-value"
EXAMPLE = Path(__file__).parents[2] / "examples" / "customer-value"


@pytest.fixture
def made(tmp_path):
    """Makes a table and reads it."""

    def make(*words):
        file = tmp_path / "new" / "table.csv"
        command = [sys.executable, EXAMPLE / "make.py", file, "--rows", "400", *words]
        subprocess.run(command, check=True)
        with file.open(encoding="utf-8") as table:
            return list(csv.DictReader(table))

    return make


def test_its_loop_file_is_right_and_retrains_as_published():
    files = read((EXAMPLE,))
    assert files.mistakes == ()
    (loop,) = files.loops
    assert (loop.gate.metric, loop.gate.policy) == ("roc_auc", "superior(0.02)")
    assert loop.retraining.triggers == ["harm", "age", "drift"]
    assert (loop.retraining.max_days_since_training, loop.retraining.on_drift) == (30, "retrain")


def test_its_months_are_named_by_their_first_day(bag):
    timetable = coerce_to_core_timetable(bag("process", EXAMPLE).dags[DATA].timetable)
    december = timetable.next_dagrun_info_v2(
        last_dagrun_info=None,
        restriction=TimeRestriction(datetime(2026, 11, 28, tzinfo=UTC), None, catchup=True),
    )
    assert december.run_after == datetime(2026, 12, 1, 2, tzinfo=UTC)
    assert december.partition_key == "2026-11-01"


def test_a_label_is_certain_where_chance_cannot_change_it(made):
    rows = made("--seed", "7")
    assert len(rows) == 400
    kinds = {(float(row["income"]) > 70_000, row["is_premium"] == "1"): set() for row in rows}
    assert len(kinds) == 4
    for row in rows:
        kinds[float(row["income"]) > 70_000, row["is_premium"] == "1"].add(row["is_high_value"])
    both = {"0", "1"}
    assert kinds[True, True] == {"1"}, "0.7 is enough"
    assert kinds[False, False] == {"0"}, "0.3 at most is not"
    assert kinds[True, False] == kinds[False, True] == both


def test_a_seed_is_a_table_and_only_the_incomes_change_with_their_unit(made):
    yearly, monthly, other = made("--seed", "7"), made("--seed", "7", "--monthly"), made()
    assert made("--seed", "7") == yearly != other
    for before, after in zip(yearly, monthly, strict=True):
        amount = float(after.pop("income"))
        assert amount == pytest.approx(float(before.pop("income")) / 12, abs=0.006)
        assert after == before
