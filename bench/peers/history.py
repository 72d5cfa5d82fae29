"""Makes years of days of ten models out of the days that a store has.

`history.py URI MODEL DAYS`. Copies every document of the model's days, with dates moved and
versions renamed, until ten models have so many days each, the last of them yesterday. Rows are not
copied, because no page reads them. Versions share their weights, and their training history, which
names the original, so that a copy's page says that its record is damaged.
"""

import bisect
import hashlib
import itertools
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from pymongo import MongoClient
from pymongo.database import Database

MODELS = 10
AT_ONCE = 250
# What names blobs that all copies share.
SHARED = ("weights_hash", "model_json")
# The start of reports, which are copied as they are.
PAGE = "<!doctype"
ROWS = re.compile(r"fs\..*|raw_(columns|data)|processed_(columns|data)|distribution_models")
NUMBER = re.compile(r"/(\d+)(?=/|$)")

Value = str | int | float | bytes | bool | dict[str, "Value"] | list["Value"] | None
Document = dict[str, Value]


class Days:
    """The days that a store has of a model, and when each was judged."""

    def __init__(self, database: Database[Document], model: str) -> None:
        outcomes = sorted(
            (text(o, "timestamp"), text(o, "logical_date")) for o in database.outcomes.find()
        )
        self.judged_at = [at for at, _ in outcomes]
        self.dates = [date.fromisoformat(day) for _, day in outcomes]
        self.length = (self.dates[-1] - self.dates[0]).days + 1
        self.model = model
        self.named = re.compile(
            rf"(?P<hash>[0-9a-f]{{64}})|{model}-(?P<version>[0-9a-f]{{12}})"
            rf"|(?P<date>\d{{4}}-\d\d-\d\d)(?P<time>T[\d:.]+Z)?|{model}"
        )

    def date_of(self, time: str) -> date:
        """Tell on which day's run a time was."""
        return self.dates[min(bisect.bisect_left(self.judged_at, time), len(self.dates) - 1)]


class Copy:
    """One copy of all days under another model's name, `turn` times their length later."""

    def __init__(self, days: Days, model: str, turn: int, last: date, turns: int) -> None:
        self.days, self.model, self.turn = days, model, turn
        end = last - timedelta(days=days.length * (turns - 1 - turn))
        self.later = end - days.dates[-1]

    def of(self, value: Value) -> Value:
        """Rename versions and move dates everywhere in a value."""
        match value:
            case str():
                return value if value.startswith(PAGE) else self.days.named.sub(self.renamed, value)
            case dict():
                return {
                    self.days.named.sub(self.renamed, key): part if key in SHARED else self.of(part)
                    for key, part in value.items()
                }
            case list():
                return [self.of(part) for part in value]
            case _:
                return value

    def renamed(self, found: re.Match[str]) -> str:
        """Give a version, a date or a time of the original its place in the copy."""
        if found["hash"] or found["version"]:
            other = hashlib.sha256(f"{found[0]} {self.model} {self.turn}".encode()).hexdigest()
            return other if found["hash"] else f"{self.model}-{other[:12]}"
        if found["time"]:
            # A day is judged in the night after it.
            night = self.days.date_of(found[0]) + self.later + timedelta(days=1)
            return f"{night}T02{found['time'][3:]}"
        if found["date"]:
            return str(date.fromisoformat(found["date"]) + self.later)
        return self.model

    def numbered(self, document: Document) -> Document:
        """Count on where the copy before ended, in a ledger whose ids are numbers."""
        moved = 1000 * self.turn
        counted = {
            name: document[name] + moved
            for name in ("number", "revision")
            if isinstance(document.get(name), int)
        }
        identity = NUMBER.sub(
            lambda n: f"/{int(n[1]) + moved:0{len(n[1])}d}", text(document, "_id"), 1
        )
        return {**document, **counted, "_id": identity}


def text(document: Document, name: str) -> str:
    """Read a field that is a text."""
    value = document[name]
    assert isinstance(value, str), f"{name} of {document['_id']}"
    return value


def copies(documents: list[Document], turns: list[Copy]) -> Iterator[Document]:
    """Copy a collection; what has no date and no version stands once, as the last copy has it."""
    for document in documents:
        if document["_id"] == "indexes":
            continue
        made = [copy.of(document) for copy in turns]
        if len({str(copy["_id"]) for copy in made}) == len(made):
            yield from made
        elif NUMBER.search(str(document["_id"])):
            yield from (turn.numbered(copy) for turn, copy in zip(turns, made, strict=True))
        else:
            yield made[-1]


def main(uri: str, model: str, length: int) -> None:
    """Replace the model's documents by those of ten models."""
    database: Database[Document] = MongoClient(uri).get_default_database()
    days = Days(database, model)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    turns = -(-length // days.length)
    names = [name for name in database.list_collection_names() if not ROWS.fullmatch(name)]
    made = dict.fromkeys(sorted(names), 0)
    for name in made:
        collection = database[name]
        originals = list(collection.find())
        if name != "store_versions":
            collection.delete_many({})
            for number in range(MODELS):
                turned = [
                    Copy(days, f"model-{number}", turn, yesterday, turns) for turn in range(turns)
                ]
                copied = copies(originals, turned)
                while batch := list(itertools.islice(copied, AT_ONCE)):
                    made[name] += len(collection.insert_many(batch).inserted_ids)
    champion = text(next(database.champions.find({"_id": "model-0"})), "model_id")
    print(json.dumps({"days": turns * days.length, "documents": made, "champion": champion}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
