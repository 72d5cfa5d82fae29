"""## Take a promotion back

Puts an earlier version back into production: the one before the version in production, or any
version that was once approved. `rollback` checks that it loads and answers as it did when it was
judged, moves the champion's pointer, records who asked and why, and tells people;
`verify_deployment` then checks it where it is used. A prediction service that follows the champion
answers with it within seconds.

**Roll back.** Trigger the DAG. Leave *Version* empty for the version before, or give the id of
another one; `./retune history MODEL` lists what was in production, and why. *Replaces* is the
version that you want out of production: if another one is there when the run starts, the run fails
and nothing changes. *Reason* goes into the record and the notification. *By* is for programs that
roll back for a person, as the control service does; the record names the account that started the
run, too.

**What follows.** The version that was replaced is barred: no evaluation promotes it until
`./retune release_version VERSION` releases it. Every rollback is an event `model_rolled_back` in
the collection `deployment_events`, with who, why, and both versions.
"""

from airflow.sdk import DAG

from retune import loops, param, result, step

for loop in loops():
    with DAG(
        loop.dag_id("model_rollback"),
        description="Puts an earlier version back into production",
        schedule=None,
        is_paused_upon_creation=False,  # a run of a paused DAG would wait
        catchup=False,
        max_active_runs=1,
        tags=loop.tags("deployment"),
        default_args={"owner": loop.owner},
        params={
            "version": param("rollback.to", None, "Version"),
            "replaces": param("rollback.replaces", None, "Replaces"),
            "reason": param("rollback.reason", None, "Reason"),
            "by": param("rollback.by", None, "By"),
        },
        doc_md=__doc__,
    ):
        rollback = step(
            "rollback",
            loop,
            model=loop.name,
            to="{{ params.version or '' }}",
            replaces="{{ params.replaces or '' }}",
            reason="{{ params.reason or '' }}",
            by="{{ params.by or '' }}",
        )
        verify_deployment = step(
            "verify_deployment",
            loop,
            model=loop.name,
            model_id=result(rollback, "model_id"),
        )
        rollback >> verify_deployment
