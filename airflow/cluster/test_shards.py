"""A day in three shards: each is generated and evaluated in its own pod, then all are merged."""

from cluster.release import wait_for
from cluster.runs import SECONDS_TO_END, Run

DAY = "2026-08-01"
ROWS = 1000


def test_a_day_is_generated_and_evaluated_in_three_pods_each(start, made, airflow):
    day = start(f"data_pipeline.{made}", DAY, rows=ROWS)
    day.wait("process_data", "success")
    assert [t["state"] for t in day.shards("generate_data")] == ["success"] * 3

    dag = f"model_evaluation_pipeline.{made}"
    (found,) = wait_for("The evaluation", lambda: airflow.runs(dag, DAY), SECONDS_TO_END)
    evaluation = Run(airflow, dag, found["dag_run_id"])
    evaluation.wait("check_model_performance", "success")

    assert [t["state"] for t in evaluation.shards("evaluate_model")] == ["success"] * 3
    counts = day.result("process_data")
    evaluated = evaluation.result("evaluate_model")
    assert evaluated["samples"] == counts["labelled"] == ROWS
    assert 0.5 < evaluated["metrics"]["roc_auc"] <= 1
