"""`step(…)` makes a task that runs a step. The environment chooses the runtime, not the DAG.

RETUNE_RUNTIME           kubernetes (default), docker or process
RETUNE_IMAGE             image for kubernetes and docker; {step} is replaced by the step's name
RETUNE_COMMAND           program for process; default: `retune` at the top of the project
RETUNE_NAMESPACE         namespace of the pods; default: that of the Airflow connection
RETUNE_SECRET            Kubernetes secret with the steps' RETUNE_ variables; default `retune`
RETUNE_POD_CHECK_SECONDS seconds between two looks at a starting pod; default 1
RETUNE_DOCKER_NETWORK    network of the containers; default `host`

If a loop's engine is `pytorch`, the steps that run its model need PyTorch: a process is started
with RETUNE_ENGINE=pytorch, a container from the image `{step}-pytorch`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, BaseOperator, Param, TriggerRule
from airflow.sdk.definitions.mappedoperator import MappedOperator

from retune.catalogue import CatalogueError, Step, is_late, listed
from retune.loops import STEPS, Loop, Resources
from retune.reports import REPORT, ReportLink

Operator = tuple[type[BaseOperator], dict[str, Any]]
PROJECT = Path(__file__).parents[3]
# The day that a run works on: its partition key, else the form's date, else the day before.
LOGICAL_DATE = (
    "{{ dag_run.partition_key or params.get('date')"
    " or (dag_run.run_after - macros.timedelta(days=1)) | ds }}"
)
DEFAULT_RESOURCES: Mapping[str, Resources] = {
    "light": Resources(cpu="250m", memory="1Gi"),
    "learning": Resources(cpu="1", memory="4Gi"),
}
TIMEOUTS: Mapping[str, timedelta] = {
    "light": timedelta(hours=1),
    "learning": timedelta(hours=6),
}
RETRIES: Mapping[str, Any] = {
    "retries": 3,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=10),
}
LOCKED: Mapping[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def step(
    name: str,
    loop: Loop,
    *,
    outlets: list[Asset] | None = None,
    trigger_rule: TriggerRule = TriggerRule.ALL_SUCCESS,
    task_id: str | None = None,
    **inputs: Any,
) -> BaseOperator:
    """Makes a task that runs a step of the catalogue; its id is the step's name unless given.

    Values are checked now, Jinja templates and XCom references when the task runs. A template's
    text is converted to the type that the step declares.
    """
    operator, settings = _operator(name, task_id or name, loop, inputs)
    task = operator(inputs=inputs, outlets=outlets, trigger_rule=trigger_rule, **settings)
    if REPORT in STEPS.step(name).outputs:
        task.operator_extra_links = [ReportLink()]
    return task


def sharded(name: str, loop: Loop, **inputs: Any) -> list[BaseOperator | MappedOperator]:
    """Makes the tasks of a step that is spread over the loop's shards, in order.

    With one shard that is only the step's task. With more, a mapped task `NAME_shard` runs before
    it, and the step's task combines what the shards wrote to the store.
    """
    if loop.shards == 1:
        return [step(name, loop, **inputs)]
    inputs["shards"] = loop.shards
    operator, settings = _operator(name, f"{name}_shard", loop, {**inputs, "shard": 0})
    shards = operator.partial(**settings).expand(
        inputs=[{**inputs, "shard": shard} for shard in range(loop.shards)]
    )
    return [shards, step(name, loop, **inputs)]


def mapped(
    name: str, loop: Loop, each: Any, *, outlets: list[Asset] | None = None, **inputs: Any
) -> MappedOperator:
    """Makes tasks that run a step, one for each of the inputs that another task returns.

    `inputs` are what each of them has, to be checked now.
    """
    operator, settings = _operator(name, name, loop, inputs)
    return operator.partial(outlets=outlets, **settings).expand(inputs=each)


def _operator(name: str, task_id: str, loop: Loop, inputs: Mapping[str, Any]) -> Operator:
    """The operator for this runtime and its settings without the inputs, which are checked."""
    declared = STEPS.step(name)
    declared.check(inputs)
    if _needs_pytorch(declared, loop):
        declared = replace(declared, family="learning")
    runtime = os.environ.get("RETUNE_RUNTIME") or "kubernetes"
    if runtime not in RUNTIMES:
        raise CatalogueError(
            f"RETUNE_RUNTIME is {runtime!r}; it must be one of {listed(RUNTIMES)}."
        )
    of_step = loop.resources.get(name, DEFAULT_RESOURCES[declared.family])
    operator, settings = RUNTIMES[runtime](declared, loop, loop.resources.get(task_id, of_step))
    return operator, {
        **RETRIES,
        **settings,
        "task_id": task_id,
        "step": declared,
        "execution_timeout": TIMEOUTS[declared.family],
        "doc_md": manual(declared, inputs),
    }


def result(task: BaseOperator, output: str, *, optional: bool = False) -> str:
    """A template for an output of a step's task, checked against the catalogue.

    An optional output may be missing; then the input that takes it has no value.
    """
    declared: Step = task.step  # type: ignore[attr-defined]
    declared.output(output)
    value = f".get('{output}', '')" if optional else f"['{output}']"
    return f"{{{{ ti.xcom_pull(task_ids='{task.task_id}'){value} }}}}"


def param(source: str, default: Any, title: str, **schema: Any) -> Param:
    """A field of the trigger form for a step's input: `source` is `step.input`.

    A field without a default may stay empty. The schema may narrow the input's own limits.
    """
    step_name, _, input_name = source.partition(".")
    value = STEPS.step(step_name).input(input_name)
    limits: dict[str, Any] = {
        "minimum": value.minimum,
        "maximum": value.maximum,
        "enum": list(value.choices),
    }
    return Param(
        default,
        type=value.type if default is not None else ["null", value.type],
        title=title,
        description=value.description,
        **{**{key: limit for key, limit in limits.items() if limit not in (None, [])}, **schema},
    )


def day_param() -> Param:
    """The field of the trigger form that says which day to work on."""
    return Param(
        None,
        type=["null", "string"],
        format="date",
        title="Day",
        description="Day to work on, such as 2026-11-05. Leave it empty for yesterday (UTC), "
        "the day that the schedule works on. A partition key takes precedence.",
    )


def manual(step: Step, inputs: Mapping[str, Any]) -> str:
    """A task's page in the UI: what the step does, its inputs and its outputs."""
    lines = [step.summary, "", "| input | here | meaning |", "| --- | --- | --- |"]
    for name, value in step.inputs.items():
        lines.append(
            f"| `{name}` | {_shown(inputs.get(name, value.default))} | {value.description} |"
        )
    lines += ["", "| output | meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {value.description} |" for name, value in step.outputs.items()]
    lines += [
        "",
        "Each run's own command is in its *Rendered Templates* and at the top of its log.",
    ]
    return "\n".join(lines)


