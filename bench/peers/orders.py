"""Makes a table of orders, late or not by pairs of columns: `orders.py FILE ROWS`."""

import sys
from pathlib import Path

import numpy as np

ROWS = int(sys.argv[2])
draw = np.random.default_rng(3)
columns = {
    "weight": draw.lognormal(1, 0.7, ROWS).round(2),
    "distance": draw.lognormal(4, 1, ROWS).round(1),
    "items": draw.integers(1, 13, ROWS),
    "stock": draw.exponential(50, ROWS).round(1),
    "age": draw.uniform(0, 20, ROWS).round(1),
    "rating": draw.normal(4, 0.6, ROWS).round(2),
    "carrier": draw.choice(list("ABCD"), ROWS),
    "region": draw.choice(list("NESW"), ROWS),
    "day": draw.choice(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ROWS),
}
score = (
    1.2 * (columns["weight"] > 3) * np.isin(columns["carrier"], ["A", "B"])
    + 1.5 * (columns["distance"] > 60) * np.isin(columns["region"], ["N", "E"])
    + 0.8 * np.isin(columns["day"], ["sat", "sun"]) * (columns["items"] > 6)
    + 0.01 * (columns["stock"] < 20) * columns["distance"]
    - 0.5 * (columns["rating"] > 4)
    + draw.normal(0, 0.8, ROWS)
)
columns["late"] = np.where(score > 1.6, "yes", "no")
with Path(sys.argv[1]).open("w", encoding="utf-8") as file:
    file.write(",".join(columns) + "\n")
    file.writelines(
        ",".join(str(cell) for cell in row) + "\n" for row in zip(*columns.values(), strict=True)
    )
