"""The boosted trees that others run: 24 numeric columns, 100 trees of depth 6.

`trees.py make FOLDER ROWS` trains them with XGBoost (trees.json, trees.onnx, spec.json) and writes
rows (rows.npy, and rows.bin for the other side). `trees.py FOLDER` answers rows each time a line
`LIBRARY BATCH ROWS` comes in, on one thread, and replies with CPU and wall seconds and with how far
the probabilities are from those of the logits that the other side left in
FOLDER/logits-1-1000.bin.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import xgboost
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

COLUMNS, TREES, DEPTH = 24, 100, 6


def make(folder: Path, count: int) -> None:
    """Write the trees in three forms, and rows of which one value in twenty is missing."""
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(max(count, 20_000), COLUMNS)).astype(np.float32)
    score = rows[:, 0] * rows[:, 1] + rows[:, 2] - np.abs(rows[:, 3]) + rows[:, 4:].mean(axis=1)
    labels = (score + draw.normal(size=len(rows)) > 0).astype(int)
    rows[draw.random(rows.shape) < 0.05] = np.nan
    model = xgboost.XGBClassifier(
        n_estimators=TREES, max_depth=DEPTH, grow_policy="depthwise", n_jobs=1, base_score=0.5
    )
    model.fit(rows[:20_000], labels[:20_000])
    model.save_model(folder / "trees.json")
    onnx = convert_xgboost(model, initial_types=[("rows", FloatTensorType([None, COLUMNS]))])
    (folder / "trees.onnx").write_bytes(onnx.SerializeToString())
    rows = rows[:count]
    np.save(folder / "rows.npy", rows)
    missing = np.isnan(rows)
    columns = [
        *missing.astype("<i4").T,  # an indicator for each column, which is a category
        *np.where(missing, 0, rows).astype("<f4").T,
    ]
    (folder / "rows.bin").write_bytes(b"".join(column.tobytes() for column in columns))
    spec = {
        "format": "retune.model/1",
        "name": "forest",
        "architecture": {"type": "trees"},
        "target": {"column": "label", "classes": ["0", "1"], "positive": "1"},
        "columns": [
            {"name": f"c{i}", "kind": "numeric", "encoding": "as_is"} for i in range(COLUMNS)
        ],
    }
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")


def libraries(folder: Path) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Give the probability of the positive class by each library, in its fastest way."""
    booster = xgboost.Booster({"nthread": 1}, model_file=folder / "trees.json")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        folder / "trees.onnx", options, providers=["CPUExecutionProvider"]
    )
    output = session.get_outputs()[1].name
    return {
        "xgboost": booster.inplace_predict,
        "onnxruntime": lambda rows: session.run([output], {"rows": rows})[0][:, 1],
    }


def serve(folder: Path) -> None:
    """Answer requests until there are no more."""
    rows = np.load(folder / "rows.npy")
    answers = libraries(folder)
    for line in sys.stdin:
        library, batch, count = line.split()
        size, used = int(batch), rows[: int(count)]
        answer = answers[library]
        cpu, wall = time.process_time(), time.perf_counter()
        parts = [answer(used[start : start + size]) for start in range(0, len(used), size)]
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        ours = np.fromfile(folder / "logits-1-1000.bin", "<f4").reshape(-1, 2)[: len(used)]
        probability = 1 / (1 + np.exp(ours[:, 0].astype(float) - ours[:, 1]))
        difference = float(np.abs(np.concatenate(parts) - probability).max())
        print(json.dumps({"cpu": cpu, "wall": wall, "difference": difference}), flush=True)


if sys.argv[1] == "make":
    make(Path(sys.argv[2]), int(sys.argv[3]))
else:
    serve(Path(sys.argv[1]))
