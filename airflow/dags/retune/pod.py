"""Runs a step as a pod, and knows what its exit code means."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowSkipException
from kubernetes.client import ApiException, V1Pod

from retune.catalogue import Step
from retune.outcomes import failure, log_line
from retune.rendering import typed_inputs


class StepPodOperator(KubernetesPodOperator):
    """A pod whose exit code 50 fails the task at once; any other failure is tried again."""

    template_fields: Sequence[str] = (*KubernetesPodOperator.template_fields, "inputs")
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **KubernetesPodOperator.template_fields_renderers,
        "inputs": "json",
    }

    def __init__(self, *, step: Step, inputs: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(log_formatter=_log_text, **kwargs)
        self.step = step
        self.inputs = inputs

    def execute(self, context: Context) -> Any:
        """Runs the pod with the inputs as its arguments."""
        inputs = json.dumps(typed_inputs(self.step, self.inputs))
        self.arguments = ["--input", inputs]
        return super().execute(context)

    def cleanup(
        self,
        pod: V1Pod,
        remote_pod: V1Pod,
        xcom_result: dict[str, Any] | None = None,
        context: Context | None = None,
    ) -> None:
        """Turns the exit code into a failure that Airflow retries or does not."""
        code = self._exit_code(remote_pod)
        try:
            super().cleanup(pod, remote_pod, xcom_result, context)
        except AirflowSkipException:
            raise
        except AirflowException as error:
            if code is None:
                raise
            raise failure(self.step.name, code, xcom_result) from error

    def _exit_code(self, pod: V1Pod | None) -> int | None:
        """The step's exit code; the pod is read again where its status is from before the end."""
        if pod is None or self._killed:
            return None
        code = _terminated(pod, self.base_container_name)
        if code is not None:
            return code
        try:
            return _terminated(self.pod_manager.read_pod(pod), self.base_container_name)
        except ApiException:
            return None


def _terminated(pod: V1Pod, container: str) -> int | None:
    for status in (pod.status and pod.status.container_statuses) or ():
        if status.name == container and status.state and status.state.terminated:
            return int(status.state.terminated.exit_code)
    return None


def _log_text(_container: str, line: str) -> str:
    return log_line(line)[1]
