"""Starts a retraining's DAG after a day that left a harmful model in production."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

HARMFUL = frozenset({"failed_max_retries", "held_back"})


class StartRetraining(TriggerDagRunOperator):
    """Starts a run of `model_retraining` if a day found no version that helps; skips otherwise.

    That run decides by the loop's triggers. Its id comes from the day's outcome, so that a day that
    runs again starts a second one only if its outcome is another.
    """

    def __init__(self, *, retraining: str, day: str, outcome: str, **settings: Any) -> None:
        revision = f"ti.xcom_pull(task_ids='{outcome}').get('revision')"
        super().__init__(
            trigger_dag_id=retraining,
            trigger_run_id=f"harm__{day}__{{{{ {revision} }}}}",
            conf={"request": "none"},
            logical_date=None,
            skip_when_already_exists=True,
            **settings,
        )
        self.outcome = outcome

    def execute(self, context: Context) -> None:
        """Hands over to the other DAG and does not wait for it."""
        status = context["ti"].xcom_pull(task_ids=self.outcome)["status"]
        if status not in HARMFUL:
            raise AirflowSkipException(f"The day ended as {status}.")
        super().execute(context)
