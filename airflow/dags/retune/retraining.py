"""Starts a retraining's DAG after a day that left a harmful model, or after new labels."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

HARMFUL = frozenset({"failed_max_retries", "held_back"})


class StartRetraining(TriggerDagRunOperator):
    """Starts a run of `model_retraining`, which decides by the loop's triggers.

    `run_name` is the run's id: what has the same one starts no second run. With `outcome`, the task
    that concludes a day, it skips unless that day found no version that helps.
    """

    def __init__(
        self, *, retraining: str, run_name: str, outcome: str | None = None, **settings: Any
    ) -> None:
        super().__init__(
            trigger_dag_id=retraining,
            trigger_run_id=run_name,
            conf={"request": "none"},
            logical_date=None,
            skip_when_already_exists=True,
            **settings,
        )
        self.outcome = outcome

    def execute(self, context: Context) -> None:
        """Hands over to the other DAG and does not wait for it."""
        if self.outcome is not None:
            status = context["ti"].xcom_pull(task_ids=self.outcome)["status"]
            if status not in HARMFUL:
                raise AirflowSkipException(f"The day ended as {status}.")
        super().execute(context)
