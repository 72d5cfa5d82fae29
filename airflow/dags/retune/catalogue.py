"""The inputs and outputs of every step, as the Java sources declare them (`catalogue.json`)."""

from __future__ import annotations

import difflib
import json
import os
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
FILE = Path(__file__).with_name("catalogue.json")
FOLDERS_VARIABLE = "RETUNE_STEPS"
PYTHON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}
SERVICES = "serving"
METRICS = frozenset(
    {"f1_score", "f1_macro", "f1_weighted", "accuracy", "roc_auc", "precision", "recall"}
)
POLICY_TERM = re.compile(
    r"(?P<name>[a-z0-9_]+)"
    r"(\([ \t]*((?P<word>[\w.-]+|\"[^\"]+\")[ \t]*,[ \t]*)?(?P<number>[0-9]+(\.[0-9]+)?)[ \t]*\))?"
)
# Between terms, but not inside the quotes of a column's name.
POLICY_AND = re.compile(r"[ \t\r\n]+and[ \t\r\n]+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)")
POLICY_WITH_WORD = frozenset({"within", "within_class", "slices"})
POLICY_NAMES = POLICY_WITH_WORD | {"non_inferior", "superior", "flips", "latency"}
POLICY_METRICS: Mapping[str, frozenset[str]] = {
    "within": METRICS,
    "within_class": frozenset({"precision", "recall", "f1_score"}),
}
POLICY_RANGES: Mapping[str, tuple[float, float]] = {"latency": (0.01, 100)}
POLICY_TERMS = (
    "floor, non_inferior(0.01), superior(0.02), within(recall, 0.02), within_class(recall, 0.05), "
    "slices(COLUMN, 0.05), flips(0.05) and latency(1.5)"
)
LONGEST_SHOWN = 60
BOOLEANS: Mapping[str, bool] = {"true": True, "false": False}


class CatalogueError(ValueError):
    """A DAG uses a step, input or output that does not exist, or a value of the wrong type."""


@dataclass(frozen=True)
class Value:
    """An input, output or setting: its type, range and default."""

    type: str
    format: str = ""
    description: str = ""
    required: bool = False
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def mistake(self, value: object) -> str | None:
        """What is wrong with a value: the end of a sentence that begins with the value's name."""
        wanted = PYTHON_TYPES[self.type]
        if not isinstance(value, wanted) or (isinstance(value, bool) and self.type != "boolean"):
            return f"must be {_article(self.type)}, not {shown(value)}"
        if self.format == "date" and not _is_date(value):
            return f"must be a date such as 2026-11-05, not {shown(value)}"
        if self.format == "policy" and (mistake := _policy_mistake(str(value))):
            return mistake
        for one in value if isinstance(value, list) else [value]:
            if self.choices and one not in self.choices:
                hint = meant(one, self.choices)
                return f"must be one of {listed(self.choices)}, not {shown(one)}{hint}"
        if isinstance(value, int | float) and not self._in_range(value):
            return f"must be {self._range()}, not {shown(value)}"
        return None

    def parse(self, text: str) -> Any:
        """Converts rendered text to the declared type.

        Jinja renders text only. A number becomes a number again, and a version such as
        20260109_101500 stays text.
        """
        try:
            match self.type:
                case "integer":
                    return int(text)
                case "number":
                    return float(text)
                case "boolean":
                    return BOOLEANS[text.lower()]
                case "array" | "object":
                    return json.loads(text)
                case _:
                    return text
        except (KeyError, ValueError):
            return text

    def _in_range(self, value: float) -> bool:
        return (self.minimum is None or value >= self.minimum) and (
            self.maximum is None or value <= self.maximum
        )

    def _range(self) -> str:
        if self.minimum is None:
            return f"at most {self.maximum:g}"
        if self.maximum is None:
            return f"at least {self.minimum:g}"
        return f"from {self.minimum:g} to {self.maximum:g}"


@dataclass(frozen=True)
class Step:
    """A step: its pipeline, inputs and outputs."""

    name: str
    pipeline: str
    family: str
    runs_model: bool
    summary: str
    example: str
    inputs: Mapping[str, Value]
    outputs: Mapping[str, Value]

    def input(self, name: str) -> Value:
        """The input of that name."""
        return _named(self.inputs, name, f"{self.name} has no input")

    def output(self, name: str) -> Value:
        """The output of that name."""
        return _named(self.outputs, name, f"{self.name} has no output")

    def check(self, inputs: Mapping[str, Any]) -> None:
        """Refuses wrong inputs, as far as they are known when DAGs are parsed."""
        if self.pipeline == SERVICES:
            raise CatalogueError(f"{self.name} runs until it is stopped, so it cannot be a task.")
        for name, value in inputs.items():
            declared = self.input(name)
            if not is_late(value) and (mistake := declared.mistake(value)):
                raise CatalogueError(f"{self.name}: {name} {mistake}.")
        missing = [
            n for n, declared in self.inputs.items() if declared.required and n not in inputs
        ]
        if missing:
            raise CatalogueError(f"{self.name} needs {listed(missing)} too.")

    def typed(self, rendered: Mapping[str, Any]) -> dict[str, Any]:
        """Rendered inputs with their declared types, without those that have no value."""
        inputs: dict[str, Any] = {}
        for name, value in rendered.items():
            declared = self.input(name)
            if not declared.required and _absent(value, declared):
                continue
            typed = declared.parse(value) if isinstance(value, str) else value
            if mistake := declared.mistake(typed):
                raise CatalogueError(f"{self.name}: {name} {mistake}.")
            inputs[name] = typed
        return inputs


