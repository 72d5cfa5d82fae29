"""The demo's output: a line for each finished task, running tasks on a terminal, and a table."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence

from demo.days import ALERTED, MODEL, Report, Task

Row = tuple[str, ...]
MARKS = {"success": "✓", "failed": "✗", "upstream_failed": "✗"}
NOTHING = "-"
CLEAR_LINE = "\r\x1b[K"
SHOWN = ("reason", "strategy", "message", "rows", "rows_out")


class Screen:
    """A terminal, or a plain log."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.live = sys.stdout.isatty()
        self._task_since = self.started
        self._running = ""

    def say(self, text: str) -> None:
        """Prints one line."""
        self._clear()
        print(f"[{time.monotonic() - self.started:4.0f} s] {text}", flush=True)

    def task(self, task: Task) -> None:
        """Prints a line for a finished task, unless it was skipped."""
        if task.state == "skipped":
            return
        self._clear()
        tries = f" (try {task.tries})" if task.tries > 1 else ""
        name = f"{MARKS[task.state]} {task.name}{tries}"
        line = f"         {name:<44} {task.seconds:6.1f} s  {_gist(task)}".rstrip()
        width = shutil.get_terminal_size((140, 0)).columns
        print(line if len(line) <= width else f"{line[: width - 2]} …", flush=True)

    def running(self, names: Sequence[str]) -> None:
        """Shows the running tasks, on a terminal only."""
        if not self.live:
            return
        now, text = time.monotonic(), ", ".join(names)
        if text != self._running:
            self._running, self._task_since = text, now
        spinner = "⠋⠙⠸⠴⠦⠇"[int(now * 4) % 6]
        waiting = text or "Waiting for Airflow to schedule the next task"
        print(
            f"{CLEAR_LINE}       {spinner} {waiting} {now - self._task_since:3.0f} s",
            end="",
            flush=True,
        )

    def table(self, reports: Sequence[Report]) -> None:
        """Prints a table with one column for each day."""
        self._clear()
        rows = [("", *(f"{r.day.date}" for r in reports)), ("", *(r.day.title for r in reports))]
        metric = next((r.metric for r in reports if r.metric), "metric")
        rows += [_row(f"{metric} before", reports, lambda r: _number(r.before))]
        attempts = {number: name for r in reports for number, name in r.attempts.items()}
        for number, strategy in sorted(attempts.items()):
            title = f"{number}. {strategy}, validation / hold-out"
            rows += [_row(title, reports, _attempt(number))]
        rows += [
            _row("verdict", reports, lambda r: r.verdict),
            _row("alerts", reports, lambda r: str(r.alerts)),
            _row("champion before", reports, lambda r: _short(r.champions[0])),
            _row("champion after", reports, lambda r: _short(r.champions[1])),
        ]
        head = len(rows)
        names = dict.fromkeys(n for r in reports for n, t in r.tasks.items() if t.seconds > 0)
        rows += [_row(f"seconds {name}", reports, _seconds(name)) for name in names]
        rows += [_row("seconds in all", reports, lambda r: f"{_total(r):.1f}")]
        print(_drawn(rows, (2, head, len(rows) - 1)), flush=True)

    def _clear(self) -> None:
        if self.live:
            print(CLEAR_LINE, end="")


def _gist(task: Task) -> str:
    if task.name == ALERTED:
        return "The run is red, because the day ended in an alert."
    shown = next((key for key in SHOWN if key in task.result), None)
    if error := task.result.get("error"):
        return str(error["message"])
    if shown is None:
        return ""
    value = task.result[shown]
    return f"{value:,} rows" if isinstance(value, int) else str(value)


def _row(title: str, reports: Sequence[Report], cell: Callable[[Report], str]) -> Row:
    return (title, *(cell(report) for report in reports))


def _attempt(number: int) -> Callable[[Report], str]:
    def cell(report: Report) -> str:
        if number not in report.attempts:
            return NOTHING
        metrics = report.attempt(number)
        return "nothing better" if metrics is None else " / ".join(map(_number, metrics))

    return cell


def _seconds(name: str) -> Callable[[Report], str]:
    def cell(report: Report) -> str:
        task = report.tasks.get(name)
        return f"{task.seconds:.1f}" if task and task.seconds else NOTHING

    return cell


def _total(report: Report) -> float:
    return sum(task.seconds for task in report.tasks.values())


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4f}"


def _short(version: str) -> str:
    return version.removeprefix(f"{MODEL}-")


def _drawn(rows: Sequence[Row], rules_before: Sequence[int]) -> str:
    """The rows with aligned columns and rules between the sections."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = "─┼─".join("─" * width for width in widths)
    lines: list[str] = []
    for index, row in enumerate(rows):
        if index in rules_before:
            lines.append(rule)
        first, *others = zip(row, widths, strict=True)
        cells = [f"{first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in others)]
        lines.append(" │ ".join(cells))
    return "\n".join(lines)
