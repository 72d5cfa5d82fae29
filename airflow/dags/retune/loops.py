"""Reads loop files: one YAML file for each model, at every parsing of the DAGs.

A setting that becomes a step's input has the type, range and default that the step declares.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from airflow.sdk import Asset, CronPartitionTimetable
from croniter import CroniterError, croniter

from retune import settings_file
from retune.catalogue import Catalogue, Value, listed, meant, shown

S = TypeVar("S")
FOLDER = Path(__file__).parents[1] / "loops"
FOLDERS_VARIABLE = "RETUNE_LOOPS"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
OWNER = re.compile(r"[\w@.+-]([\w @.+-]{0,98}[\w@.+-])?")
DAILY_OR_RARER = re.compile(r"[0-9]+ [0-9]+ \S+ \S+ \S+")
CPU = re.compile(r"[0-9]{1,4}(\.[0-9]{1,3})?|[0-9]{1,6}m")
MEMORY = re.compile(r"[0-9]{1,7}(Mi|Gi)")
LONGEST_SCHEDULE = 100
OOM = "memory_after_oom"
STEPS = Catalogue.read()
SOURCES: Mapping[str, frozenset[str]] = {
    "synthetic": frozenset({"rows", "drill", "drill_strength"}),
    "csv": frozenset({"path", "key"}),
    "mongo": frozenset({"collection", "filter", "key"}),
    "queries": frozenset({"key", "own_labels"}),
}
NEEDED: Mapping[str, str] = {"csv": "path", "mongo": "collection"}


class LoopFileError(ValueError):
    """The mistakes in the loop files, one sentence each."""


def _input(step: str, name: str) -> Any:
    """A setting that becomes a step's input."""
    value = STEPS.step(step).input(name)
    return field(default=value.default, metadata={"value": value})


def _setting(value: Value) -> Any:
    """A setting that only the DAGs read."""
    return field(default=value.default, metadata={"value": value})


# The engine that runs the model: `pytorch` for a TorchScript encoder.
ENGINE = Value("string", default="fast", choices=("fast", "pytorch"))
# The strategies that attempts can have, and the attempts of a loop that names none.
STRATEGIES = STEPS.step("finetune_model").input("strategy").choices
ATTEMPTS = ("head", "head_long", "full")
MOST_ATTEMPTS = int(STEPS.step("finetune_model").input("attempt").maximum or 1)
LOOK_BACK = "look_back"
# The number of pods for each step that can be sharded; the mapped task is `STEP_shard`.
SHARDS = STEPS.step("evaluate_model").input("shards")
SHARDED = tuple(name for name, step in STEPS.steps.items() if "shards" in step.inputs)


@dataclass(frozen=True)
class Data:
    """The source of a day's rows: generated, files, another MongoDB, or the query log."""

    source: str = _setting(Value("string", default="synthetic", choices=tuple(SOURCES)))
    path: str | None = _setting(Value("string"))
    collection: str | None = _input("ingest", "collection")
    filter: str | None = _input("ingest", "filter")
    key: str | None = _input("ingest", "key")
    rows: int = _input("generate_data", "rows")
    drill: str = _input("generate_data", "drill")
    drill_strength: float = _input("generate_data", "drill_strength")
    own_labels: float | None = _input("collect_queries", "own_labels")

    @property
    def row_key(self) -> str | None:
        """The column that names the rows, so that labels can follow."""
        if self.source == "queries" and self.key is None:
            return str(STEPS.step("collect_queries").input("key").default)
        return self.key


@dataclass(frozen=True)
class Labels:
    """Where labels that come after their rows are, and when enough have come to judge a day.

    When enough have come holds for a challenger's requests, too, whatever the source of the rows.
    """

    path: str | None = _input("ingest_labels", "data")
    mature_share: float = _input("evaluate_model", "mature_share")
    mature_days: int = _input("evaluate_model", "mature_days")


