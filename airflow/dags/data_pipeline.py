"""## The day's data

Takes the day's rows and turns them into the features that the model in production reads
(`process_data`). The loop file says where the rows come from: `generate_data` draws them,
`ingest` reads real ones, and `collect_queries` takes what users asked. The schedule works on the
day that has just ended. Running a day again replaces its batch. When the run ends,
`model_evaluation_pipeline` starts for the same day.

**Run a day by hand.** Trigger the DAG and pick a day; an empty field means yesterday (UTC). A run
that was started with a partition key, such as `2026-11-05`, works on that day instead.

**Rehearse a fault.** Pick a drill in the same form: drifted columns, a changed relation between
features and label, noise in the labels, or a burst of missing values; for texts typos, new
intents, or swapped labels.
"""

from typing import Any

from airflow.sdk import DAG, Param, chain

from retune import LOGICAL_DATE, Loop, day_param, loops, param, sharded, step

DRILLS = {
    "none": "none: a healthy day",
    "covariate_drift": "covariate drift: a different mix of customers",
    "concept_drift": "concept drift: the same customers behave differently",
    "label_noise": "label noise: wrong outcomes",
    "missing_burst": "missing burst: many missing values",
    "typos": "typos (texts only): letters change places",
    "new_intents": "new intents (texts only): questions that no class is about",
    "swapped_labels": "swapped labels (texts only): classes change places",
}


def form(loop: Loop) -> dict[str, Param]:
    """The form that triggers a run; only generated rows can have a drill."""
    if loop.data.source != "synthetic":
        return {"date": day_param()}
    return {
        "date": day_param(),
        "rows": param("generate_data.rows", loop.data.rows, "Rows"),
        "drill": param("generate_data.drill", loop.data.drill, "Drill", values_display=DRILLS),
        "drill_strength": param(
            "generate_data.drill_strength", loop.data.drill_strength, "Strength of the drill"
        ),
    }


def rows_of_the_day(loop: Loop) -> list[Any]:
    """The tasks, in order, that fetch, collect or generate the day's rows."""
    day: dict[str, Any] = {"model": loop.name, "logical_date": LOGICAL_DATE}
    names: dict[str, Any] = {} if loop.data.row_key is None else {"key": loop.data.row_key}
    if loop.data.source == "csv":
        return [step("ingest", loop, **day, data=loop.data.path, **names)]
    if loop.data.source == "mongo":
        query: dict[str, Any] = {"collection": loop.data.collection, **names}
        if loop.data.filter is not None:
            query["filter"] = loop.data.filter
        return [step("ingest", loop, **day, **query)]
    if loop.data.source == "queries":
        if loop.data.own_labels is not None:
            names["own_labels"] = loop.data.own_labels
        return [step("collect_queries", loop, **day, **names)]
    return sharded(
        "generate_data",
        loop,
        **day,
        rows="{{ params.rows }}",
        drill="{{ params.drill }}",
        drill_strength="{{ params.drill_strength }}",
    )


for loop in loops():
    with DAG(
        loop.dag_id("data_pipeline"),
        description="Takes the day's rows and turns them into features",
        schedule=loop.day_by_day,
        catchup=False,
        max_active_runs=1,
        tags=loop.tags("data"),
        default_args={"owner": loop.owner},
        params=form(loop),
        doc_md=__doc__,
    ):
        take_data = rows_of_the_day(loop)
        process_data = step(
            "process_data",
            loop,
            model=loop.name,
            logical_date=LOGICAL_DATE,
            outlets=[loop.processed_data],
        )
        chain(*take_data, process_data)
