"""What the end of a step means to Airflow, the same for every runtime. The exit codes are API."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

DONE = 0
NOT_READY = 20
DO_NOT_RETRY = 50
KILLED = 137
STOPPED = 143
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
    """The exception for a step that ended with a code other than 0; its result has the reason."""
    reason = _reason(result)
    if code == DO_NOT_RETRY:
        return AirflowFailException(f"{step} cannot succeed, however often it is tried: {reason}")
    if code == NOT_READY:
        return AirflowException(f"{step} is not ready and will be tried again: {reason}")
    if code == STOPPED:
        return AirflowException(f"{step} was stopped with nothing half-done.")
    if code == KILLED:
        return AirflowException(
            f"{step} was killed, as happens to what needs more memory than its limit: "
            f"raise it in the loop file, under resources.{step}."
        )
    if code < 0:
        return AirflowException(f"{step} was killed by {signal.Signals(-code).name}.")
    return AirflowException(f"{step} ended with exit code {code}: {reason}")


def log_line(line: str) -> tuple[int, str]:
    """The level and the text of one line of a step's log: JSON, or plain text from elsewhere."""
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
            return "the log says why."


def result_of(text: str) -> Any:
    """A step's result file; None where it has none, as after a crash."""
    return json.loads(text) if text.strip() else None
