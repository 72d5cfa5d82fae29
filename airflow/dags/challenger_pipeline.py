"""## A challenger on real traffic

Weighs the challenger that has traffic (`start_challenger`) by requests that it and the version in
production have both scored, with people's labels. Where it is proved better, `promote_challenger`
approves it, and `model_deployment_pipeline` puts it into production with all its checks. Where it
is proved worse, or 90 days of traffic prove nothing, `weigh_challenger` ends its traffic. Each day
of requests counts once, when its labels suffice.

The DAG is paused until you unpause it: it has work only while a challenger has traffic. Its
schedule is the day's (UTC).
"""

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import BranchPythonOperator
from airflow.sdk import DAG

from retune import LOGICAL_DATE, day_param, loops, result, step


def promote_or_go_on(ti: Any) -> str:
    """Chooses the task that follows the evidence."""
    decision = ti.xcom_pull(task_ids="weigh_challenger")["decision"]
    return "promote_challenger" if decision == "promote" else "nothing_to_promote"


for loop in loops():
    with DAG(
        loop.dag_id("challenger_pipeline"),
        description="Weighs a challenger that has traffic, and promotes a better one",
        schedule=loop.day_by_day,
        is_paused_upon_creation=True,
        catchup=False,
        max_active_runs=1,
        tags=loop.tags("evaluation"),
        default_args={"owner": loop.owner},
        params={"date": day_param()},
        doc_md=__doc__,
    ):
        weigh_challenger = step(
            "weigh_challenger",
            loop,
            model=loop.name,
            logical_date=LOGICAL_DATE,
            metric=loop.gate.metric,
            mature_share=loop.labels.mature_share,
            mature_days=loop.labels.mature_days,
        )
        decide_after_weighing = BranchPythonOperator(
            task_id="decide_after_weighing",
            python_callable=promote_or_go_on,
            doc_md="Goes to `promote_challenger` if the challenger is proved better.",
        )
        promote_challenger = step(
            "promote_challenger",
            loop,
            model=loop.name,
            model_id=result(weigh_challenger, "model_id"),
            reason=result(weigh_challenger, "message"),
            by=weigh_challenger.task_id,
            outlets=[loop.evaluation],
        )
        nothing_to_promote = EmptyOperator(
            task_id="nothing_to_promote",
            doc_md="No challenger is proved better.",
        )
        weigh_challenger >> decide_after_weighing >> [promote_challenger, nothing_to_promote]
