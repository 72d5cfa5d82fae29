"""Computes stored verdicts again, from nothing but the store, with none of Retune's code.

For each verdict: the labels of the judged rows are those of the batch, the metrics of the version
and of the champion follow from labels and kept predictions, each check has its value, its interval
and its answer, the evidence over days follows from the answers of each day, and the decision
follows from the checks. Everything must agree to 1e-12. Prints a line for each verdict, and ends
with 1 at the first difference, which it names.

    recompute.py credit-default                 all verdicts of a model
    recompute.py credit-default --verdict ID    one of them

Needs NumPy and pymongo. The store is at RETUNE_MONGO_URI.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from statistics import NormalDist
from typing import Any

import numpy as np
from pymongo import MongoClient
from pymongo.database import Database

Document = Mapping[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]

TOLERANCE = 1e-12
BINARY = 2
NORMAL = NormalDist()
LEAST_ROWS = 50  # of the rarest class, without which no bound is believed
MANY_CLASSES = 10  # from here on the lower bound of macro F1 holds with any number of rows
POWER = 0.8
TOO_MANY = 1_000_000
LEAST_SLICE = 50  # rows of a slice, without which it is judged together with others
FEW_NUMBERS = 10  # up to here each number is a slice, from here on each quarter of the numbers
SEVERITY = {"failed": 0, "undecided": 1, "passed": 2}
ON_ORDINARY_ROWS = ("retention_reference", "retention_days", "anchor_reference", "anchor_days")
METRICS = ("f1_score", "f1_macro", "f1_weighted", "accuracy", "roc_auc", "precision", "recall")


class DifferenceError(Exception):
    """A stored number that does not follow from the data."""


@dataclass(frozen=True)
class Predictions:
    """What one version predicted for the judged rows."""

    rows: np.ndarray[Any, np.dtype[np.int32]]
    labels: np.ndarray[Any, np.dtype[np.int32]]
    probabilities: Floats  # rows x classes
    positive: int
    threshold: float
    data_path: str
    content_hash: str

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.probabilities.shape[1])

    @cached_property
    def answers(self) -> Integers:
        """The answered class of each row."""
        if self.classes == BINARY:
            is_positive = self.probabilities[:, self.positive] >= self.threshold
            return np.asarray(np.where(is_positive, self.positive, 1 - self.positive))
        return np.asarray(np.argmax(self.probabilities, axis=1))

    @cached_property
    def confusion(self) -> Floats:
        """Rows by true class and answered class."""
        cells = self.labels.astype(np.int64) * self.classes + self.answers
        counts = np.bincount(cells, minlength=self.classes**2)
        return counts.reshape(self.classes, self.classes).astype(np.float64)

    @property
    def scored(self) -> list[int]:
        """The classes whose probabilities order the rows."""
        return [self.positive] if self.classes == BINARY else list(range(self.classes))

    def placements(self, label: int) -> tuple[float, Floats]:
        """The area under a class's ROC curve, and each row's share of it (DeLong et al., 1988)."""
        scores = self.probabilities[:, label]
        inside = self.labels == label
        ins, outs = np.sort(scores[inside]), np.sort(scores[~inside])
        if not len(ins) or not len(outs):
            return math.nan, np.full(len(scores), math.nan)
        below = (np.searchsorted(outs, scores, "left") + np.searchsorted(outs, scores, "right")) / 2
        above = (np.searchsorted(ins, scores, "left") + np.searchsorted(ins, scores, "right")) / 2
        placed = np.where(inside, below / len(outs), 1 - above / len(ins))
        return float(below[inside].sum() / (len(ins) * len(outs))), placed

    def metric(self, name: str) -> float:
        """A metric's value; NaN where it is not defined."""
        if name == "roc_auc":
            return float(np.mean([self.placements(label)[0] for label in self.scored]))
        return of_confusion(name, self.confusion, self.positive)

    def metrics(self) -> dict[str, float]:
        """All defined metrics."""
        true = np.clip(
            self.probabilities[np.arange(len(self.labels)), self.labels],
            np.finfo(np.float64).eps,
            1 - np.finfo(np.float64).eps,
        )
        outcomes = np.eye(self.classes)[self.labels]
        squares = (self.probabilities - outcomes)[:, self.scored] ** 2
        is_binary = self.classes == BINARY
        looked_at = np.full(len(self.labels), self.positive) if is_binary else self.answers
        confidence = self.probabilities[np.arange(len(self.labels)), looked_at]
        # Ten bins, open below and closed above.
        bins = np.searchsorted(np.arange(1, 10) * 0.1, confidence, "left")
        excess = np.bincount(bins, confidence - (self.labels == looked_at), minlength=10)
        values = {name: self.metric(name) for name in METRICS}
        values["log_loss"] = float(-np.log(true).mean())
        values["brier_score"] = float(squares.sum() / len(self.labels))
        values["expected_calibration_error"] = float(np.abs(excess).sum() / len(self.labels))
        return {name: value for name, value in values.items() if not math.isnan(value)}

    @property
    def rarest(self) -> int:
        """Rows of the rarest class among labels and answers."""
        labels = np.bincount(self.labels, minlength=self.classes)
        answers = np.bincount(self.answers, minlength=self.classes)
        return int(labels[labels + answers > 0].min())

    def of(self, rows: Integers) -> Predictions:
        """The predictions of some of the rows."""
        return Predictions(
            self.rows[rows],
            self.labels[rows],
            self.probabilities[rows],
            self.positive,
            self.threshold,
            self.data_path,
            self.content_hash,
        )

    def of_classes(self, name: str, classes: list[int]) -> tuple[float, Floats]:
        """A metric of some classes together, with the influence of each row."""
        is_true, is_answered = np.isin(self.labels, classes), np.isin(self.answers, classes)
        hits = (is_true & (self.labels == self.answers)).astype(np.float64)
        rows = {
            "recall": is_true.astype(np.float64),
            "precision": is_answered.astype(np.float64),
            "f1_score": (is_true.astype(np.float64) + is_answered) / 2,
        }[name]
        if not rows.any():
            return 0.0, np.zeros(len(rows))
        value = float(hits.sum() / rows.sum())
        return value, np.asarray((hits - value * rows) / rows.mean())

    def influence(self, name: str) -> Floats:
        """Each row's influence on a metric: its derivative by the row's weight, times the rows."""
        rows = len(self.labels)
        if name == "roc_auc":
            influences = np.zeros(rows)
            for label in self.scored:
                area, placed = self.placements(label)
                inside = self.labels == label
                share = np.where(inside, inside.sum(), (~inside).sum()) / rows
                influences += (placed - area) / share / len(self.scored)
            return influences
        of_cell = rows * derivatives(name, self.confusion, self.positive)
        return np.asarray(of_cell[self.labels, self.answers])


