"""SDMetrics' quality report of made rows, columns as SDV reads the real table.

`quality.py REAL.csv MADE.csv`.
"""

import json
import sys

import pandas as pd
from sdmetrics.reports.single_table import QualityReport
from sdv.metadata import Metadata

real, made = pd.read_csv(sys.argv[1]), pd.read_csv(sys.argv[2])
report = QualityReport()
metadata = Metadata.detect_from_dataframe(real).to_dict()
report.generate(
    real, made[list(real.columns)], next(iter(metadata["tables"].values())), verbose=False
)
shares = report.get_properties().set_index("Property")["Score"].to_dict()
print(json.dumps({"score": report.get_score(), **shares}))
