"""Makes a loop's table and days from Banking77 (Casanueva et al., 2020; CC BY 4.0).

    days.py TRAIN.csv TEST.csv FOLDER

Both files have the columns `text` and `category`. FOLDER gets `table.csv`, the training rows
without those of the intents that are new below, and a CSV file for each day in `days`, made of
the test rows, which no training has seen:

- 2026-11-02, -03: ordinary days;
- 2026-11-04: typos, in every second word of four letters or more two neighbours change places;
- 2026-11-05: new intents, a third of the rows are of the intents left out, without a label;
- 2026-11-06: swapped labels, three pairs of intents change places.
"""

import argparse
import csv
import random
from pathlib import Path

NEW = (
    "age_limit",
    "atm_support",
    "card_swallowed",
    "contactless_not_working",
    "lost_or_stolen_phone",
)
SWAPPED = (
    ("card_arrival", "top_up_failed"),
    ("exchange_rate", "change_pin"),
    ("request_refund", "verify_my_identity"),
)
SHORTEST, MISSPELT = 4, 0.5
Row = dict[str, str]


def read(file: str) -> list[Row]:
    """Read the rows of a file."""
    with Path(file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def write(file: Path, rows: list[Row]) -> None:
    """Write rows to a file."""
    with file.open("w", encoding="utf-8", newline="") as lines:
        out = csv.DictWriter(lines, ["text", "category"])
        out.writeheader()
        out.writerows(rows)


def misspelt(row: Row, draw: random.Random) -> Row:
    """Swap two letters in about every second word."""
    words = row["text"].split(" ")
    for i, word in enumerate(words):
        if len(word) >= SHORTEST and draw.random() < MISSPELT:
            at = draw.randrange(len(word) - 1)
            words[i] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return {**row, "text": " ".join(words)}


def swapped(row: Row) -> Row:
    """Give a row of a swapped pair the label of the other intent."""
    labels = dict(SWAPPED) | {other: one for one, other in SWAPPED}
    return {**row, "category": labels.get(row["category"], row["category"])}


def main() -> None:
    """Write the table and the days."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", help="the dataset's training rows, a CSV file")
    parser.add_argument("test", help="its test rows")
    parser.add_argument("folder", type=Path, help="where the table and the days go")
    arguments = parser.parse_args()
    train, test, folder = read(arguments.train), read(arguments.test), arguments.folder
    draw = random.Random(0)  # noqa: S311 (repeatable, not secret)
    draw.shuffle(test)
    known = [row for row in test if row["category"] not in NEW]
    new = [{**row, "category": ""} for row in test if row["category"] in NEW]
    parts = [known[part::5] for part in range(5)]
    days = {
        "2026-11-02": parts[0],
        "2026-11-03": parts[1],
        "2026-11-04": [misspelt(row, draw) for row in parts[2]],
        "2026-11-05": [*parts[3][: 2 * len(new)], *new],
        "2026-11-06": [swapped(row) for row in parts[4]],
    }
    (folder / "days").mkdir(parents=True, exist_ok=True)
    for day, rows in days.items():
        write(folder / "days" / f"{day}.csv", rows)
    write(folder / "table.csv", [row for row in train if row["category"] not in NEW])


if __name__ == "__main__":
    main()
