"""A step's inputs once Airflow has rendered them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from retune.catalogue import CatalogueError, Step


def typed_inputs(step: Step, rendered: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with the types that the step declares; a mismatch is a permanent failure."""
    try:
        return step.typed(rendered)
    except CatalogueError as error:
        raise AirflowFailException(str(error)) from error


def command(step: Step, inputs: Mapping[str, Any]) -> str:
    """The shell command that runs the step with these inputs."""
    words = ["./retune", step.name]
    for name, value in inputs.items():
        text = value if isinstance(value, str) else json.dumps(value)
        words += [f"--{name.replace('_', '-')}", shlex.quote(text)]
    return " ".join(words)
