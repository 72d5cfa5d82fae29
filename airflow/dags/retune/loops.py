"""Loop files: one YAML file for each model that is kept honest, read at each parsing of the DAGs.

A setting that ends up as a step's input has the type, range and default that the step declares.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml
from airflow.sdk import Asset
from croniter import croniter

from retune.catalogue import Catalogue, Value, meant

S = TypeVar("S")
FOLDER = Path(__file__).parents[1] / "loops"
FOLDERS_VARIABLE = "RETUNE_LOOPS"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
DAILY_OR_RARER = re.compile(r"[0-9]+ [0-9]+ \S+ \S+ \S+")
CPU = re.compile(r"[0-9]+(\.[0-9]+)?|[0-9]+m")
MEMORY = re.compile(r"[0-9]+(Mi|Gi)")
OOM = "memory_after_oom"
STEPS = Catalogue.read()
SOURCES: Mapping[str, frozenset[str]] = {
    "synthetic": frozenset({"rows", "drill", "drill_strength"}),
    "csv": frozenset({"path"}),
    "mongo": frozenset({"collection", "filter"}),
}
NEEDED: Mapping[str, str] = {"csv": "path", "mongo": "collection"}


class LoopFileError(ValueError):
    """What is wrong in the loop files, a sentence each."""


def _input(step: str, name: str) -> Any:
    """A setting that is an input of a step."""
    value = STEPS.step(step).input(name)
    return field(default=value.default, metadata={"value": value})


def _setting(value: Value) -> Any:
    """A setting that the DAGs themselves read."""
    return field(default=value.default, metadata={"value": value})


# What the steps that run the model run it on: `pytorch` for an encoder that is TorchScript.
ENGINE = Value("string", default="fast", choices=("fast", "pytorch"))
# Over how many pods the steps that can be spread are spread: a task of theirs is `STEP_shard`.
SHARDS = STEPS.step("evaluate_model").input("shards")
SHARDED = tuple(name for name, step in STEPS.steps.items() if "shards" in step.inputs)


@dataclass(frozen=True)
class Data:
    """Where a day's rows come from: generated, files, or another MongoDB."""

    source: str = _setting(Value("string", default="synthetic", choices=tuple(SOURCES)))
    path: str | None = _setting(Value("string"))
    collection: str | None = _input("ingest", "collection")
    filter: str | None = _input("ingest", "filter")
    rows: int = _input("generate_data", "rows")
    drill: str = _input("generate_data", "drill")
    drill_strength: float = _input("generate_data", "drill_strength")


@dataclass(frozen=True)
class Gate:
    """What the model in production must reach on a day's rows."""

    metric: str = _input("check_model_performance", "metric")
    threshold: float = _input("check_model_performance", "threshold")
    max_attempts: int = _input("check_model_performance", "max_attempts")


@dataclass(frozen=True)
class Finetuning:
    """How an attempt at a better version is made."""

    epochs: int = _input("finetune_model", "epochs")
    learning_rate: float = _input("finetune_model", "learning_rate")
    batch_size: int = _input("finetune_model", "batch_size")


@dataclass(frozen=True)
class Promotion:
    """When a version may go into production."""

    allow_backfill_promotion: bool = _input("send_evaluation_results", "allow_backfill_promotion")


@dataclass(frozen=True)
class Deployment:
    """How a version goes into production."""

    wait_seconds: int = _input("wait_for_model_ready", "wait_seconds")


@dataclass(frozen=True)
class Resources:
    """What a task's container may use; after a try that ran out of memory, `memory_after_oom`."""

    cpu: str
    memory: str
    memory_after_oom: str | None = None


