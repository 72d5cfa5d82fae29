"""Requests that schemathesis makes from two descriptions of the service, valid and invalid ones."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from kserve import ModelRepository
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.rest.v2_endpoints import register_v2_endpoints
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi

from conftest import Service

MODEL = "credit-default"
# The same requests each time, on a machine that may be slow.
BOUNDED = settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def ours(service: Service) -> Any:
    schema = schemathesis.openapi.from_dict(service.get("/openapi.json"))
    schema.config.update(base_url=service.url)
    return schema


@pytest.fixture(scope="module")
def protocol(service: Service) -> Any:
    """The protocol as KServe's own server describes it, of what concerns predictions."""
    app = FastAPI()
    register_v2_endpoints(app, DataPlane(ModelRepository()), None)
    document = app.openapi()
    document["paths"] = {
        path: operations
        for path, operations in document["paths"].items()
        if "repository" not in path and path != "/v2/models"
    }
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=service.url)
    return schema


def test_our_document_describes_every_answer(ours: Any) -> None:
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(
            checks=[
                checks.not_a_server_error,
                openapi.status_code_conformance,
                openapi.content_type_conformance,
                openapi.response_schema_conformance,
            ]
        )

    assert _ask_of_each_operation(ours, ask) == len(ours.raw_schema["paths"])


def test_requests_of_the_protocol_get_answers_of_the_protocol(protocol: Any) -> None:
    def ask(case: schemathesis.Case) -> None:
        if "model_name" in case.path_parameters:
            case.path_parameters["model_name"] = MODEL
        response = case.call()
        case.validate_response(response, checks=[checks.not_a_server_error])
        if response.status_code == HTTPStatus.OK:
            case.validate_response(response, checks=[openapi.response_schema_conformance])
        else:
            assert response.json()["error"], "a sentence"

    assert _ask_of_each_operation(protocol, ask) == len(protocol.raw_schema["paths"])


def _ask_of_each_operation(schema: Any, ask: Callable[[schemathesis.Case], None]) -> int:
    """Asks valid requests of each operation, and invalid ones of those that have a body."""
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:
        modes = [GenerationMode.POSITIVE]
        if operation.method == "post":
            modes.append(GenerationMode.NEGATIVE)
        for mode in modes:
            BOUNDED(given(case=operation.as_strategy(generation_mode=mode))(ask))()
    return len(operations)