def of_confusion(name: str, confusion: Floats, positive: int) -> float:
    """A metric that depends on the answers alone."""
    if name == "accuracy":
        return float(np.trace(confusion) / confusion.sum())
    true, answered, hits = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    rows = {"precision": answered, "recall": true}.get(name, (true + answered) / 2)
    each = np.divide(hits, rows, out=np.zeros_like(hits), where=rows > 0)
    if name == "f1_weighted":
        return float((each * true).sum() / confusion.sum())
    if len(hits) == BINARY and name != "f1_macro":
        return float(each[positive])
    return float(each[true + answered > 0].mean())


def derivatives(name: str, confusion: Floats, positive: int) -> Floats:
    """The derivative of such a metric by the count of each cell."""
    classes, total = len(confusion), confusion.sum()
    same = np.eye(classes)
    if name == "accuracy":
        return np.asarray((same - of_confusion(name, confusion, positive)) / total)
    true, answered, hits = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    # By class, true class and answered class: what a row more adds to hits and rows of the class.
    is_true = np.broadcast_to(same[:, :, None], (classes, classes, classes))
    is_answered = np.broadcast_to(same[:, None, :], (classes, classes, classes))
    rows, more = {
        "precision": (answered, is_answered),
        "recall": (true, is_true),
    }.get(name, ((true + answered) / 2, (is_true + is_answered) / 2))
    occurs = (rows > 0)[:, None, None]
    safe = np.where(occurs, rows[:, None, None], 1)
    of_class = np.where(
        occurs,
        (is_true * is_answered * safe - hits[:, None, None] * more) / safe**2,
        0,
    )
    if name == "f1_weighted":
        each = np.divide(hits, rows, out=np.zeros_like(hits), where=rows > 0)
        weighted = of_confusion(name, confusion, positive)
        changes = (of_class * true[:, None, None]).sum(axis=0)
        return np.asarray((each[:, None] - weighted + changes) / total)
    if classes == BINARY and name != "f1_macro":
        return np.asarray(of_class[positive])
    return np.asarray(of_class.sum(axis=0) / (true + answered > 0).sum())


@dataclass(frozen=True)
class Found:
    """What the data say to a check."""

    value: float
    limit: float
    answer: str
    rows: int
    interval: tuple[float, float] | None = None
    more_rows: int = 0

    def answered(self, answer: str) -> Found:
        """The same with another answer."""
        more = self.more_rows if answer == "undecided" else 0
        return Found(self.value, self.limit, answer, self.rows, self.interval, more)


def plain(value: float, limit: float, passed: bool, rows: int) -> Found:
    """A check that compares two numbers."""
    return Found(value, limit, "passed" if passed else "failed", rows)


@dataclass(frozen=True)
class Level:
    """What decides, and the probability with which a bound may be wrong."""

    evidence: str
    alpha: float


def bound(level: Level, value: float, limit: float, of: Predictions, influence: Floats) -> Found:
    """Whether a value is at least a limit, as far as its rows tell."""
    rarest = Rarest(of.rarest, of.classes >= MANY_CLASSES)
    return bounded(level, value, limit, influence, rarest)


@dataclass(frozen=True)
class Rarest:
    """The number of rows of the rarest class, and whether it is one of many."""

    rows: int
    of_many: bool


def bounded(level: Level, value: float, limit: float, influence: Floats, rarest: Rarest) -> Found:
    """Whether a value with these influences is at least a limit."""
    rows = len(influence)
    if level.evidence == "point":
        return plain(value, limit, value >= limit, rows)
    enough = rarest.rows >= LEAST_ROWS
    if not enough and not rarest.of_many:
        needed = math.ceil(rows * LEAST_ROWS / rarest.rows) if rarest.rows else 0
        return Found(value, limit, "undecided", rows, None, max(0, needed - rows))
    error = math.sqrt(float((influence**2).sum()) / rows / (rows - 1))
    reach = -NORMAL.inv_cdf(level.alpha) * error
    interval = (value - reach, value + reach)
    if interval[0] >= limit:
        return Found(value, limit, "passed", rows, interval)
    if enough and interval[1] < limit:
        return Found(value, limit, "failed", rows, interval)
    effect = abs(value - limit)
    least = (NORMAL.inv_cdf(POWER) - NORMAL.inv_cdf(level.alpha)) * error
    ratio = least / effect if effect else math.inf
    wanted = rows * ratio * ratio
    more = 0 if wanted > TOO_MANY else max(1, math.ceil(wanted) - rows)
    return Found(value, limit, "undecided", rows, interval, more)


def of_groups(found: list[Found], margin: float, rows: int) -> Found:
    """A check of several groups, which has the numbers of the worst."""
    defined = [group for group in found if not math.isnan(group.value)]
    if not defined:
        return Found(0.0, -margin, "undecided", rows)
    worst = min(defined, key=lambda group: (SEVERITY[group.answer], group.value))
    answer = worst.answer
    if answer == "passed" and len(defined) < len(found):
        answer = "undecided"
    more = max([group.more_rows for group in defined if group.answer == "undecided"], default=0)
    return Found(
        worst.value,
        -margin,
        answer,
        rows,
        worst.interval,
        more if answer == "undecided" else 0,
    )


