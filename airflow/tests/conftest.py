# ruff: noqa: E402 (Airflow reads its settings when it is imported)
"""A real Airflow on a throw-away home: no network, no scheduler, no cluster, no Java."""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]
HOME = Path(tempfile.mkdtemp(prefix="retune-airflow-"))
os.environ.update(
    AIRFLOW_HOME=str(HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT / "dags"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__API_AUTH__JWT_SECRET="0123456789abcdef" * 4,
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME}/airflow.db",
    AIRFLOW__LOGGING__LOGGING_LEVEL="INFO",
    RETUNE_COMMAND=f"{sys.executable} -S {PROJECT}/tests/program.py",
)
sys.path.insert(0, str(PROJECT / "dags"))
sys.path.insert(0, str(PROJECT))

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from real import running_store
from sqlalchemy import event

from retune.loops import FOLDERS_VARIABLE

DAY = "2026-11-05"


@pytest.fixture
def bag(monkeypatch) -> Callable[..., DagBag]:
    """Parses the DAG files, for a runtime and with more folders of loop files."""

    def parse(runtime: str = "process", *loops: Path) -> DagBag:
        monkeypatch.setenv("RETUNE_RUNTIME", runtime)
        monkeypatch.setenv(FOLDERS_VARIABLE, os.pathsep.join(map(str, loops)))
        return DagBag(dag_folder=str(PROJECT / "dags"))

    return parse


def create_database() -> None:
    """Airflow's database. A run made in it has the partition key that `Run.partition_key` says.

    `dag.test()` cannot be given a partition key, so the row gets it on its way in.
    """
    from airflow.models.dagrun import DagRun
    from airflow.utils.db import initdb

    initdb()

    @event.listens_for(DagRun, "before_insert")
    def give_partition_key(_mapper, _connection, run: DagRun) -> None:
        run.partition_key = Run.partition_key


@pytest.fixture(scope="session")
def database() -> None:
    create_database()


class Program:
    """The step program's answers, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answer({})

    def answer(self, answers: dict[str, Any]) -> None:
        (self.folder / "answers.json").write_text(json.dumps(answers))

    @property
    def calls(self) -> list[dict[str, Any]]:
        file = self.folder / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def inputs(self, step: str) -> list[dict[str, Any]]:
        return [call["input"] for call in self.calls if call["step"] == step]


@pytest.fixture
def program(tmp_path, monkeypatch) -> Program:
    monkeypatch.setenv("RETUNE_TEST_FOLDER", str(tmp_path))
    return Program(tmp_path)


class Run:
    """A finished run: its state, and by task (`name[0]` where mapped) state, tries and result."""

    partition_key: str | None = DAY

    def __init__(self, dag: DAG, conf: dict[str, Any]) -> None:
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        for task in dag.tasks:
            task.retry_delay, task.retry_exponential_backoff = timedelta(0), 0
        run = dag.test(run_conf=conf)
        self.dag = dag
        self.id = run.run_id
        instances = run.get_task_instances()
        self.state = str(run.state)
        self.states = {self._name(i): str(i.state) for i in instances}
        self.tries = {self._name(i): i.try_number for i in instances}
        query = XComModel.get_many(run_id=run.run_id, key="return_value")
        with create_session() as session:
            rows = session.scalars(query).all()
            self.results = {self._name(row): XComModel.deserialize_value(row) for row in rows}

    def events(self) -> list[Any]:
        """The asset events of the run."""
        from airflow.models.asset import AssetEvent
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            return list(session.scalars(select(AssetEvent).filter_by(source_run_id=self.id)))

    def rendered(self, task: str) -> dict[str, Any]:
        """A task's rendered templates, as its page shows them."""
        from airflow.models.renderedtifields import RenderedTaskInstanceFields
        from airflow.utils.session import create_session
        from sqlalchemy import select

        fields = RenderedTaskInstanceFields
        query = select(fields.rendered_fields).filter_by(run_id=self.id, task_id=task)
        with create_session() as session:
            return dict(session.scalars(query).one())

    @staticmethod
    def _name(of: Any) -> str:
        return of.task_id if of.map_index < 0 else f"{of.task_id}[{of.map_index}]"

    @property
    def done(self) -> set[str]:
        return {task for task, state in self.states.items() if state == "success"}


@pytest.fixture
def run(bag, database, program, monkeypatch) -> Callable[..., Run]:
    """Runs a DAG to its end, also one of further loop files.

    Without the second that `dag.test()` sleeps at each skipped level.
    """
    import time

    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.01)))
    return lambda dag, *loops, **conf: Run(bag("process", *loops).dags[dag], conf)


@pytest.fixture
def store(tmp_path, monkeypatch) -> Iterator[str]:
    """A real store of its own; its address."""
    with running_store(tmp_path / "store") as address:
        monkeypatch.setenv("RETUNE_MONGO_URI", address)
        yield address