def _shown(value: object) -> str:
    if value is None:
        return ""
    return "from the run" if is_late(value) else f"`{value}`"


def _needs_pytorch(step: Step, loop: Loop) -> bool:
    """Whether the step needs PyTorch for this loop's model."""
    return loop.engine == "pytorch" and step.runs_model


def _process(step: Step, loop: Loop, _resources: Resources) -> Operator:
    from retune.local import ProcessStepOperator

    program = shlex.split(os.environ.get("RETUNE_COMMAND") or shlex.quote(str(PROJECT / "retune")))
    if _needs_pytorch(step, loop):
        program = ["env", "RETUNE_ENGINE=pytorch", *program]
    return ProcessStepOperator, {"program": program}


def _docker(step: Step, loop: Loop, resources: Resources) -> Operator:
    from retune.local import DockerStepOperator

    return DockerStepOperator, {
        "image": _image(step, loop),
        "network": os.environ.get("RETUNE_DOCKER_NETWORK") or "host",
        "limits": ["--cpus", _cores(resources.cpu), "--memory", resources.memory[:-1].lower()],
    }


def _pod(step: Step, loop: Loop, resources: Resources) -> Operator:
    from kubernetes.client import models as k8s

    from retune.pod import StepPodOperator

    secret = os.environ.get("RETUNE_SECRET") or "retune"
    return StepPodOperator, {
        "name": _kebab(step.name),
        "namespace": os.environ.get("RETUNE_NAMESPACE"),
        "image": _image(step, loop),
        "labels": {
            "app.kubernetes.io/part-of": "retune",
            "app.kubernetes.io/component": _kebab(step.name),
            "retune/loop": loop.name,
        },
        "env_vars": {
            "RETUNE_LOG": "json",
            "RETUNE_DAG_ID": "{{ dag.dag_id }}",
            "RETUNE_RUN_ID": "{{ run_id }}",
            "RETUNE_TASK_ID": "{{ task.task_id }}",
            "RETUNE_TRY_NUMBER": "{{ ti.try_number }}",
            "RETUNE_RUN_URL": "{{ ti.log_url.rpartition('/tasks/')[0] }}",
            "RETUNE_STARTED_BY": "{{ dag_run.triggering_user_name or '' }}",
            "RETUNE_STEP_IMAGE": _image(step, loop),
        },
        "env_from": [
            k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=secret, optional=True))
        ],
        "container_resources": k8s.V1ResourceRequirements(
            requests={"cpu": resources.cpu, "memory": resources.memory},
            limits={"memory": resources.memory},
        ),
        "memory_after_oom": resources.memory_after_oom,
        "volumes": [k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource())],
        "volume_mounts": [k8s.V1VolumeMount(name="tmp", mount_path="/tmp")],
        "security_context": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "container_security_context": LOCKED,
        "xcom_sidecar_container_security_context": LOCKED,
        "automount_service_account_token": False,
        "do_xcom_push": True,
        "log_events_on_failure": True,
        "log_pod_spec_on_failure": False,
        "on_finish_action": "delete_succeeded_pod",
        "startup_timeout_seconds": 600,
        "startup_check_interval_seconds": float(os.environ.get("RETUNE_POD_CHECK_SECONDS") or 1),
        # A stopped step ends well before that; the sidecar ignores the signal.
        "termination_grace_period": 5,
    }


def _image(step: Step, loop: Loop) -> str:
    pattern = os.environ.get("RETUNE_IMAGE") or "retune/{step}:0.1.0"
    suffix = "-pytorch" if _needs_pytorch(step, loop) else ""
    return pattern.format(step=_kebab(step.name) + suffix)


def _kebab(name: str) -> str:
    return name.replace("_", "-")


def _cores(cpu: str) -> str:
    return f"{int(cpu[:-1]) / 1000:g}" if cpu.endswith("m") else cpu


RUNTIMES: Mapping[str, Callable[[Step, Loop, Resources], Operator]] = {
    "kubernetes": _pod,
    "docker": _docker,
    "process": _process,
}
