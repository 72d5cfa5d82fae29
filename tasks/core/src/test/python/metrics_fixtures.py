"""Records scikit-learn's metrics for small cases, as the metrics' tests expect them.

Run from the repository's root; the file written is committed:

    uv run --with scikit-learn==1.9.1 --with numpy tasks/core/src/test/python/metrics_fixtures.py
"""

import json
import math
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.exceptions import UndefinedMetricWarning

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FIXTURES = Path(__file__).parents[1] / "resources/retune/core/metrics/fixtures.json"
CALIBRATION_BINS = 10


def calibration_error(stated: Floats, outcome: NDArray[np.bool_]) -> float:
    """Mean distance of stated probability and observed share over equally wide bins."""
    inner_edges = np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]
    bins = np.searchsorted(inner_edges, stated)
    return math.fsum(
        abs(stated[bins == b].mean() - outcome[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    )


def case(
    name: str, labels: Integers, probabilities: Floats, positive: int = 1, threshold: float = 0.5
) -> dict[str, object]:
    classes = probabilities.shape[1]
    binary = classes == 2
    every_class = list(range(classes))
    if binary:
        score = probabilities[:, positive]
        answers = np.where(score >= threshold, positive, 1 - positive)
        auc = metrics.roc_auc_score(labels == positive, score)
        brier = metrics.brier_score_loss(labels == positive, score)
        calibration = calibration_error(score, labels == positive)
    else:
        answers = probabilities.argmax(axis=1)
        auc = metrics.roc_auc_score(
            labels, probabilities, multi_class="ovr", average="macro", labels=every_class
        )
        brier = metrics.brier_score_loss(
            labels, probabilities, labels=every_class, scale_by_half=False
        )
        calibration = calibration_error(probabilities.max(axis=1), labels == answers)
    of_one_class: dict[str, object] = (
        {"average": "binary", "pos_label": positive} if binary else {"average": "macro"}
    )
    expected = {
        "accuracy": metrics.accuracy_score(labels, answers),
        "roc_auc": auc,
        "f1_score": metrics.f1_score(labels, answers, zero_division=0, **of_one_class),
        "f1_macro": metrics.f1_score(labels, answers, zero_division=0, average="macro"),
        "f1_weighted": metrics.f1_score(labels, answers, zero_division=0, average="weighted"),
        "precision": metrics.precision_score(labels, answers, zero_division=0, **of_one_class),
        "recall": metrics.recall_score(labels, answers, zero_division=0, **of_one_class),
        "log_loss": metrics.log_loss(labels, probabilities, labels=every_class),
        "brier_score": brier,
        "expected_calibration_error": calibration,
    }
    return {
        "name": name,
        "classes": classes,
        "positive": positive,
        "threshold": threshold,
        "labels": labels.tolist(),
        "probabilities": probabilities.ravel().tolist(),
        "confusion": metrics.confusion_matrix(labels, answers, labels=every_class).tolist(),
        "metrics": {k: float(v) for k, v in expected.items() if not math.isnan(v)},
    }


def two_classes(positive_probability: Floats) -> Floats:
    return np.column_stack([1 - positive_probability, positive_probability])


def cases() -> list[dict[str, object]]:
    random = np.random.default_rng(7)
    rows = 60
    labels = random.integers(0, 2, rows)
    score = np.clip(0.3 * labels + 0.7 * random.random(rows), 0, 1)
    wide = random.integers(0, 5, rows)
    logits = random.normal(size=(rows, 5)) + 1.5 * np.eye(5)[wide]
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rare = np.where(wide == 4, 0, wide)
    halves = np.array([0.5, 0.5, 0.5, 0.5, 0.5])
    edges = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    alternating = np.arange(11) % 2
    return [
        case("two classes", labels, two_classes(score)),
        case("two classes, another threshold", labels, two_classes(score), threshold=0.62),
        case("two classes, the first is positive", labels, two_classes(score), 0, 0.4),
        case("many ties", labels, two_classes(np.round(score, 1))),
        case("only ties", np.array([0, 1, 1, 0, 1]), two_classes(halves)),
        case("probabilities on bin edges", alternating, two_classes(edges)),
        case("certain and wrong", np.array([0, 1, 1]), two_classes(np.array([1.0, 0.0, 1.0]))),
        case("only negatives", np.zeros(5, int), two_classes(np.linspace(0.1, 0.4, 5))),
        case("only negatives, some answered positive", np.zeros(4, int), two_classes(edges[2:6])),
        case("only positives", np.ones(6, int), two_classes(np.linspace(0.2, 0.9, 6))),
        case("one row", np.array([1]), two_classes(np.array([0.7]))),
        case("five classes", wide, softmax),
        case("five classes, one never true", rare, softmax),
        case("five classes, ties", wide, np.full((rows, 5), 0.2)),
        case("three classes, one row each", np.arange(3), np.roll(np.eye(3), 1, axis=1)),
    ]


def main() -> None:
    warnings.filterwarnings("ignore", category=UndefinedMetricWarning)
    FIXTURES.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(c) for c in cases())
    FIXTURES.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