@dataclass(frozen=True)
class Loop:
    """One model's loop."""

    name: str
    bare_ids: bool
    file_hash: str | None = None
    schedule: str = "0 1 * * *"
    engine: str = ENGINE.default
    shards: int = SHARDS.default
    data: Data = Data()
    gate: Gate = Gate()
    finetuning: Finetuning = Finetuning()
    promotion: Promotion = Promotion()
    deployment: Deployment = Deployment()
    resources: Mapping[str, Resources] = field(default_factory=dict)

    def dag_id(self, pipeline: str) -> str:
        """The pipeline's DAG of this loop: only the primary loop's has the bare name."""
        return pipeline if self.bare_ids else f"{pipeline}.{self.name}"

    @property
    def processed_data(self) -> Asset:
        """A day's features, a partition a date."""
        return self._asset("processed_data")

    @property
    def evaluation(self) -> Asset:
        """A day's verdict, a partition a date."""
        return self._asset("evaluation")

    def _asset(self, kind: str) -> Asset:
        return Asset(f"{kind}.{self.name}", uri=f"retune://{kind}/{self.name}", group="retune")


@dataclass(frozen=True)
class LoopFiles:
    """The loops that can run, and what keeps the others from it."""

    loops: tuple[Loop, ...]
    mistakes: tuple[str, ...]


def loops() -> tuple[Loop, ...]:
    """The loops without a mistake; `loop_files.py` says what is wrong in the others."""
    return read().loops


def read(folders: tuple[Path, ...] | None = None) -> LoopFiles:
    """The loop files of these folders; by default the project's and those of RETUNE_LOOPS."""
    files = [file for folder in folders or _folders() for file in sorted(folder.glob("*.yaml"))]
    mistakes: list[str] = []
    raw: dict[Path, Mapping[str, Any]] = {}
    for file in files:
        try:
            raw[file] = _yaml(file)
        except LoopFileError as error:
            mistakes.append(str(error))
    primary = [file for file, content in raw.items() if content.get("primary") is True]
    if len(primary) > 1:
        mistakes.append(
            f"{_names(primary)} are all marked primary: mark one, the others get their own DAG ids."
        )
    found: dict[str, Loop] = {}
    for file, content in raw.items():
        wrong = list(_mistakes(content))
        name = content.get("name")
        if name in found:
            wrong.append(f"name {name!r} is another file's already")
        mistakes.extend(f"{file.name}: {mistake}." for mistake in wrong)
        if not wrong:
            found[str(name)] = _loop(
                content,
                file_hash=hashlib.sha256(file.read_bytes()).hexdigest(),
                bare_ids=primary == [file] or len(files) == 1,
            )
    return LoopFiles(tuple(found.values()), tuple(mistakes))


def _folders() -> tuple[Path, ...]:
    more = os.environ.get(FOLDERS_VARIABLE, "")
    return (FOLDER, *(Path(folder) for folder in more.split(os.pathsep) if folder))