@dataclass(frozen=True)
class Gate:
    """What the model in production and candidates must reach."""

    metric: str = _input("check_model_performance", "metric")
    threshold: float = _input("check_model_performance", "threshold")
    max_attempts: int = _input("check_model_performance", "max_attempts")
    selection: str = _input("check_model_performance", "selection")
    evidence: str = _input("check_model_performance", "evidence")
    policy: str = _input("check_model_performance", "policy")
    retention_limit: float = _input("check_model_performance", "retention_limit")
    on_conflict: str = _input("check_model_performance", "on_conflict")
    below_gate: str = _input("check_model_performance", "below_gate")


@dataclass(frozen=True)
class Finetuning:
    """Hyperparameters of a fine-tuning attempt."""

    epochs: int | None = _input("finetune_model", "epochs")
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
class Retraining:
    """When the model is trained again on collected days. Without triggers, only people start it."""

    triggers: Sequence[str] | None = _input("check_retraining_trigger", "triggers")
    min_samples: int = _input("check_retraining_trigger", "min_samples")
    min_days: int = _input("check_retraining_trigger", "min_days")
    max_days_since_training: int = _input("check_retraining_trigger", "max_days_since_training")
    min_auc: float = _input("check_retraining_trigger", "min_auc")
    most_samples: int = _input("check_retraining_trigger", "most_samples")
    on_drift: str = _input("check_retraining_trigger", "on_drift")
    window_days: int = _input("prepare_training_data", "window_days")
    candidates: Sequence[str] | None = _input("retrain_model", "candidates")
    trials: int = _input("retrain_model", "trials")
    half_life_days: float | None = _input("retrain_model", "half_life_days")


@dataclass(frozen=True)
class Resources:
    """A task's resources; `memory_after_oom` is for the try after one that ran out of memory."""

    cpu: str
    memory: str
    memory_after_oom: str | None = None


@dataclass(frozen=True)
class Loop:
    """One model's loop."""

    name: str
    bare_ids: bool
    file_hash: str | None = None
    owner: str = "retune"
    schedule: str = "0 1 * * *"
    engine: str = ENGINE.default
    shards: int = SHARDS.default
    attempts: tuple[str, ...] = ATTEMPTS
    data: Data = Data()
    labels: Labels = Labels()
    gate: Gate = Gate()
    finetuning: Finetuning = Finetuning()
    promotion: Promotion = Promotion()
    deployment: Deployment = Deployment()
    retraining: Retraining = Retraining()
    resources: Mapping[str, Resources] = field(default_factory=dict)

    def dag_id(self, pipeline: str) -> str:
        """The id of this loop's DAG; only the primary loop has the plain pipeline names."""
        return pipeline if self.bare_ids else f"{pipeline}.{self.name}"

    def tags(self, stage: str) -> list[str]:
        """Filters for the DAG list: the product, the loop and the stage of the day."""
        return ["retune", self.name, stage]

    @property
    def day_by_day(self) -> CronPartitionTimetable:
        """A run at each of the loop's times, for the date before it, which is the partition."""
        return CronPartitionTimetable(
            self.schedule,
            timezone="UTC",
            run_offset=-1,
            key_format="%Y-%m-%d",
            # By default, a DAG that is unpaused within a tenth of its interval after a scheduled
            # time starts that run at once.
            run_immediately=timedelta(0),
        )

    @property
    def label_source(self) -> str | None:
        """Where labels that come after their rows are; those of queries come as feedback."""
        return self.labels.path or ("feedback" if self.data.source == "queries" else None)

    @property
    def processed_data(self) -> Asset:
        """A day's features; the date is the partition."""
        return self._asset("processed_data")

    @property
    def evaluation(self) -> Asset:
        """A day's verdict; the date is the partition."""
        return self._asset("evaluation")

    @property
    def new_labels(self) -> Asset:
        """Labels that came after their rows; the date of their arrival is the partition."""
        return self._asset("labels")

    def _asset(self, kind: str) -> Asset:
        return Asset(f"{kind}.{self.name}", uri=f"retune://{kind}/{self.name}", group="retune")


@dataclass(frozen=True)
class LoopFiles:
    """The valid loops, and the mistakes in the other files."""

    loops: tuple[Loop, ...]
    mistakes: tuple[str, ...]


def loops() -> tuple[Loop, ...]:
    """The valid loops. `loop_files.py` reports the mistakes in the others."""
    return read().loops


