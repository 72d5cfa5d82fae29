"""A day that is spread over shards: the tasks, a shard that fails, and real steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest
from airflow.sdk.definitions.mappedoperator import MappedOperator
from conftest import DAY, Run
from real import RETUNE, answer, running_store

from retune import Loop, sharded, step
from retune.loops import Resources

TOP = Path(__file__).parents[2]
EXAMPLE = TOP / "examples/credit-default"
RUNTIMES = ["kubernetes", "docker", "process"]
SHARDS = range(3)


@pytest.fixture
def loop_file(tmp_path, monkeypatch):
    """Makes the example's loop the only one, with these further lines."""
    folder = tmp_path / "loops"
    folder.mkdir()
    monkeypatch.setattr(import_module("retune.loops"), "FOLDER", folder)

    def write(lines: str) -> None:
        (folder / "loop.yaml").write_text(f"name: credit-default\n{lines}\n")

    return write


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_mapped_task_comes_before_each_step_that_is_spread(bag, loop_file, runtime):
    loop_file("shards: 3")
    parsed = bag(runtime)
    assert parsed.import_errors == {}
    for dag_id, before, name, after in (
        ("data_pipeline", set(), "generate_data", {"process_data"}),
        (
            "model_evaluation_pipeline",
            {"load_latest_model"},
            "evaluate_model",
            {"check_model_performance", "detect_drift"},
        ),
    ):
        dag = parsed.dags[dag_id]
        shard, together = dag.task_dict[f"{name}_shard"], dag.task_dict[name]
        assert shard.upstream_task_ids == before
        assert shard.downstream_task_ids == {name}
        assert together.upstream_task_ids == {f"{name}_shard"}
        assert together.downstream_task_ids == after
        assert isinstance(shard, MappedOperator)
        assert shard.operator_class is type(together)
        given = shard.expand_input.value["inputs"]
        assert given == [{**together.inputs, "shard": number} for number in SHARDS]
        assert together.inputs["shards"] == 3


def test_a_shards_pod_is_that_of_its_step(monkeypatch):
    monkeypatch.setenv("RETUNE_RUNTIME", "kubernetes")
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", '{"conn_type": "kubernetes"}')
    loop = Loop(name="big", bare_ids=True, shards=3)
    mapped, together = sharded("evaluate_model", loop, model_id="m", data_path="big/2026-11-05")
    shard = mapped.unmap({"inputs": mapped.expand_input.value["inputs"][2]})
    assert shard.inputs["shard"] == 2
    ours, theirs = (task.build_pod_request_obj(dry_run=True).spec for task in (shard, together))
    assert ours.containers[0].image == theirs.containers[0].image == "retune/evaluate-model:0.1.0"
    assert ours.to_dict() == theirs.to_dict()


def test_one_shard_is_the_dag_without_any(bag, loop_file):
    def described():
        # The loop files differ, and so do their hashes.
        return {
            (dag.dag_id, task.task_id): (
                task.upstream_task_ids,
                {**getattr(task, "inputs", {}), "loop_file_hash": None},
            )
            for dag in bag().dags.values()
            for task in dag.tasks
        }

    loop_file("")
    without = described()
    loop_file("shards: 1")
    assert described() == without
    assert not [task for _, task in without if task.endswith("_shard")]


def test_rows_that_are_ingested_are_taken_at_once_and_evaluated_in_shards(bag, loop_file):
    loop_file("shards: 3\ndata: {source: csv, path: '/data/{date}.csv'}")
    dags = bag().dags
    assert set(dags["data_pipeline"].task_dict) == {"ingest", "process_data"}
    assert "evaluate_model_shard" in dags["model_evaluation_pipeline"].task_dict


def test_a_shard_may_have_other_resources_than_what_puts_shards_together(monkeypatch):
    monkeypatch.setenv("RETUNE_RUNTIME", "kubernetes")
    inputs = {"model_id": "m", "data_path": "credit-default/2026-11-05"}
    both = {"evaluate_model": Resources(cpu="2", memory="8Gi")}
    shard = {"evaluate_model_shard": Resources(cpu="1", memory="2Gi")}
    for resources, expected in ((both, ["8Gi", "8Gi"]), (both | shard, ["2Gi", "8Gi"])):
        loop = Loop(name="big", bare_ids=True, shards=3, resources=resources)
        mapped, together = sharded("evaluate_model", loop, **inputs)
        found = [mapped.partial_kwargs["container_resources"], together.container_resources]
        assert [resource.limits["memory"] for resource in found] == expected
    assert sharded("evaluate_model", Loop(name="x", bare_ids=True), **inputs)[0].task_id == (
        step("evaluate_model", Loop(name="x", bare_ids=True), **inputs).task_id
    )


