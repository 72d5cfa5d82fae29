"""SDV's side: fit a Gaussian copula to a table, draw rows.

`copula.py TABLE.csv OUTPUT.csv ROWS`.
"""

import json
import sys
import time
import warnings

import pandas as pd
from sdv.metadata import Metadata
from sdv.single_table import GaussianCopulaSynthesizer

warnings.filterwarnings("ignore")
table = pd.read_csv(sys.argv[1])
metadata = Metadata.detect_from_dataframe(table)
cpu, wall = time.process_time(), time.perf_counter()
synthesizer = GaussianCopulaSynthesizer(metadata)
synthesizer.fit(table)
rows = synthesizer.sample(int(sys.argv[3]))
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
rows.to_csv(sys.argv[2], index=False)
print(json.dumps({"cpu": cpu, "wall": wall}))
