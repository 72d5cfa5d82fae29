"""`./retune run_loop` takes a day through the same steps, in the same order, as the DAGs do.

Its plan and the DAGs are two descriptions of one day; here they are held against each other.
"""

import json
import re
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from airflow.sdk.definitions.mappedoperator import MappedOperator

RETUNE = Path(__file__).parents[2] / "retune"
DATE = "2026-11-05"
RETRAINING = "model_retraining"
PIPELINES = ["data_pipeline", "model_evaluation_pipeline", "model_deployment_pipeline"]
OUTPUT = re.compile(r"\{\{ ti\.xcom_pull\(task_ids='(.+)'\)(?:\['|\.get\(')(\w+)'.* \}\}")
PARAM = re.compile(r"\{\{ params\.(\w+) \}\}")
SECOND = """
name: second
data: {rows: 500, drill: label_noise, drill_strength: 0.25}
gate: {metric: roc_auc, threshold: 0.8, selection: best_on_validation}
attempts: [full, head, head_new, head_long]
finetuning: {epochs: 8, learning_rate: 3e-4, batch_size: 32}
promotion: {allow_backfill_promotion: true}
deployment: {wait_seconds: 5}
"""


CSV = """
name: real-rows
data: {source: csv, path: "/data/{date}.csv"}
"""
MONGO = """
name: real-documents
data: {source: mongo, collection: sales}
"""
QUERIES = """
name: asked
data: {source: queries, own_labels: 0.75}
labels: {mature_share: 0.1, mature_days: 3}
"""
SHARDS = """
name: spread
shards: 3
"""
RETRAINED = """
name: retrained
gate: {metric: roc_auc, threshold: 0.8, evidence: interval, policy: superior(0.02)}
finetuning: {epochs: 8, batch_size: 32}
retraining:
  triggers: [harm, adaptive]
  min_samples: 7
  window_days: 60
  half_life_days: 20
  candidates: [full, trees]
"""


@pytest.fixture
def planned(monkeypatch):
    """The tasks that the command would run, by DAG and task, in order."""

    def plan(loop, folders):
        monkeypatch.setenv("RETUNE_LOOPS", str(folders))
        # A day without a challenger, whatever a store of this machine has.
        monkeypatch.setenv("RETUNE_MONGO_URI", "mongodb://127.0.0.1:1/retune")
        monkeypatch.setenv("RETUNE_STORE_WAIT", "0.1")
        done = subprocess.run(
            [RETUNE, "run-loop", loop, "--date", DATE, "--plan"],
            capture_output=True,
            text=True,
            check=True,
        )
        tasks = json.loads(done.stdout)["plan"]
        return {(task["dag"], task["task"]): task for task in tasks}

    return plan


def days(parsed):
    """The DAGs that take a day on its way; `model_rollback` is not one of them."""
    return [dag for dag in parsed.dags.values() if dag.dag_id.partition(".")[0] in PIPELINES]


def rendered(value, dag):
    """An input as the run of a day would have it; another task's output as a reference to it."""
    if not isinstance(value, str):
        return value
    # What a run of a retraining has instead of a day.
    value = re.sub(r"\{% if not .*? %\}(.*?)\{% endif %\}", r"\1", value)
    if value.startswith("{% if "):
        return None
    value = re.sub(r"\{\{ dag_run\.partition_key .*? ds \}\}", DATE, value)
    # Without a form, a run has its defaults, as a scheduled one.
    value = re.sub(r"\{\{ params\.\w+ or '' \}\}", "", value)
    value = re.sub(r"\{\{ params\.request if .*? else 'none' \}\}", "none", value)
    value = value.replace(" | tojson }}", " }}")
    if not value:
        return None
    if found := OUTPUT.fullmatch(value):
        return {"task": found[1], "output": found[2]}
    if found := PARAM.fullmatch(value):
        return dag.params[found[1]]
    assert "{{" not in value, value
    return value


def instances(task):
    """The task's name, step and inputs; of a mapped one, those of each instance."""
    if isinstance(task, MappedOperator):
        step = task.partial_kwargs["step"].name
        mapped = enumerate(task.expand_input.value["inputs"])
        return [(f"{task.task_id}[{index}]", step, inputs) for index, inputs in mapped]
    return [(task.task_id, task.step.name, task.inputs)] if hasattr(task, "step") else []