def read(folders: tuple[Path, ...] | None = None) -> LoopFiles:
    """Reads these folders' loop files; by default the project's and those in RETUNE_LOOPS."""
    mistakes: list[str] = []
    files: list[Path] = []
    for folder in folders or _folders():
        if not folder.is_dir():
            mistakes.append(f"{FOLDERS_VARIABLE} names {str(folder)!r}, which is not a folder.")
        files.extend(sorted(folder.glob("*.yaml")))
    raw: dict[Path, Mapping[str, Any]] = {}
    hashes: dict[Path, str] = {}
    for file in files:
        try:
            raw[file], hashes[file] = settings_file.read(file)
        except settings_file.SettingsFileError as error:
            mistakes.append(str(error))
    primary = [file for file, content in raw.items() if content.get("primary") is True]
    if len(primary) > 1:
        mistakes.append(
            f"{_names(primary)} are all marked primary. "
            f"Mark only one; the others get their own DAG ids."
        )
    found: dict[str, Loop] = {}
    for file, content in raw.items():
        wrong = list(_mistakes(content))
        if not wrong and content["name"] in found:
            wrong.append(f"name {shown(content['name'])} is another file's already")
        mistakes.extend(f"{file.name}: {mistake}." for mistake in wrong)
        if not wrong:
            bare_ids = primary == [file] or len(files) == 1
            loop = _loop(content, file_hash=hashes[file], bare_ids=bare_ids)
            found[loop.name] = loop
    return LoopFiles(tuple(found.values()), tuple(mistakes))


def _folders() -> tuple[Path, ...]:
    more = os.environ.get(FOLDERS_VARIABLE, "")
    return (FOLDER, *(Path(folder) for folder in more.split(os.pathsep) if folder))


SECTIONS: Mapping[str, type] = {
    "data": Data,
    "labels": Labels,
    "gate": Gate,
    "finetuning": Finetuning,
    "promotion": Promotion,
    "deployment": Deployment,
    "retraining": Retraining,
}
TOP = (
    *("name", "primary", "owner", "schedule", "engine", "shards", "attempts"),
    *SECTIONS,
    "resources",
)
TASKS = (*STEPS.steps, *(f"{step}_shard" for step in SHARDED))


