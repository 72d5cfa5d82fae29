"""Waits for a person's answer to the question of a day that ended as `asked`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.providers.standard.operators.hitl import HITLBranchOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

TIMED_OUT = "timeout"


class StartApproval(TriggerDagRunOperator):
    """Starts a run of `model_approval` for the question that a task has asked; skips without one.

    The run's id comes from the question, so that a day that runs again starts no second one.
    """

    def __init__(self, *, approval: str, asked_by: str, **settings: Any) -> None:
        request = f"ti.xcom_pull(task_ids='{asked_by}').get('request_id')"
        super().__init__(
            trigger_dag_id=approval,
            trigger_run_id=f"{{{{ ({request} or '').replace('/', '_') }}}}",
            conf={"request": f"{{{{ {request} or '' }}}}"},
            logical_date=None,
            skip_when_already_exists=True,
            **settings,
        )

    def execute(self, context: Context) -> None:
        """Hands over to the other DAG and does not wait for it."""
        if not self.trigger_run_id:
            raise AirflowSkipException("Nobody is asked.")
        super().execute(context)


class AskPerson(HITLBranchOperator):
    """Shows a question and goes to the task that records the answer.

    Its result is who answered (`by`) and why (its parameter `reason`). It skips where the question
    cannot be answered any more, and when it expires.

    `read_by` is the task that has read the question, `answers` the following task for each option.
    """

    def __init__(self, *, read_by: str, answers: Mapping[str, str], **settings: Any) -> None:
        super().__init__(options=list(answers), options_mapping=dict(answers), **settings)
        self.read_by = read_by

    def execute(self, context: Context) -> None:
        """Waits until somebody answers, without occupying a worker."""
        question = context["ti"].xcom_pull(task_ids=self.read_by)
        if not question["open"]:
            raise AirflowSkipException(question["message"])
        self.response_timeout = datetime.fromisoformat(question["expires_at"]) - datetime.now(UTC)
        super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> None:
        """Takes the answer, or skips if there is none."""
        if person := event.get("responded_by_user"):
            reason = (event["params_input"] or {}).get("reason")
            answer = {"by": person["name"] or person["id"], "reason": reason}
            # Going to one of the tasks ends this one with an exception, so nothing is returned.
            context["ti"].xcom_push(key="return_value", value=answer)
        super().execute_complete(context, event)

    def process_trigger_event_error(self, event: dict[str, Any]) -> None:
        """Lets a question that nobody answered end without a failure."""
        if event["error_type"] == TIMED_OUT:
            raise AirflowSkipException("Nobody has answered in time; the question has expired.")
        super().process_trigger_event_error(event)