class _Yaml(yaml.SafeLoader):
    """YAML with the numbers of its version 1.2 (1e-4 is one), and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            problem = f"{twice} is there twice"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return super().construct_mapping(node, deep=deep)


_Yaml.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+"),
    list("-+0123456789"),
)


def _yaml(file: Path) -> Mapping[str, Any]:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), _Yaml)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise LoopFileError(f"{file.name}{line}: {error.problem}.") from error
    if not isinstance(content, dict):
        raise LoopFileError(f"{file.name}: must be settings such as 'name: credit-default'.")
    return content


SECTIONS: Mapping[str, type] = {
    "data": Data,
    "gate": Gate,
    "finetuning": Finetuning,
    "promotion": Promotion,
    "deployment": Deployment,
}
TOP = ("name", "primary", "schedule", "engine", "shards", *SECTIONS, "resources")
TASKS = (*STEPS.steps, *(f"{step}_shard" for step in SHARDED))


def _mistakes(content: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown(content, TOP, "")
    name = content.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield f"name must be 1 to 63 small letters, digits and hyphens, not {name!r}"
    if not isinstance(content.get("primary", False), bool):
        yield f"primary must be true or false, not {content['primary']!r}"
    schedule = content.get("schedule", Loop.schedule)
    if not isinstance(schedule, str) or not _is_schedule(schedule):
        yield (
            f"schedule must be five cron fields that start at most one run a day, "
            f"such as '{Loop.schedule}', not {schedule!r}"
        )
    if mistake := ENGINE.mistake(content.get("engine", ENGINE.default)):
        yield f"engine {mistake}"
    if mistake := SHARDS.mistake(content.get("shards", SHARDS.default)):
        yield f"shards {mistake}"
    for section, kind in SECTIONS.items():
        yield from _section_mistakes(section, kind, content.get(section, {}))
    yield from _source_mistakes(content.get("data", {}))
    yield from _resource_mistakes(content.get("resources", {}))


def _section_mistakes(section: str, kind: type, content: object) -> Iterator[str]:
    if not isinstance(content, dict):
        yield f"{section} must be settings, not {content!r}"
        return
    known: dict[str, Value] = {f.name: f.metadata["value"] for f in fields(kind)}
    yield from _unknown(content, tuple(known), f"{section}.")
    for key, value in content.items():
        if key in known and (mistake := known[key].mistake(value)):
            yield f"{section}.{key} {mistake}"


def _source_mistakes(content: object) -> Iterator[str]:
    """Settings of one source beside another source would be passed over in silence."""
    if not isinstance(content, dict) or content.get("source", "synthetic") not in SOURCES:
        return
    source = content.get("source", "synthetic")
    if (needed := NEEDED.get(source)) and not content.get(needed):
        yield f"data.source {source} needs data.{needed}"
    for other, settings in SOURCES.items():
        for key in sorted(settings & content.keys()):
            if other != source:
                yield f"data.{key} belongs to data.source {other}, not to {source}"


def _resource_mistakes(content: object) -> Iterator[str]:
    if not isinstance(content, dict):
        yield f"resources must be settings by step, not {content!r}"
        return
    yield from _unknown(content, TASKS, "resources.")
    for task, wanted in content.items():
        if task not in TASKS:
            continue
        where = f"resources.{task}"
        if not isinstance(wanted, dict) or set(wanted) - {OOM} != {"cpu", "memory"}:
            yield (
                f"{where} must have cpu and memory, such as {{cpu: '2', memory: 4Gi}}, "
                f"and may have {OOM}"
            )
            continue
        if not CPU.fullmatch(str(wanted["cpu"])):
            yield f"{where}.cpu must be cores such as 2, 0.5 or 500m, not {wanted['cpu']!r}"
        for key in ("memory", OOM):
            if key in wanted and not MEMORY.fullmatch(str(wanted[key])):
                yield f"{where}.{key} must be such as 512Mi or 4Gi, not {wanted[key]!r}"


def _unknown(content: Mapping[str, Any], known: tuple[str, ...], where: str) -> Iterator[str]:
    for key in content:
        if key not in known:
            hint = meant(key, known) or f"; there are {', '.join(known)}"
            yield f"{where}{key} is no setting{hint}"


def _is_schedule(schedule: str) -> bool:
    """A run is named by its date, so there is room for one a day."""
    return bool(DAILY_OR_RARER.fullmatch(schedule)) and croniter.is_valid(schedule)


def _loop(content: Mapping[str, Any], *, file_hash: str, bare_ids: bool) -> Loop:
    sections = {name: kind(**content.get(name, {})) for name, kind in SECTIONS.items()}
    resources = {
        task: Resources(**{key: str(value) for key, value in wanted.items()})
        for task, wanted in content.get("resources", {}).items()
    }
    return Loop(
        name=content["name"],
        file_hash=file_hash,
        bare_ids=bare_ids,
        schedule=content.get("schedule", Loop.schedule),
        engine=content.get("engine", Loop.engine),
        shards=content.get("shards", Loop.shards),
        resources=resources,
        **sections,
    )


def _names(files: list[Path]) -> str:
    return ", ".join(file.name for file in files)