def slices_of(values: Floats) -> list[Integers]:
    """The rows of each value, or of each quarter of many numbers, in the order of first rows."""
    keys: np.ndarray[Any, np.dtype[Any]] = values
    if values.dtype.kind == "f" and len(np.unique(values)) > FEW_NUMBERS:
        ascending = np.sort(values)
        ends = np.unique(ascending[[(part * (len(values) - 1)) // 4 for part in (1, 2, 3)]])
        keys = np.searchsorted(ends, values, "left")
    kinds, first = np.unique(keys, return_index=True)
    return [np.flatnonzero(keys == kinds[i]) for i in np.argsort(first)]


@dataclass(frozen=True)
class Comparison:
    """A candidate beside the champion, and the stored verdict on it."""

    verdict: Document
    candidate: Predictions
    champion: Predictions
    others: Mapping[str, tuple[Predictions, Predictions]]
    column: Callable[[str], Floats | None]  # of the judged rows; None where the batch was replaced

    @property
    def metric(self) -> str:
        """The gate's metric."""
        return str(self.verdict["metric"])

    @property
    def key(self) -> Document:
        """What the verdict was decided from."""
        key: Document = self.verdict["key"]
        return key

    def level(self, name: str) -> Level:
        """The level at which a check was made: its own, or any where it has no interval."""
        for check in self.verdict["checks"]:
            if check["name"] == name:
                alpha = (1 - check["confidence"]) / 2 if "confidence" in check else 0.05
                return Level(self.key.get("evidence", "point"), alpha)
        raise DifferenceError(f"the check {name} is missing")

    def group_level(self, name: str, groups: int) -> Level:
        """The level of each of several groups: that of the other checks, divided by the groups."""
        others = [
            check["confidence"]
            for check in self.verdict["checks"]
            if "confidence" in check and check["name"] in {"gate", "champion", "constant_answer"}
        ]
        if others:
            return Level(self.key.get("evidence", "point"), (1 - others[0]) / 2 / groups)
        return self.level(name)

    def bound(self, name: str, metric: str, limit: float) -> Found:
        """Whether the candidate's metric is at least a limit."""
        of = self.candidate
        return bound(self.level(name), of.metric(metric), limit, of, of.influence(metric))

    def difference(
        self,
        name: str,
        metric: str,
        limit: float,
        pair: tuple[Predictions, Predictions] | None = None,
    ) -> Found:
        """Whether the candidate's metric less the champion's is at least a limit."""
        first, second = pair or (self.candidate, self.champion)
        value = first.metric(metric) - second.metric(metric)
        influence = first.influence(metric) - second.influence(metric)
        return bound(self.level(name), value, limit, first, influence)

    def better_than(self, name: str, metric: str, guess: float) -> Found:
        """Whether the candidate's metric is above a guess."""
        found = self.bound(name, metric, guess)
        return found if found.value > guess else found.answered("failed")

    def guessed(self, metric: str, answers: Floats) -> float:
        """A metric that is expected of answers with these shares that do not look at the row."""
        labels = np.bincount(self.candidate.labels, minlength=self.candidate.classes)
        return of_confusion(metric, np.outer(labels, answers), self.candidate.positive)

    def checks(self) -> Iterator[tuple[str, Found]]:
        """What must have been asked, with what the data say."""
        gate = self.bound("gate", self.metric, self.key["threshold"])
        is_asked = (
            gate.answer != "passed"
            and self._may_follow_below()
            and self.key.get("below_gate") == "ask"
        )
        yield "gate", gate.answered("asked") if is_asked else gate
        champion = self.difference("champion", self.metric, 0)
        if gate.answer != "passed" and self._may_follow_below():
            yield "champion", self.superior("champion", "interval")
        else:
            yield "champion", champion.answered("passed") if champion.value >= 0 else champion
        yield from self._guards()
        yield from self._policy()
        for name, pair in self.others.items():
            if name in ON_ORDINARY_ROWS:
                yield name, self._on_ordinary_rows(name, pair)
            else:
                yield from self._losses(name, *pair)
        if self.verdict["status"] == "asked":
            yield "gain", self.gain()

    def _on_ordinary_rows(self, name: str, pair: tuple[Predictions, Predictions]) -> Found:
        """Whether the candidate keeps on other rows what it may lose to another version."""
        limit = -self.key.get("retention_limit", 0.05)
        kept = self.difference(name, self.metric, limit, pair)
        lost = "asked" if self.key.get("on_conflict") == "ask" else "failed"
        return kept.answered("passed" if kept.value >= limit else lost)

    def _losses(
        self, only: str, candidate: Predictions, best: Predictions
    ) -> Iterator[tuple[str, Found]]:
        """One of the checks of what the policy lets a candidate lose to the best version."""
        anchored = replace(self, candidate=candidate, champion=best)
        for name, check in anchored._permitted("anchor_"):
            if name == only and (found := check()):
                yield name, found

    def _permitted(self, prefix: str) -> Iterator[tuple[str, Callable[[], Found | None]]]:
        """By check: whether the candidate loses no more to the other version than is permitted."""
        for metric, margin in self._margins().items():
            name = f"{prefix}within_{metric}"
            yield name, partial(self.difference, name, metric, -margin)
        for term, word, number in self._terms():
            margin = float(number or 0.05)
            if term == "within_class":
                name = f"{prefix}within_class_{word}"
                yield name, partial(self.each_class, name, str(word), margin)
            elif term == "slices":
                column = str(word).strip('"')
                name = f"{prefix}slices_{column}"
                yield name, partial(self.each_slice, name, column, margin)

    def _margins(self) -> dict[str, float]:
        """By how much the policy lets each metric fall."""
        margins: dict[str, float] = {}
        for name, of_metric, number in self._terms():
            if name in {"non_inferior", "within"}:
                margin = float(number or (0.01 if name == "non_inferior" else 0.02))
                for metric in [of_metric] if of_metric else ["f1_macro", "accuracy"]:
                    margins[metric] = margin
        return margins

    def _terms(self) -> Iterator[tuple[str, str | None, str | None]]:
        """The policy's terms: name, metric or column, and number."""
        term = r"(\w+)(?:\(\s*(?:([\w.-]+|\"[^\"]+\")\s*,\s*)?([0-9.]+)\s*\))?"
        between = r" and (?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)"
        for words in re.split(between, self.key.get("policy", "floor")):
            matched = re.fullmatch(term, words.strip())
            if matched is None:
                raise DifferenceError(f"the policy's term {words!r} is not known")
            yield matched[1], matched[2], matched[3]

    def superior(self, name: str, evidence: str) -> Found:
        """Whether the candidate's metric is above the champion's; equal ones are not."""
        value = self.candidate.metric(self.metric) - self.champion.metric(self.metric)
        influence = self.candidate.influence(self.metric) - self.champion.influence(self.metric)
        level = Level(evidence, self.level(name).alpha)
        found = bound(level, value, math.ulp(0.0), self.candidate, influence)
        return replace(found, limit=0)

    def gain(self) -> Found:
        """The difference to the champion with its interval, whatever the evidence is."""
        value = self.candidate.metric(self.metric) - self.champion.metric(self.metric)
        influence = self.candidate.influence(self.metric) - self.champion.influence(self.metric)
        level = Level("interval", self.level("gain").alpha)
        return bound(level, value, 0, self.candidate, influence)

    def _may_follow_below(self) -> bool:
        """Whether a candidate below the gate may be promoted, or a person is asked about it."""
        is_proved = any(check["name"] == "superiority" for check in self.verdict["checks"])
        may_follow = self.verdict["attempt"] > 0 or is_proved
        return may_follow and self.key.get("below_gate") in {"ask", "promote_if_superior"}

    def _guards(self) -> Iterator[tuple[str, Found]]:
        of = self.candidate
        answers = np.bincount(of.answers, minlength=of.classes).astype(np.float64)
        labels = np.bincount(of.labels, minlength=of.classes)
        answered = int((answers > 0).sum())
        yield "answered_classes", plain(answered, 2, answered > 1, len(of.labels))
        few = of.classes > BINARY and labels[labels + answers > 0].min() < LEAST_ROWS
        metric = "accuracy" if self.metric == "roc_auc" or few else self.metric
        constant = max(self.guessed(metric, only) for only in np.eye(of.classes))
        yield "constant_answer", self.better_than("constant_answer", metric, constant)
        shuffled = self.guessed(metric, answers)
        yield "shuffled_answers", self.better_than("shuffled_answers", metric, shuffled)
        if (labels > 0).all():
            yield "chance", self.better_than("chance", "roc_auc", 0.5)

    def _policy(self) -> Iterator[tuple[str, Found]]:
        labels, rows = self.candidate.labels, len(self.candidate.labels)
        for check, permitted in self._permitted(""):
            if found := permitted():
                yield check, found
        for name, _, number in self._terms():
            if name == "superior":
                above = self.superior("superior", self.key.get("evidence", "point"))
                asked = float(number or 0.02)
                yield "improvement", plain(above.value, asked, above.value >= asked, rows)
                yield "superior", above
            elif name == "flips":
                lost = (self.champion.answers == labels) & (self.candidate.answers != labels)
                share, limit = float(lost.mean()), float(number or 0.05)
                yield "flips", plain(share, limit, share <= limit, rows)

    def each_class(self, check: str, metric: str, margin: float) -> Found:
        """Whether a metric of each class is at most a margin below; small classes together."""
        counts = np.bincount(self.candidate.labels, minlength=self.candidate.classes)
        groups = [[int(label)] for label in np.flatnonzero(counts >= LEAST_ROWS)]
        small = np.flatnonzero((counts > 0) & (counts < LEAST_ROWS))
        if len(small):
            groups.append([int(label) for label in small])
        level = self.group_level(check, len(groups))
        found = []
        for classes in groups:
            after, influence = self.candidate.of_classes(metric, classes)
            before, others = self.champion.of_classes(metric, classes)
            rarest = Rarest(int(counts[classes].sum()), of_many=False)
            found.append(bounded(level, after - before, -margin, influence - others, rarest))
        return of_groups(found, margin, len(self.candidate.labels))

    def each_slice(self, check: str, column: str, margin: float) -> Found | None:
        """Whether the metric is at most a margin below on each slice; small slices together."""
        values = self.column(column)
        if values is None:
            return None
        rows = len(self.candidate.labels)
        large: list[Integers] = []
        small: list[Integers] = []
        for members in slices_of(values):
            of = self.candidate.of(members)
            is_believable = (
                self.key.get("evidence", "point") == "point"
                or of.classes >= MANY_CLASSES
                or of.rarest >= LEAST_ROWS
            )
            is_enough = len(members) >= LEAST_SLICE and not math.isnan(of.metric(self.metric))
            (large if is_enough and is_believable else small).append(members)
        if small:
            large.append(np.sort(np.concatenate(small)))
        level = self.group_level(check, len(large))
        found = []
        for members in large:
            first, second = self.candidate.of(members), self.champion.of(members)
            value = first.metric(self.metric) - second.metric(self.metric)
            influence = first.influence(self.metric) - second.influence(self.metric)
            group = bound(level, value, -margin, first, influence)
            more = math.ceil(group.more_rows * (rows / len(members)))
            found.append(replace(group, more_rows=more))
        return of_groups(found, margin, rows)


@dataclass(frozen=True)
class Challenge:
    """What the days so far say of a challenger."""

    better: Floats
    worse: Floats
    days: int
    rows: int


class Ledger:
    """The evidence over days on a champion and its challengers, from the cells of each day."""

    YEAR = 365
    LIMIT = 40.0  # half of 5 % is for harm
    STAKES = (0.25, 0.5, 1, 2, 4)
    FALLS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)
    FARTHEST = 10 * YEAR
    LEAST_OF_MANY = 5  # labels of each of more than two classes, without which no mean is bet on
    MANY_CLASSES = 10  # from which a day with fewer is bet on by accuracy, about challengers
    MOST_TOGETHER = 30  # days of which none alone has enough labels
    MOST_CHALLENGERS = 3
    MOST_DAYS = 90  # of a challenger

    def __init__(self, store: Store, entries: list[Document]) -> None:
        self.store = store
        self.entries = sorted(entries, key=lambda entry: int(entry["number"]))
        self.after: dict[str, tuple[Floats, Floats, int]] = {}
        self.together: dict[str, int] = {}
        self.challengers: dict[str, dict[str, Challenge]] = {}
        challengers: dict[str, Challenge] = {}
        wealth, days, before = self._nothing(), 0, None
        waiting: list[Floats] = []
        for number, entry in enumerate(self.entries, 1):
            equal("the number of an entry of the error ledger", entry["number"], number)
            if before is None or any(before[k] != entry[k] for k in self._SUBJECT):
                wealth, challengers, waiting = self._nothing(), {}, []
            what = f"of {entry['logical_date']} in the error ledger"
            counts = self._counts(entry)
            if "together" in entry:  # older entries are counted alone
                equal(f"the days counted together {what}", entry["together"], len(waiting) + 1)
                counts = np.sum([counts, *waiting], axis=0)
            logs = self._logs(entry, counts)
            waits = not entry["usable"] and entry["metric"] != "roc_auc"
            waiting = [*waiting, self._counts(entry)][1 - self.MOST_TOGETHER :] if waits else []
            challengers = self._challenge(entry, challengers, days, what)
            self.challengers[str(entry["logical_date"])] = challengers
            wealth, days = self._next(wealth, days, logs)
            for name, computed in (("e_values", logs), ("log_wealth", wealth)):
                for stored, value in zip(entry[name], computed, strict=True):
                    same(f"{name} {what}", stored, float(value))
            same(f"the e-value {what}", entry["e_value"], self._e_value(wealth))
            equal(f"the days {what}", entry["days_of_year"], days)
            equal(f"the decision {what}", entry["decided"], self._log(wealth) >= self._log_limit)
            self.after[str(entry["logical_date"])] = (wealth, logs, days)
            self.together[str(entry["logical_date"])] = int(entry.get("together", 1))
            before = entry

    _SUBJECT = ("model_id", "metric", "threshold")
    _log_limit = math.log(LIMIT)

    def harm(self, verdict: Document, gate: Found) -> Found | None:
        """The check of a day; None where the date had counted with another champion or gate."""
        date = str(verdict["data_path"]).rpartition("/")[2]
        entry = next((e for e in self.entries if e["logical_date"] == date), None)
        subject = (verdict["model_id"], verdict["metric"], verdict["key"]["threshold"])
        if entry is None or subject != tuple(entry[k] for k in self._SUBJECT):
            return None
        wealth, logs, days = self.after[date]
        decided = self._log(wealth) >= self._log_limit
        answer = "passed" if gate.answer == "passed" else "failed" if decided else "undecided"
        more = 0
        if answer == "undecided":
            more = gate.rows * self.together[date] * self._days_to_decide(wealth, days, logs)
        return Found(self._e_value(wealth), self.LIMIT, answer, gate.rows, None, more)

    def superiority(self, verdict: Document) -> Found:
        """The check of a challenger's verdict."""
        date = str(verdict["data_path"]).rpartition("/")[2]
        challenger = self.challengers.get(date, {}).get(verdict["model_id"])
        if challenger is None:
            raise DifferenceError(f"the error ledger has no challenger {verdict['model_id']}")
        decided = self._log(challenger.better) >= self._log_limit
        answer = "passed" if decided else "undecided"
        return Found(self._e_value(challenger.better), self.LIMIT, answer, challenger.rows)

    def _challenge(
        self, entry: Document, before: dict[str, Challenge], days: int, day: str
    ) -> dict[str, Challenge]:
        """The challengers after their day; they share its weight."""
        stored = entry.get("challengers", [])
        judged = stored[: self.MOST_CHALLENGERS]
        after = {}
        for challenger in judged:
            model_id = str(challenger["model_id"])
            what = f"of the challenger {model_id} {day}"
            self._check_answers(challenger, what)
            better, worse = self._leads(challenger, str(entry["metric"]))
            none = self._nothing()
            known = before.get(model_id, Challenge(none, none, 0, 0))
            now = Challenge(
                self._next(known.better, days, better, len(judged))[0],
                self._next(known.worse, days, worse, len(judged))[0],
                known.days + 1,
                int(challenger["rows"]),
            )
            for name, computed in (
                ("e_values", better),
                ("log_wealth", now.better),
                ("worse_log_wealth", now.worse),
            ):
                for one, value in zip(challenger[name], computed, strict=True):
                    same(f"{name} {what}", one, float(value))
            same(f"the e-value {what}", challenger["e_value"], self._e_value(now.better))
            equal(f"the days {what}", challenger["days"], now.days)
            equal(f"the standing {what}", challenger["standing"], self._standing(now))
            after[model_id] = now
        for challenger in stored[self.MOST_CHALLENGERS :]:
            what = f"the standing of the challenger {challenger['model_id']} {day}"
            equal(what, challenger["standing"], "replaced")
        return after

    def _standing(self, challenger: Challenge) -> str:
        if self._log(challenger.better) >= self._log_limit:
            return "better"
        if self._log(challenger.worse) >= self._log_limit:
            return "worse"
        return "too_old" if challenger.days >= self.MOST_DAYS else "open"

    def _check_answers(self, challenger: Document, what: str) -> None:
        """Compares cells and areas with the kept predictions, where there are any."""
        if not challenger.get("predictions") or not challenger.get("champion_predictions"):
            return
        one = self.store.predictions(challenger["predictions"])
        other = self.store.predictions(challenger["champion_predictions"])
        equal(f"the rows {what}", one.rows.tolist(), other.rows.tolist())
        equal(
            f"the labels {what}",
            challenger["labels"],
            np.bincount(one.labels, minlength=one.classes).tolist(),
        )
        if "cells" in challenger:
            cells, rows = np.unique(
                np.stack([one.labels, other.answers, one.answers], axis=1),
                axis=0,
                return_counts=True,
            )
            counted = np.concatenate([cells, rows[:, None]], axis=1)
            equal(f"the cells {what}", challenger["cells"], counted.tolist())
        if "pairs" in challenger:
            champion, right = other.answers == one.labels, one.answers == one.labels
            pairs = [champion & right, champion & ~right, ~champion & right, ~champion & ~right]
            equal(f"the pairs {what}", challenger["pairs"], [int(rows.sum()) for rows in pairs])
        if "roc_auc_lead" in challenger:
            lead = one.metric("roc_auc") - other.metric("roc_auc")
            same(f"the lead {what}", challenger["roc_auc_lead"], lead)
            influence = one.influence("roc_auc") - other.influence("roc_auc")
            count = len(influence)
            error = math.sqrt(float((influence**2).sum()) / count / (count - 1))
            same(f"the lead's error {what}", challenger["roc_auc_lead_error"], error)

    def _leads(self, challenger: Document, metric: str) -> tuple[Floats, Floats]:
        """The day's bets that the challenger is better, and that it is worse."""
        none = np.zeros(len(self.STAKES))
        labels = challenger["labels"]
        if metric == "roc_auc":
            if "roc_auc_lead" not in challenger or min(labels) < LEAST_ROWS:
                return none, none
            z = challenger["roc_auc_lead"] / max(challenger["roc_auc_lead_error"], 1 / sum(labels))
            return (
                np.array([stake * z - stake * stake / 2 for stake in self.STAKES]),
                np.array([-stake * z - stake * stake / 2 for stake in self.STAKES]),
            )
        few = sum(labels) < 2 * LEAST_ROWS or (
            len(labels) > BINARY and min(labels) < self.LEAST_OF_MANY
        )
        if "pairs" in challenger:  # older entries have cells for accuracy, too
            if metric != "accuracy" and not (few and len(labels) >= self.MANY_CLASSES):
                raise DifferenceError(
                    f"the labels of {challenger['model_id']} suffice for {metric}"
                )
            _, champion, right, _ = challenger["pairs"]
            return self._of_share(champion, right, 0.5), self._of_share(right, champion, 0.5)
        if few or "cells" not in challenger:
            return none, none
        counts = np.zeros((len(labels),) * 3)
        for label, champion, answer, rows in challenger["cells"]:
            counts[label, champion, answer] = rows
        positive = int(challenger["positive"])
        swapped = counts.transpose(0, 2, 1)
        return self._lead(metric, counts, positive), self._lead(metric, swapped, positive)

    def _lead(self, metric: str, counts: Floats, positive: int) -> Floats:
        """Bets that the second answer is better than the first."""

        def value(shares: Floats) -> float:
            first, second = shares.sum(axis=2), shares.sum(axis=1)
            of_first = of_confusion(metric, first, positive)
            return of_first - of_confusion(metric, second, positive)

        def influences(shares: Floats) -> Floats:
            first = derivatives(metric, shares.sum(axis=2), positive)
            second = derivatives(metric, shares.sum(axis=1), positive)
            return np.asarray(shares.sum() * (first[:, :, None] - second[:, None, :]))

        return self._bet(counts, value, influences, 0)

    def _days_to_decide(self, wealth: Floats, days: int, logs: Floats) -> int:
        for more in range(self.FARTHEST + 1):
            if self._log(wealth) >= self._log_limit:
                return more
            wealth, days = self._next(wealth, days, logs)
        return 0

    def _nothing(self) -> Floats:
        return np.full(len(self.STAKES), -math.inf)

    def _log(self, wealth: Floats) -> float:
        greatest = float(wealth.max())
        if greatest == -math.inf:
            return greatest
        return greatest + math.log(float(np.exp(wealth - greatest).sum()) / len(wealth))

    def _e_value(self, wealth: Floats) -> float:
        with np.errstate(over="ignore"):
            return min(float(np.exp(self._log(wealth))), sys.float_info.max)

    def _next(
        self, wealth: Floats, days: int, logs: Floats, sharing: int = 1
    ) -> tuple[Floats, int]:
        """After one more day: a new bet starts with its share of the year, and all are played."""
        if days == self.YEAR:
            wealth, days = self._nothing(), 0
        capped = wealth - max(0.0, self._log(wealth) - self._log_limit)
        wagered = np.logaddexp(capped, -math.log(self.YEAR * sharing))
        return np.asarray(wagered + logs), days + 1

    def _counts(self, entry: Document) -> Floats:
        """The champion's answers of the day: its confusion matrix."""
        counts = np.zeros((int(entry["classes"]),) * 2)
        for label, answer, rows in entry["cells"]:
            counts[label, answer] = rows
        return counts

    def _logs(self, entry: Document, counts: Floats) -> Floats:
        """The bets on these answers: their log wealth."""
        classes, positive = int(entry["classes"]), int(entry["positive"])
        metric, limit = str(entry["metric"]), float(entry["threshold"])
        none = np.zeros(len(self.STAKES))
        if metric == "roc_auc":
            error = entry.get("roc_auc_error")
            if error is None or (counts.sum(axis=1) < LEAST_ROWS).any():
                return none
            z = (limit - entry["roc_auc"]) / max(error, 1 / counts.sum())
            return np.array([stake * z - stake * stake / 2 for stake in self.STAKES])
        hits = np.trace(counts)
        if metric == "accuracy":
            return self._of_share(hits, counts.sum() - hits, limit)
        if classes == BINARY and metric in {"f1_score", "precision", "recall"}:
            hits = counts[positive, positive]
            missed = counts[positive].sum() - hits
            falsely = counts[:, positive].sum() - hits
            wrong = {"precision": falsely, "recall": missed}.get(metric, missed + falsely)
            return self._of_share(hits, wrong, limit / (2 - limit) if "f1" in metric else limit)
        few = classes > BINARY and counts.sum(axis=1).min() < self.LEAST_OF_MANY
        if counts.sum() < 2 * LEAST_ROWS or few or limit == 0:
            return none
        limit += self._bias(metric, counts, positive)
        return self._of_tangent(metric, counts, positive, min(limit, 0.999))

    @staticmethod
    def _bias(metric: str, counts: Floats, positive: int) -> float:
        """How much greater the metric of sampled rows is than the true one, by the jackknife."""
        mean = 0.0
        for cell in zip(*np.nonzero(counts), strict=True):
            others = counts.copy()
            others[cell] -= 1
            mean += counts[cell] / counts.sum() * of_confusion(metric, others, positive)
        bias = (counts.sum() - 1) * (mean - of_confusion(metric, counts, positive))
        return float(np.rint(bias / 1e-6) * 1e-6)

    def _of_share(self, right: float, wrong: float, limit: float) -> Floats:
        """Likelihood ratios of shares below the limit."""
        if limit <= 0:
            return np.zeros(len(self.FALLS))
        share = min(limit, 1 - 1e-9)
        lower = share / (1 - share) * np.exp(-np.array(self.FALLS))
        of_right, of_wrong = np.log(lower / (1 + lower) / share), -np.log((1 + lower) * (1 - share))
        return np.asarray(right * of_right + wrong * of_wrong)

    def _of_tangent(self, metric: str, counts: Floats, positive: int, limit: float) -> Floats:
        """Bets that a metric of the confusion matrix is below a limit."""
        return self._bet(
            counts,
            lambda shares: of_confusion(metric, shares, positive),
            lambda shares: np.asarray(shares.sum() * derivatives(metric, shares, positive)),
            limit,
        )

    def _bet(
        self,
        counts: Floats,
        value: Callable[[Floats], float],
        influences: Callable[[Floats], Floats],
        limit: float,
    ) -> Floats:
        """Bets on a function's tangent where the day's shares, tilted, just reach the limit."""
        smoothed = (counts + 2 / counts.size) / (counts.sum() + 2)
        direction = influences(smoothed)

        def tilted(tilt: float) -> Floats:
            weights = smoothed * np.exp(tilt * direction)
            return np.asarray(weights / weights.sum())

        def excess(tilt: float) -> float:
            return value(tilted(tilt)) - limit

        slope = float((smoothed * direction**2).sum())
        shares = smoothed
        if slope and excess(0):
            greatest = 60 / float(np.abs(direction).max())
            shares = tilted(_root(excess, -excess(0) / slope, greatest))
        slopes = influences(shares)
        deviation = math.sqrt(float((shares * slopes**2).sum()))
        if deviation == 0:
            return np.zeros(len(self.STAKES))
        most = 0.5 / float(slopes.max())
        rates = [min(stake / (deviation * math.sqrt(counts.sum())), most) for stake in self.STAKES]
        return np.array([float((counts * np.log1p(-rate * slopes)).sum()) for rate in rates])


def _root(function: Callable[[float], float], start: float, greatest: float) -> float:
    """Where a function is 0: the ends double until they enclose it, then the Illinois method."""
    first, at_first = 0.0, function(0.0)
    last = min(max(start, -greatest), greatest)
    at_last = function(last)
    sign = at_first
    while at_last * sign > 0 and abs(last) < greatest:
        first, at_first = last, at_last
        last = min(max(2 * last, -greatest), greatest)
        at_last = function(last)
    if at_last * sign > 0:
        return last
    for _ in range(100):
        if abs(at_last) <= TOLERANCE:
            break
        between = last - at_last * (last - first) / (at_last - at_first)
        at_between = function(between)
        if at_between * at_last <= 0:
            first, at_first = last, at_last
        else:
            at_first /= 2
        last, at_last = between, at_between
    return last


class Store:
    """The parts of the store that an audit reads."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self.database = database

    def verdicts(self, model: str, only: str | None) -> list[Document]:
        """Verdicts of a model, or one of them."""
        prefix = f"{model}/"
        found = self.database["verdicts"].find({"_id": {"$gte": prefix, "$lt": prefix + "\uffff"}})
        wanted = [verdict for verdict in found if only in (None, verdict["_id"])]
        return sorted(wanted, key=lambda verdict: str(verdict["timestamp"]))

    def predictions(self, kept_id: str) -> Predictions:
        """Kept predictions, whose bytes have the hash that their id and document say."""
        kept = self.database["predictions"].find_one({"_id": kept_id})
        if kept is None:
            raise DifferenceError(f"the predictions {kept_id} are not in the store")
        content = self._file(kept["file"])
        digest = hashlib.sha256(content).hexdigest()
        if digest != kept["sha256"] or not digest.startswith(kept_id.rpartition("/")[2]):
            raise DifferenceError(f"the file of the predictions {kept_id} has the hash {digest}")
        rows, classes = kept["rows"], len(kept["classes"])
        integers = np.frombuffer(content, "<i4", 2 * rows)
        probabilities = np.frombuffer(content, "<f8", rows * classes, offset=8 * rows)
        return Predictions(
            integers[:rows],
            integers[rows:],
            probabilities.reshape(rows, classes),
            kept["positive"],
            kept["decision_threshold"],
            kept["data_path"],
            kept["content_hash"],
        )

    def joined(self, kept_ids: list[str]) -> Predictions:
        """Kept predictions of one version for several batches, one after the other."""
        parts = [self.predictions(kept_id) for kept_id in kept_ids]
        for part in parts:
            check_labels(self, part)
        return replace(
            parts[0],
            rows=np.concatenate([part.rows for part in parts]),
            labels=np.concatenate([part.labels for part in parts]),
            probabilities=np.concatenate([part.probabilities for part in parts]),
        )

    def others(self, verdict: Document) -> dict[str, tuple[Predictions, Predictions]]:
        """By check: the judged version and another one, or both on other rows."""
        pairs = {}
        for compared in verdict.get("compared", []):
            kept = compared["predictions"], compared["other_predictions"]
            if None not in kept[0] + kept[1]:
                pair = self.joined(kept[0]), self.joined(kept[1])
                what = f"the rows of the check {compared['check']}"
                equal(what, pair[0].labels.tolist(), pair[1].labels.tolist())
                pairs[compared["check"]] = pair
        return pairs

    def labels(
        self, data_path: str, content_hash: str
    ) -> np.ndarray[Any, np.dtype[np.int32]] | None:
        """All labels of a batch; None where the store has another content of that day by now."""
        parts = self._chunks(data_path, content_hash)
        if parts is None:
            return None
        return np.concatenate([np.frombuffer(part["labels"], "<i4") for part in parts])

    def column(self, name: str, of: Predictions) -> Floats | None:
        """A feature of the judged rows: codes or numbers."""
        parts = self._chunks(of.data_path, of.content_hash)
        if parts is None:
            return None
        columns = []
        for part in parts:
            is_code = name in part["codes"]
            binary = part["codes" if is_code else "numbers"].get(name)
            if binary is None:
                raise DifferenceError(f"the batch {of.data_path} has no column {name!r}")
            columns.append(np.frombuffer(binary, "<i4" if is_code else "<f4"))
        return np.asarray(np.concatenate(columns)[of.rows])

    def _chunks(self, data_path: str, content_hash: str) -> list[Document] | None:
        marker = self.database["processing_metadata"].find_one({"_id": data_path})
        if marker is None or marker["content_hash"] != content_hash:
            return None
        parts: list[Document] = []
        for chunk in marker["chunks"]:
            content, first, *_ = chunk.split("/")
            columns = self.database["processed_columns"].find_one(
                {"_id": f"{data_path}/{content}/{int(first):08d}"}
            )
            if columns is None:
                raise DifferenceError(f"the rows {chunk} of {data_path} are not in the store")
            parts.append(columns)
        return parts

    def ledger(self, model: str) -> Ledger:
        """The model's error ledger, each entry computed again."""
        prefix = f"{model}/"
        found = {"_id": {"$gte": prefix, "$lt": prefix + "\uffff"}}
        return Ledger(self, list(self.database["error_ledger"].find(found)))

    def _file(self, name: str) -> bytes:
        file = self.database["fs.files"].find_one({"_id": name})
        if file is None:
            raise DifferenceError(f"the file {name} is not in the store")
        parts: list[bytes] = []
        while sum(map(len, parts)) < file["length"]:
            chunk = self.database["fs.chunks"].find_one({"files_id": name, "n": len(parts)})
            if chunk is None:
                raise DifferenceError(f"chunk {len(parts)} of the file {name} is not in the store")
            parts.append(bytes(chunk["data"]))
        return b"".join(parts)


def same(what: str, stored: object, computed: float) -> None:
    """Raises a DifferenceError where a stored number is not the computed one."""
    if not isinstance(stored, (int, float)) or not (
        abs(stored - computed) <= TOLERANCE * max(1.0, abs(computed))
    ):
        raise DifferenceError(f"{what} is {stored!r}, but the data give {computed!r}")


def equal(what: str, stored: object, computed: object) -> None:
    """The same for what is no number."""
    if stored != computed:
        raise DifferenceError(f"{what} is {stored!r}, but the data give {computed!r}")


def check_metrics(what: str, stored: Mapping[str, float], of: Predictions) -> None:
    """Compares all metrics of a version."""
    computed = of.metrics()
    equal(f"the list of {what}", sorted(stored), sorted(computed))
    for name, value in computed.items():
        same(f"{name} of {what}", stored[name], value)


def check_labels(store: Store, of: Predictions) -> bool:
    """Compares the kept labels with the batch's; false where the batch was replaced."""
    labels = store.labels(of.data_path, of.content_hash)
    if labels is not None and not np.array_equal(labels[of.rows], of.labels):
        row = int(of.rows[np.flatnonzero(labels[of.rows] != of.labels)[0]])
        raise DifferenceError(f"the kept label of row {row} is not that of {of.data_path}")
    return labels is not None


def check_found(name: str, check: Document, found: Found) -> None:
    """Compares a stored check with what the data say."""
    what = f"the check {name}"
    same(f"the value of {what}", check["value"], found.value)
    same(f"the limit of {what}", check["limit"], found.limit)
    equal(f"whether {what} has an interval", "low" in check, found.interval is not None)
    if found.interval:
        same(f"the lower end of {what}", check["low"], found.interval[0])
        same(f"the upper end of {what}", check["high"], found.interval[1])
    equal(f"the answer of {what}", check["answer"], found.answer)
    equal(f"the rows of {what}", check["rows"], found.rows)
    equal(f"the rows that would decide {what}", check["more_rows"], found.more_rows)


def status(checks: list[Document], is_champion: bool) -> str:
    """What follows from the answers."""
    answers = {check["answer"] for check in checks if check["decisive"]}
    if "failed" in answers:
        return "needs_retraining" if is_champion else "rejected"
    for answer in ("undecided", "asked"):
        if answer in answers:
            return answer
    return "approved"


def recompute(store: Store, ledger: Ledger, verdict: Document) -> str:
    """Computes a verdict again; returns what was found, in words."""
    if verdict.get("predictions") is None or verdict.get("champion_predictions") is None:
        return "skipped: its predictions were not kept"
    candidate = store.predictions(verdict["predictions"])
    champion = store.predictions(verdict["champion_predictions"])
    equal("the judged rows", candidate.rows.tolist(), champion.rows.tolist())
    checked = check_labels(store, candidate)
    check_metrics("metrics", verdict["metrics"], candidate)
    check_metrics("champion_metrics", verdict["champion_metrics"], champion)
    same("the value", verdict["value"], candidate.metric(verdict["metric"]))
    is_champion = verdict["model_id"] == verdict["champion_id"]
    checks: dict[str, Document] = {check["name"]: check for check in verdict["checks"]}
    if is_champion:
        value, limit = candidate.metric(verdict["metric"]), verdict["key"]["threshold"]
        gate = plain(value, limit, value >= limit, len(candidate.labels))
        asked = {"gate": gate}
        if "harm" in checks and (harm := ledger.harm(verdict, gate)):
            asked["harm"] = harm
    else:
        comparison = Comparison(
            verdict,
            candidate,
            champion,
            store.others(verdict),
            lambda name: store.column(name, candidate),
        )
        asked = dict(comparison.checks())
        if "superiority" in checks:
            asked["superiority"] = ledger.superiority(verdict)
    for name, found in asked.items():
        if name not in checks:
            raise DifferenceError(f"the check {name} is missing")
        check_found(name, checks[name], found)
    # A check without rows says why there is nothing to compare.
    others = [name for name in checks if name not in asked and checks[name]["rows"]]
    equal("the status", verdict["status"], status(list(checks.values()), is_champion))
    return (
        f"{verdict['status']}, {len(candidate.labels):,} rows, {len(asked)} checks"
        + ("" if checked else ", labels as kept (the day has other rows by now)")
        + (f", not computed again: {', '.join(others)}" if others else "")
    )


def main() -> int:
    """Runs the audit; 0 where every verdict follows from its data."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="the model's name")
    parser.add_argument("--verdict", help="id of the only verdict to compute")
    given = parser.parse_args()
    address = os.environ.get("RETUNE_MONGO_URI", "mongodb://127.0.0.1:27018/retune")
    client: MongoClient[dict[str, Any]] = MongoClient(address, tz_aware=True)
    store = Store(client.get_default_database("retune"))
    verdicts = store.verdicts(given.model, given.verdict)
    if not verdicts:
        print(f"There is no verdict of {given.model} in the store.", file=sys.stderr)
        return 1
    subject = given.model
    try:
        ledger = store.ledger(given.model)
        for verdict in verdicts:
            subject = verdict["_id"]
            print(f"{subject}: {recompute(store, ledger, verdict)}")
    except DifferenceError as difference:
        print(f"{subject}: {difference}", file=sys.stderr)
        return 1
    print(f"{len(verdicts)} verdicts follow from their data.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