def _mistakes(content: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown(content, TOP, "")
    name = content.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield f"name must be 1 to 63 lower-case letters, digits and hyphens, not {shown(name)}"
    if not isinstance(content.get("primary", False), bool):
        yield f"primary must be true or false, not {shown(content['primary'])}"
    owner = content.get("owner", Loop.owner)
    if not isinstance(owner, str) or not OWNER.fullmatch(owner):
        yield f"owner must be a name of at most 100 characters, not {shown(owner)}"
    schedule = content.get("schedule", Loop.schedule)
    if not isinstance(schedule, str) or not _is_schedule(schedule):
        yield (
            f"schedule must be five cron fields that start at most one run a day, "
            f"such as '{Loop.schedule}', not {shown(schedule)}"
        )
    if mistake := ENGINE.mistake(content.get("engine", ENGINE.default)):
        yield f"engine {mistake}"
    if mistake := SHARDS.mistake(content.get("shards", SHARDS.default)):
        yield f"shards {mistake}"
    yield from _attempt_mistakes(content.get("attempts", [*ATTEMPTS]), content.get("gate"))
    for section, kind in SECTIONS.items():
        yield from _section_mistakes(section, kind, content.get(section, {}))
    yield from _source_mistakes(content.get("data", {}))
    data = content.get("data", {})
    named = isinstance(data, dict) and (data.get("key") or data.get("source") == "queries")
    labels = content.get("labels")
    if isinstance(labels, dict) and "path" in labels and not named:
        yield "labels.path needs data.key, the column that names the rows"
    yield from _resource_mistakes(content.get("resources", {}))


def _attempt_mistakes(attempts: object, gate: object) -> Iterator[str]:
    if not isinstance(attempts, list) or not 0 < len(attempts) <= MOST_ATTEMPTS:
        yield (
            f"attempts must be a list of 1 to {MOST_ATTEMPTS} strategies, "
            f"such as [{listed(ATTEMPTS)}], not {shown(attempts)}"
        )
        return
    if LOOK_BACK in attempts:
        yield f"attempts names {LOOK_BACK}, which always comes before the attempts; leave it out"
        return
    for attempt in attempts:
        if attempt not in STRATEGIES:
            hint = meant(attempt, STRATEGIES)
            yield f"attempts must be strategies of {listed(STRATEGIES)}, not {shown(attempt)}{hint}"
            return
    if twice := [attempt for attempt in STRATEGIES if attempts.count(attempt) > 1]:
        yield f"attempts has {listed(twice)} twice; name each strategy once"
    most = gate.get("max_attempts") if isinstance(gate, dict) else None
    if isinstance(most, int) and len(attempts) < most <= MOST_ATTEMPTS:
        yield f"gate.max_attempts must be from 1 to {len(attempts)}, the attempts, not {most}"


def _section_mistakes(section: str, kind: type, content: object) -> Iterator[str]:
    if not isinstance(content, dict):
        yield f"{section} must be settings, not {shown(content)}"
        return
    known: dict[str, Value] = {f.name: f.metadata["value"] for f in fields(kind)}
    yield from _unknown(content, tuple(known), f"{section}.")
    for key, value in content.items():
        if key in known and (mistake := known[key].mistake(value)):
            yield f"{section}.{key} {mistake}"


def _source_mistakes(content: object) -> Iterator[str]:
    """Refuses settings of a source that the file does not use; they would have no effect."""
    source = content.get("source", "synthetic") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(source, str) or source not in SOURCES:
        return
    told: set[str] = set()
    if (needed := NEEDED.get(source)) and not content.get(needed):
        yield f"data.source {source} needs data.{needed}"
    for other, settings in SOURCES.items():
        for key in sorted(settings & content.keys() - SOURCES[source]):
            if key not in told:
                told.add(key)
                yield f"data.{key} belongs to data.source {other}, not to {source}"


def _resource_mistakes(content: object) -> Iterator[str]:
    if not isinstance(content, dict):
        yield f"resources must be settings by step, not {shown(content)}"
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
            yield f"{where}.cpu must be cores such as 2, 0.5 or 500m, not {shown(wanted['cpu'])}"
        for key in ("memory", OOM):
            if key in wanted and not MEMORY.fullmatch(str(wanted[key])):
                yield f"{where}.{key} must be such as 512Mi or 4Gi, not {shown(wanted[key])}"


def _unknown(content: Mapping[str, Any], known: tuple[str, ...], where: str) -> Iterator[str]:
    for key in content:
        if key not in known:
            hint = meant(key, known) or f"; the settings are {', '.join(known)}"
            yield f"{where}{shown(key, quote=False)} is not a setting{hint}"


def _is_schedule(schedule: str) -> bool:
    """Whether a schedule is valid and starts at most one run a day: a run is named by its date."""
    if len(schedule) > LONGEST_SCHEDULE or not DAILY_OR_RARER.fullmatch(schedule):
        return False
    try:
        croniter(schedule).get_next()
    except CroniterError:  # no cron expression, or a date that never comes, such as 30 February
        return False
    return True


def _loop(content: Mapping[str, Any], *, file_hash: str, bare_ids: bool) -> Loop:
    attempts = tuple(content.get("attempts", ATTEMPTS))
    given = {**content, "gate": {"max_attempts": len(attempts), **content.get("gate", {})}}
    sections = {name: kind(**given.get(name, {})) for name, kind in SECTIONS.items()}
    resources = {
        task: Resources(**{key: str(value) for key, value in wanted.items()})
        for task, wanted in content.get("resources", {}).items()
    }
    return Loop(
        name=content["name"],
        file_hash=file_hash,
        bare_ids=bare_ids,
        owner=content.get("owner", Loop.owner),
        schedule=content.get("schedule", Loop.schedule),
        engine=content.get("engine", Loop.engine),
        shards=content.get("shards", Loop.shards),
        attempts=attempts,
        resources=resources,
        **sections,
    )


def _names(files: list[Path]) -> str:
    return ", ".join(file.name for file in files)
