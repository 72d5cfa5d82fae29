"""The trace that a step belongs to, by W3C's Trace Context."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from opentelemetry import trace


def traceparent(ti: Any) -> str:
    """`TRACEPARENT` of a task instance's step.

    Where Airflow traces the task, this is its span. Otherwise it is made from the run, which its
    tasks share, and from the try: log lines of one run can be collected by one id all the same.
    """
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"
    run = f"{ti.dag_id}/{ti.run_id}"
    attempt = f"{run}/{ti.task_id}/{ti.map_index}/{ti.try_number}"
    return f"00-{_digest(run)[:32]}-{_digest(attempt)[:16]}-00"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
