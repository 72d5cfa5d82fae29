"""Whole runs with a small step program: every way through the three DAGs."""

from datetime import UTC, datetime, timedelta

import pytest
from conftest import DAY, Run

CHAMPION = {
    "load_latest_model": {"model_id": "champion"},
    "send_evaluation_results": {"status": "approved", "message": "It is approved."},
}
FAILS = {
    "check_model_performance": {"needs_retraining": True},
    "look_back": {"passed": False, "asked": False, "fallback": False, "model_id": None},
}
ALERT = {
    "send_evaluation_results": {
        "status": "failed_max_retries",
        "message": "No version reached macro F1 0.66.",
        "retraining_info": {"attempts": 3},
    }
}
SPLIT = {"prepare_retraining_data": {"split_id": "split"}}


# Loops by how an attempt becomes the candidate.
FIRST_PASSING = "first_passing"
BEST_ON_VALIDATION = "best_on_validation"


@pytest.fixture
def evaluate(run, tmp_path):
    """Runs the evaluation of a loop with this selection and a gate of macro F1 0.66."""

    def evaluate(selection, **conf):
        gate = f"{{metric: f1_macro, threshold: 0.66, selection: {selection}}}"
        folder = tmp_path / "loops"
        folder.mkdir()
        (folder / "other.yaml").write_text(f"name: other\ngate: {gate}\n")
        return run("model_evaluation_pipeline.other", folder, **conf)

    return evaluate


def attempts(passes: int | None) -> dict[str, dict[str, object]]:
    answers: dict[str, dict[str, object]] = {}
    for n in (1, 2, 3):
        answers[f"finetune_model.{n}"] = {"model_id": f"candidate {n}"}
        answers[f"evaluate_finetuned_model.{n}"] = {"passed": n == passes, "asked": False}
    return answers


def trained(*lower_bounds: float, passed: bool) -> dict[str, dict[str, object]]:
    answers: dict[str, dict[str, object]] = {"judge_candidate": {"passed": passed, "asked": False}}
    for n, bound in enumerate(lower_bounds, start=1):
        answers[f"finetune_model.{n}"] = {
            "model_id": f"candidate {n}",
            "validation_lower_bound": bound,
        }
    return answers


def chosen(*numbers: int) -> set[str]:
    steps = ("finetune_model", "check_finetuned_model")
    return {f"attempt_{n}.{step}" for n in numbers for step in steps} | JUDGED


def finetuned(*numbers: int) -> set[str]:
    steps = ("finetune_model", "evaluate_finetuned_model", "check_finetuned_model")
    return {f"attempt_{n}.{step}" for n in numbers for step in steps}


HEALTHY = {"check_model_performance": {"needs_retraining": False, "challenger_is_better": False}}
PROVED = {"check_model_performance": {"needs_retraining": False, "challenger_is_better": True}}
BEFORE = {
    "load_latest_model",
    "evaluate_model",
    "detect_drift",
    "estimate_performance",
    "check_model_performance",
    "decide_after_check",
}
JUDGED = {"judge_candidate", "decide_after_judgement"}
PREPARED = {"look_back", "decide_after_look_back", "prepare_retraining_data"}


def test_a_model_that_passes_is_reported_at_once(run, program):
    program.answer(CHAMPION | HEALTHY)
    ended = run("model_evaluation_pipeline")
    assert ended.state == "success"
    assert ended.done == BEFORE | {"send_evaluation_results"}
    assert ended.states["fail_run_after_alert"] == "skipped"


def test_drift_is_told_of_a_day_whose_evaluation_fails(run, program):
    program.answer(CHAMPION | {"evaluate_model": {"_exit": 50}})
    ended = run("model_evaluation_pipeline")
    assert ended.state == "failed"
    assert ended.done == {"load_latest_model", "detect_drift", "estimate_performance"}
    assert program.inputs("detect_drift") == [
        {"model_id": "champion", "data_path": "credit-default/2026-11-05"}
    ]
    [inputs] = program.inputs("estimate_performance")
    assert inputs["metric"] == "f1_macro"
    assert float(inputs["threshold"]) == 0.66


def test_a_day_goes_on_where_drift_cannot_be_told(run, program):
    program.answer(CHAMPION | HEALTHY | {"detect_drift": {"_exit": 50}})
    ended = run("model_evaluation_pipeline")
    assert ended.state == "success"
    assert ended.states["detect_drift"] == "failed"
    assert ended.done == BEFORE - {"detect_drift"} | {"send_evaluation_results"}


