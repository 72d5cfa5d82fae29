"""Scikit-learn's gradient boosting on a drifted day: the outside reference for what recovers.

Answers each line on standard input with a line of JSON. It reads the files that RecoveryWorker
writes into FOLDER (`recovery.py FOLDER`): columns and label of each row, little-endian float32.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score

FOLDER = Path(sys.argv[1])


def part(name: str, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Read the rows of a part and their labels."""
    rows = np.fromfile(FOLDER / f"{name}.bin", dtype="<f4").reshape(-1, columns + 1)
    return rows[:, :-1], rows[:, -1].astype(int)


def best_threshold(score: np.ndarray, labels: np.ndarray) -> float:
    """Choose the threshold with the best macro F1."""
    candidates = np.unique(np.quantile(score, np.linspace(0, 1, 201)))
    values = [f1_score(labels, score >= t, average="macro") for t in candidates]
    return float(candidates[int(np.argmax(values))])


for line in sys.stdin:
    columns = int(line)
    training, training_labels = part("training", columns)
    validation, validation_labels = part("validation", columns)
    started = time.process_time()
    model = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=0)
    model.fit(training, training_labels)
    threshold = best_threshold(model.predict_proba(validation)[:, 1], validation_labels)
    answer = {"cpu": time.process_time() - started}
    for name in ("fresh", "ordinary"):
        rows, labels = part(name, columns)
        answers = model.predict_proba(rows)[:, 1] >= threshold
        answer[name] = float(f1_score(labels, answers, average="macro"))
    print(json.dumps(answer), flush=True)
