"""Maps a step's end to Airflow, the same way in every runtime. The exit codes are API."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

DONE = 0
NOT_READY = 20
DO_NOT_RETRY = 50
KILLED = 137
STOPPED = 143
PLAIN = (str, int, float)
LEVELS: Mapping[str, int] = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "SEVERE": logging.ERROR,
}


def failure(step: str, code: int, result: object) -> AirflowException:
    """The exception for a step that ended with an exit code other than 0."""
    reason = _reason(result)
    if code == DO_NOT_RETRY:
        return AirflowFailException(f"{step} failed and will not be retried: {reason}")
    if code == NOT_READY:
        return AirflowException(f"{step} is not ready and will be retried: {reason}")
    if code == STOPPED:
        return AirflowException(f"{step} was stopped; nothing is half-written.")
    if code == KILLED:
        return AirflowException(
            f"{step} was killed, probably because it exceeded its memory limit. "
            f"Raise the limit in the loop file, under resources.{step}."
        )
    if code < 0:
        return AirflowException(f"{step} was killed by {signal.Signals(-code).name}.")
    return AirflowException(f"{step} ended with exit code {code}: {reason}")


def announce(
    context: Context, outlets: Sequence[Any], inputs: Mapping[str, Any], result: Mapping[str, Any]
) -> None:
    """Gives a task's asset events their partition, and inputs and result as their content.

    The partition is the day, an input of the step or a part of its result, or a retraining, or the
    promotion of a challenger.

    Nested parts of the result are left out.
    """
    for asset in outlets:
        event = context["outlet_events"][asset]
        day = inputs.get("logical_date") or result.get("logical_date")
        event.add_partitions(day or result.get("promotion_id") or result["retraining_id"])
        event.extra = {
            **inputs,
            **{key: value for key, value in result.items() if isinstance(value, PLAIN)},
        }


def log_line(line: str) -> tuple[int, str]:
    """The level and the text of one log line: a step's JSON, or plain text."""
    try:
        entry = json.loads(line)
        level, message = str(entry["level"]).upper(), str(entry["message"])
    except (ValueError, TypeError, KeyError):
        return logging.INFO, line
    return LEVELS.get(level, logging.INFO), message


def _reason(result: object) -> str:
    match result:
        case {"error": {"message": message}}:
            return str(message)
        case _:
            return "see its log."


def result_of(text: str) -> Any:
    """The parsed result file, or None if it is empty, as after a crash."""
    return json.loads(text) if text.strip() else None
