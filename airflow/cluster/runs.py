"""DAG runs that tests follow."""

import json
from datetime import datetime

from cluster.release import wait_for

SECONDS_TO_END = 600


class Run:
    """A DAG run, whoever started it."""

    def __init__(self, airflow, dag, run_id):
        self.airflow, self.dag, self.id = airflow, dag, run_id

    def tasks(self):
        return self.airflow.tasks(self.dag, self.id)

    def task(self, name):
        found = [t for t in self.tasks() if t["task_id"] == name]
        return found[0] if found else {"state": None, "try_number": 0}

    def shards(self, step):
        return [t for t in self.tasks() if t["task_id"] == f"{step}_shard"]

    def wait(self, name, *states, seconds=SECONDS_TO_END):
        return wait_for(
            f"{name} of {self.dag} to be {' or '.join(states)}",
            lambda: self.task(name) if self.task(name)["state"] in states else None,
            seconds,
        )

    def log(self, name, attempt=1):
        path = self.airflow.log(self.dag, self.id, name, attempt)
        return path.read_text() if path.exists() else ""

    def events(self, name):
        """The whole lines of a task's log, with their times."""
        lines = [json.loads(line) for line in self.log(name).splitlines(True) if line[-1] == "\n"]
        return [(datetime.fromisoformat(line["timestamp"]), line["event"]) for line in lines]

    def result(self, name):
        return self.airflow.result(self.dag, self.id, name)

    def mark_failed(self, name):
        path = f"/api/v2/dags/{self.dag}/dagRuns/{self.id}/taskInstances/{name}"
        self.airflow.call("PATCH", path, {"new_state": "failed"})