class Catalogue:
    """All steps by name."""

    def __init__(self, steps: Mapping[str, Step]) -> None:
        self.steps = steps

    @classmethod
    def read(cls) -> Catalogue:
        """Reads Retune's steps and those in the folders of RETUNE_STEPS."""
        texts = [FILE.read_text(encoding="utf-8")]
        folders = os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)
        texts += [_own(Path(folder) / "steps.jar") for folder in folders if folder]
        raw = {name: step for text in texts for name, step in json.loads(text)["steps"].items()}
        return cls({name: _step(name, declared) for name, declared in raw.items()})

    def step(self, name: str) -> Step:
        """The step of that name."""
        return _named(self.steps, name, "there is no step")


def is_late(value: object) -> bool:
    """Whether a value is known only when the task runs: a template or an XCom reference."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    return hasattr(value, "resolve")


def shown(value: object, *, quote: bool = True) -> str:
    """A value for use in a sentence, shortened if it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    text = "no value" if value is None else repr(value) if quote else str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def listed(names: Iterable[str]) -> str:
    """Names for use in a sentence, separated by commas."""
    return ", ".join(names)


def meant(name: object, known: Iterable[str]) -> str:
    """'; did you mean …?' if a known name is close, otherwise nothing."""
    close = difflib.get_close_matches(str(name)[:LONGEST_SHOWN], list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _own(jar: Path) -> str:
    """The catalogue that `./retune build_steps` put into the archive."""
    try:
        with zipfile.ZipFile(jar) as built:
            return built.read("META-INF/retune/catalogue.json").decode()
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise CatalogueError(
            f"{FOLDERS_VARIABLE} names {str(jar.parent)!r}, which has no steps.jar that was built "
            f"there: run './retune build_steps --folder {jar.parent}'."
        ) from error


def _named(values: Mapping[str, T], name: str, problem: str) -> T:
    if name not in values:
        hint = meant(name, values) or f"; there are {listed(values)}."
        raise CatalogueError(f"{problem} {name!r}{hint}")
    return values[name]


def _step(name: str, raw: Mapping[str, Any]) -> Step:
    return Step(
        name=name,
        pipeline=raw["pipeline"],
        family=raw["family"],
        runs_model=raw.get("runs_model", False),
        summary=raw["summary"],
        example=raw["example"],
        inputs={key: _value(value) for key, value in raw["inputs"].items()},
        outputs={key: _value(value) for key, value in raw["outputs"].items()},
    )


def _value(raw: Mapping[str, Any]) -> Value:
    return Value(**{**raw, "choices": tuple(raw.get("choices", ()))})


def _absent(value: object, declared: Value) -> bool:
    """Whether an input has no value: a template over None gives the text None."""
    plain_text = declared.type == "string" and not declared.format
    return value in (None, "") or (not plain_text and value == "None")


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aio" else f"a {kind}"


def _policy_mistake(text: str) -> str | None:
    """What is wrong with a policy, as `retune.core.judgement.PromotionPolicy` refuses it."""
    kinds: list[tuple[str, str]] = []
    for term in POLICY_AND.split(text.strip(" \t\r\n")):
        if term != "floor":
            match = POLICY_TERM.fullmatch(term)
            if match is None or _is_unknown(match):
                return f"must be terms such as {POLICY_TERMS}, joined by 'and', not {shown(text)}"
            if mistake := _term_mistake(match):
                return f"{mistake}: {shown(text)}"
            kinds.append((match["name"], (match["word"] or "").strip('"')))
    if len(set(kinds)) < len(kinds):
        return f"must have each term once, not {shown(text)}"
    if {"superior", "non_inferior"} <= {name for name, _ in kinds}:
        return f"must ask for superior or for non_inferior, not for both: {shown(text)}"
    return None


def _is_unknown(term: re.Match[str]) -> bool:
    name = term["name"]
    return name not in POLICY_NAMES or (term["word"] is None) == (name in POLICY_WITH_WORD)


def _term_mistake(term: re.Match[str]) -> str | None:
    name, number = term["name"], term["number"]
    if name in POLICY_METRICS and term["word"] not in POLICY_METRICS[name]:
        return f"must name one of {listed(sorted(POLICY_METRICS[name]))} in {name}"
    least, greatest = POLICY_RANGES.get(name, (0, 1))
    if number and not least <= float(number) <= greatest:
        return f"must have numbers from {least:g} to {greatest:g} in {name}"
    return None


def _is_date(value: object) -> bool:
    try:
        date.fromisoformat(str(value))
    except ValueError:
        return False
    return len(str(value)) == len("2026-11-05")
