"""## May a version go into production? A person decides

Waits for the answer to the question of a day that ended as `asked`: the best version is below the
gate, or it loses on ordinary rows, and the loop file leaves that to a person (`gate.below_gate` or
`gate.on_conflict: ask`). Each question has a run of its own; the loop goes on meanwhile.

**Answer.** Open `ask_person` and its *Required Actions*: the question has both versions, the gain,
what is lost, and a link to the comparison. *Approve* or *Reject*; a reason goes into the record.

**What follows.** `approve` makes the version approved and starts `model_deployment_pipeline` for
the day that asked. `reject` rejects it. Either keeps who answered and why.

The question can be answered with `./retune approve` and `./retune reject` just as well. If it was,
if it expires, or if another version went into production meanwhile, there is nothing to answer and
`ask_person` is skipped; while it waits, it does not notice, but the same answer a second time
changes nothing, and one that comes too late is refused by the task that would record it.
"""

from typing import Any

from airflow.sdk import DAG

from retune import AskPerson, loops, param, result, step

for loop in loops():
    with DAG(
        loop.dag_id("model_approval"),
        description="Asks a person whether a version may go into production",
        schedule=None,
        is_paused_upon_creation=False,  # a run of a paused DAG would wait
        catchup=False,
        tags=loop.tags("deployment"),
        default_args={"owner": loop.owner},
        params={"request": param("read_approval_request.request", "", "Question")},
        doc_md=__doc__,
    ):
        read_approval_request = step("read_approval_request", loop, request="{{ params.request }}")
        model_id = result(read_approval_request, "model_id")
        report_id = "ti.xcom_pull(task_ids='read_approval_request')['report_id']"
        evaluation = loop.dag_id("model_evaluation_pipeline")
        ask_person = AskPerson(
            task_id="ask_person",
            read_by=read_approval_request.task_id,
            answers={"Approve": "approve", "Reject": "reject"},
            subject=f"May {model_id} go into production?",
            body=f"{result(read_approval_request, 'message')}"
            f"{{% if {report_id} %}}\n\n[The comparison on which this rests]"
            "({{ ti.log_url.rpartition('/dags/')[0] }}"
            f"/retune/reports/{evaluation}/{{{{ {report_id} | urlencode }}}}){{% endif %}}",
            params={"reason": param("approve.reason", None, "Reason")},
            doc_md="Waits for a person's answer until the question expires.",
        )
        answer: dict[str, Any] = {
            "request": result(read_approval_request, "request_id"),
            "by": "{{ ti.xcom_pull(task_ids='ask_person')['by'] }}",
            "reason": "{{ ti.xcom_pull(task_ids='ask_person')['reason'] or '' }}",
        }
        approve = step("approve", loop, outlets=[loop.evaluation], **answer)
        reject = step("reject", loop, **answer)
        read_approval_request >> ask_person >> [approve, reject]
