"""The pod that a step asks for, and what its exit code means. No cluster is needed for either."""

import json
from types import SimpleNamespace

import pytest
from airflow.providers.cncf.kubernetes.backcompat.backwards_compat_converters import (
    convert_env_vars,
)
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from kubernetes.client import models as k8s

from retune import Loop, step
from retune.loops import Resources
from retune.outcomes import KILLED, failure
from retune.pod import _with_memory
from retune.traces import traceparent

LOOP = Loop(
    name="credit-default",
    bare_ids=True,
    resources={"finetune_model": Resources(cpu="2", memory="6Gi", memory_after_oom="8Gi")},
)
CONNECTION = {
    "conn_type": "kubernetes",
    "extra": {
        "namespace": "pipelines",
        "xcom_sidecar_container_image": "registry.example/sidecar:2",
        "xcom_sidecar_container_resources": json.dumps({"limits": {"memory": "32Mi"}}),
    },
}


@pytest.fixture
def operator(monkeypatch):
    monkeypatch.setenv("RETUNE_RUNTIME", "kubernetes")
    monkeypatch.setenv("RETUNE_IMAGE", "registry.example/retune/{step}:7")
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(CONNECTION))
    return step("finetune_model", LOOP, model_id="m", data_path="credit-default/2026-11-05")


@pytest.fixture
def pod(operator):
    return operator.build_pod_request_obj(dry_run=True)


def test_both_containers_are_locked_down(pod):
    assert pod.spec.automount_service_account_token is False
    assert pod.spec.security_context["runAsNonRoot"]
    for container in pod.spec.containers:
        locked = container.security_context
        assert locked["runAsNonRoot"]
        assert locked["readOnlyRootFilesystem"]
        assert not locked["allowPrivilegeEscalation"]
        assert locked["capabilities"] == {"drop": ["ALL"]}
        assert locked["seccompProfile"] == {"type": "RuntimeDefault"}


def test_the_pod_runs_the_steps_image_beside_the_connections_sidecar(pod):
    base, sidecar = pod.spec.containers
    assert base.image == "registry.example/retune/finetune-model:7"
    assert sidecar.image == "registry.example/sidecar:2"
    assert {mount.mount_path for mount in base.volume_mounts} == {"/tmp", "/airflow/xcom"}
    assert pod.spec.termination_grace_period_seconds == 5


def test_the_pod_has_the_loops_resources_and_labels_that_find_it_again(pod):
    resources = pod.spec.containers[0].resources
    assert resources.requests == {"cpu": "2", "memory": "6Gi"}
    assert resources.limits == {"memory": "6Gi"}
    assert (
        pod.metadata.labels.items()
        >= {
            "app.kubernetes.io/part-of": "retune",
            "app.kubernetes.io/component": "finetune-model",
            "retune/loop": "credit-default",
        }.items()
    )


def test_the_environment_names_the_task_instance_and_the_secret(pod):
    base = pod.spec.containers[0]
    names = {variable.name for variable in base.env}
    assert {"RETUNE_DAG_ID", "RETUNE_RUN_ID", "RETUNE_TASK_ID", "RETUNE_TRY_NUMBER"} <= names
    assert {"RETUNE_RUN_URL", "RETUNE_STARTED_BY", "RETUNE_STEP_IMAGE"} <= names
    (source,) = base.env_from
    assert (source.secret_ref.name, source.secret_ref.optional) == ("retune", True)


def test_the_pod_is_part_of_its_task_instances_trace(operator):
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1)
    # Airflow makes objects of the variables before the task runs.
    operator.env_vars = convert_env_vars(operator.env_vars)
    for _ in range(2):
        operator._join_trace(ti)
    base = operator.build_pod_request_obj(dry_run=True).spec.containers[0]
    (given,) = [variable.value for variable in base.env if variable.name == "TRACEPARENT"]
    assert given == traceparent(ti)


@pytest.mark.parametrize(("code", "retried"), [(1, True), (20, True), (143, True), (50, False)])
def test_only_exit_code_50_is_not_tried_again(operator, code, retried):
    assert operator._end(ended_pod(operator.base_container_name, code)).exit_code == code
    error = failure("finetune_model", code, {"error": {"message": "Why."}})
    assert isinstance(error, AirflowException)
    assert isinstance(error, AirflowFailException) is not retried


def test_a_try_after_one_out_of_memory_has_more(operator):
    more = _with_memory(operator.container_resources, operator.memory_after_oom)
    assert more.requests == {"cpu": "2", "memory": "8Gi"}
    assert more.limits == {"memory": "8Gi"}


def test_out_of_memory_says_what_to_do_and_is_tried_again():
    error = failure("finetune_model", KILLED, None)
    assert not isinstance(error, AirflowFailException)
    assert "Raise the limit in the loop file, under resources.finetune_model" in str(error)


def ended_pod(container, code):
    ended = k8s.V1ContainerStateTerminated(exit_code=code)
    status = k8s.V1ContainerStatus(
        name=container,
        image="i",
        image_id="i",
        ready=False,
        restart_count=0,
        state=k8s.V1ContainerState(terminated=ended),
    )
    return k8s.V1Pod(status=k8s.V1PodStatus(container_statuses=[status]))
