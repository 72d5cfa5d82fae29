"""The step factory: what a DAG asks for is checked against the catalogue when it is parsed."""

import pytest

from retune import Loop, result, step
from retune.catalogue import Catalogue, CatalogueError

LOOP = Loop(name="credit-default", bare_ids=True)
STEPS = Catalogue.read()


@pytest.fixture(autouse=True)
def process_runtime(monkeypatch):
    monkeypatch.setenv("RETUNE_RUNTIME", "process")


@pytest.mark.parametrize(
    ("name", "inputs", "mistake"),
    [
        ("evaluate_modell", {}, "there is no step 'evaluate_modell'; did you mean evaluate_model?"),
        (
            "load_latest_model",
            {"modell": "x"},
            "load_latest_model has no input 'modell'; did you mean model?",
        ),
        (
            "load_latest_model",
            {"colour": "x"},
            "load_latest_model has no input 'colour'; there are model.",
        ),
        ("load_latest_model", {}, "load_latest_model needs model too."),
        ("serving", {"model": "m"}, "serving runs until it is stopped, so it cannot be a task."),
        ("load_latest_model", {"model": 7}, "load_latest_model: model must be a string, not 7."),
        (
            "check_model_performance",
            {"model_id": "m", "data_path": "d", "threshold": 1.5},
            "check_model_performance: threshold must be from 0 to 1, not 1.5.",
        ),
        (
            "check_model_performance",
            {"model_id": "m", "data_path": "d", "metric": "f2"},
            "must be one of f1_score, f1_macro",
        ),
        (
            "process_data",
            {"model": "m", "logical_date": "5 November"},
            "process_data: logical_date must be a date such as 2026-11-05, not '5 November'.",
        ),
    ],
)
def test_a_wrong_step_or_input_is_a_sentence(name, inputs, mistake):
    with pytest.raises(CatalogueError) as refused:
        step(name, LOOP, **inputs)
    assert mistake in str(refused.value)


def test_a_template_is_checked_when_it_is_known():
    assert (
        step("load_latest_model", LOOP, model="{{ params.model }}").task_id == "load_latest_model"
    )


def test_an_output_that_a_step_does_not_have_is_refused():
    task = step("load_latest_model", LOOP, model="credit-default")
    assert "['model_id']" in result(task, "model_id")
    assert ".get('model_id', '')" in result(task, "model_id", optional=True)
    with pytest.raises(CatalogueError, match="has no output 'modelid'; did you mean model_id"):
        result(task, "modelid")


def test_an_unknown_runtime_is_refused(monkeypatch):
    monkeypatch.setenv("RETUNE_RUNTIME", "cloud")
    with pytest.raises(CatalogueError, match="must be one of kubernetes, docker, process"):
        step("load_latest_model", LOOP, model="credit-default")


@pytest.mark.parametrize(
    ("name", "inputs", "light"),
    [
        ("evaluate_model", {"model_id": "m", "data_path": "d"}, False),
        ("validate_model", {"model_id": "m"}, False),
        ("load_latest_model", {"model": "m"}, True),
    ],
)
def test_where_the_engine_is_pytorch_what_runs_the_model_gets_it(monkeypatch, name, inputs, light):
    loop = Loop(name="foreign", bare_ids=True, engine="pytorch")
    program = step(name, loop, **inputs).program
    assert (program[:2] == ["env", "RETUNE_ENGINE=pytorch"]) is not light

    monkeypatch.setenv("RETUNE_RUNTIME", "docker")
    container = step(name, loop, **inputs)
    suffix = "" if light else "-pytorch"
    assert container.image == f"retune/{name.replace('_', '-')}{suffix}:0.1.0"
    assert ("1g" if light else "4g") in [part[:2] for part in container.limits]
    assert step(name, LOOP, **inputs).image == f"retune/{name.replace('_', '-')}:0.1.0"


@pytest.mark.parametrize(
    ("step_name", "rendered", "typed"),
    [
        (
            "generate_data",
            {"rows": "500", "drill_strength": "0.4"},
            {"rows": 500, "drill_strength": 0.4},
        ),
        ("deploy_model", {"model_id": "20260109_101500"}, {"model_id": "20260109_101500"}),
        ("deploy_model", {"logical_date": "None"}, {}),
        ("finetune_model", {"class_weights": "True"}, {"class_weights": True}),
        ("finetune_model", {"epochs": None}, {}),
        ("rollback", {"to": "", "reason": "None"}, {"reason": "None"}),
        ("learn_distribution", {"exclude": '["ID"]'}, {"exclude": ["ID"]}),
    ],
)
def test_rendered_text_becomes_the_declared_type(step_name, rendered, typed):
    assert STEPS.step(step_name).typed(rendered) == typed


def test_rendered_text_that_does_not_fit_is_a_sentence():
    with pytest.raises(
        CatalogueError, match=r"generate_data: rows must be an integer, not 'many'\."
    ):
        STEPS.step("generate_data").typed({"rows": "many"})
