"""Records what scikit-learn and SciPy fit, as the tests of core/calibration expect it.

Run from the repository's root; the file written is committed:

    uv run --with scikit-learn==1.9.1 --with scipy==1.17.1 --with numpy \
        tasks/core/src/test/python/calibration_fixtures.py
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FOLDER = Path(__file__).parents[1] / "resources/retune/core/calibration"


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Floats = powers / powers.sum(axis=1, keepdims=True)
    return result


def temperature(logits: Floats, labels: Integers) -> float:
    """The temperature with the smallest log loss (Guo et al., 2017)."""
    classes = list(range(logits.shape[1]))
    found = minimize_scalar(
        lambda inverse: log_loss(labels, softmax(inverse * logits), labels=classes),
        bounds=(1 / 20, 20),
        method="bounded",
        options={"xatol": 1e-12},
    )
    return float(1 / found.x)


def targets(labels: Integers) -> tuple[float, float]:
    """Platt's targets of a negative and a positive row."""
    positives = int(labels.sum())
    return 1 / (len(labels) - positives + 2), (positives + 1) / (positives + 2)


def platt(log_odds: Floats, labels: Integers) -> list[float]:
    """Slope and intercept: each row counts once for each label, weighted by its target."""
    goals = np.where(labels == 1, targets(labels)[1], targets(labels)[0])
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    model.fit(
        np.concatenate([log_odds, log_odds]).reshape(-1, 1),
        np.concatenate([np.ones_like(labels), np.zeros_like(labels)]),
        np.concatenate([goals, 1 - goals]),
    )
    return [float(model.coef_[0, 0]), float(model.intercept_[0])]


def isotonic(log_odds: Floats, labels: Integers) -> dict[str, list[float]]:
    """Each block of equal values: its mean log-odds, and the log-odds of its value."""
    goals = np.where(labels == 1, targets(labels)[1], targets(labels)[0])
    values = IsotonicRegression().fit(log_odds, goals).predict(log_odds)
    blocks = np.unique(values.round(12))
    means = [log_odds[values.round(12) == block].mean() for block in blocks]
    return {
        "from": [float(x) for x in means],
        "to": [float(np.log(y / (1 - y))) for y in blocks],
    }


def binary(name: str, rows: int, share: float, slope: float, shift: float, seed: int) -> object:
    """Rows whose true log-odds are a line, bent above zero, of those that the model states."""
    random = np.random.default_rng(seed)
    true = random.normal(np.log(share / (1 - share)), 1.5, rows)
    labels = (random.random(rows) < 1 / (1 + np.exp(-true))).astype(np.int64)
    stated = (np.where(true > 0, true / 2, true) * slope + shift).round(3)
    logits = np.column_stack([-stated / 2, stated / 2])
    return {
        "name": name,
        "classes": 2,
        "labels": labels.tolist(),
        "logits": logits.ravel().tolist(),
        "temperature": temperature(logits, labels),
        "platt": platt(stated, labels),
        "isotonic": isotonic(stated, labels),
    }


def several(name: str, rows: int, classes: int, sharpness: float, seed: int) -> object:
    random = np.random.default_rng(seed)
    true = random.normal(size=(rows, classes)) * 1.5
    labels = np.array([random.choice(classes, p=p) for p in softmax(true)])
    logits = (sharpness * true).round(3)
    return {
        "name": name,
        "classes": classes,
        "labels": labels.tolist(),
        "logits": logits.ravel().tolist(),
        "temperature": temperature(logits, labels),
    }


def likeliest(probabilities: Floats, reference: Floats) -> list[float]:
    """The shares of greatest likelihood, climbed by its gradient instead of EM's steps."""
    ratios = probabilities / reference

    def loss(free: Floats) -> tuple[float, Floats]:
        shares = softmax(np.append(free, 0)[None, :])[0]
        rows = ratios @ shares
        by_share = (ratios / rows[:, None]).mean(axis=0)
        return -float(np.log(rows).mean()), -(shares * (by_share - 1))[:-1]

    found = minimize(
        loss,
        np.log(reference[:-1] / reference[-1]),
        jac=True,
        method="BFGS",
        options={"gtol": 1e-10},
    )
    return [float(share) for share in softmax(np.append(found.x, 0)[None, :])[0]]


def least_loss(probabilities: Floats, labels: Integers) -> list[float]:
    """The biases of least log loss, each less the last one.

    One more row counts, of each class as far as the mean probabilities say; it has no loss of its
    own beside those of its shares.
    """
    rows, classes = probabilities.shape
    counts = np.bincount(labels, minlength=classes) + probabilities.mean(axis=0)
    shares = counts / (rows + 1)
    logarithms = np.log(probabilities)

    def loss(free: Floats) -> tuple[float, Floats]:
        biases = np.append(free, 0)
        corrected = logarithms + biases
        norms = np.log(np.exp(corrected).sum(axis=1))
        slope = softmax(corrected).mean(axis=0) - shares
        return float(norms.mean() - biases @ shares), slope[:-1]

    found = minimize(loss, np.zeros(classes - 1), jac=True, method="BFGS", options={"gtol": 1e-11})
    return [float(bias) for bias in found.x]


def shift(name: str, reference: list[float], shares: list[float], rows: int, seed: int) -> object:
    """Rows of classes whose shares have moved, with probabilities that were calibrated before."""
    random = np.random.default_rng(seed)
    classes = len(reference)
    labels = random.choice(classes, size=rows, p=shares)
    values = random.normal(size=(rows, classes)) + 1.4 * np.eye(classes)[labels]
    # the log density of a class is linear in its own value
    probabilities = softmax(1.4 * values + np.log(reference)).round(6) + 1e-6
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return {
        "name": name,
        "reference": reference,
        "labels": labels.tolist(),
        "probabilities": probabilities.ravel().tolist(),
        "shares": likeliest(probabilities, np.array(reference)),
        "biases": least_loss(probabilities, labels),
    }


def write(name: str, cases: list[object]) -> None:
    lines = ",\n".join(json.dumps(case) for case in cases)
    (FOLDER / name).write_text(f"[\n{lines}\n]\n")


def main() -> None:
    cases = [
        binary("weighted classes", 300, 0.22, 1, 1.3, 1),
        binary("too sure", 250, 0.5, 3, 0, 2),
        binary("not sure enough", 250, 0.4, 0.3, -0.2, 3),
        binary("few rows", 60, 0.3, 1.5, 0.7, 4),
        several("four classes, too sure", 200, 4, 2.5, 5),
        several("three classes, not sure enough", 200, 3, 0.4, 6),
    ]
    shifts = [
        shift("two classes, more positives", [0.78, 0.22], [0.55, 0.45], 300, 7),
        shift("two classes, as before", [0.78, 0.22], [0.78, 0.22], 200, 8),
        shift("a class has vanished", [0.5, 0.3, 0.2], [0.7, 0.3, 0.0], 200, 9),
        shift("five classes", [0.4, 0.3, 0.15, 0.1, 0.05], [0.1, 0.1, 0.3, 0.3, 0.2], 250, 10),
    ]
    FOLDER.mkdir(parents=True, exist_ok=True)
    write("fixtures.json", cases)
    write("shifts.json", shifts)


if __name__ == "__main__":
    main()
