"""Evidently's data drift with its defaults: the outside reference for false alarms.

Answers each line on standard input, a folder with reference.csv and day.csv, with a line of JSON.
"""

import json
import sys
import time
from pathlib import Path

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

HALF = 0.5  # the share of drifted columns from which Evidently calls a data set drifted

for line in sys.stdin:
    folder = Path(line.strip())
    reference = pd.read_csv(folder / "reference.csv")
    day = pd.read_csv(folder / "day.csv")
    started = time.process_time()
    result = Report([DataDriftPreset()]).run(day, reference)
    counts = [
        metric["value"]
        for metric in result.dict()["metrics"]
        if "DriftedColumnsCount" in metric["metric_name"]
    ]
    answer = {
        "cpu": time.process_time() - started,
        "columns": counts[0]["count"],
        "share": counts[0]["share"],
        "drifted": counts[0]["share"] >= HALF,
    }
    print(json.dumps(answer), flush=True)
