"""What Python users run to serve predictions: FastAPI and uvicorn on the exported TorchScript.

`uvicorn serving:app` serves model.pt of the folder SERVING_FOLDER with the preprocessing of its
model.json, and answers what `POST /predict` and `POST /batch_predict` of Retune answer, but for
warnings.
"""

import json
import os
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

Features = dict[str, float | str | None]


class Row(BaseModel):
    """A request for one row."""

    features: Features


class Rows(BaseModel):
    """A request for several rows."""

    instances: list[Features]


class Answer(BaseModel):
    """The answer to one row."""

    prediction: float
    prediction_class: str
    probabilities: dict[str, float]


class Prediction(Answer):
    """The response to one row."""

    threshold: float
    request_id: str
    model_id: str
    model_version: str
    timestamp: datetime
    latency_ms: float


class Predictions(BaseModel):
    """The response to several rows."""

    predictions: list[Answer]
    total_count: int
    threshold: float
    request_id: str
    model_id: str
    model_version: str
    timestamp: datetime
    latency_ms: float


class Model:
    """A network with its preprocessing."""

    def __init__(self, folder: Path) -> None:
        self.network = torch.jit.load(folder / "model.pt").eval()
        document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        self.head = {name: document[name] for name in ("model_id", "model_version")}
        self.head["threshold"] = document["decision_threshold"]
        self.classes = document["target"]["classes"]
        self.positive = self.classes.index(document["target"]["positive"])
        columns = document["preprocessing"]
        self.categorical = [
            (
                column["name"],
                {name: code for code, name in enumerate(column["categories"]["known"], 1)},
                column["fill"],
            )
            for column in columns["categorical"]
        ]
        numeric = columns["numeric"]
        self.numeric = [(column["name"], column["fill"]) for column in numeric]
        scaling = [column["scaling"] for column in numeric]
        self.center, self.scale, self.limit = (
            np.array([one[name] for one in scaling]) for name in ("center", "scale", "limit")
        )

    def answer(self, rows: list[Features]) -> list[Answer]:
        """Answer rows."""
        try:
            codes = [
                [
                    codes.get(fill if row[name] is None else row[name], 0)
                    for name, codes, fill in self.categorical
                ]
                for row in rows
            ]
            values = np.array(
                [
                    [fill if row[name] is None else row[name] for name, fill in self.numeric]
                    for row in rows
                ],
                dtype=np.float64,
            )
        except KeyError as missing:
            raise HTTPException(422, f"A row has no column {missing}.") from missing
        except ValueError as wrong:
            raise HTTPException(422, f"A column of numbers has a text: {wrong}.") from wrong
        values = np.clip((values - self.center) / self.scale, -self.limit, self.limit)
        with torch.inference_mode():
            logits = self.network(
                torch.tensor(codes, dtype=torch.int64), torch.from_numpy(values.astype(np.float32))
            )
            every = torch.softmax(logits.double(), 1).tolist()
        negative = 1 - self.positive
        return [
            Answer(
                prediction=probabilities[self.positive],
                prediction_class=self.classes[
                    self.positive
                    if probabilities[self.positive] >= self.head["threshold"]
                    else negative
                ],
                probabilities=dict(zip(self.classes, probabilities, strict=True)),
            )
            for probabilities in every
        ]


app = FastAPI()
model = Model(Path(os.environ["SERVING_FOLDER"]))


def head(start: float) -> dict[str, object]:
    """Say which model answered, when, and how long it took."""
    return {
        **model.head,
        "request_id": str(uuid.uuid4()),
        "timestamp": datetime.now(UTC),
        "latency_ms": (time.perf_counter() - start) * 1000,
    }


# Not in a thread: of the two that FastAPI offers, this is the faster one on work of the processor.
@app.post("/predict")
async def predict(row: Row) -> Prediction:
    """Answer one row."""
    start = time.perf_counter()
    answer = model.answer([row.features])[0]
    return Prediction.model_construct(**vars(answer), **head(start))


@app.post("/batch_predict")
async def batch_predict(rows: Rows) -> Predictions:
    """Answer several rows."""
    start = time.perf_counter()
    answers = model.answer(rows.instances)
    return Predictions.model_construct(predictions=answers, total_count=len(answers), **head(start))


@app.get("/v2/health/ready")
async def ready() -> None:
    """Answer as soon as the model is loaded."""
