"""## Into production

Takes the version that the day's evaluation, a retraining or the promotion of a challenger approved,
checks that it loads and answers as it did when it was judged, puts it into production, checks it
there and tells people. If nothing was approved, or the version is in production already, there is
nothing to do and the tasks are skipped.

If `verify_deployment` finds the version damaged, or the prediction service (`RETUNE_SERVING_URL`)
does not answer with it, the version before comes back into production, people are told, and the
task fails. The version that failed is barred: it is not deployed again until
`./retune release_version` releases it. To take a promotion back by hand, trigger `model_rollback`.

The run starts by itself after the day's evaluation. To deploy a day's version again, trigger the
DAG and pick the day; an empty field means yesterday (UTC).
"""

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import BranchPythonOperator
from airflow.sdk import DAG, PartitionedAssetTimetable

from retune import LOGICAL_DATE, day_param, loops, param, result, step


def deploy_or_skip(ti: Any) -> str:
    """Chooses the task that follows the wait."""
    ready = ti.xcom_pull(task_ids="wait_for_model_ready")["ready"]
    return "validate_model" if ready else "nothing_to_deploy"


# The partition of a run that a retraining or the promotion of a challenger starts is its id, not
# a day.
OF_RETRAINING = "(dag_run.partition_key or '').startswith(('retraining-', 'promotion-'))"
RETRAINING = f"{{% if {OF_RETRAINING} %}}{{{{ dag_run.partition_key }}}}{{% endif %}}"
DAY = f"{{% if not {OF_RETRAINING} %}}{LOGICAL_DATE}{{% endif %}}"

for loop in loops():
    with DAG(
        loop.dag_id("model_deployment_pipeline"),
        description="Puts an approved version into production",
        schedule=PartitionedAssetTimetable(assets=loop.evaluation),
        catchup=False,
        max_active_runs=1,
        tags=loop.tags("deployment"),
        default_args={"owner": loop.owner},
        params={
            "date": day_param(),
            "wait_seconds": param(
                "wait_for_model_ready.wait_seconds", loop.deployment.wait_seconds, "Seconds to wait"
            ),
        },
        doc_md=__doc__,
    ):
        wait_for_model_ready = step(
            "wait_for_model_ready",
            loop,
            model=loop.name,
            logical_date=DAY,
            retraining=RETRAINING,
            wait_seconds="{{ params.wait_seconds }}",
        )
        decide_after_wait = BranchPythonOperator(
            task_id="decide_after_wait",
            python_callable=deploy_or_skip,
            doc_md="Goes to `validate_model` if a version is ready; otherwise the run is done.",
        )
        approved_id = result(wait_for_model_ready, "model_id")
        validate_model = step("validate_model", loop, model_id=approved_id)
        deploy_model = step(
            "deploy_model",
            loop,
            model=loop.name,
            model_id=result(validate_model, "model_id"),
            logical_date=DAY,
            retraining=RETRAINING,
        )
        verify_deployment = step(
            "verify_deployment",
            loop,
            model=loop.name,
            model_id=result(deploy_model, "model_id"),
        )
        notify_deployment_complete = step(
            "notify_deployment_complete",
            loop,
            model=loop.name,
            model_id=result(verify_deployment, "model_id"),
        )
        nothing_to_deploy = EmptyOperator(
            task_id="nothing_to_deploy",
            doc_md="The day's evaluation left nothing to put into production.",
        )

        wait_for_model_ready >> decide_after_wait >> [validate_model, nothing_to_deploy]
        validate_model >> deploy_model >> verify_deployment >> notify_deployment_complete
