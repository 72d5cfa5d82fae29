"""## Is the model in production still good enough?

Evaluates the model in production on the day's batch and judges it against the gate. A model that
passes is approved. Its challengers, candidates that an earlier day left undecided, are measured on
the same rows; where the evidence over days proves one of them better, `look_back` judges it, and it
is promoted if it passes, too. If it is below the gate, `gate.below_gate` decides as it does about
candidates; where the model in production falls short, attempts come first.

Where the model falls short and the evidence does not decide yet (`gate.evidence: interval`), the
day ends as `undecided` and nothing is trained. Where it does decide, `look_back` judges the
versions that were approved earlier; if one passes, it comes back without any training. Otherwise
the model is fine-tuned by the strategies of the loop file's `attempts`, one after the other, and
judged on the hold-out: rows that no training has seen. The loop file's `gate.selection` says which
attempt that is:

- `first_passing` judges each attempt; the first that passes is approved.
- `best_on_validation` tries until an attempt reaches the gate on the validation rows, by its lower
  confidence bound; then `judge_candidate` judges the best of them, and no other.

An attempt that finds nothing better than the model in production on the validation rows has no
candidate: nothing is judged, and the next attempt begins.

If no version passes, `send_alert` tells people and the model in production stays. Where the loop
file asks a person about such a version (`gate.below_gate` or `gate.on_conflict: ask`), the day ends
as `asked` instead, without an alert. `ask_person` then starts the DAG `model_approval`, which
waits for the answer; this run does not.

`detect_drift` compares the day with the model's reference, and `estimate_performance` then says
what the gate's metric probably is, by the model's probabilities and the labels of earlier days.
Both need no labels of the day, run even if the evaluation fails, and decide nothing: drift
explains, harm retrains.

The button *Report* under *Details* of a task that judged a version opens the comparison behind its
verdict; that of `detect_drift`, both distributions of each column with drift.

Where `harm` is a trigger of the loop's retraining, `start_retraining` starts the DAG
`model_retraining` after a day that found no version that helps.

`send_evaluation_results` always runs and records the outcome; it is the only task that approves.
`fail_run_after_alert` turns the run of a day that ended in an alert red, also when the day runs
again, with the outcome as the failure. By then the alert is sent and the outcome recorded: there is
nothing to clear or to retry.

The run starts by itself when the day's data is there. To judge a day again, trigger the DAG and
pick the day; an empty field means yesterday (UTC).
"""

from collections.abc import Mapping
from typing import Any

from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
from airflow.sdk import DAG, PartitionedAssetTimetable, TaskGroup, TriggerRule, chain
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from retune import (
    LOGICAL_DATE,
    StartApproval,
    StartRetraining,
    day_param,
    loops,
    param,
    result,
    sharded,
    step,
)

ENDED_IN_ALERT = "failed_max_retries"
CHECK_ON_HOLDOUT = (
    "A version that passes goes to `send_evaluation_results`; otherwise the next attempt begins, "
    "or `send_alert` after the last one."
)
CHECK_ON_VALIDATION = (
    "After an attempt that reaches the gate on the validation rows, or after the last one, "
    "`judge_candidate` follows; otherwise the next attempt begins."
)
ONE_WAY_IN = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS


def fail_with_the_outcome(ti: Any) -> None:
    """Makes a day that ended in an alert a failed run, however often it runs."""
    outcome = ti.xcom_pull(task_ids="send_evaluation_results")
    if outcome["status"] == ENDED_IN_ALERT:
        raise AirflowFailException(outcome["message"])
    raise AirflowSkipException(outcome["message"])


def approve_or_retrain(ti: Any) -> str:
    """Chooses the task that follows the verdict on the model in production."""
    verdict = ti.xcom_pull(task_ids="check_model_performance")
    doubted = verdict["needs_retraining"] or verdict["challenger_is_better"]
    return "look_back" if doubted else "send_evaluation_results"


def go_back_or_retrain(ti: Any) -> str:
    """Chooses the task that follows the verdicts on earlier versions."""
    passed = ti.xcom_pull(task_ids="look_back")["passed"]
    failed = ti.xcom_pull(task_ids="check_model_performance")["needs_retraining"]
    return "prepare_retraining_data" if failed and not passed else "send_evaluation_results"


def approve_or_try_again(ti: Any, params: Mapping[str, Any], attempt: int) -> str:
    """Chooses the task that follows the verdict on an attempt."""
    if ti.xcom_pull(task_ids=f"attempt_{attempt}.evaluate_finetuned_model")["passed"]:
        return "send_evaluation_results"
    if attempt < params["max_attempts"]:
        return f"attempt_{attempt + 1}.finetune_model"
    judged = [f"attempt_{n}.evaluate_finetuned_model" for n in range(1, attempt + 1)]
    return conclude_or_alert(ti, *judged)


