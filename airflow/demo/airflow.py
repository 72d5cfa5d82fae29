"""An Airflow installation on loopback, and its REST API."""

from __future__ import annotations

import base64
import contextlib
import importlib.metadata
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.processes import DemoError, Processes, free_port

PARTS: Mapping[str, tuple[str, ...]] = {
    "api-server": (),
    # Logs are read from disk. The log server would listen on all interfaces and is not needed.
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
}
SECONDS_TO_START = 180
LOOKS_FOR_A_LINK = 20


@dataclass
class Airflow:
    """Airflow with its state in one folder, without a login, on loopback only."""

    home: Path
    sources: Path
    port: int = field(default_factory=lambda: free_port(8080))
    token: str = ""

    @property
    def url(self) -> str:
        """The UI's address."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """The environment of all its components."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW_")}
        inherited.pop(
            "PYTHONDONTWRITEBYTECODE", None
        )  # otherwise every task compiles what it imports
        key = self._key()
        self._without_paths()
        return {
            **inherited,
            "PYTHONPATH": str(self.sources / "config"),
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.sources / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.sources / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            # A starting scheduler holds a lock for longer than SQLite waits by default.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db?timeout=60",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__MP_START_METHOD": "fork",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(bytes.fromhex(key)[:32]).decode(),
            "AIRFLOW__API__SECRET_KEY": key,
            "AIRFLOW__API_AUTH__JWT_SECRET": key,
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
            "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "airflow.utils.log.file_task_handler=CRITICAL",
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            # A worker notices the end of its task only at the next heartbeat.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        }

    @contextlib.contextmanager
    def migrated(self, processes: Processes, environment: Mapping[str, str]) -> Iterator[None]:
        """Creates or upgrades the database while other work goes on."""
        done, version = self.home / "migrated", importlib.metadata.version("apache-airflow")
        if done.exists() and done.read_text(encoding="utf-8") == version:
            yield
            return
        name = "airflow-db-migrate"
        processes.start(name, [*_airflow(), "db", "migrate"], environment)
        yield
        processes.finish(name)
        done.write_text(version, encoding="utf-8")

    def start(self, processes: Processes, environment: Mapping[str, str]) -> None:
        """Starts all components."""
        for part in PARTS:
            self.start_part(part, processes, environment)

    def start_part(self, part: str, processes: Processes, environment: Mapping[str, str]) -> None:
        """Starts or restarts one component."""
        processes.start(f"airflow-{part}", [*_airflow(), part, *PARTS[part]], environment)

    def wait(self, processes: Processes, dags: tuple[str, ...]) -> None:
        """Waits until it is healthy and has parsed the DAGs, and unpauses them."""
        processes.wait_for("Airflow's start", self._healthy, SECONDS_TO_START)
        self.token = self.log_in()
        processes.wait_for(
            "Reading the DAGs", lambda: all(self._unpaused(dag) for dag in dags), SECONDS_TO_START
        )

    def log_in(self) -> str:
        """A token for the calls."""
        return str(self.call("GET", "/auth/token")["access_token"])

    def trigger(self, dag: str, partition_key: str, conf: Mapping[str, Any]) -> str:
        """Starts a run for a partition and returns its id."""
        body = {"logical_date": None, "partition_key": partition_key, "conf": conf}
        return str(self.call("POST", f"/api/v2/dags/{dag}/dagRuns", body)["dag_run_id"])

    def runs(self, dag: str, partition_key: str) -> list[dict[str, Any]]:
        """The runs of a DAG for a partition, the oldest first."""
        answer = self.call("GET", f"/api/v2/dags/{dag}/dagRuns?order_by=-id&limit=100")
        return [r for r in reversed(answer["dag_runs"]) if r["partition_key"] == partition_key]

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """The task instances of a run."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances?limit=100"
        return list(self.call("GET", path)["task_instances"])

    def result(self, dag: str, run: str, task: str) -> dict[str, Any]:
        """A task's result, or an empty one."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/return_value"
        try:
            value = self.call("GET", path)["value"]
        except urllib.error.HTTPError:
            return {}
        return value if isinstance(value, dict) else {}

    def report(self, dag: str, run: str, task: str) -> str:
        """The address of the report that a task links to, or an empty one.

        Airflow stores a link just after the end of its task, so that it is waited for.
        """
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/links"
        for _ in range(LOOKS_FOR_A_LINK):
            if address := self.call("GET", path)["extra_links"].get("Report"):
                return str(address)
            time.sleep(0.5)
        return ""

    def serves(self, address: str) -> bool:
        """Whether an address of this Airflow's plugin answers with a page."""
        if not address.startswith(f"{self.url}/retune/"):
            return False
        try:
            with self._opened("GET", address.removeprefix(self.url)) as answer:
                return str(answer.headers["Content-Type"]).startswith("text/html")
        except urllib.error.HTTPError:
            return False

    def log(self, dag: str, run: str, task: str, attempt: int) -> Path:
        """The log file of a try of a task."""
        folder = f"dag_id={dag}/run_id={run}/task_id={task}"
        return self.home / "logs" / folder / f"attempt={attempt}.log"

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call of the REST API."""
        with self._opened(method, path, body) as answer:
            return json.load(answer)

    def _opened(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310
        return urllib.request.urlopen(request, timeout=60)  # noqa: S310

    def _healthy(self) -> bool:
        try:
            self.call("GET", "/execution/health")  # loads what the first task would wait for
            health = self.call("GET", "/api/v2/monitor/health")
        except (OSError, ValueError):
            return False
        return all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor"))

    def _unpaused(self, dag: str) -> bool:
        try:
            self.call("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})
        except urllib.error.HTTPError:
            errors = self.call("GET", "/api/v2/importErrors")["import_errors"]
            if errors:
                raise DemoError("\n".join(e["stack_trace"] for e in errors)) from None
            return False
        return True

    def _without_paths(self) -> None:
        """Writes a configuration without settings.

        Airflow would write one with absolute paths, and log to the old place after a move.
        """
        (self.home / "airflow.cfg").write_text(
            "# All settings are in airflow/demo/airflow.py.\n", encoding="utf-8"
        )

    def _key(self) -> str:
        """The key that the components authenticate with, the same at each start."""
        self.home.mkdir(parents=True, exist_ok=True)
        file = self.home / "key"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_hex(48), encoding="utf-8")
        return file.read_text(encoding="utf-8")


def _airflow() -> list[str]:
    return [sys.executable, "-m", "airflow"]
