"""Runs a step as a pod and maps its exit code to a task state."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from airflow.providers.cncf.kubernetes.backcompat.backwards_compat_converters import (
    convert_env_vars,
)
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowSkipException
from kubernetes.client import (
    ApiException,
    V1ContainerStateTerminated,
    V1EnvVar,
    V1Pod,
    V1ResourceRequirements,
)

from retune.catalogue import Step
from retune.outcomes import KILLED, announce, failure, log_line
from retune.rendering import command, typed_inputs
from retune.traces import traceparent

OOM_KILLED = "OOMKilled"
TRACE = "TRACEPARENT"


class StepPodOperator(KubernetesPodOperator):
    """A pod whose exit code 50 fails the task at once; any other failure is retried.

    After a try that ran out of memory, the next one gets `memory_after_oom` if it is set.
    """

    template_fields: Sequence[str] = (*KubernetesPodOperator.template_fields, "inputs", "command")
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **KubernetesPodOperator.template_fields_renderers,
        "inputs": "json",
        "command": "bash",
    }
    overwrite_rtif_after_execution = True  # `command` is known only then

    def __init__(
        self,
        *,
        step: Step,
        inputs: Mapping[str, Any],
        memory_after_oom: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(log_formatter=_log_text, **kwargs)
        self.step = step
        self.inputs = inputs
        self.command = ""
        self.memory_after_oom = memory_after_oom

    def execute(self, context: Context) -> Any:
        """Runs the pod with the inputs as its arguments."""
        typed = typed_inputs(self.step, self.inputs)
        self.command = command(self.step, typed)
        self.log.info("Command: %s", self.command)
        self.arguments = ["--input", json.dumps(typed)]
        self._join_trace(context["ti"])
        if self.memory_after_oom and self._ran_out_of_memory(context):
            self.log.info(
                "An earlier try ran out of memory; this one gets %s.", self.memory_after_oom
            )
            self.container_resources = _with_memory(self.container_resources, self.memory_after_oom)
        result = super().execute(context)
        announce(context, self.outlets, typed, result)
        return result

    def _join_trace(self, ti: Any) -> None:
        """Gives the step the trace of its task instance; only a running task knows its span."""
        others = [given for given in convert_env_vars(self.env_vars) if given.name != TRACE]
        self.env_vars = [*others, V1EnvVar(TRACE, traceparent(ti))]

    def cleanup(
        self,
        pod: V1Pod,
        remote_pod: V1Pod,
        xcom_result: dict[str, Any] | None = None,
        context: Context | None = None,
    ) -> None:
        """Turns the exit code into a failure with or without retries."""
        end = self._end(remote_pod)
        try:
            super().cleanup(pod, remote_pod, xcom_result, context)
        except AirflowSkipException:
            raise
        except AirflowException as error:
            if end is None:
                raise
            code = KILLED if end.reason == OOM_KILLED else end.exit_code
            raise failure(self.task_id.rpartition(".")[2], code, xcom_result) from error

    def _end(self, pod: V1Pod | None) -> V1ContainerStateTerminated | None:
        """How the step ended. Reads the pod again if its status predates the end."""
        if pod is None or self._killed:
            return None
        if end := _terminated(pod, self.base_container_name):
            return end
        try:
            return _terminated(self.pod_manager.read_pod(pod), self.base_container_name)
        except ApiException:
            return None

    def _ran_out_of_memory(self, context: Context) -> bool:
        """Whether a failed pod of an earlier try ran out of memory."""
        selector = self._build_find_pod_label_selector(context, exclude_checked=False)
        pods = self.client.list_namespaced_pod(
            namespace=self.namespace or self.hook.get_namespace(), label_selector=selector
        ).items
        ends = [_terminated(pod, self.base_container_name) for pod in pods]
        return any(end.reason == OOM_KILLED for end in ends if end)


def _terminated(pod: V1Pod, container: str) -> V1ContainerStateTerminated | None:
    for status in (pod.status and pod.status.container_statuses) or ():
        if status.name == container and status.state and status.state.terminated:
            return status.state.terminated
    return None


def _with_memory(resources: V1ResourceRequirements, memory: str) -> V1ResourceRequirements:
    return V1ResourceRequirements(
        requests={**resources.requests, "memory": memory},
        limits={**resources.limits, "memory": memory},
    )


def _log_text(_container: str, line: str) -> str:
    return log_line(line)[1]
