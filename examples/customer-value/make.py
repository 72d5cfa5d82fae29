#!/usr/bin/env python3
"""Makes a table of customers with the label of the published loop, is_high_value.

The columns are drawn independently; the label follows the formula of the loop's authors:
0.3 · [income > 70,000] + 0.4 · [is_premium] + 0.3 · U > 0.5, with U uniform. The same arguments
make the same table. Needs Python 3.11 or newer and nothing else.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
from collections.abc import Iterator
from pathlib import Path

COLUMNS = (
    "age",
    "income",
    "credit_score",
    "num_purchases",
    "account_age_days",
    "avg_transaction",
    "num_returns",
    "is_premium",
    "region",
    "category_preference",
    "is_high_value",
)
REGIONS = ("north", "south", "east", "west")
CATEGORIES = ("electronics", "clothing", "home", "sports", "books")
HIGH_INCOME = 70_000
SHARE_OF_PREMIUM = 0.3
HIGH_VALUE = 0.5


def customers(count: int, seed: int, *, monthly: bool = False) -> Iterator[tuple[object, ...]]:
    """Rows of customers.

    Monthly incomes are a twelfth of the yearly ones; the people and their labels are the same.
    """
    draw = random.Random(seed)  # noqa: S311 (no secret depends on it)
    for _ in range(count):
        income = draw.lognormvariate(11, 0.5)
        premium = draw.random() < SHARE_OF_PREMIUM
        score = 0.3 * (income > HIGH_INCOME) + 0.4 * premium + 0.3 * draw.random()
        yield (
            round(_within(draw.normalvariate(40, 12), 18, 90)),
            round(income / 12 if monthly else income, 2),
            round(_within(draw.normalvariate(680, 60), 300, 850)),
            _poisson(draw, 12),
            round(draw.expovariate(1 / 700)),
            round(draw.lognormvariate(4, 0.6), 2),
            _poisson(draw, 1.5),
            int(premium),
            draw.choice(REGIONS),
            draw.choice(CATEGORIES),
            int(score > HIGH_VALUE),
        )


def _within(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)


def _poisson(draw: random.Random, mean: float) -> int:
    """Counts events at this rate by Knuth's method: uniform factors until the product is small."""
    product, events = draw.random(), 0
    while product > math.exp(-mean):
        product *= draw.random()
        events += 1
    return events


def main() -> None:
    """Writes a table as CSV."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="file to write; its folder is made")
    parser.add_argument("--rows", type=int, default=3000, help="number of customers")
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    parser.add_argument(
        "--monthly", action="store_true", help="give incomes per month instead of per year"
    )
    given = parser.parse_args()
    given.output.parent.mkdir(parents=True, exist_ok=True)
    with given.output.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(customers(given.rows, given.seed, monthly=given.monthly))


if __name__ == "__main__":
    main()
