"""## Train the model again, for a stated reason

`check_retraining_trigger` decides by the triggers of the loop file's section `retraining`, and says
why, or what is missing; every decision is kept. If a retraining starts, the labelled rows of the
last days are collected and split by their hashes, candidates are trained, and the best one is
compared with the model in production on rows that neither was trained on.

- A version that passes is approved; `model_deployment_pipeline` puts it into production.
- Otherwise the model in production stays, and people are told.

**When.** With triggers, every six hours, and at the times of `weekly` and `monthly`, UTC; with
`harm`, also after each day that found no version that helps. Several triggers at once start one
retraining: the model has one lease, which a run that ends gives back.

**By hand.** Trigger the DAG: it decides by the triggers, or starts in any case with
*force_retrain*. A program posts the same with `{"conf": {"request": "api"}}`.

`log_retraining_event` records how it ended; `log_retraining_failure` does where a task failed.
"""

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import BranchPythonOperator
from airflow.sdk import DAG, MultipleCronTriggerTimetable, Param, TriggerRule, chain
from airflow.sdk.exceptions import AirflowSkipException

from retune import Loop, loops, param, result, step
from retune.loops import STRATEGIES

EVERY_SIX_HOURS = "0 */6 * * *"
CALENDAR = {"weekly": "0 3 * * 0", "monthly": "0 2 1 * *"}


def timetable(loop: Loop) -> MultipleCronTriggerTimetable | None:
    """When the triggers are checked; never where the loop has none."""
    triggers = loop.retraining.triggers or ()
    times = [CALENDAR[trigger] for trigger in triggers if trigger in CALENDAR]
    if any(trigger not in CALENDAR for trigger in triggers):
        times.append(EVERY_SIX_HOURS)
    return MultipleCronTriggerTimetable(*times, timezone="UTC") if times else None


def form(loop: Loop) -> dict[str, Param]:
    """The form that starts a run by hand."""
    check, train = "check_retraining_trigger", "retrain_model"
    return {
        "force_retrain": param(f"{check}.force_retrain", False, "Retrain in any case"),
        "max_days_since_training": param(
            f"{check}.max_days_since_training",
            loop.retraining.max_days_since_training,
            "Most days since the last training",
        ),
        "drift_report_path": param(f"{check}.drift_report_path", None, "Drift report"),
        "target_column": param(f"{check}.target_column", None, "Target"),
        "request": param(f"{check}.request", "manual", "Who asks"),
        "policy": param("compare_retrained_model.policy", loop.gate.policy, "Policy"),
        "candidates": Param(
            list(loop.retraining.candidates or ()),
            type="array",
            items={"type": "string", "enum": list(STRATEGIES)},
            title="Candidates",
            description="How to train; the default of retrain_model if empty.",
        ),
        "trials": param(f"{train}.trials", loop.retraining.trials, "Trials of each candidate"),
        "num_epochs": param(f"{train}.num_epochs", loop.finetuning.epochs, "Epochs"),
        "batch_size": param(f"{train}.batch_size", loop.finetuning.batch_size, "Batch size"),
    }


def retrain_or_skip(ti: Any) -> str:
    """Chooses the task that follows the decision; none if the check has failed."""
    decision = ti.xcom_pull(task_ids="check_retraining_trigger") or {}
    if "should_retrain" not in decision:
        raise AirflowSkipException("Nothing is decided: check_retraining_trigger has failed.")
    return "prepare_training_data" if decision["should_retrain"] else "skip_retraining"


def promote_or_keep(ti: Any) -> str:
    """Chooses the task that follows the comparison."""
    passed = ti.xcom_pull(task_ids="compare_models")["should_promote"]
    return "promote_model" if passed else "keep_model"


