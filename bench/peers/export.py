"""Write a raw batch of the store as CSV, a chunk at a time. `export.py URI BATCH OUTPUT.csv`."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from pymongo import MongoClient

database = MongoClient(sys.argv[1]).get_default_database()
marker = database.raw_batches.find_one({"_id": sys.argv[2]})
with Path(sys.argv[3]).open("w", encoding="utf-8") as output:
    for name in marker["chunks"]:
        digest, first, _ = name.split("/")[:3]
        chunk = database.raw_columns.find_one({"_id": f"{sys.argv[2]}/{digest}/{int(first):08d}"})
        columns = {
            column["name"]: np.frombuffer(column["values"], "<f8")
            if isinstance(column["values"], bytes)
            else column["values"]
            for column in chunk["columns"]
        }
        pd.DataFrame(columns).to_csv(output, index=False, header=first == "0", float_format="%.10g")
