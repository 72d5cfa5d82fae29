"""Makes the fixtures of TreesFileTest: small models of XGBoost and LightGBM with their own answers.

Needs xgboost-cpu 3.2.0, lightgbm 4.7.0, pandas and NumPy; run it in this folder.
"""

import json
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import xgboost

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "resources" / "retune" / "model" / "trees"
ROWS, KEPT, CATEGORIES = 500, 40, 40
ROUNDS = 6


def table(classes: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Returns rows with missing values and a column of categories, and labels that depend on both."""
    random = np.random.default_rng(classes)
    numbers = random.normal(size=(ROWS, 3))
    numbers[:, 2] = np.round(numbers[:, 2])  # ties with thresholds
    codes = random.integers(0, CATEGORIES, ROWS)
    score = numbers[:, 0] + numbers[:, 2] * (codes % 3 == 1) + 0.3 * random.normal(size=ROWS)
    labels = np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
    numbers[random.random(numbers.shape) < 0.1] = np.nan
    rows = pd.DataFrame(numbers.astype(np.float32), columns=["a", "b", "c"])
    unknown = random.random(ROWS) < 0.1
    rows["kind"] = pd.Categorical.from_codes(
        np.where(unknown, -1, codes), categories=range(CATEGORIES)
    )
    return rows, labels


def keep(name: str, rows: pd.DataFrame, margins: np.ndarray) -> None:
    """Keeps the first rows, null where a value is missing, and a library's raw sums for them."""
    kept = rows.head(KEPT).copy()
    kept["kind"] = kept["kind"].cat.codes.replace(-1, np.nan).astype(float)
    values = [[None if np.isnan(x) else float(x) for x in row] for row in kept.to_numpy()]
    sums = np.asarray(margins, dtype=float).reshape(len(rows), -1)[:KEPT].tolist()
    (FIXTURES / f"{name}.rows.json").write_text(json.dumps({"rows": values, "margins": sums}))


def of_xgboost(name: str, classes: int, **settings: object) -> None:
    rows, labels = table(classes)
    data = xgboost.DMatrix(rows, label=labels, enable_categorical=True)
    goal = {"objective": "binary:logistic"}
    if classes > 2:
        goal = {"objective": "multi:softprob", "num_class": classes}
    model = xgboost.train({"nthread": 1, "eta": 0.5, **goal, **settings}, data, ROUNDS)
    for kind in ("json", "ubj"):
        model.save_model(FIXTURES / f"{name}.{kind}")
    keep(name, rows, model.predict(data, output_margin=True))


def of_lightgbm(name: str, classes: int, **settings: object) -> None:
    rows, labels = table(classes)
    goal = {"objective": "binary", "sigmoid": 0.7}
    if classes > 2:
        goal = {"objective": "multiclass", "num_class": classes}
    model = lightgbm.train(
        {
            "num_threads": 1,
            "verbose": -1,
            "learning_rate": 0.3,
            "num_leaves": 9,
            "min_data_in_leaf": 5,
            "cat_smooth": 1,
            "min_data_per_group": 5,
            **goal,
            **settings,
        },
        lightgbm.Dataset(rows, label=labels),
        ROUNDS,
    )
    model.save_model(FIXTURES / f"{name}.txt")
    margins = model.predict(rows, raw_score=True)
    keep(name, rows, margins * (0.7 if classes == 2 else 1))


FIXTURES.mkdir(parents=True, exist_ok=True)
of_xgboost("xgboost-two", 2, max_depth=4, max_cat_to_onehot=2)
of_xgboost("xgboost-three", 3, max_depth=3, max_cat_to_onehot=100)
of_lightgbm("lightgbm-two", 2)
of_lightgbm("lightgbm-three", 3)
of_lightgbm("lightgbm-no-missing", 2, use_missing=False)
