"""Customers' orders, some of them returned: a table that a small model learns in seconds."""

import random
from pathlib import Path

Order = dict[str, object]


def orders(count: int, seed: int, *, turned: str = "", noise: bool = False) -> list[Order]:
    """Orders of which those of much and of late payers are returned, with a few exceptions.

    Where a column is turned, little of it does what much did before; with noise chance decides.
    """
    draw = random.Random(seed)
    signs = {column: -1 if column == turned else 1 for column in ("amount", "days")}
    made: list[Order] = []
    for _ in range(count):
        amount, days, channel = draw.gauss(100, 30), draw.randrange(60), draw.choice("abc")
        risk = signs["amount"] * (amount - 100) / 30 + signs["days"] * (days - 30) / 17
        risk += (channel == "c") + draw.gauss(0, 0.3)
        returned = draw.random() < 0.4 if noise else risk > 0.3
        made.append(
            {
                "amount": round(amount, 2),
                "days": days,
                "channel": channel,
                "returned": "yes" if returned else "no",
            }
        )
    return made


def write(table: Path, rows: list[Order]) -> None:
    """Writes orders as CSV."""
    lines = [rows[0].keys(), *(row.values() for row in rows)]
    table.write_text("\n".join(",".join(map(str, line)) for line in lines))
