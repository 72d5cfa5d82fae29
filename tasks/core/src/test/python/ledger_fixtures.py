"""Records what NumPy, SciPy and scikit-learn say, as the tests of core/judgement/ledger expect it.

Run from the repository's root; the file written is committed:

    uv run --with numpy==2.4.6 --with scikit-learn==1.9.1 tasks/core/src/test/python/ledger_fixtures.py
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import bernoulli
from sklearn import metrics

Floats = NDArray[np.float64]

FIXTURES = Path(__file__).parents[1] / "resources/retune/core/judgement/ledger/fixtures.json"
STAKES = (0.25, 0.5, 1, 2, 4)
FALLS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)
POSITIVE = 1
YEAR = 365


def score(metric: str, labels: Floats, answers: Floats, weights: Floats, classes: int) -> float:
    """A metric of weighted rows, by scikit-learn."""
    if metric == "accuracy":
        return float(metrics.accuracy_score(labels, answers, sample_weight=weights))
    name, _, average = metric.partition("_")
    binary = classes == 2 and average in ("", "score")
    function = getattr(metrics, f"{name}_score")
    return float(
        function(
            labels,
            answers,
            average="binary" if binary else "weighted" if average == "weighted" else "macro",
            pos_label=POSITIVE,
            labels=None
            if binary
            else [c for c in range(classes) if occurs(c, labels, answers, weights)],
            sample_weight=weights,
            zero_division=0,
        )
    )


def occurs(label: int, labels: Floats, answers: Floats, weights: Floats) -> bool:
    return bool(weights[(labels == label) | (answers == label)].sum() > 0)


def bets_on_share(right: int, wrong: int, limit: float) -> list[float]:
    """Log likelihood ratios of shares below the limit, by SciPy."""
    rows = np.repeat([1, 0], [right, wrong])
    odds = limit / (1 - limit)
    lower = [odds * np.exp(-fall) / (1 + odds * np.exp(-fall)) for fall in FALLS]
    return [float((bernoulli.logpmf(rows, q) - bernoulli.logpmf(rows, limit)).sum()) for q in lower]


def influences(function: Callable[[Floats], float], shares: Floats) -> Floats:
    """Central differences by the share of each cell, less their mean."""
    found = np.zeros(len(shares))
    for cell in np.flatnonzero(shares):
        step = 1e-4 * shares[cell]
        ends = []
        for sign in (1, -1):
            moved = shares.copy()
            moved[cell] += sign * step
            ends.append(function(moved))
        found[cell] = (ends[0] - ends[1]) / (2 * step)
    return np.where(shares > 0, found - found @ shares, 0)


def bets_on_tangent(
    counts: Floats, function: Callable[[Floats], float], limit: float
) -> list[float]:
    smoothed = counts + 2 / len(counts)
    smoothed /= smoothed.sum()
    direction = influences(function, smoothed)

    def tilted(tilt: float) -> Floats:
        weights = smoothed * np.exp(tilt * direction)
        return weights / weights.sum()

    reach = 60 / np.abs(direction).max()
    shares = tilted(brentq(lambda t: function(tilted(t)) - limit, -reach, reach, xtol=1e-15))
    slopes = influences(function, shares)
    deviation = np.sqrt(shares @ slopes**2)
    logs = []
    for stake in STAKES:
        rate = min(stake / (deviation * np.sqrt(counts.sum())), 0.5 / slopes[shares > 0].max())
        logs.append(float(counts @ np.log1p(-rate * slopes)))
    return logs


def bias(function: Callable[[Floats], float], counts: Floats) -> float:
    """The jackknife's estimate, rounded: each row is left out once, rows of a cell alike."""
    cells = np.flatnonzero(counts)
    left_out = [function(counts - np.eye(len(counts))[cell]) for cell in cells]
    mean = np.average(left_out, weights=counts[cells])
    return round(float((counts.sum() - 1) * (mean - function(counts))), 6)