for loop in loops():
    with DAG(
        loop.dag_id("model_retraining"),
        description="Trains the model again on the days collected since, for a stated reason",
        schedule=timetable(loop),
        catchup=False,
        max_active_runs=4,
        tags=loop.tags("retraining"),
        default_args={"owner": loop.owner},
        params=form(loop),
        doc_md=__doc__,
    ):
        check_retraining_trigger = step(
            "check_retraining_trigger",
            loop,
            model=loop.name,
            triggers=list(loop.retraining.triggers or ()),
            min_samples=loop.retraining.min_samples,
            min_days=loop.retraining.min_days,
            max_days_since_training="{{ params.max_days_since_training }}",
            min_auc=loop.retraining.min_auc,
            most_samples=loop.retraining.most_samples,
            on_drift=loop.retraining.on_drift,
            evidence=loop.gate.evidence,
            drift_report_path="{{ params.drift_report_path or '' }}",
            target_column="{{ params.target_column or '' }}",
            request="{{ params.request if dag_run.run_type == 'manual' else 'none' }}",
            force_retrain="{{ params.force_retrain }}",
        )
        decide_after_check = BranchPythonOperator(
            task_id="decide_after_check",
            python_callable=retrain_or_skip,
            trigger_rule=TriggerRule.ALL_DONE,
            doc_md="Goes to `prepare_training_data` if a retraining starts.",
        )
        skip_retraining = EmptyOperator(
            task_id="skip_retraining",
            doc_md="No trigger fires, or another retraining runs; the decision says which.",
        )
        of_retraining: dict[str, Any] = {
            "model": loop.name,
            "retraining_id": result(check_retraining_trigger, "retraining_id"),
        }
        prepare_training_data = step(
            "prepare_training_data",
            loop,
            **of_retraining,
            window_days=loop.retraining.window_days,
        )
        filter_training_data = step("filter_training_data", loop, **of_retraining)
        split_id = result(filter_training_data, "split_id")
        half_life = loop.retraining.half_life_days
        by_age: dict[str, Any] = {} if half_life is None else {"half_life_days": half_life}
        train_model = step(
            "retrain_model",
            loop,
            task_id="train_model",
            model=loop.name,
            data_path=result(prepare_training_data, "data_path"),
            split_id=split_id,
            candidates="{{ params.candidates | tojson }}",
            num_epochs="{{ params.num_epochs }}",
            learning_rate=loop.finetuning.learning_rate,
            batch_size="{{ params.batch_size }}",
            trials="{{ params.trials }}",
            metric=loop.gate.metric,
            **by_age,
        )
        candidate_id = result(train_model, "model_id", optional=True)
        compare_models = step(
            "compare_retrained_model",
            loop,
            task_id="compare_models",
            model_id=candidate_id,
            split_id=split_id,
            metric=loop.gate.metric,
            threshold=loop.gate.threshold,
            evidence=loop.gate.evidence,
            policy="{{ params.policy }}",
            retention_limit=loop.gate.retention_limit,
            on_conflict=loop.gate.on_conflict,
            below_gate=loop.gate.below_gate,
            **of_retraining,
        )
        decide_after_comparison = BranchPythonOperator(
            task_id="decide_after_comparison",
            python_callable=promote_or_keep,
            doc_md="Goes to `promote_model` if the candidate passed; otherwise to `keep_model`.",
        )
        promote_model = step("promote_model", loop, outlets=[loop.evaluation], **of_retraining)
        keep_model = step("keep_model", loop, model_id=candidate_id, **of_retraining)
        log_retraining_event = step(
            "log_retraining_event",
            loop,
            trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
            **of_retraining,
        )
        log_retraining_failure = step(
            "log_retraining_event",
            loop,
            task_id="log_retraining_failure",
            trigger_rule=TriggerRule.ONE_FAILED,
            **of_retraining,
        )

        check_retraining_trigger >> decide_after_check >> [skip_retraining, prepare_training_data]
        # A check that fails makes the run fail here, not in the task that records a retraining.
        check_retraining_trigger >> skip_retraining
        chain(
            prepare_training_data,
            filter_training_data,
            train_model,
            compare_models,
            decide_after_comparison,
            [promote_model, keep_model],
            log_retraining_event,
        )
        [prepare_training_data, promote_model, keep_model] >> log_retraining_failure
