"""Clients that others made get the answers of ``/predict``, by tensors in JSON and after it."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest
import tritonclient.http
from kserve import InferenceRESTClient, InferInput, InferRequest, InferResponse, RESTConfig
from kserve.protocol.rest.v2_datamodels import InferenceResponse
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from conftest import Service

MODEL = "credit-default"
UNSEEN = "unheard of"


@pytest.fixture(scope="module")
def rows(service: Service) -> list[dict[str, Any]]:
    """Three rows: the example's in whole numbers, another number, an unseen category."""
    example = {
        name: int(value) if isinstance(value, float) else value
        for name, value in service.get("/example")["features"].items()
    }
    return [example, {**example, "LIMIT_BAL": 20000}, {**example, "EDUCATION": UNSEEN}]


@pytest.fixture(scope="module")
def expected(service: Service, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = service.post("/batch_predict", {"instances": rows})[
        "predictions"
    ]
    return answers


@pytest.fixture
def triton(service: Service) -> Any:
    with tritonclient.http.InferenceServerClient(service.host) as client:
        yield client


def column(rows: list[dict[str, Any]], name: str, datatype: str) -> NDArray[Any]:
    values = [row[name] for row in rows]
    if datatype == "BYTES":
        return np.array([str(value) for value in values], dtype=np.object_)
    return np.array(
        values, dtype={"FP64": np.float64, "FP32": np.float32, "INT64": np.int64}[datatype]
    )


def test_triton_reads_the_servers_and_the_models_metadata(service: Service, triton: Any) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready(MODEL)
    assert not triton.is_model_ready("other")
    assert "binary_tensor_data" in triton.get_server_metadata()["extensions"]
    metadata = triton.get_model_metadata(MODEL)
    assert {tensor["name"] for tensor in metadata["inputs"]} == set(
        service.get("/example")["features"]
    )


@pytest.mark.parametrize("numbers", ["FP64", "FP32", "INT64"])
def test_triton_sends_and_gets_tensors_after_the_json(
    triton: Any, rows: list[dict[str, Any]], expected: list[dict[str, Any]], numbers: str
) -> None:
    inputs = _triton_inputs(triton, rows, numbers, binary=True)

    answer = triton.infer(MODEL, inputs, request_id="7")

    assert answer.get_response()["id"] == "7"
    assert "binary_data_size" in answer.get_output("predicted")["parameters"]
    _same(answer, expected)


def test_triton_sends_and_gets_tensors_in_the_json(
    triton: Any, rows: list[dict[str, Any]], expected: list[dict[str, Any]]
) -> None:
    inputs = _triton_inputs(triton, rows, "FP64", binary=False)
    outputs = [
        tritonclient.http.InferRequestedOutput(name, binary_data=False)
        for name in ("predicted", "probabilities", "warnings")
    ]
    answer = triton.infer(MODEL, inputs, outputs=outputs)
    assert "data" in answer.get_output("predicted")
    _same(answer, expected)


def test_triton_shows_the_sentence_of_an_error(triton: Any, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(InferenceServerException, match="Row 0 lacks"):
        triton.infer(MODEL, _triton_inputs(triton, rows, "FP64", binary=True)[1:])


@pytest.mark.parametrize("binary", [True, False])
def test_kserve_sends_tensors_after_and_in_the_json(
    service: Service,
    triton: Any,
    rows: list[dict[str, Any]],
    expected: list[dict[str, Any]],
    *,
    binary: bool,
) -> None:
    inputs = []
    for tensor in triton.get_model_metadata(MODEL)["inputs"]:
        values = column(rows, tensor["name"], tensor["datatype"])
        given = InferInput(tensor["name"], list(values.shape), tensor["datatype"])
        given.set_data_from_numpy(values, binary_data=binary)
        inputs.append(given)
    request = InferRequest(MODEL, inputs, request_id="7", parameters={"binary_data_output": binary})

    answer = asyncio.run(_ask_kserve(service, request))

    assert answer.id == "7"
    assert answer.parameters["calibrated"] is False
    _same(answer.get_output_by_name, expected)


def test_the_answer_is_one_of_kserves_own_model(
    service: Service, rows: list[dict[str, Any]]
) -> None:
    inputs = [
        {"name": name, "datatype": "BYTES", "shape": [1], "data": [str(value)]}
        for name, value in rows[0].items()
    ]
    answer = service.post(f"/v2/models/{MODEL}/infer", {"id": "7", "inputs": inputs})
    assert InferenceResponse.model_validate(answer, strict=True).model_name == MODEL


async def _ask_kserve(service: Service, request: InferRequest) -> InferResponse:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    try:
        assert await client.is_server_live(service.url)
        assert await client.is_model_ready(service.url, MODEL)
        return await client.infer(service.url, request, model_name=MODEL)
    finally:
        await client.close()


def _triton_inputs(
    triton: Any, rows: list[dict[str, Any]], numbers: str, *, binary: bool
) -> list[Any]:
    inputs = []
    for tensor in triton.get_model_metadata(MODEL)["inputs"]:
        datatype = numbers if tensor["datatype"] == "FP64" else tensor["datatype"]
        values = column(rows, tensor["name"], datatype)
        given = tritonclient.http.InferInput(tensor["name"], values.shape, datatype)
        given.set_data_from_numpy(values, binary_data=binary)
        inputs.append(given)
    return inputs


def _same(answer: Any, expected: list[dict[str, Any]]) -> None:
    def values(name: str) -> list[Any]:
        read = answer.as_numpy(name) if hasattr(answer, "as_numpy") else answer(name).as_numpy()
        return [value.decode() if isinstance(value, bytes) else value for value in read.tolist()]

    assert values("predicted") == [row["prediction_class"] for row in expected]
    assert values("probabilities") == [list(row["probabilities"].values()) for row in expected]
    warnings = [json.loads(row) for row in values("warnings")]
    assert warnings == [row["warnings"] for row in expected]
    assert [warning["column"] for warning in warnings[2]] == ["EDUCATION"]
