"""## Labels that come after their rows

Takes new labels (`ingest_labels`), finds the rows by their key, and judges the days whose labels
suffice now: those of which enough have come, or were corrected, and those that have reached their
age. Each such day is processed again and `model_evaluation_pipeline` starts for it; the verdict
from before and the new one both stay on record. Where the loop's retraining starts by the number of
new rows (`adaptive`, `volume`), `start_retraining` has that checked at once.

The schedule is the day's (UTC). Labels come from `labels.path` of the loop file, or, for a loop of
queries, as feedback to the prediction service. Without either nothing is taken, and days are still
judged when they have reached their age; labels can come by hand: `./retune ingest_labels`.

**By hand.** Trigger the DAG. *Labels* is a path, an address or `feedback`; `{date}` becomes the day
of the run.
"""

from collections.abc import Mapping
from typing import Any

from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
from airflow.sdk import DAG, TriggerRule

from retune import LOGICAL_DATE, StartRetraining, day_param, loops, mapped, param, step

BY_ROWS = {"adaptive", "volume"}


def take_labels(params: Mapping[str, Any]) -> str:
    """Chooses the first task: nothing is taken where no labels are named."""
    return "ingest_labels" if params["labels"] else "find_matured_days"


def days_to_judge(ti: Any, model: str) -> list[dict[str, Any]]:
    """The inputs of `process_data` for each day that was found."""
    days = ti.xcom_pull(task_ids="find_matured_days")["days"]
    return [{"model": model, "logical_date": day} for day in days]


for loop in loops():
    if loop.data.row_key is None:
        continue
    with DAG(
        loop.dag_id("label_pipeline"),
        description="Takes labels that come after their rows, and judges the days they complete",
        schedule=loop.day_by_day,
        catchup=False,
        max_active_runs=1,
        tags=loop.tags("data"),
        default_args={"owner": loop.owner},
        params={
            "date": day_param(),
            "labels": param("ingest_labels.data", loop.label_source, "Labels"),
        },
        doc_md=__doc__,
    ):
        decide_what_to_take = BranchPythonOperator(
            task_id="decide_what_to_take",
            python_callable=take_labels,
            doc_md="Goes to `ingest_labels` if the loop file or the form names labels.",
        )
        ingest_labels = step(
            "ingest_labels",
            loop,
            model=loop.name,
            data="{{ params.labels }}",
            logical_date=LOGICAL_DATE,
            outlets=[loop.new_labels],
        )
        find_matured_days = step(
            "find_matured_days",
            loop,
            model=loop.name,
            mature_share=loop.labels.mature_share,
            mature_days=loop.labels.mature_days,
            trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        )
        choose_days = PythonOperator(
            task_id="choose_days",
            python_callable=days_to_judge,
            op_kwargs={"model": loop.name},
            doc_md="The days to process again; `process_data` is skipped if there are none.",
        )
        process_data = mapped(
            "process_data",
            loop,
            choose_days.output,
            outlets=[loop.processed_data],
            model=loop.name,
            logical_date=LOGICAL_DATE,
        )
        decide_what_to_take >> [ingest_labels, find_matured_days]
        ingest_labels >> find_matured_days >> choose_days >> process_data
        if BY_ROWS.intersection(loop.retraining.triggers or ()):
            process_data >> StartRetraining(
                task_id="start_retraining",
                retraining=loop.dag_id("model_retraining"),
                run_name="labels__{{ run_id }}",
                doc_md="Starts `model_retraining` if labels have completed a day; otherwise "
                "skipped. The triggers decide there.",
            )
