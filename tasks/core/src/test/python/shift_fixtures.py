"""Records what SciPy, statsmodels and scikit-learn make of shifts, as core/drift's tests expect it.

Run from the repository's root; the file written is committed:

    uv run --with scipy==1.17.1 --with statsmodels==0.15.0 --with scikit-learn==1.9.1 \
        tasks/core/src/test/python/shift_fixtures.py
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import chi2, chi2_contingency, norm
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]

FIXTURES = Path(__file__).parents[1] / "resources/retune/core/drift/shifts.json"


def side(labels: Floats, p: Floats, weights: Floats) -> tuple[Floats, Floats, float, float]:
    """Mean residual and slope with their covariance; the slope beyond a constant, its variance."""
    w = weights / weights.sum()
    low, high = np.log(np.maximum(0.01, np.column_stack([1 - p, p]))).T
    z = high - low
    rows = np.column_stack([labels - p, (labels - p) * z])
    mean = w @ rows
    centred = w[:, None] * (rows - mean)
    constant = sm.GLM(
        labels, np.ones_like(p), family=sm.families.Binomial(), offset=logit(p), freq_weights=w
    ).fit(tol=1e-14)
    moved = expit(logit(p) + constant.params[0])
    bend = w * moved * (1 - moved)
    slope = w @ ((labels - moved) * z)
    influence = (labels - moved) * (z - (bend @ z) / bend.sum()) - slope
    return mean, centred.T @ centred, float(slope), float((w * influence) @ (w * influence))


def relation(generator: np.random.Generator, rows: tuple[int, int], b: float, c: float) -> Any:
    """Two samples of two classes; in the second the log-odds are b + c times the model's."""
    samples = []
    for count, constant, slope in ((rows[0], 0.0, 1.0), (rows[1], b, c)):
        p = generator.beta(0.8, 2.0, count).clip(1e-6, 1 - 1e-6)
        labels = (generator.random(count) < expit(constant + slope * logit(p))).astype(np.float64)
        samples.append((labels, p, 0.2 + 0.8 * generator.random(count)))
    before, after = (side(*sample) for sample in samples)
    difference = after[0] - before[0]
    covariance = before[1] + after[1]
    statistic = difference @ np.linalg.solve(covariance, difference)
    error = np.sqrt(covariance[0, 0])
    score = (after[2] - before[2]) / np.sqrt(before[3] + after[3])
    counts = [[int(np.sum(labels == label)) for label in (0, 1)] for labels, _, _ in samples]
    return {
        "labels": [labels.astype(int).tolist() for labels, _, _ in samples],
        "positive": [p.tolist() for _, p, _ in samples],
        "weights": [weights.tolist() for _, _, weights in samples],
        "p_of_any": float(chi2.sf(statistic, 2)),
        "p_of_slope": float(2 * norm.sf(abs(score))),
        "residual": float(difference[0]),
        "low": float(difference[0] - norm.isf(0.025) * error),
        "high": float(difference[0] + norm.isf(0.025) * error),
        "p_of_shares": float(chi2_contingency(counts, correction=False).pvalue),
    }


def domains(generator: np.random.Generator) -> Any:
    """The probability of the reference by two columns of codes."""
    reference = [generator.integers(0, 3, 200), generator.integers(0, 4, 200)]
    current = [
        generator.choice(3, 120, p=[0.2, 0.2, 0.6]),
        generator.choice(4, 120, p=[0.4, 0.3, 0.2, 0.1]),
    ]
    one_hot = np.column_stack(
        [
            np.eye(size)[np.concatenate([before, after])]
            for before, after, size in zip(reference, current, (3, 4), strict=True)
        ]
    )
    is_reference = np.repeat([1, 0], [200, 120])
    weights = np.repeat([320 / 400, 320 / 240], [200, 120])
    fitted = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(
        one_hot, is_reference, sample_weight=weights
    )
    probability = fitted.predict_proba(one_hot)[:, 1]
    return {
        "reference": [column.tolist() for column in reference],
        "current": [column.tolist() for column in current],
        "of_reference": probability[:200].tolist(),
        "of_current": probability[200:].tolist(),
    }


def main() -> None:
    """Writes the fixtures."""
    generator = np.random.default_rng(2)
    fixtures = {
        "relations": [
            relation(generator, (300, 200), 0.0, 1.0),
            relation(generator, (250, 300), 0.4, 1.0),
            relation(generator, (200, 250), 0.2, 0.5),
        ],
        "domains": domains(generator),
    }
    FIXTURES.write_text(json.dumps(fixtures, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