@pytest.mark.parametrize(("status", "asks"), [("failed_max_retries", True), ("approved", False)])
def test_a_day_without_help_asks_for_a_retraining_once(run, program, tmp_path, status, asks):
    """A run of the other DAG comes first: only then does Airflow know it."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    name = status.replace("_", "-")
    folder = tmp_path / "loops"
    folder.mkdir()
    (folder / "other.yaml").write_text(f"name: {name}\nretraining: {{triggers: [harm]}}\n")
    program.answer({"check_retraining_trigger": {"should_retrain": False}})
    first = run(f"model_retraining.{name}", folder)
    assert first.states["skip_retraining"] == "success"
    ended = {"status": status, "message": "It has ended.", "revision": 2}
    program.answer(CHAMPION | HEALTHY | {"send_evaluation_results": ended})
    for state in ("success", "skipped") if asks else ("skipped",):
        evaluation = run(f"model_evaluation_pipeline.{name}", folder)
        assert evaluation.states["start_retraining"] == state
    with create_session() as session:
        query = select(DagRun).filter_by(dag_id=f"model_retraining.{name}")
        runs = {started.run_id: started.conf for started in session.scalars(query)}
    del runs[first.id]
    assert runs == ({"harm__2026-11-05__2": {"request": "none"}} if asks else {})


@pytest.mark.parametrize("days", [[], ["2026-11-01", "2026-11-02"]])
def test_days_that_late_labels_complete_have_the_triggers_checked(run, program, tmp_path, days):
    data = "data: {source: csv, path: '/data/{date}.csv', key: id}\n"
    name = f"late-{len(days)}"
    folder = tmp_path / "loops"
    folder.mkdir()
    (folder / "late.yaml").write_text(f"name: {name}\n{data}retraining: {{triggers: [adaptive]}}\n")
    program.answer({"check_retraining_trigger": {"should_retrain": False}})
    run(f"model_retraining.{name}", folder)
    program.answer({"find_matured_days": {"days": days}})
    ended = run(f"label_pipeline.{name}", folder)
    assert ended.state == "success"
    assert ended.states["start_retraining"] == ("success" if days else "skipped")


def test_a_retraining_whose_check_fails_records_no_retraining(run, program):
    program.answer({"check_retraining_trigger": {"_exit": 50}})
    ended = run("model_retraining")
    assert ended.state == "failed"
    assert {t for t, state in ended.states.items() if state != "skipped"} == {
        "check_retraining_trigger",
        "skip_retraining",
    }
    assert ended.states["skip_retraining"] == "upstream_failed"
    assert program.inputs("log_retraining_event") == []


def test_an_earlier_version_that_passes_needs_no_attempt(run, program):
    earlier = {"look_back": {"passed": True, "model_id": "earlier"}}
    program.answer(CHAMPION | FAILS | earlier)
    ended = run("model_evaluation_pipeline")
    assert ended.state == "success"
    assert ended.done == BEFORE | {"look_back", "decide_after_look_back", "send_evaluation_results"}
    assert program.inputs("look_back") == [
        {"model_id": "champion", "data_path": "credit-default/2026-11-05"}
    ]


@pytest.mark.parametrize("passed", [True, False])
def test_a_challenger_that_is_proved_better_is_judged_and_nothing_is_trained(run, program, passed):
    program.answer(CHAMPION | PROVED | {"look_back": {"passed": passed, "model_id": None}})
    ended = run("model_evaluation_pipeline")
    assert ended.state == "success"
    assert ended.done == BEFORE | {"look_back", "decide_after_look_back", "send_evaluation_results"}


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_the_first_attempt_that_passes_is_the_last(evaluate, program, passes):
    program.answer(CHAMPION | FAILS | SPLIT | attempts(passes))
    ended = evaluate(FIRST_PASSING)
    tried = range(1, passes + 1)
    assert ended.state == "success"
    assert ended.done == BEFORE | PREPARED | finetuned(*tried) | {"send_evaluation_results"}
    assert [given["attempt"] for given in program.inputs("finetune_model")] == [*tried]
    assert {given["model_id"] for given in program.inputs("finetune_model")} == {"champion"}


def test_an_attempt_without_a_candidate_is_followed_by_the_next(evaluate, program):
    none = {"finetune_model.1": {"reason": "It registers no candidate."}}
    program.answer(CHAMPION | FAILS | SPLIT | attempts(2) | none)
    ended = evaluate(FIRST_PASSING)
    assert ended.state == "success"
    assert ended.done == BEFORE | PREPARED | finetuned(1, 2) | {"send_evaluation_results"}
    first, second = program.inputs("evaluate_finetuned_model")
    assert "model_id" not in first
    assert second["model_id"] == "candidate 2"


def test_where_no_attempt_has_a_candidate_people_are_told(evaluate, program):
    none = {f"finetune_model.{n}": {"reason": "It registers no candidate."} for n in (1, 2, 3)}
    judged = {"judge_candidate": {"passed": False, "asked": False}}
    program.answer(CHAMPION | FAILS | SPLIT | none | judged | ALERT)
    ended = evaluate(BEST_ON_VALIDATION)
    assert ended.state == "failed"
    assert ended.done == BEFORE | PREPARED | chosen(1, 2, 3) | {
        "send_alert",
        "send_evaluation_results",
    }


@pytest.mark.parametrize(
    ("lower_bounds", "tried"), [((0.66,), 1), ((0.5, 0.7), 2), ((0.5, 0.6, 0.55), 3)]
)
def test_attempts_go_on_until_one_reaches_the_gate_on_validation_rows(
    evaluate, program, lower_bounds, tried
):
    program.answer(CHAMPION | FAILS | SPLIT | trained(*lower_bounds, passed=True))
    ended = evaluate(BEST_ON_VALIDATION)
    assert ended.state == "success"
    assert ended.done == BEFORE | PREPARED | chosen(*range(1, tried + 1)) | {
        "send_evaluation_results"
    }
    assert program.inputs("evaluate_finetuned_model") == []
    assert program.inputs("judge_candidate") == [
        {"champion_id": "champion", "split_id": "split", "data_path": "other/2026-11-05"}
    ]


def test_the_best_attempt_that_fails_on_the_hold_out_ends_in_an_alert(evaluate, program):
    program.answer(CHAMPION | FAILS | SPLIT | trained(0.5, 0.7, passed=False) | ALERT)
    ended = evaluate(BEST_ON_VALIDATION)
    assert ended.state == "failed"
    assert ended.done == BEFORE | PREPARED | chosen(1, 2) | {
        "send_alert",
        "send_evaluation_results",
    }


def test_after_three_attempts_people_are_told_and_the_run_is_red(evaluate, program, capfd):
    program.answer(CHAMPION | FAILS | SPLIT | attempts(None) | ALERT)
    ended = evaluate(FIRST_PASSING)
    assert ended.state == "failed"
    assert ended.done == BEFORE | PREPARED | finetuned(1, 2, 3) | {
        "send_alert",
        "send_evaluation_results",
    }
    failed = {task: tries for task, tries in ended.tries.items() if ended.states[task] == "failed"}
    assert failed == {"fail_run_after_alert": 1}
    assert ALERT["send_evaluation_results"]["message"] in capfd.readouterr().out
    (event,) = ended.events()
    assert (event.partition_key, event.extra["status"]) == ("2026-11-05", "failed_max_retries")


@pytest.mark.parametrize(
    ("judged", "found"),
    [
        ("evaluate_finetuned_model.1", "asked"),
        ("evaluate_finetuned_model.1", "fallback"),
        ("look_back", "asked"),
        ("look_back", "fallback"),
    ],
)
def test_a_person_or_a_version_below_the_gate_follows_instead_of_an_alert(
    evaluate, program, judged, found
):
    answers = CHAMPION | FAILS | SPLIT | attempts(passes=None)
    program.answer(answers | {judged: answers[judged] | {found: True}})
    ended = evaluate(FIRST_PASSING)
    assert ended.done == BEFORE | PREPARED | finetuned(1, 2, 3) | {"send_evaluation_results"}
    assert ended.state == "success"


@pytest.mark.parametrize(
    ("judged", "found"),
    [("judge_candidate", "asked"), ("look_back", "asked"), ("look_back", "fallback")],
)
def test_a_person_or_a_challenger_follows_the_best_attempt_that_fails(
    evaluate, program, judged, found
):
    answers = CHAMPION | FAILS | SPLIT | trained(0.7, passed=False)
    program.answer(answers | {judged: answers[judged] | {found: True}})
    ended = evaluate(BEST_ON_VALIDATION)
    assert ended.done == BEFORE | PREPARED | chosen(1) | {"send_evaluation_results"}
    assert ended.state == "success"


def test_a_day_that_ended_in_an_alert_is_red_when_it_runs_again(run, program):
    program.answer(CHAMPION | HEALTHY | ALERT)
    ended = run("model_evaluation_pipeline")
    assert ended.state == "failed"
    assert ended.states["fail_run_after_alert"] == "failed"
    assert program.inputs("send_alert") == []


@pytest.mark.parametrize("selection", [FIRST_PASSING, BEST_ON_VALIDATION])
def test_fewer_attempts_can_be_asked_for(evaluate, program, selection):
    published = selection == FIRST_PASSING
    answers = attempts(None) if published else trained(0.7, passed=False)
    program.answer(CHAMPION | FAILS | SPLIT | answers | ALERT)
    ended = evaluate(selection, max_attempts=1, threshold=0.9)
    assert ended.done == BEFORE | PREPARED | (finetuned(1) if published else chosen(1)) | {
        "send_alert",
        "send_evaluation_results",
    }
    (gate,) = program.inputs("check_model_performance")
    assert (gate["metric"], gate["threshold"], gate["max_attempts"]) == ("f1_macro", 0.9, 1)
    assert program.inputs("send_alert") == [{"model": "other", "logical_date": "2026-11-05"}]


def test_inputs_arrive_with_the_types_that_the_steps_declare(run, program):
    run("data_pipeline", rows=500, drill="label_noise", drill_strength=1)
    assert program.inputs("generate_data") == [
        {
            "model": "credit-default",
            "logical_date": "2026-11-05",
            "rows": 500,
            "drill": "label_noise",
            "drill_strength": 1.0,
        }
    ]
    assert program.inputs("process_data") == [
        {"model": "credit-default", "logical_date": "2026-11-05"}
    ]


def test_an_asset_event_has_the_day_and_the_outcome(run, program):
    program.answer({"process_data": {"rows_out": 480, "rejected": {}}})
    (event,) = run("data_pipeline").events()
    assert event.partition_key == "2026-11-05"
    assert event.extra == {
        "model": "credit-default",
        "logical_date": "2026-11-05",
        "rows_out": 480,
    }


def test_a_task_shows_the_command_of_its_run(run, program):
    ended = run("data_pipeline", rows=500, drill="label_noise")
    assert ended.rendered("generate_data")["command"] == (
        "./retune generate_data --model credit-default --logical-date 2026-11-05 --rows 500"
        " --drill label_noise --drill-strength 0.5"
    )


@pytest.mark.parametrize("pipeline", ["data_pipeline", "model_deployment_pipeline"])
def test_the_day_is_a_field_of_the_form(run, program, monkeypatch, pipeline):
    monkeypatch.setattr(Run, "partition_key", None)
    program.answer({"wait_for_model_ready": {"ready": False}})
    ended = run(pipeline, date="2026-10-31")
    assert ended.state == "success"
    assert {call["input"]["logical_date"] for call in program.calls} == {"2026-10-31"}
    assert [event.partition_key for event in ended.events()] == (
        ["2026-10-31"] if pipeline == "data_pipeline" else []
    )


def test_without_a_day_a_run_works_on_yesterday(run, program, monkeypatch):
    monkeypatch.setattr(Run, "partition_key", None)
    before = datetime.now(UTC)
    run("data_pipeline")
    days = {f"{time - timedelta(days=1):%Y-%m-%d}" for time in (before, datetime.now(UTC))}
    assert {call["input"]["logical_date"] for call in program.calls} <= days


def test_a_partition_key_takes_precedence_over_the_field(run, program):
    run("data_pipeline", date="2026-10-31")
    assert {call["input"]["logical_date"] for call in program.calls} == {"2026-11-05"}


DEPLOYED = {
    "wait_for_model_ready": {"ready": True, "model_id": "20260109_101500"},
    "validate_model": {"model_id": "20260109_101500"},
    "deploy_model": {"model_id": "20260109_101500"},
}


def test_an_approved_version_is_validated_deployed_verified_and_announced(run, program):
    program.answer(DEPLOYED | {"verify_deployment": {"model_id": "20260109_101500"}})
    ended = run("model_deployment_pipeline")
    assert ended.state == "success"
    assert ended.states["nothing_to_deploy"] == "skipped"
    assert program.inputs("deploy_model") == [
        {
            "model": "credit-default",
            "model_id": "20260109_101500",
            "logical_date": "2026-11-05",
        }
    ]
    verified = {"model": "credit-default", "model_id": "20260109_101500"}
    assert program.inputs("verify_deployment") == [verified]
    assert program.inputs("notify_deployment_complete") == [verified]


def test_a_version_that_fails_its_verification_is_not_announced_as_deployed(run, program):
    error = {"code": 50, "message": "It is rolled back.", "retryable": False}
    program.answer(DEPLOYED | {"verify_deployment": {"_exit": 50, "error": error}})
    ended = run("model_deployment_pipeline")
    assert ended.state == "failed"
    assert (ended.states["verify_deployment"], ended.tries["verify_deployment"]) == ("failed", 1)
    assert program.inputs("notify_deployment_complete") == []


def test_a_rollback_takes_versions_reason_and_person_of_the_form(run, program):
    program.answer({"rollback": {"model_id": "earlier"}})
    ended = run("model_rollback", version="earlier", replaces="later", reason="too slow", by="anna")
    assert ended.state == "success"
    assert program.inputs("rollback") == [
        {
            "model": "credit-default",
            "to": "earlier",
            "replaces": "later",
            "reason": "too slow",
            "by": "anna",
        }
    ]
    assert program.inputs("verify_deployment") == [
        {"model": "credit-default", "model_id": "earlier"}
    ]


def test_a_rollback_with_an_empty_form_goes_to_the_version_before(run, program):
    program.answer({"rollback": {"model_id": "earlier"}})
    run("model_rollback")
    assert program.inputs("rollback") == [{"model": "credit-default"}]
    assert program.calls[0]["environment"]["RETUNE_STARTED_BY"] == "dag_test"


def test_where_nothing_was_approved_the_deployment_is_skipped(run, program):
    program.answer({"wait_for_model_ready": {"ready": False, "reason": "nothing approved"}})
    ended = run("model_deployment_pipeline")
    assert ended.state == "success"
    assert ended.done == {"wait_for_model_ready", "decide_after_wait", "nothing_to_deploy"}


def test_a_failed_step_fails_the_run_and_leaves_its_error(run, program):
    error = {"code": 50, "message": "There is no model.", "retryable": False}
    program.answer({"load_latest_model": {"_exit": 50, "error": error}})
    ended = run("model_evaluation_pipeline")
    assert ended.state == "failed"
    assert ended.states["send_evaluation_results"] == "upstream_failed"
    assert ended.results["load_latest_model"] == {"error": error}


KEYED = "name: late\ndata: {source: csv, path: '/data/{date}.csv', key: id}\n"


@pytest.fixture
def take_labels(run, tmp_path):
    """Runs the DAG of late labels of a loop whose rows have keys."""

    def take_labels(**conf):
        folder = tmp_path / "loops"
        folder.mkdir()
        (folder / "late.yaml").write_text(KEYED)
        return run("label_pipeline.late", folder, **conf)

    return take_labels


def test_labels_that_come_later_start_the_evaluation_of_the_days_they_complete(
    take_labels, program
):
    days = ["2026-10-20", "2026-10-22"]
    program.answer({"find_matured_days": {"days": days}})
    ended = take_labels(labels="/labels.csv")
    assert ended.state == "success"
    assert program.inputs("ingest_labels") == [
        {"model": "late", "data": "/labels.csv", "logical_date": DAY}
    ]
    processed = sorted(call["logical_date"] for call in program.inputs("process_data"))
    assert processed == days, "in any order"
    assert sorted((event.source_task_id, event.partition_key) for event in ended.events()) == [
        ("ingest_labels", DAY),
        *(("process_data", day) for day in days),
    ]


def test_days_are_looked_for_without_new_labels_and_nothing_follows_where_none_is_found(
    take_labels, program
):
    program.answer({"find_matured_days": {"days": []}})
    ended = take_labels()
    assert ended.state == "success"
    assert [call["step"] for call in program.calls] == ["find_matured_days"]
    assert ended.states["ingest_labels"] == ended.states["process_data"] == "skipped"
    assert ended.events() == []


@pytest.mark.parametrize("decision", ["promote", "keep", "abort"])
def test_only_a_challenger_that_is_proved_better_is_promoted_and_deployed(run, program, decision):
    found = {"model_id": "second", "decision": decision, "message": "It is better."}
    promotion = "promotion-3-second"
    program.answer({"weigh_challenger": found, "promote_challenger": {"promotion_id": promotion}})
    ended = run("challenger_pipeline")
    assert ended.state == "success"
    [weighed] = program.inputs("weigh_challenger")
    assert (weighed["model"], weighed["logical_date"]) == ("credit-default", DAY)
    promoted = program.inputs("promote_challenger")
    events = [(event.source_task_id, event.partition_key) for event in ended.events()]
    if decision == "promote":
        by = {"reason": "It is better.", "by": "weigh_challenger"}
        assert promoted == [{"model": "credit-default", "model_id": "second", **by}]
        assert events == [("promote_challenger", promotion)]
    else:
        assert (promoted, events) == ([], [])
