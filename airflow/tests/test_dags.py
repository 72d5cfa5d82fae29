"""The DAGs as Airflow parses them: ids, ways, schedules, forms and pages."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import TimeRestriction

from retune.loops import LoopFileError, read

PIPELINES = {
    "data_pipeline",
    "model_evaluation_pipeline",
    "model_deployment_pipeline",
    "model_rollback",
    "model_approval",
    "model_retraining",
    "challenger_pipeline",
}
STAGES = {
    "data_pipeline": "data",
    "model_evaluation_pipeline": "evaluation",
    "model_deployment_pipeline": "deployment",
    "model_rollback": "deployment",
    "model_approval": "deployment",
    "model_retraining": "retraining",
    "challenger_pipeline": "evaluation",
}
RUNTIMES = ["kubernetes", "docker", "process"]


def edges(dag):
    return {(task.task_id, after) for task in dag.tasks for after in task.downstream_task_ids}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_file_imports_and_gives_its_dag(bag, runtime):
    parsed = bag(runtime)
    assert parsed.import_errors == {}
    assert set(parsed.dags) == PIPELINES


def test_the_graph_is_the_same_in_every_runtime(bag):
    here, *others = [bag(runtime).dags for runtime in RUNTIMES]
    for there in others:
        assert {name: edges(dag) for name, dag in here.items()} == {
            name: edges(dag) for name, dag in there.items()
        }


def test_data_is_generated_then_processed(bag):
    assert edges(bag().dags["data_pipeline"]) == {("generate_data", "process_data")}


@pytest.mark.parametrize(
    ("data", "inputs"),
    [
        ("{source: csv, path: '/data/{date}.csv'}", {"data": "/data/{date}.csv"}),
        (
            "{source: csv, path: '/data/{date}.csv', key: id}",
            {"data": "/data/{date}.csv", "key": "id"},
        ),
        (
            '{source: mongo, collection: sales, filter: \'{"day": "{date}"}\'}',
            {"collection": "sales", "filter": '{"day": "{date}"}'},
        ),
    ],
)
def test_real_rows_are_ingested_instead(bag, tmp_path, data, inputs):
    (tmp_path / "real.yaml").write_text(f"name: real\ndata: {data}\n")
    dag = bag("process", tmp_path).dags["data_pipeline.real"]
    assert edges(dag) == {("ingest", "process_data")}
    assert dag.task_dict["ingest"].inputs.items() >= inputs.items()
    assert list(dag.params) == ["date"], "a form for rows that nobody draws"


@pytest.mark.parametrize(
    ("data", "inputs"),
    [
        ("{source: queries}", {"key": "query_id"}),
        ("{source: queries, key: asked, own_labels: 0.9}", {"key": "asked", "own_labels": 0.9}),
    ],
)
def test_queries_are_collected_instead_and_their_labels_follow(bag, tmp_path, data, inputs):
    (tmp_path / "asked.yaml").write_text(
        f"name: asked\ndata: {data}\nlabels: {{mature_share: 0.1}}\n"
    )
    parsed = bag("process", tmp_path)
    assert parsed.import_errors == {}
    dag = parsed.dags["data_pipeline.asked"]
    assert edges(dag) == {("collect_queries", "process_data")}
    given = dag.task_dict["collect_queries"].inputs
    assert given.items() >= inputs.items()
    assert given.keys() == {"model", "logical_date", *inputs}
    assert list(dag.params) == ["date"]
    evaluate_model = parsed.dags["model_evaluation_pipeline.asked"].task_dict["evaluate_model"]
    assert evaluate_model.inputs["mature_share"] == 0.1
    labels = parsed.dags["label_pipeline.asked"]
    assert "find_matured_days" in labels.task_dict
    assert labels.params["labels"] == "feedback"


KEYED = "{source: csv, path: '/data/{date}.csv', key: id}"


def test_labels_that_come_later_are_taken_and_days_they_complete_judged(bag, tmp_path):
    (tmp_path / "late.yaml").write_text(
        f"name: late\nschedule: '30 4 * * *'\ndata: {KEYED}\n"
        "labels: {path: '/labels/{date}.csv', mature_share: 0.9, mature_days: 30}\n"
    )
    dags = bag("process", tmp_path).dags
    dag, evaluation = dags["label_pipeline.late"], dags["model_evaluation_pipeline.late"]
    assert edges(dag) == {
        ("decide_what_to_take", "ingest_labels"),
        ("decide_what_to_take", "find_matured_days"),
        ("ingest_labels", "find_matured_days"),
        ("find_matured_days", "choose_days"),
        ("choose_days", "process_data"),
    }
    maturity = {"mature_share": 0.9, "mature_days": 30}
    assert dag.task_dict["find_matured_days"].inputs.items() >= maturity.items()
    assert evaluation.task_dict["evaluate_model"].inputs.items() >= maturity.items()
    assert dag.params["labels"] == "/labels/{date}.csv"
    process_data = dag.task_dict["process_data"]
    assert isinstance(process_data, MappedOperator)
    assert process_data.partial_kwargs["outlets"] == [evaluation.timetable.asset_condition]
    assert [asset.uri for asset in dag.task_dict["ingest_labels"].outlets] == [
        "retune://labels/late"
    ]
    assert dag.timetable == dags["data_pipeline.late"].timetable


def test_a_loop_whose_rows_have_no_key_has_nothing_of_late_labels(bag):
    dags = bag().dags
    assert "label_pipeline" not in dags
    inputs = dags["model_evaluation_pipeline"].task_dict["evaluate_model"].inputs
    assert set(inputs) == {"model_id", "data_path"}


@pytest.mark.parametrize("source", ["queries", "synthetic"])
def test_a_challenger_is_weighed_by_the_loops_rules_and_a_better_one_promoted(
    bag, tmp_path, source
):
    (tmp_path / "asked.yaml").write_text(
        f"name: asked\nschedule: '30 4 * * *'\ndata: {{source: {source}}}\n"
        "gate: {metric: roc_auc}\nlabels: {mature_share: 0.1, mature_days: 3}\n"
    )
    dags = bag("process", tmp_path).dags
    dag = dags["challenger_pipeline.asked"]
    assert edges(dag) == {
        ("weigh_challenger", "decide_after_weighing"),
        ("decide_after_weighing", "promote_challenger"),
        ("decide_after_weighing", "nothing_to_promote"),
    }
    rules = {"metric": "roc_auc", "mature_share": 0.1, "mature_days": 3}
    assert dag.task_dict["weigh_challenger"].inputs.items() >= rules.items()
    evaluate_model = dags["model_evaluation_pipeline.asked"].task_dict["evaluate_model"]
    assert ("mature_days" in evaluate_model.inputs) == (source == "queries"), "rows with keys"
    deployment = dags["model_deployment_pipeline.asked"].timetable.asset_condition
    assert dag.task_dict["promote_challenger"].outlets == [deployment]
    assert dag.timetable == dags["data_pipeline.asked"].timetable
    assert dag.is_paused_upon_creation, "only a loop with a challenger needs it"


EVALUATION = {
    ("load_latest_model", "evaluate_model"),
    ("evaluate_model", "check_model_performance"),
    ("evaluate_model", "detect_drift"),
    ("detect_drift", "estimate_performance"),
    ("check_model_performance", "decide_after_check"),
    ("decide_after_check", "send_evaluation_results"),
    ("decide_after_check", "look_back"),
    ("look_back", "decide_after_look_back"),
    ("decide_after_look_back", "send_evaluation_results"),
    ("decide_after_look_back", "prepare_retraining_data"),
    ("prepare_retraining_data", "attempt_1.finetune_model"),
    ("attempt_1.check_finetuned_model", "attempt_2.finetune_model"),
    ("attempt_2.check_finetuned_model", "attempt_3.finetune_model"),
    ("send_alert", "send_evaluation_results"),
    ("send_evaluation_results", "fail_run_after_alert"),
}
JOINED = ("send_alert", "send_evaluation_results")


def evaluation(bag, tmp_path, selection):
    """The evaluation of a loop with this selection."""
    (tmp_path / "other.yaml").write_text(f"name: other\ngate: {{selection: {selection}}}\n")
    return bag("process", tmp_path).dags["model_evaluation_pipeline.other"]


def test_attempts_are_unrolled_and_each_way_ends_in_the_results(bag, tmp_path):
    dag = evaluation(bag, tmp_path, "first_passing")
    expected = set(EVALUATION)
    for attempt in ("attempt_1", "attempt_2", "attempt_3"):
        finetune, evaluate, check = (
            f"{attempt}.{step}"
            for step in ("finetune_model", "evaluate_finetuned_model", "check_finetuned_model")
        )
        expected |= {(finetune, evaluate), (evaluate, check)}
        expected |= {(check, joined) for joined in JOINED}
    assert edges(dag) == expected
    for joined in JOINED:
        assert dag.task_dict[joined].trigger_rule == "none_failed_min_one_success"


def test_each_attempt_of_the_loop_file_is_a_group_that_shows_its_strategy(bag, tmp_path):
    (tmp_path / "other.yaml").write_text("name: other\nattempts: [full, head]\n")
    dag = bag("process", tmp_path).dags["model_evaluation_pipeline.other"]
    groups = dag.task_group.get_task_group_dict()
    names = {
        group.group_id: group.group_display_name for group in groups.values() if group.group_id
    }
    assert names == {"attempt_1": "attempt 1: full", "attempt_2": "attempt 2: head"}
    for attempt, strategy in ((1, "full"), (2, "head")):
        inputs = dag.task_dict[f"attempt_{attempt}.finetune_model"].inputs
        assert (inputs["attempt"], inputs["strategy"]) == (attempt, strategy)
    most = dag.params.get_param("max_attempts")
    assert (most.value, most.schema["maximum"]) == (2, 2)


def test_the_best_attempt_on_validation_rows_is_judged_once(bag, tmp_path):
    dag = evaluation(bag, tmp_path, "best_on_validation")
    expected = EVALUATION | {("judge_candidate", "decide_after_judgement")}
    expected |= {("decide_after_judgement", joined) for joined in JOINED}
    for attempt in ("attempt_1", "attempt_2", "attempt_3"):
        check = f"{attempt}.check_finetuned_model"
        expected |= {(f"{attempt}.finetune_model", check), (check, "judge_candidate")}
    assert edges(dag) == expected
    for joined in ("judge_candidate", *JOINED):
        assert dag.task_dict[joined].trigger_rule == "none_failed_min_one_success"


def test_a_version_is_waited_for_validated_deployed_verified_and_announced(bag):
    assert edges(bag().dags["model_deployment_pipeline"]) == {
        ("wait_for_model_ready", "decide_after_wait"),
        ("decide_after_wait", "validate_model"),
        ("decide_after_wait", "nothing_to_deploy"),
        ("validate_model", "deploy_model"),
        ("deploy_model", "verify_deployment"),
        ("verify_deployment", "notify_deployment_complete"),
    }


def test_a_rollback_is_started_by_hand_alone_and_verified(bag):
    dag = bag().dags["model_rollback"]
    assert edges(dag) == {("rollback", "verify_deployment")}
    assert dag.timetable.can_be_scheduled is False
    for name in ("version", "replaces", "reason"):
        field = dag.params.get_param(name)
        assert (field.value, field.schema["type"]) == (None, ["null", "string"])


def test_a_retraining_goes_from_its_reason_to_a_version_or_not_and_is_logged(bag):
    dag = bag().dags["model_retraining"]
    assert edges(dag) == {
        ("check_retraining_trigger", "decide_after_check"),
        ("check_retraining_trigger", "skip_retraining"),
        ("decide_after_check", "skip_retraining"),
        ("decide_after_check", "prepare_training_data"),
        ("prepare_training_data", "filter_training_data"),
        ("filter_training_data", "train_model"),
        ("train_model", "compare_models"),
        ("compare_models", "decide_after_comparison"),
        ("decide_after_comparison", "promote_model"),
        ("decide_after_comparison", "keep_model"),
        ("promote_model", "log_retraining_event"),
        ("keep_model", "log_retraining_event"),
        ("prepare_training_data", "log_retraining_failure"),
        ("promote_model", "log_retraining_failure"),
        ("keep_model", "log_retraining_failure"),
    }
    deployment = bag().dags["model_deployment_pipeline"].timetable.asset_condition
    assert dag.task_dict["promote_model"].outlets == [deployment], "it starts the deployment"
    assert dag.timetable.can_be_scheduled is False, "no trigger is on"


def test_the_triggers_of_the_loop_file_say_when_a_retraining_is_considered(bag, tmp_path):
    times = {
        "[weekly]": {"2026-11-29T03:00"},
        "[monthly, weekly]": {"2026-11-29T03:00", "2026-12-01T02:00"},
        "[harm]": {"2026-11-27T18:00"},
    }
    for triggers, expected in times.items():
        (tmp_path / "other.yaml").write_text(f"name: other\nretraining: {{triggers: {triggers}}}\n")
        dag = bag("process", tmp_path).dags["model_retraining.other"]
        timetable = coerce_to_core_timetable(dag.timetable)
        found, last = set(), datetime(2026, 11, 27, 13, tzinfo=UTC)
        for _ in expected:
            last = timetable.next_dagrun_info_v2(
                last_dagrun_info=None,
                restriction=TimeRestriction(last + timedelta(seconds=1), None, catchup=True),
            ).run_after
            found.add(f"{last:%Y-%m-%dT%H:%M}")
        assert found == expected, triggers


def test_a_question_is_read_put_to_a_person_and_answered(bag):
    dag = bag().dags["model_approval"]
    assert edges(dag) == {
        ("read_approval_request", "ask_person"),
        ("ask_person", "approve"),
        ("ask_person", "reject"),
    }
    assert dag.timetable.can_be_scheduled is False
    assert (
        dag.task_dict["approve"].outlets
        == bag().dags["model_evaluation_pipeline"].task_dict["send_evaluation_results"].outlets
    ), "an approval starts the deployment"
    assert dag.task_dict["reject"].outlets == []


@pytest.mark.parametrize(
    ("gate", "asks"),
    [
        ("{}", False),
        ("{below_gate: promote_if_superior, on_conflict: hold}", False),
        ("{below_gate: ask}", True),
        ("{on_conflict: ask}", True),
    ],
)
def test_only_a_loop_that_asks_has_a_task_for_it(bag, tmp_path, gate, asks):
    (tmp_path / "other.yaml").write_text(f"name: other\ngate: {gate}\n")
    dag = bag("process", tmp_path).dags["model_evaluation_pipeline.other"]
    assert (("send_evaluation_results", "ask_person") in edges(dag)) is asks
    if asks:
        assert dag.task_dict["ask_person"].trigger_dag_id == "model_approval.other"
        assert dag.task_dict["ask_person"].wait_for_completion is False


@pytest.mark.parametrize(("triggers", "starts"), [("[]", False), ("[weekly, harm]", True)])
def test_only_harm_that_the_loop_names_starts_a_retraining(bag, tmp_path, triggers, starts):
    (tmp_path / "other.yaml").write_text(f"name: other\nretraining: {{triggers: {triggers}}}\n")
    dag = bag("process", tmp_path).dags["model_evaluation_pipeline.other"]
    assert (("send_evaluation_results", "start_retraining") in edges(dag)) is starts
    if starts:
        assert dag.task_dict["start_retraining"].trigger_dag_id == "model_retraining.other"
        assert dag.task_dict["start_retraining"].wait_for_completion is False


@pytest.mark.parametrize(("triggers", "starts"), [("[harm]", False), ("[adaptive]", True)])
def test_late_labels_start_a_retraining_where_their_number_is_a_trigger(
    bag, tmp_path, triggers, starts
):
    data = "data: {source: csv, path: '/data/{date}.csv', key: id}\n"
    (tmp_path / "late.yaml").write_text(f"name: late\n{data}retraining: {{triggers: {triggers}}}\n")
    dag = bag("process", tmp_path).dags["label_pipeline.late"]
    assert (("process_data", "start_retraining") in edges(dag)) is starts


def test_each_pipeline_starts_the_next_for_the_same_day(bag):
    dags = bag().dags
    data, evaluation, deployment = (
        dags[name]
        for name in ("data_pipeline", "model_evaluation_pipeline", "model_deployment_pipeline")
    )
    assert data.task_dict["process_data"].outlets == [evaluation.timetable.asset_condition]
    assert evaluation.task_dict["send_evaluation_results"].outlets == [
        deployment.timetable.asset_condition
    ]


def test_a_scheduled_run_works_on_the_day_that_has_just_ended(bag):
    timetable = coerce_to_core_timetable(bag().dags["data_pipeline"].timetable)
    soon = timetable.next_dagrun_info_v2(
        last_dagrun_info=None, restriction=TimeRestriction(None, None, catchup=False)
    )
    assert soon.run_after > datetime.now(UTC), "unpausing must not start a run"
    assert soon.run_after.time() == datetime(2026, 1, 1, 1, tzinfo=UTC).time()
    assert soon.partition_key == f"{soon.run_after - timedelta(days=1):%Y-%m-%d}"


def test_steps_are_retried_with_growing_delays_and_end_in_bounded_time(bag):
    for dag in bag().dags.values():
        assert dag.catchup is False
        # A question that waits must not hold up the next one, nor a retraining the next decision.
        several = dag.dag_id.startswith(("model_approval", "model_retraining"))
        assert (dag.max_active_runs == 1) is not several
        for task in dag.tasks:
            if hasattr(task, "step"):
                assert task.retries == 3
                assert task.retry_exponential_backoff > 1
                assert task.execution_timeout >= timedelta(hours=1)


def test_every_dag_and_task_has_its_page(bag):
    for dag in bag().dags.values():
        assert dag.doc_md
        assert dag.description
        assert dag.tags == {"retune", "credit-default", STAGES[dag.dag_id]}
        assert dag.owner == "retune"
        for task in dag.tasks:
            assert task.doc_md, task.task_id
    page = bag().dags["data_pipeline"].task_dict["generate_data"].doc_md
    assert "| `drill` | from the run |" in page


def test_the_trigger_form_has_the_loop_files_values_and_the_steps_ranges(bag):
    data, evaluation = (bag().dags[n] for n in ("data_pipeline", "model_evaluation_pipeline"))
    drill = data.params.get_param("drill")
    assert (drill.value, drill.schema["enum"][0]) == ("none", "none")
    day = data.params.get_param("date")
    assert (day.value, day.schema["format"]) == (None, "date")
    assert set(drill.schema["values_display"]) == set(drill.schema["enum"])
    threshold = evaluation.params.get_param("threshold")
    assert (threshold.schema["minimum"], threshold.schema["maximum"]) == (0, 1)
    for dag in (data, evaluation):
        for name in dag.params:
            assert dag.params.get_param(name).schema["title"]
            assert dag.params.get_param(name).description


def test_a_second_loop_file_gives_a_second_set_of_dags(bag, tmp_path):
    (tmp_path / "fraud.yaml").write_text(
        "name: fraud\nowner: risk team\ngate: {metric: roc_auc, threshold: 0.8}\n"
    )
    parsed = bag("process", tmp_path)
    assert parsed.import_errors == {}
    assert set(parsed.dags) == PIPELINES | {f"{name}.fraud" for name in PIPELINES}
    fraud = parsed.dags["model_evaluation_pipeline.fraud"]
    assert (fraud.params["metric"], fraud.params["threshold"]) == ("roc_auc", 0.8)
    assert fraud.owner == "risk team"
    own = parsed.dags["data_pipeline.fraud"].task_dict["process_data"].outlets
    assert own == [fraud.timetable.asset_condition]


def test_a_wrong_loop_file_is_one_import_error_and_leaves_the_others_running(bag, tmp_path):
    (tmp_path / "fraud.yaml").write_text("name: fraud\ngate: {treshold: 0.8}\n")
    parsed = bag("process", tmp_path)
    assert set(parsed.dags) == PIPELINES
    (error,) = parsed.import_errors.values()
    assert "fraud.yaml: gate.treshold is not a setting; did you mean threshold?" in error


def test_files_that_are_no_loop_files_leave_the_others_running(bag, tmp_path):
    """Each of these once took all DAGs down."""
    for file in (Path(__file__).with_name("loop-files") / "refused").glob("*.yaml"):
        shutil.copy(file, tmp_path)
    (tmp_path / "name-is-a-list.yaml").write_text("name: [x]\n")
    (tmp_path / "name-is-a-mapping.yaml").write_text("name: {a: b}\n")
    (tmp_path / "date.yaml").write_text("name: 2026-99-99\nschedule: 2026-99-99\n")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "gone")
    (tmp_path / "fraud.yaml").write_text("name: fraud\n")
    parsed = bag("process", tmp_path, tmp_path / "no-folder")
    assert set(parsed.dags) == PIPELINES | {f"{name}.fraud" for name in PIPELINES}
    ((file, error),) = parsed.import_errors.items()
    assert file.endswith("loop_files.py")
    for broken in {path.name for path in tmp_path.iterdir()} - {"fraud.yaml"}:
        assert broken in error
    assert "RETUNE_LOOPS names" in error


def test_the_examples_loop_file_is_right():
    files = read()
    assert files.mistakes == ()
    assert [loop.name for loop in files.loops] == ["credit-default"]
    assert issubclass(LoopFileError, ValueError)
