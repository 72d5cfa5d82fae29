"""NannyML's confidence-based estimate of macro F1: the outside reference for estimates.

Answers each line on standard input, a folder with reference.csv and day.csv and the decision
threshold, with a line of JSON. Both files have the label and the probability of the positive class.
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ["NML_DISABLE_USAGE_LOGGING"] = "True"  # it reports each use to its makers otherwise

import nannyml
import pandas as pd


def estimate(reference: pd.DataFrame, day: pd.DataFrame) -> float:
    """Estimate the F1 of the class whose labels are 1, after calibration on the reference."""
    cbpe = nannyml.CBPE(
        y_pred_proba="probability",
        y_pred="answer",
        y_true="label",
        metrics=["f1"],
        problem_type="classification_binary",
        chunk_number=1,
    ).fit(reference)
    result = cbpe.estimate(day).filter(period="analysis").to_df()
    return float(result[("f1", "value")].iloc[0])


def other_class(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows with the other class as the positive one."""
    return 1 - rows


for line in sys.stdin:
    folder, threshold = line.split()
    samples = []
    for name in ("reference.csv", "day.csv"):
        rows = pd.read_csv(Path(folder) / name)
        rows["answer"] = (rows["probability"] >= float(threshold)).astype(int)
        samples.append(rows)
    started = time.process_time()
    values = [estimate(*samples), estimate(*(other_class(rows) for rows in samples))]
    print(json.dumps({"value": sum(values) / 2, "cpu": time.process_time() - started}), flush=True)
