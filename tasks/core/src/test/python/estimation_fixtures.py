"""Records what NannyML and statsmodels compute, as the tests of core/estimation expect it.

Run from the repository's root; the file written is committed:

    uv run --with nannyml==0.13.1 --with statsmodels==0.14.6 \
        tasks/core/src/test/python/estimation_fixtures.py
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from nannyml.performance_estimation.confidence_based import metrics
from numpy.typing import NDArray
from statsmodels.stats.meta_analysis import combine_effects

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FIXTURES = Path(__file__).parents[1] / "resources/retune/core/estimation/fixtures.json"


def two_classes(generator: np.random.Generator, rows: int, threshold: float) -> dict[str, Any]:
    """Estimates for a positive class of about 25 %; some have a probability in every tenth row."""
    positive = generator.beta(0.8, 2.4, rows)
    positive[::10] = positive[0]
    answers = (positive >= threshold).astype(np.int64)
    expected = {
        name: float(of(answers, positive))
        for name, of in {
            "accuracy": metrics.estimate_accuracy,
            "f1_score": metrics.estimate_f1,
            "precision": metrics.estimate_precision,
            "recall": metrics.estimate_recall,
        }.items()
    }
    distinct = generator.beta(0.8, 2.4, rows)
    return {
        "classes": 2,
        "threshold": threshold,
        "probabilities": np.column_stack([1 - positive, positive]).ravel().tolist(),
        "expected": expected,
        "distinct": np.column_stack([1 - distinct, distinct]).ravel().tolist(),
        "roc_auc": float(metrics.estimate_roc_auc(distinct, distinct)),
    }


def more_classes(generator: np.random.Generator, rows: int, classes: int) -> dict[str, Any]:
    """Macro means of the estimates of each class against the others."""
    probabilities = generator.dirichlet(np.full(classes, 0.4), rows)
    answers = probabilities.argmax(axis=1)

    def macro(of: Callable[[Integers, Floats], float]) -> float:
        return float(
            np.mean(
                [
                    of((answers == label).astype(np.int64), probabilities[:, label])
                    for label in range(classes)
                ]
            )
        )

    return {
        "classes": classes,
        "threshold": 0.5,
        "probabilities": probabilities.ravel().tolist(),
        "expected": {
            "accuracy": float(probabilities.max(axis=1).mean()),
            "f1_macro": macro(metrics.estimate_f1),
            "precision": macro(metrics.estimate_precision),
            "recall": macro(metrics.estimate_recall),
        },
        "distinct": probabilities.ravel().tolist(),
        "roc_auc": float(
            np.mean(
                [
                    metrics.estimate_roc_auc(probabilities[:, label], probabilities[:, label])
                    for label in range(classes)
                ]
            )
        ),
    }


def days(differences: list[float], errors: list[float]) -> dict[str, Any]:
    """Differences of several days, combined by the random-effects model.

    statsmodels also takes a variance between days below 0, which stands for none.
    """
    combined = combine_effects(
        np.array(differences), np.square(errors), method_re="dl", use_t=False
    )
    none = combined.tau2 < 0
    return {
        "differences": differences,
        "errors": errors,
        "mean": float(combined.mean_effect_fe if none else combined.mean_effect_re),
        "standard_error": float(combined.sd_eff_w_fe if none else combined.sd_eff_w_re),
        "between_days": 0.0 if none else float(np.sqrt(combined.tau2)),
    }


def main() -> None:
    """Writes the fixtures."""
    generator = np.random.default_rng(14)
    fixtures = {
        "estimates": [
            two_classes(generator, 80, 0.5),
            two_classes(generator, 120, 0.3),
            more_classes(generator, 60, 5),
        ],
        "days": [
            days([-0.05, 0.01, -0.09], [0.01, 0.02, 0.015]),
            days([0.010, 0.012, 0.008, 0.011], [0.02, 0.01, 0.03, 0.02]),
        ],
    }
    FIXTURES.write_text(json.dumps(fixtures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