@pytest.mark.parametrize(
    "loop", ["credit-default", "second", "real-rows", "real-documents", "asked", "spread"]
)
def test_the_plan_has_the_dags_tasks_with_their_inputs(bag, planned, tmp_path, loop):
    for number, text in enumerate((SECOND, CSV, MONGO, QUERIES, SHARDS)):
        (tmp_path / f"{number}.yaml").write_text(text)
    dags = [dag for dag in days(bag("process", tmp_path)) if loop in dag.tags]
    steps = {
        (dag.dag_id, task_id): (step, inputs, dag)
        for dag in dags
        for task in dag.tasks
        for task_id, step, inputs in instances(task)
    }
    plan = planned(loop, tmp_path)
    assert plan.keys() == steps.keys()
    for key, (name, inputs, dag) in steps.items():
        assert plan[key]["step"] == name
        given = {k: rendered(v, dag) for k, v in inputs.items()}
        assert plan[key]["inputs"] == {k: v for k, v in given.items() if v is not None}, key


def test_the_plan_ends_with_the_retraining_and_its_deployment(bag, planned, tmp_path):
    (tmp_path / "retrained.yaml").write_text(RETRAINED)
    dag = bag("process", tmp_path).dags[f"{RETRAINING}.retrained"]
    plan = planned("retrained", tmp_path)
    ours = {task: step for (name, task), step in plan.items() if name == dag.dag_id}
    steps = {task.task_id: task for task in dag.tasks if hasattr(task, "step")}
    assert ours.keys() == steps.keys()
    for name, task in steps.items():
        assert ours[name]["step"] == task.step.name
        given = {k: rendered(v, dag) for k, v in task.inputs.items()}
        assert ours[name]["inputs"] == {k: v for k, v in given.items() if v is not None}, name
    before = {task: dag.task_dict[task].upstream_task_ids & ours.keys() for task in ours}
    order = list(ours)
    assert all(order.index(b) < order.index(task) for task in ours for b in before[task])
    approval = {"task": "check_retraining_trigger", "output": "retraining_id"}
    for task in ("wait_for_model_ready", "deploy_model"):
        # The day's own deployment comes first and has the same name.
        assert plan["model_deployment_pipeline.retrained", task]["inputs"]["retraining"] == approval


def test_the_plan_is_in_an_order_that_the_dags_allow(bag, planned, tmp_path):
    order = list(planned("credit-default", tmp_path))
    assert list(dict.fromkeys(dag for dag, _ in order)) == PIPELINES
    for dag in days(bag("process", tmp_path)):
        places = {task: place for place, (name, task) in enumerate(order) if name == dag.dag_id}
        for task in TopologicalSorter(
            {t.task_id: t.upstream_task_ids for t in dag.tasks}
        ).static_order():
            before = dag.task_dict[task].upstream_task_ids
            earliest = max((places[t] for t in before), default=-1)
            assert places.setdefault(task, earliest) >= earliest, task


FIRST_PASSING = """
name: published
gate: {selection: first_passing}
"""


@pytest.mark.parametrize(
    ("loop", "conditions"),
    [
        ("published", {"finetune_model": "none_passed", "evaluate_finetuned_model": "none_passed"}),
        ("second", {"finetune_model": "none_reached"}),
    ],
)
def test_each_way_that_the_dags_may_take_has_its_condition_in_the_plan(
    planned, tmp_path, loop, conditions
):
    for number, text in enumerate((FIRST_PASSING, SECOND)):
        (tmp_path / f"{number}.yaml").write_text(text)
    seen = {
        task: planned_task["when"] for (_, task), planned_task in planned(loop, tmp_path).items()
    }
    attempts = 4 if loop == "second" else 3
    expected = {
        f"attempt_{attempt}.{step}": when
        for attempt in range(1, attempts + 1)
        for step, when in conditions.items()
    }
    expected["look_back"] = "champion_doubted"
    failed = ["prepare_retraining_data"]
    failed += ["judge_candidate"] if loop == "second" else []
    expected |= dict.fromkeys(failed, "none_passed") | {"send_alert": "none_left"}
    deployed = ("validate_model", "deploy_model", "verify_deployment", "notify_deployment_complete")
    expected |= dict.fromkeys(deployed, "ready")
    assert {task: when for task, when in seen.items() if when != "always"} == expected
