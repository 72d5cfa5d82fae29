"""The three days of the demo, and how each ended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MODEL = "credit-default"
PIPELINES = ("data_pipeline", "model_evaluation_pipeline", "model_deployment_pipeline")
FINETUNING = re.compile(r"attempt_(\d+)\.finetune_model")
# Fails, and nothing else does, where a day ended in an alert: the run is red, its work is done.
FAILED = ("failed", "upstream_failed")
ALERTED = "fail_run_after_alert"


@dataclass(frozen=True)
class Day:
    """A logical date, its drill, and the expected outcome."""

    date: str
    title: str
    expected: str
    conf: Mapping[str, Any] = field(default_factory=dict)


DAYS = (
    Day("2026-11-05", "a healthy day", "approved"),
    Day(
        "2026-11-06",
        "a drifted day",
        "retrained",
        {"drill": "concept_drift", "drill_strength": 0.5},
    ),
    Day(
        "2026-11-07",
        "a broken day",
        "failed_max_retries",
        {"drill": "label_noise", "drill_strength": 1.0},
    ),
)


@dataclass(frozen=True)
class Task:
    """A finished task instance."""

    name: str
    state: str
    tries: int
    seconds: float
    result: Mapping[str, Any]
    report: str = ""  # address of the page that compares the versions, where the task judged one


@dataclass(frozen=True)
class Report:
    """A finished day."""

    day: Day
    tasks: Mapping[str, Task]

    def result(self, task: str) -> Mapping[str, Any]:
        """A task's result, or an empty one if it did not run."""
        return self.tasks[task].result if task in self.tasks else {}

    @property
    def ended_in_alert(self) -> bool:
        """Whether the evaluation's run is red because of an alert and nothing else."""
        return {t.name for t in self.tasks.values() if t.state in FAILED} == {ALERTED}

    @property
    def metric(self) -> str:
        """The gate's metric."""
        return str(self.result("check_model_performance").get("metric", ""))

    @property
    def before(self) -> float | None:
        """The champion's metric on the whole day."""
        return self._metric("check_model_performance", "metrics")

    @property
    def attempts(self) -> Mapping[int, str]:
        """The attempts that were made, and their strategies."""
        return {
            int(found[1]): str(task.result.get("strategy", ""))
            for name, task in self.tasks.items()
            if task.result and (found := FINETUNING.fullmatch(name))
        }

    def attempt(self, number: int) -> tuple[float, float | None] | None:
        """An attempt's metric on validation rows and, if it was judged there, on the hold-out.

        Nothing of an attempt that was not made, or that found nothing better than the champion.
        """
        validation = self._metric(f"attempt_{number}.finetune_model", "test_metrics")
        if validation is None:
            return None
        chosen = self.result("judge_candidate").get("attempt") == number
        judged = "judge_candidate" if chosen else f"attempt_{number}.evaluate_finetuned_model"
        return validation, self._metric(judged, "metrics")

    @property
    def verdict(self) -> str:
        """How the evaluation ended."""
        return str(self.result("send_evaluation_results").get("status", "none"))

    @property
    def champions(self) -> tuple[str, str]:
        """The version in production before and after."""
        before = str(self.result("load_latest_model").get("model_id", ""))
        return before, str(self.result("deploy_model").get("model_id", before))

    @property
    def alerts(self) -> int:
        """How many alerts were sent."""
        return int("alert_id" in self.result("send_alert"))

    def mistake(self) -> str | None:
        """What did not end as expected, as a sentence."""
        changed = self.champions[0] != self.champions[1]
        seen = (self.verdict, changed, self.alerts)
        retrained, failed = self.day.expected == "retrained", self.day.expected.startswith("failed")
        if seen == (self.day.expected, retrained, int(failed)):
            return None
        return (
            f"{self.day.date} should have ended as {self.day.expected}; it ended as {self.verdict} "
            f"with {'another' if changed else 'the same'} champion and {self.alerts} alerts."
        )

    def _metric(self, task: str, metrics: str) -> float | None:
        value = self.result(task).get(metrics, {}).get(self.metric)
        return None if value is None else float(value)
