"""A run's day, where people look for it: in run lists and on the run's page."""

from datetime import timedelta

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from conftest import DAY, PROJECT, Run
from sqlalchemy import select


@pytest.fixture
def marked(run, program, monkeypatch):
    """Runs a DAG and has it marked as the scheduler would; its key, its note, its steps' days."""
    monkeypatch.syspath_prepend(PROJECT / "plugins")
    from retune_days import on_dag_run_running

    def marked(name, key=None, note=None, tags=("retune",), **conf):
        monkeypatch.setattr(Run, "partition_key", key)
        ended = run(name, **conf)
        with create_session() as session:
            found = session.scalars(select(DagRun).filter_by(run_id=ended.id)).one()
            found.note = note
            found.dag = ended.dag
            found.dag.tags = set(tags)
            on_dag_run_running(dag_run=found)
        with create_session() as session:
            found = session.scalars(select(DagRun).filter_by(run_id=ended.id)).one()
            before = f"{found.run_after - timedelta(days=1):%Y-%m-%d}"
            days = {call["input"].get("logical_date") for call in program.calls}
            return found.partition_key, found.note, before, days

    return marked


def test_a_run_of_the_chain_has_its_partition(marked):
    key, note, _, days = marked("data_pipeline", key=DAY)
    assert {key, note} == days == {DAY}


def test_a_run_by_hand_has_the_date_of_its_form(marked):
    key, note, _, days = marked("data_pipeline", date="2026-10-31")
    assert {key, note} == days == {"2026-10-31"}


def test_a_run_by_hand_without_a_date_has_yesterday(marked):
    key, note, before, days = marked("data_pipeline")
    assert {key, note} == days == {before}


def test_a_persons_note_stays(marked):
    key, note, *_ = marked("data_pipeline", key=DAY, note="seen by the bank")
    assert (key, note) == (DAY, "seen by the bank")


def test_what_works_on_no_day_is_not_marked(marked, program):
    program.answer({"rollback": {"model_id": "earlier"}})
    key, note, *_ = marked("model_rollback")
    assert (key, note) == (None, None)


def test_the_dags_of_others_are_not_marked(marked):
    key, note, *_ = marked("data_pipeline", tags=("theirs",), date="2026-10-31")
    assert (key, note) == (None, None)
