"""The paired bootstrap as it is mostly written: scikit-learn's metrics called per resample.

`bootstrap.py FILE RESAMPLES` reads rows of label and two probabilities, and prints CPU and wall
seconds without the imports, and the standard error of the difference of each metric.
"""

import json
import sys
import time
import warnings

import numpy as np
from sklearn import metrics

NAMES = ("accuracy", "precision", "recall", "f1_score", "roc_auc", "log_loss")


def values(labels: np.ndarray, probability: np.ndarray) -> list[float]:
    """Give the six metrics; of the log loss the negative, so that more is better."""
    answers = probability >= 0.5
    return [
        metrics.accuracy_score(labels, answers),
        metrics.precision_score(labels, answers),
        metrics.recall_score(labels, answers),
        metrics.f1_score(labels, answers),
        metrics.roc_auc_score(labels, probability),
        -metrics.log_loss(labels, probability),
    ]


def main() -> None:
    """Resample and print."""
    warnings.filterwarnings("ignore")
    table = np.loadtxt(sys.argv[1], delimiter=",")
    labels, first, second = table[:, 0].astype(int), table[:, 1], table[:, 2]
    random = np.random.default_rng(0)
    cpu, wall = time.process_time(), time.perf_counter()
    differences = []
    for _ in range(int(sys.argv[2])):
        drawn = random.integers(len(labels), size=len(labels))
        differences.append(
            np.subtract(values(labels[drawn], second[drawn]), values(labels[drawn], first[drawn]))
        )
    times = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    errors = dict(zip(NAMES, np.std(differences, axis=0, ddof=1).tolist(), strict=True))
    print(json.dumps(times | errors))


if __name__ == "__main__":
    main()