def test_inputs_of_a_shard_are_rendered_and_typed(run, program, loop_file):
    loop_file("shards: 3")
    assert run("data_pipeline", rows=500).state == "success"
    day = {
        "model": "credit-default",
        "logical_date": DAY,
        "rows": 500,
        "drill": "none",
        "drill_strength": 0.5,
        "shards": 3,
    }
    *shards, together = program.inputs("generate_data")
    assert sorted(shards, key=lambda shard: shard["shard"]) == [{**day, "shard": n} for n in SHARDS]
    assert together == day


def test_a_shard_that_fails_once_is_tried_again_alone(run, program, loop_file):
    loop_file("shards: 3")
    program.answer({"generate_data.1": {"_fails": 1}})
    ended = run("data_pipeline")
    assert ended.state == "success"
    tries = {task: ended.tries[task] for task in ended.tries if task.startswith("generate_data")}
    assert tries == {
        "generate_data_shard[0]": 1,
        "generate_data_shard[1]": 2,
        "generate_data_shard[2]": 1,
        "generate_data": 1,
    }
    *shards, together = [given.get("shard") for given in program.inputs("generate_data")]
    assert sorted(shards) == [0, 1, 1, 2]
    assert together is None


def test_a_shard_that_cannot_succeed_stops_the_day_before_the_shards_are_put_together(
    run, program, loop_file, capsys
):
    loop_file("shards: 3")
    error = {"code": 50, "message": "No distribution.", "retryable": False}
    program.answer({"generate_data.2": {"_exit": 50, "error": error}})
    ended = run("data_pipeline")
    assert ended.state == "failed"
    assert ended.tries["generate_data_shard[2]"] == 1
    assert ended.states["generate_data"] == "upstream_failed"
    assert "generate_data_shard failed and will not be retried" in capsys.readouterr().out


@pytest.fixture
def example(tmp_path, monkeypatch):
    """A new store with the example in it, for what is done inside of `with`."""

    @contextmanager
    def fresh(name: str) -> Iterator[str]:
        with running_store(tmp_path / name) as address:
            monkeypatch.setenv("RETUNE_MONGO_URI", address)
            distribution = ("--path", EXAMPLE / "distribution.json")
            answer("register_distribution", "--model", "credit-default", *distribution)
            champion = answer("register_model", "--path", EXAMPLE / "finetuned", "--champion")
            yield str(champion["model_id"])

    return fresh


def test_a_real_day_in_shards_has_the_numbers_of_one_without(
    bag, database, example, loop_file, monkeypatch
):
    day = ("--model", "credit-default", "--logical-date", DAY)
    with example("whole") as model:
        whole = {
            "generate_data": answer("generate_data", *day, "--rows", "3300"),
            "process_data": answer("process_data", *day),
            "evaluate_model": answer(
                "evaluate_model", "--model-id", model, "--data-path", f"credit-default/{DAY}"
            ),
        }
    monkeypatch.setenv("RETUNE_COMMAND", str(RETUNE))
    loop_file("shards: 3\ngate: {metric: f1_macro, threshold: 0.3}")
    with example("spread"):
        dags = bag().dags
        data = Run(dags["data_pipeline"], {"rows": 3_300})
        evaluation = Run(dags["model_evaluation_pipeline"], {})
    assert (data.state, evaluation.state) == ("success", "success")
    spread = data.results | evaluation.results
    whole["evaluate_model"].pop("seconds")
    spread["evaluate_model"].pop("seconds")
    assert {step: spread[step] for step in whole} == whole
    assert [spread[f"generate_data_shard[{n}]"]["rows"] for n in SHARDS] == [1_000, 1_000, 1_300]
    assert [spread[f"evaluate_model_shard[{n}]"]["features"] for n in SHARDS] == ["computed"] * 3
