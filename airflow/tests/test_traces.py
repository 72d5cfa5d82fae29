"""The trace that Airflow hands to a step."""

import re
from types import SimpleNamespace

from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from retune.traces import traceparent


def instance(task="evaluate_model", attempt=1, run="manual__1"):
    return SimpleNamespace(
        dag_id="data_pipeline", run_id=run, task_id=task, map_index=-1, try_number=attempt
    )


def test_within_a_span_of_airflow_the_step_is_part_of_it():
    span = SpanContext(0x4BF92F, 0xF067AA, is_remote=False, trace_flags=TraceFlags(1))
    with use_span(NonRecordingSpan(span)):
        assert traceparent(instance()) == f"00-{0x4BF92F:032x}-{0xF067AA:016x}-01"


def test_without_one_the_tasks_of_a_run_share_a_trace_and_each_try_is_a_span():
    made = [traceparent(of) for of in (instance(), instance("deploy_model"), instance(attempt=2))]
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", text) for text in made)
    traces = {text.split("-")[1] for text in made}
    spans = {text.split("-")[2] for text in made}
    assert (len(traces), len(spans)) == (1, 3)
    assert traceparent(instance()) == made[0], "the same try, the same span"
    assert traceparent(instance(run="manual__2")).split("-")[1] not in traces
