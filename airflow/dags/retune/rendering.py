"""A step's inputs once Airflow has rendered them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from retune.catalogue import CatalogueError, Step


def typed_inputs(step: Step, rendered: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as the step declares them; what does not fit will not fit the next time either."""
    try:
        return step.typed(rendered)
    except CatalogueError as error:
        raise AirflowFailException(str(error)) from error
