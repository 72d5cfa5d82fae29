"""Takes one day through the three pipelines and reports each task as it ends."""

from __future__ import annotations

import time
from typing import Any

from demo.airflow import Airflow
from demo.days import ALERTED, FAILED, PIPELINES, Day, Report, Task
from demo.processes import DemoError, Processes
from demo.screen import Screen

ENDED = ("success", "skipped", *FAILED)
SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_TO_FOLLOW = 120


class Follower:
    """Follows the runs of a day; triggers missing runs and resumes existing ones."""

    def __init__(self, airflow: Airflow, processes: Processes, screen: Screen) -> None:
        self.airflow = airflow
        self.processes = processes
        self.screen = screen

    def is_done(self, day: Day) -> bool:
        """Whether the day has already gone through all pipelines."""
        for pipeline in PIPELINES:
            runs = self.airflow.runs(pipeline, day.date)
            if not runs or not self._ended(pipeline, runs[-1]):
                return False
        return True

    def take(self, day: Day, *, show: bool) -> Report:
        """Takes a day through all pipelines."""
        runs = self.airflow.runs(PIPELINES[0], day.date)
        if not runs or runs[-1]["state"] == "failed":
            self.airflow.trigger(PIPELINES[0], day.date, day.conf)
        tasks: dict[str, Task] = {}
        since = ""
        for pipeline in PIPELINES:
            run = self._run(pipeline, day, since)
            self._watch(pipeline, day, run, tasks, show=show)
            since = run["queued_at"]
        return Report(day, tasks)

    def _ended(self, pipeline: str, run: dict[str, Any]) -> bool:
        """Whether a run has done its work, including a run that is red only after an alert."""
        instances = self.airflow.tasks(pipeline, run["dag_run_id"])
        failed = {i["task_id"] for i in instances if i["state"] in FAILED}
        return run["state"] == "success" or (run["state"] == "failed" and failed == {ALERTED})

    def _run(self, pipeline: str, day: Day, since: str) -> dict[str, Any]:
        """The pipeline's run for the day, queued after the run that caused it."""

        def find() -> list[dict[str, Any]]:
            return [r for r in self.airflow.runs(pipeline, day.date) if r["queued_at"] > since]

        self.screen.running([])
        self.processes.wait_for(
            f"{pipeline} of {day.date}", lambda: bool(find()), SECONDS_TO_FOLLOW
        )
        return find()[-1]

    def _watch(
        self,
        pipeline: str,
        day: Day,
        run: dict[str, Any],
        tasks: dict[str, Task],
        *,
        show: bool,
    ) -> None:
        """Reports each task of a run as it ends."""
        run_id, path = run["dag_run_id"], f"/api/v2/dags/{pipeline}/dagRuns/{run['dag_run_id']}"
        while True:
            state = self.airflow.call("GET", path)["state"]
            instances = self.airflow.tasks(pipeline, run_id)
            for instance in sorted(instances, key=lambda i: i["end_date"] or ""):
                name = instance["task_id"]
                if instance["state"] not in ENDED or name in tasks:
                    continue
                tasks[name] = self._task(pipeline, run_id, instance)
                if show:
                    self.screen.task(tasks[name])
            if state == "failed" and not Report(day, tasks).ended_in_alert:
                raise self._failure(pipeline, run_id, tasks)
            if state in ("success", "failed"):
                return
            self.screen.running([i["task_id"] for i in instances if i["state"] == "running"])
            self.processes.check()
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _task(self, pipeline: str, run: str, instance: dict[str, Any]) -> Task:
        name, state = instance["task_id"], instance["state"]
        ran = state in ("success", "failed")
        result = self.airflow.result(pipeline, run, name) if ran else {}
        return Task(
            name=name,
            state=state,
            tries=instance["try_number"],
            seconds=instance["duration"] or 0.0,
            result=result,
            report=self.airflow.report(pipeline, run, name) if result.get("report") else "",
        )

    def _failure(self, pipeline: str, run: str, tasks: dict[str, Task]) -> DemoError:
        for task in tasks.values():
            if task.state == "failed":
                reason = task.result.get("error", {}).get("message", "the task failed.")
                log = self.airflow.log(pipeline, run, task.name, task.tries)
                return DemoError(f"{pipeline}, {task.name}: {reason}\nIts log is {log}")
        return DemoError(f"{pipeline} failed; {self.processes.log('airflow-scheduler')} says why.")