def harm(metric: str, counts: list[list[int]], limit: float) -> dict[str, object]:
    classes = len(counts)
    labels, answers = (axis.ravel() for axis in np.indices((classes, classes)))
    flat = np.array(counts, dtype=float).ravel()
    hits, falsely, missed = counts[1][1], counts[0][1], counts[1][0]
    if metric == "accuracy":
        right = int(np.trace(counts))
        logs = bets_on_share(right, int(flat.sum()) - right, limit)
    elif classes == 2 and metric == "f1_score":
        logs = bets_on_share(hits, falsely + missed, limit / (2 - limit))
    elif classes == 2 and metric == "precision":
        logs = bets_on_share(hits, falsely, limit)
    elif classes == 2 and metric == "recall":
        logs = bets_on_share(hits, missed, limit)
    else:

        def value(weights: Floats) -> float:
            return score(metric, labels, answers, weights, classes)

        logs = bets_on_tangent(flat, value, limit + bias(value, flat))
    return {"metric": metric, "limit": limit, "counts": counts, "logs": logs}


def superiority(metric: str, classes: int, seed: int, rows: int) -> dict[str, object]:
    random = np.random.default_rng(seed)
    labels, champion, challenger = (axis.ravel() for axis in np.indices((classes,) * 3))
    weights = np.exp(
        1.5 * (champion == labels) + 1.8 * (challenger == labels) + (champion == challenger)
    )
    counts = random.multinomial(rows, weights / weights.sum()).astype(float)

    def lead(shares: Floats) -> float:
        first, second = (
            score(metric, labels, answers, shares, classes) for answers in (champion, challenger)
        )
        return first - second

    if metric == "accuracy":  # of the rows that one alone answers rightly, half are the champion's
        first, second = champion == labels, challenger == labels
        alone = (
            int(counts[one & ~other].sum()) for one, other in ((first, second), (second, first))
        )
        logs = bets_on_share(*alone, 0.5)
    else:
        logs = bets_on_tangent(counts, lead, 0)
    return {
        "metric": metric,
        "classes": classes,
        "counts": [int(count) for count in counts],
        "logs": logs,
    }


def detector(seed: int) -> dict[str, object]:
    """E-values of days and the detector's value after each, from the sum over all starts."""
    random = np.random.default_rng(seed)
    z = random.normal(size=20) + np.where(np.arange(20) > 12, 3, -0.2)
    logs = np.array([[stake * value - stake**2 / 2 for stake in STAKES] for value in z])
    values = [
        sum(np.exp(logs[start : day + 1].sum(axis=0)).mean() for start in range(day + 1)) / YEAR
        for day in range(len(z))
    ]
    return {"logs": logs.tolist(), "values": [float(value) for value in values]}


def main() -> None:
    two = [[700, 80], [95, 125]]
    no_hit = [[760, 20], [220, 0]]
    no_positive = [[940, 60], [0, 0]]
    four = [[90, 5, 8, 0], [9, 70, 4, 1], [12, 6, 44, 2], [0, 1, 2, 5]]
    fixtures = {
        "harm": [
            harm(metric, counts, limit)
            for metric, counts, limit in (
                ("accuracy", two, 0.85),
                ("f1_score", two, 0.62),
                ("f1_score", no_hit, 0.5),
                ("f1_score", no_positive, 0.5),
                ("precision", two, 0.7),
                ("recall", two, 0.6),
                ("f1_macro", two, 0.75),
                ("f1_macro", two, 0.7),
                ("f1_macro", no_hit, 0.7),
                ("f1_macro", no_positive, 0.6),
                ("f1_weighted", two, 0.84),
                ("accuracy", four, 0.85),
                ("f1_score", four, 0.8),
                ("f1_macro", four, 0.85),
                ("f1_weighted", four, 0.85),
                ("precision", four, 0.85),
                ("recall", four, 0.75),
            )
        ],
        "superiority": [
            superiority(metric, classes, 3 + classes, 400)
            for classes in (2, 3)
            for metric in ("f1_score", "f1_macro", "f1_weighted", "accuracy", "recall")
        ],
        "detector": detector(5),
    }
    FIXTURES.parent.mkdir(parents=True, exist_ok=True)
    FIXTURES.write_text(json.dumps(fixtures) + "\n")


if __name__ == "__main__":
    main()