def conclude_or_alert(ti: Any, *judged: str) -> str:
    """Chooses the task that follows where no attempt passed.

    A version may follow below the gate, or a person may be asked about one.
    """
    verdicts = ti.xcom_pull(task_ids=["look_back", *judged])
    left = any(verdict["asked"] or verdict.get("fallback") for verdict in verdicts)
    return "send_evaluation_results" if left else "send_alert"


def judge_or_try_again(ti: Any, params: Mapping[str, Any], attempt: int) -> str:
    """Chooses the task that follows an attempt by its validation rows."""
    trained = ti.xcom_pull(task_ids=f"attempt_{attempt}.finetune_model")
    # An attempt that found nothing better than the champion has no candidate and no bound.
    reached = trained.get("validation_lower_bound", -1) >= params["threshold"]
    last = attempt >= params["max_attempts"]
    return "judge_candidate" if reached or last else f"attempt_{attempt + 1}.finetune_model"


def approve_or_alert(ti: Any) -> str:
    """Chooses the task that follows the verdict on the best attempt."""
    if ti.xcom_pull(task_ids="judge_candidate")["passed"]:
        return "send_evaluation_results"
    return conclude_or_alert(ti, "judge_candidate")


for loop in loops():
    with DAG(
        loop.dag_id("model_evaluation_pipeline"),
        description="Judges the model in production and fine-tunes it if it falls short",
        schedule=PartitionedAssetTimetable(assets=loop.processed_data),
        catchup=False,
        max_active_runs=1,
        tags=loop.tags("evaluation"),
        default_args={"owner": loop.owner},
        params={
            "date": day_param(),
            "metric": param("check_model_performance.metric", loop.gate.metric, "Metric"),
            "threshold": param(
                "check_model_performance.threshold", loop.gate.threshold, "Threshold"
            ),
            "max_attempts": param(
                "check_model_performance.max_attempts",
                loop.gate.max_attempts,
                "Attempts",
                maximum=len(loop.attempts),
            ),
            "epochs": param("finetune_model.epochs", loop.finetuning.epochs, "Epochs"),
            "learning_rate": param(
                "finetune_model.learning_rate", loop.finetuning.learning_rate, "Learning rate"
            ),
            "batch_size": param(
                "finetune_model.batch_size", loop.finetuning.batch_size, "Batch size"
            ),
        },
        doc_md=__doc__,
    ):
        batch: dict[str, Any] = {"data_path": f"{loop.name}/{LOGICAL_DATE}"}
        day: dict[str, Any] = {"model": loop.name, "logical_date": LOGICAL_DATE}

        load_latest_model = step("load_latest_model", loop, model=loop.name)
        champion_id = result(load_latest_model, "model_id")
        maturity: dict[str, Any] = {}
        if loop.data.row_key is not None:
            maturity["mature_share"] = loop.labels.mature_share
            maturity["mature_days"] = loop.labels.mature_days
        evaluate_model = sharded("evaluate_model", loop, model_id=champion_id, **batch, **maturity)
        # As teardowns, both tell of a day whose evaluation fails, and never fail the run.
        detect_drift = step("detect_drift", loop, model_id=champion_id, **batch).as_teardown()
        estimate_performance = step(
            "estimate_performance",
            loop,
            model_id=champion_id,
            metric="{{ params.metric }}",
            threshold="{{ params.threshold }}",
            **batch,
        ).as_teardown()
        check_model_performance = step(
            "check_model_performance",
            loop,
            model_id=champion_id,
            metric="{{ params.metric }}",
            threshold="{{ params.threshold }}",
            max_attempts="{{ params.max_attempts }}",
            selection=loop.gate.selection,
            evidence=loop.gate.evidence,
            policy=loop.gate.policy,
            retention_limit=loop.gate.retention_limit,
            on_conflict=loop.gate.on_conflict,
            below_gate=loop.gate.below_gate,
            loop_file_hash=loop.file_hash,
            **batch,
        )
        decide_after_check = BranchPythonOperator(
            task_id="decide_after_check",
            python_callable=approve_or_retrain,
            doc_md="An approved model goes to `send_evaluation_results`; otherwise, or where a "
            "challenger is proved better, `look_back` begins.",
        )
        look_back = step("look_back", loop, model_id=champion_id, **batch)
        decide_after_look_back = BranchPythonOperator(
            task_id="decide_after_look_back",
            python_callable=go_back_or_retrain,
            doc_md="An earlier version that passes goes to `send_evaluation_results`, as does a "
            "model in production that has not failed; otherwise attempts begin.",
        )
        prepare_retraining_data = step(
            "prepare_retraining_data", loop, model_id=champion_id, **batch
        )
        split_id = result(prepare_retraining_data, "split_id")
        send_alert = step("send_alert", loop, **day, trigger_rule=ONE_WAY_IN)
        send_evaluation_results = step(
            "send_evaluation_results",
            loop,
            **day,
            allow_backfill_promotion=loop.promotion.allow_backfill_promotion,
            outlets=[loop.evaluation],
            trigger_rule=ONE_WAY_IN,
        )

        fail_run_after_alert = PythonOperator(
            task_id="fail_run_after_alert",
            python_callable=fail_with_the_outcome,
            doc_md="Fails if the day ended in an alert, so that its run is red; otherwise skipped.",
        )

        chain(load_latest_model, *evaluate_model, check_model_performance, decide_after_check)
        evaluate_model[-1] >> detect_drift >> estimate_performance
        decide_after_check >> [look_back, send_evaluation_results]
        look_back >> decide_after_look_back
        decide_after_look_back >> [prepare_retraining_data, send_evaluation_results]
        best_on_validation = loop.gate.selection == "best_on_validation"
        if best_on_validation:
            judge_candidate = step(
                "judge_candidate",
                loop,
                champion_id=champion_id,
                split_id=split_id,
                trigger_rule=ONE_WAY_IN,
                **batch,
            )
            decide_after_judgement = BranchPythonOperator(
                task_id="decide_after_judgement",
                python_callable=approve_or_alert,
                doc_md="A version that passes goes to `send_evaluation_results`; otherwise "
                "`send_alert` begins.",
            )
            judge_candidate >> decide_after_judgement
            decide_after_judgement >> [send_evaluation_results, send_alert]
        before = prepare_retraining_data
        for attempt, strategy in enumerate(loop.attempts, start=1):
            with TaskGroup(
                f"attempt_{attempt}",
                group_display_name=f"attempt {attempt}: {strategy}",
                tooltip=f"Attempt {attempt} to train a better version, by the strategy {strategy}",
            ):
                finetune_model = step(
                    "finetune_model",
                    loop,
                    model_id=champion_id,
                    split_id=split_id,
                    attempt=attempt,
                    strategy=strategy,
                    epochs="{{ params.epochs }}",
                    learning_rate="{{ params.learning_rate }}",
                    batch_size="{{ params.batch_size }}",
                    metric="{{ params.metric }}",
                    **batch,
                )
                if not best_on_validation:
                    evaluate_finetuned_model = step(
                        "evaluate_finetuned_model",
                        loop,
                        model_id=result(finetune_model, "model_id", optional=True),
                        champion_id=champion_id,
                        split_id=split_id,
                        attempt=attempt,
                        **batch,
                    )
                check_finetuned_model = BranchPythonOperator(
                    task_id="check_finetuned_model",
                    python_callable=judge_or_try_again
                    if best_on_validation
                    else approve_or_try_again,
                    op_kwargs={"attempt": attempt},
                    doc_md=CHECK_ON_VALIDATION if best_on_validation else CHECK_ON_HOLDOUT,
                )
            before >> finetune_model
            if best_on_validation:
                finetune_model >> check_finetuned_model >> judge_candidate
            else:
                finetune_model >> evaluate_finetuned_model >> check_finetuned_model
                check_finetuned_model >> [send_evaluation_results, send_alert]
            before = check_finetuned_model
        send_alert >> send_evaluation_results
        send_evaluation_results >> fail_run_after_alert
        if "ask" in (loop.gate.below_gate, loop.gate.on_conflict):
            send_evaluation_results >> StartApproval(
                task_id="ask_person",
                approval=loop.dag_id("model_approval"),
                asked_by=send_evaluation_results.task_id,
                doc_md="Starts `model_approval` for the question of a day that ended as `asked`; "
                "otherwise skipped.",
            )
        if "harm" in (loop.retraining.triggers or ()):
            send_evaluation_results >> StartRetraining(
                task_id="start_retraining",
                retraining=loop.dag_id("model_retraining"),
                # A day that runs again starts a second one only if its outcome is another.
                run_name=f"harm__{LOGICAL_DATE}__{result(send_evaluation_results, 'revision')}",
                outcome=send_evaluation_results.task_id,
                doc_md="Starts `model_retraining` if the day found no version that helps; "
                "otherwise skipped. The triggers decide there.",
            )
