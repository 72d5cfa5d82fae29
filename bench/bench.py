"""Benchmarks of Retune beside its Python peers, alternately: `bench.py NAME … [--smoke]`.

Prints medians and ratios, and keeps every measurement in target/bench/NAME.json.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import io
import itertools
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
PEERS = TOP / "bench" / "peers"
WORK = TOP / "target" / "bench"
PYTHON = TOP / ".venv" / "bench" / "bin" / "python"
RETUNE = TOP / "retune"
EXAMPLE = TOP / "examples" / "credit-default"
MODEL = "credit-default"
# In an environment of its own, because SDV takes another pandas.
EVIDENTLY = (
    TOP / ".venv" / "uv" / "bin" / "uv", "run", "--no-project",
    "--with", "evidently==0.7.23", "--with", "pandas==2.3.3", "python",
)  # fmt: skip
# It imports statsmodels without asking for it.
NANNYML = (
    TOP / ".venv" / "uv" / "bin" / "uv", "run", "--no-project",
    "--with", "nannyml==0.13.1", "--with", "statsmodels==0.15.0", "python",
)  # fmt: skip
# A browser's driver is no part of a peer.
PLAYWRIGHT = (
    TOP / ".venv" / "uv" / "bin" / "uv", "run", "--no-project",
    "--with", "playwright==1.65.2", "python",
)  # fmt: skip
TICKS = os.sysconf("SC_CLK_TCK")

Json = dict[str, object]


@dataclass(frozen=True)
class Time:
    """Seconds."""

    cpu: float
    wall: float


@dataclass
class Report:
    """All measurements of one benchmark, in the order in which they were made."""

    name: str
    samples: dict[str, list[Time]] = field(default_factory=dict)
    notes: Json = field(default_factory=dict)

    def add(self, what: str, measured: Time) -> None:
        """Keep one measurement."""
        self.samples.setdefault(what, []).append(measured)

    def cpu(self, what: str) -> float:
        """Median CPU seconds."""
        return statistics.median(sample.cpu for sample in self.samples[what])

    def wall(self, what: str) -> float:
        """Median wall seconds."""
        return statistics.median(sample.wall for sample in self.samples[what])

    def ratio(self, peer: str, ours: str) -> float:
        """How many times our CPU seconds the peer takes."""
        return self.cpu(peer) / self.cpu(ours)

    def finish(self) -> None:
        """Print the medians and the notes; keep everything."""
        print(f"\n{self.name}")
        for what, samples in self.samples.items():
            print(
                f"  {what:42} {self.cpu(what):9.3f} CPU s {self.wall(what):9.3f} s wall"
                f"  (median of {len(samples)})"
            )
        for what, note in self.notes.items():
            if not isinstance(note, list):
                print(f"  {what}: {note:.3f}" if isinstance(note, float) else f"  {what}: {note}")
        document = {
            "benchmark": self.name,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "processor": processor(),
            "cores": os.cpu_count(),
            "load": os.getloadavg(),
            "python": platform.python_version(),
            "samples": {
                what: [vars(sample) for sample in samples] for what, samples in self.samples.items()
            },
            "notes": self.notes,
        }
        WORK.mkdir(parents=True, exist_ok=True)
        (WORK / f"{self.name}.json").write_text(json.dumps(document, indent=1) + "\n")


def processor() -> str:
    """Name the processor and the vectors that it has."""
    text = (
        Path("/proc/cpuinfo").read_text(encoding="ascii") if Path("/proc/cpuinfo").exists() else ""
    )
    name = next(
        (line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")),
        "unknown",
    )
    return name + "".join(f", {flag}" for flag in ("avx2", "avx512f") if f" {flag} " in text)


def timed(*command: object, environment: dict[str, str] | None = None) -> tuple[Time, Json]:
    """Run a command to its end: CPU seconds with its children's, and the JSON that it printed."""
    start = time.perf_counter()
    with subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        before = os.times()
        output, errors = process.communicate()
        wall = time.perf_counter() - start
    after = os.times()
    if process.returncode != 0:
        sys.exit(
            f"{' '.join(str(word) for word in command)} ended with {process.returncode}:\n"
            f"{errors}{output}"
        )
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    answer: Json = json.loads(output.strip().splitlines()[-1])
    return Time(cpu, wall), answer


def step(uri: str, *words: object, heap: str = "") -> tuple[Time, Json]:
    """Run one of our steps."""
    return timed(RETUNE, *words, environment={"RETUNE_MONGO_URI": uri, "RETUNE_JAVA_OPTIONS": heap})


def peer(name: str, *words: object) -> tuple[Time, Json]:
    """Run a Python peer; one that times itself leaves its imports out."""
    whole, answer = timed(PYTHON, PEERS / name, *words)
    return (
        Time(number(answer, "cpu"), number(answer, "wall")) if "cpu" in answer else whole
    ), answer


def number(answer: Json, key: str) -> float:
    """Read a number of an answer."""
    value = answer[key]
    assert isinstance(value, int | float)
    return float(value)


class Worker:
    """A process that measures itself once for each line it is sent."""

    def __init__(self, *command: object) -> None:
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, *words: object) -> Json:
        """Send a request and wait for its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"A worker ended with {self.process.wait()}.")
        answer: Json = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@dataclass(frozen=True)
class Store:
    """A running embedded store."""

    uri: str
    pid: int

    def cpu(self) -> float:
        """CPU seconds since its start."""
        return cpu_of(self.pid)


def cpu_of(pid: int) -> float:
    """CPU seconds of a running process since its start."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def store(name: str) -> Iterator[Store]:
    """Start an embedded store with the example in it."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [str(RETUNE), "store", "--port", "0", "--data", str(folder / "store")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            uri = next(
                word
                for line in process.stdout
                for word in line.split()
                if word.startswith("mongodb://")
            )
            step(
                uri,
                "register_distribution",
                "--model",
                MODEL,
                "--path",
                EXAMPLE / "distribution.json",
            )
            step(uri, "register_model", "--path", EXAMPLE / "finetuned", "--champion", "true")
            yield Store(uri, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)


def network(name: str, rows: int) -> Path:
    """Make the network of 142 columns, in both forms, and rows for it."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(
        [str(PYTHON), str(PEERS / "evaluation.py"), "make", str(folder), str(rows)], check=True
    )
    step(
        "", "import-model", "--weights", folder / "weights.pth", "--spec", folder / "spec.json",
        "--output", folder / "model",
    )  # fmt: skip
    return folder


def java(main: str, *words: object) -> list[object]:
    """Give the command of a Java program of ours."""
    home = subprocess.run(
        [str(RETUNE), "java-home"], check=True, capture_output=True, text=True
    ).stdout.strip()
    target = TOP / "bench" / "target"
    jars = ":".join(
        str(jar)
        for jar in [*target.glob("retune-bench-*.jar"), *sorted((target / "lib").glob("*.jar"))]
    )
    return [
        Path(home) / "bin" / "java",
        "--add-modules",
        "jdk.incubator.vector",
        "--enable-native-access=ALL-UNNAMED",
        "-cp",
        jars,
        main,
        *words,
    ]


def evaluation(rounds: int, *, smoke: bool) -> None:
    """Answer rows of 142 columns: ours, the originals' loop, PyTorch tuned by hand and compiled."""
    rows = 64 if smoke else 1000
    folder = network("evaluation", rows)
    report = Report("evaluation")
    command = java("retune.bench.EvaluationWorker", folder / "model", folder / "rows.bin")
    python = Worker(PYTHON, PEERS / "evaluation.py", folder)
    ask_ours: dict[str, tuple[int, int]] = {
        "ours, 1 thread": (1, 1000),
        "ours, 2 threads": (2, 1000),
    }
    batches = (16,) if smoke else (16, 64, 256)
    ask_python = {f"tuned, batch {batch}": ("tuned", 1, batch) for batch in batches}
    ask_python["originals, batch 16"] = ("originals", 1, 16)
    if not smoke:
        ask_python["tuned, batch 64, 2 threads"] = ("tuned", 2, 64)
        ask_python["compiled, batch 50"] = ("compiled", 1, 50)
    difference = 0.0
    for warm_up in (True, *[False] * rounds):
        # A new process each time: what its compiler makes of the kernel may differ.
        ours = Worker(*command)
        for _ in range(2):
            ours.ask(1, 1000)
        for what, (threads, batch) in ask_ours.items():
            answer = ours.ask(threads, batch)
            lanes = number(answer, "lanes")
            if not warm_up:
                report.add(what, Time(number(answer, "cpu"), number(answer, "wall")))
        ours.ask(1, 7)
        ours.close()
        for what, request in ask_python.items():
            answer = python.ask(*request)
            difference = max(difference, number(answer, "difference"))
            if not warm_up:
                report.add(what, Time(number(answer, "cpu"), number(answer, "wall")))
    same = {(folder / f"logits-{name}.bin").read_bytes() for name in ("1-1000", "2-1000", "1-7")}
    python.close()
    best = min(
        (what for what in report.samples if what.startswith("tuned") and "threads" not in what),
        key=report.cpu,
    )
    report.notes = {
        "rows": rows,
        "rows a CPU second, ours": rows / report.cpu("ours, 1 thread"),
        f"rows a CPU second, {best}": rows / report.cpu(best),
        "rows a CPU second, originals": rows / report.cpu("originals, batch 16"),
        "times tuned (target 2.5)": report.ratio(best, "ours, 1 thread"),
        "times the originals (target 5)": report.ratio("originals, batch 16", "ours, 1 thread"),
        "rows a second, 2 threads": rows / report.wall("ours, 2 threads"),
        "wall, 1 thread over 2": report.wall("ours, 1 thread") / report.wall("ours, 2 threads"),
        "GFLOP/s of one thread, at 29.4 MFLOP a row": rows * 0.0294 / report.cpu("ours, 1 thread"),
        "floats of a vector": lanes,
        "greatest difference of a logit, of max(1, |logit|)": f"{difference:.1e}",
        "same bits for 1 and 2 threads and batches of 7 and 1000": len(same) == 1,
    }
    if "compiled, batch 50" in report.samples:
        report.notes["times compiled"] = report.ratio("compiled, batch 50", "ours, 1 thread")
    report.finish()


def trees(rounds: int, *, smoke: bool) -> None:
    """Answer rows by 100 trees of depth 6, on one thread: ours, XGBoost and ONNX Runtime."""
    rows, single = (2_000, 200) if smoke else (200_000, 5_000)
    folder = WORK / "trees"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(
        [str(PYTHON), str(PEERS / "trees.py"), "make", str(folder), str(rows)], check=True
    )
    step(
        "", "import-model", "--weights", folder / "trees.json", "--spec", folder / "spec.json",
        "--output", folder / "model",
    )  # fmt: skip
    report = Report("trees")
    command = java("retune.bench.EvaluationWorker", folder / "model", folder / "rows.bin")
    python = Worker(PYTHON, PEERS / "trees.py", folder)
    counts: dict[str, int] = {}
    difference = 0.0

    def add(what: str, count: int, answer: Json) -> None:
        counts[what] = count
        report.add(what, Time(number(answer, "cpu"), number(answer, "wall")))

    for _ in range(rounds):
        # A new process each time: what its compiler makes of the kernel may differ.
        ours = Worker(*command)
        for _ in range(2):
            ours.ask(1, 1000)
            ours.ask(1, 1)
        add("ours, 1,000 rows at a time", rows, ours.ask(1, 1000))
        add("ours, one row at a time", rows, ours.ask(1, 1))
        ours.close()
        for library in ("xgboost", "onnxruntime"):
            for batch, what in ((1000, "1,000 rows at a time"), (1, "one row at a time")):
                count = rows if batch > 1 else single
                python.ask(library, batch, single)
                answer = python.ask(library, batch, count)
                difference = max(difference, number(answer, "difference"))
                add(f"{library}, {what}", count, answer)
    python.close()
    targets = {
        "ours, 1,000 rows at a time": " (target 2.5)",
        "ours, one row at a time": " (target 10)",
    }
    report.notes = {
        f"CPU µs a row, {what}{targets.get(what, '')}": 1e6 * report.cpu(what) / count
        for what, count in counts.items()
    }
    bulk = max(report.cpu("ours, 1,000 rows at a time"), 1 / TICKS)
    report.notes["rows a CPU second, ours (target 200,000)"] = rows / bulk
    report.notes["greatest difference of a probability"] = f"{difference:.1e}"
    report.finish()


def text(rounds: int, *, smoke: bool, table: Path | None) -> None:
    """Train a classifier of texts and answer by it, beside scikit-learn on the same rows."""
    report = Report("text")
    folder = WORK / "text"
    folder.mkdir(parents=True, exist_ok=True)
    if table is None:
        table = folder / "made.csv"
        count = "2000" if smoke else "10000"
        subprocess.run([str(PYTHON), str(PEERS / "text.py"), "make", table, count], check=True)
    batches = ((1000, "1,000 texts at a time"), (1, "one text at a time"))
    times = 1 if smoke else 10
    trained: Json = {}
    fits: list[str] = []

    def add(what: str, answer: Json) -> None:
        report.add(what, Time(number(answer, "cpu"), number(answer, "wall")))

    for _ in range(rounds):
        # A new process each time, so that its compiler is part of the training.
        ours = Worker(*java("retune.bench.TextWorker", table.absolute(), folder))
        trained = ours.ask("train", 0)
        add("ours, training", trained)
        ours.ask("parts")
        for batch, what in batches:
            ours.ask("answer", batch, 1)
            answer = ours.ask("answer", batch, times)
            add(f"ours, {what}", answer)
            report.notes[f"texts a CPU second, ours, {what} (target 20,000)"] = number(
                answer, "rows"
            ) / max(report.cpu(f"ours, {what}"), 1 / TICKS)
        ours.close()
        fits = []
        for c in (1, 10):
            for more in ((), ("validation",)):
                measured, fitted = peer("text.py", "train", folder, c, *more)
                what = f"scikit-learn, C={c}{', validation rows too' if more else ''}"
                fits.append(what)
                report.add(what, measured)
                report.notes[f"macro F1 on the hold-out, {what}"] = number(fitted, "f1_macro")
        for batch, what in batches:
            measured, answer = peer("text.py", "answer", folder, table.absolute(), batch)
            report.add(f"scikit-learn, {what}", measured)
            report.notes[f"texts a CPU second, scikit-learn, {what}"] = number(
                answer, "rows"
            ) / report.cpu(f"scikit-learn, {what}")
    score = number(trained, "f1_macro")
    report.notes["macro F1 on the hold-out, ours"] = score
    report.notes["points of macro F1 above scikit-learn's best (target -0.5)"] = 100 * (
        score - max(number(report.notes, f"macro F1 on the hold-out, {what}") for what in fits)
    )
    # Ours fits its head twice: on the training rows, then on these and the rows that chose.
    for what in fits:
        report.notes[f"CPU of {what} over ours, training (target 1)"] = report.ratio(
            what, "ours, training"
        )
    report.finish()


def kernels(rounds: int, *, smoke: bool) -> None:
    """Measure what a core can do at most, by JMH."""
    WORK.mkdir(parents=True, exist_ok=True)
    result = WORK / "jmh.json"
    forks = (
        ["-f", "1", "-wi", "1", "-i", "1", "-w", "100ms", "-r", "100ms"]
        if smoke
        else ["-f", str(min(rounds, 3))]
    )
    command = java("org.openjdk.jmh.Main", "MultiplyAdd", "-rf", "json", "-rff", result, *forks)
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    score = json.loads(result.read_text())[0]["primaryMetric"]
    print(
        f"\nkernels\n  multiply-adds of vectors a nanosecond: {score['score']:.2f}"
        f" ± {score['scoreError']}"
    )


def comparison(rounds: int, *, smoke: bool) -> None:
    """Resample the differences of six metrics: ours, and scikit-learn called per resample."""
    rows, ours, theirs = (600, 1_000, 20) if smoke else (6_000, 10_000, 200)
    report = Report("comparison")
    WORK.mkdir(parents=True, exist_ok=True)
    file = WORK / "comparison.csv"
    command = java("retune.bench.BootstrapWorker", file)
    for _ in range(rounds):
        for what, number_of_rows in (("ours, twice the rows", 2 * rows), ("ours", rows)):
            _, answer = timed(*command, number_of_rows, ours)
            report.add(what, Time(number(answer, "cpu"), number(answer, "wall")))
        measured, peers = peer("bootstrap.py", file, theirs)
        report.add("scikit-learn", measured)
    names = set(peers) - {"cpu", "wall"}
    report.notes = {
        "rows": rows,
        "resamples, ours": ours,
        "resamples, scikit-learn": theirs,
        "CPU of a resample, scikit-learn over ours (target 100)": report.ratio(
            "scikit-learn", "ours"
        )
        * ours
        / theirs,
        "CPU, twice the rows over once (target 2)": report.ratio("ours, twice the rows", "ours"),
        "standard errors, scikit-learn over ours": {
            name: number(peers, name) / number(answer, name) for name in sorted(names)
        },
    }
    report.finish()


def judgement(rounds: int, *, smoke: bool) -> None:
    """Evaluate candidates on the hold-out of a drifted day and judge them, each in a new process.

    The measured step runs as any step does, so with its ahead-of-time cache.
    """
    rows = 1_000 if smoke else 10_000
    report = Report("judgement")
    day = ("--model", MODEL, "--logical-date", "2026-01-01")
    with store("judgement") as running, as_run("bench"):
        uri = running.uri
        step(uri, "generate_data", *day, "--rows", rows, "--drill", "concept_drift")
        step(uri, "process_data", *day)
        _, production = step(uri, "load_latest_model", "--model", MODEL)
        champion = str(production["model_id"])
        batch = ("--data-path", f"{MODEL}/2026-01-01")
        of = ("--model-id", champion, *batch)
        step(uri, "evaluate_model", *of)
        step(
            uri, "check_model_performance", *of, "--metric", "f1_macro", "--evidence", "interval",
            "--policy", "within_class(recall, 0.1) and slices(PAY_0, 0.1)",
        )  # fmt: skip
        step(uri, "prepare_retraining_data", *of)
        own_steps = WORK / "judgement" / "steps"
        own_steps.mkdir()
        (jar,) = (TOP / "bench" / "target").glob("retune-bench-*.jar")
        shutil.copy(jar, own_steps / "steps.jar")
        settings = {"RETUNE_MONGO_URI": uri, "RETUNE_STEPS": str(own_steps)}
        # The first candidate also pays for what the champion answers to the ordinary rows.
        for seed in range(rounds + 1):
            with as_run(f"training {seed}"):
                _, tuned = step(
                    uri, "finetune_model", *of, "--strategy", "head_long", "--seed", seed
                )
            _, answer = timed(
                RETUNE, "judgement_worker", "--model-id", tuned["model_id"],
                "--champion-id", champion, *batch, environment=settings,
            )  # fmt: skip
            which = ", the first candidate" if seed == 0 else ""
            for part in ("evaluation", "checks", "report"):
                report.add(part + which, Time(number(answer, part), number(answer, f"{part}_wall")))
    added = report.cpu("checks") + report.cpu("report")
    report.notes = {
        "rows of the hold-out": answer["rows"],
        "checks and kept predictions, % of the evaluation": 100
        * report.cpu("checks")
        / report.cpu("evaluation"),
        "with the report, % of the evaluation (target 10)": 100 * added / report.cpu("evaluation"),
    }
    report.finish()


def look_back(rounds: int, *, smoke: bool) -> None:
    """Look back at three earlier versions of one encoder on a large day, in 512 MB."""
    rows = 1_000 if smoke else 600_000
    report = Report("look_back")
    tuned = ("--model", MODEL, "--logical-date", "2026-01-01")
    large = ("--model", MODEL, "--logical-date", "2026-01-02")
    with store("look_back") as running:
        uri = running.uri
        champion = str(step(uri, "load_latest_model", "--model", MODEL)[1]["model_id"])
        of = ("--model-id", champion, "--data-path", f"{MODEL}/2026-01-01")
        step(uri, "generate_data", *tuned, "--rows", 3_000, "--drill", "concept_drift")
        step(uri, "process_data", *tuned)
        step(uri, "prepare_retraining_data", *of)
        versions = []
        for seed in range(3):
            with as_run(f"training {seed}"):
                _, trained = step(
                    uri, "finetune_model", *of, "--strategy", "head_long", "--seed", seed
                )
            versions.append(trained["model_id"])
        peer("retire.py", uri, *versions)
        step(uri, "generate_data", *large, "--rows", rows, "--drill", "concept_drift")
        step(uri, "process_data", *large)
        of = ("--model-id", champion, "--data-path", f"{MODEL}/2026-01-02")
        step(uri, "evaluate_model", *of)
        for turn in range(rounds):
            with as_run(f"turn {turn}"):
                step(uri, "check_model_performance", *of, "--metric", "f1_macro")
                measured, answer = step(uri, "look_back", *of, heap="-Xmx512m")
            report.add("look_back", measured)
    report.notes = {"rows": rows, "versions judged": answer["judged"]}
    report.finish()


@contextmanager
def as_run(name: str) -> Iterator[None]:
    """Let the steps be of one run, so that they find each other's verdicts."""
    before = os.environ.get("RETUNE_RUN_ID")
    os.environ["RETUNE_RUN_ID"] = name
    try:
        yield
    finally:
        if before is None:
            del os.environ["RETUNE_RUN_ID"]
        else:
            os.environ["RETUNE_RUN_ID"] = before


def copula(rounds: int, *, smoke: bool, table: Path | None) -> None:
    """Fit a distribution to a table and draw 10,000 rows: ours, SDV's default."""
    report = Report("copula")
    rows = 200 if smoke else 10_000
    with store("copula") as running:
        if table is None:
            table = WORK / "copula" / "table.csv"
            made = 1_000 if smoke else 30_000
            step(
                running.uri,
                "generate_data",
                "--model",
                MODEL,
                "--logical-date",
                "2026-01-01",
                "--rows",
                made,
            )
            peer_export(running, "2026-01-01", table)
        folder, name = WORK / "copula", table.name
        table = without_id(table)
        worker = Worker(*java("retune.bench.DistributionWorker", table, "default", "1"))
        for turn in range(rounds):
            for again in range(1 if smoke else 5):
                answer = worker.ask(rows)
                first = turn == again == 0
                report.add(
                    "ours, bare, first time in a process" if first else "ours, bare, warm",
                    Time(number(answer, "cpu"), number(answer, "wall")),
                )
            learned, _ = step(
                running.uri, "learn_distribution", "--data", table, "--target", "default",
                "--positive", "1", "--model", "bench", "--output", folder / "bench.json",
            )  # fmt: skip
            step(
                running.uri,
                "register_distribution",
                "--model",
                "bench",
                "--path",
                folder / "bench.json",
            )
            drawn, _ = step(
                running.uri, "generate_data", "--model", "bench", "--logical-date", "2026-01-02",
                "--rows", rows, "--row-documents-up-to", 0,
            )  # fmt: skip
            report.add(
                "ours, two processes from start to end",
                Time(learned.cpu + drawn.cpu, learned.wall + drawn.wall),
            )
            measured, _ = peer("copula.py", table, folder / "sdv.csv", rows)
            report.add("SDV, bare, imports left out", measured)
        worker.close()
        peer_export(running, "2026-01-02", folder / "ours.csv", "bench")
    report.notes = {
        "table": name,
        **{
            f"times SDV, {what} (target 20)": report.ratio("SDV, bare, imports left out", what)
            for what in report.samples
            if what.startswith("ours")
        },
        "SDMetrics of ours": peer("quality.py", table, folder / "ours.csv")[1],
        "SDMetrics of SDV": peer("quality.py", table, folder / "sdv.csv")[1],
    }
    report.finish()


def without_id(table: Path) -> Path:
    """Give the table without its column of row numbers."""
    output = WORK / "copula" / "without-id.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    cut = 1 if lines[0].split(",")[0].strip('"') == "ID" else 0
    output.write_text(
        "\n".join(line.split(",", cut)[-1] for line in lines) + "\n", encoding="utf-8"
    )
    return output


def peer_export(running: Store, date: str, output: Path, model: str = MODEL) -> None:
    """Write a raw batch as CSV."""
    subprocess.run(
        [str(PYTHON), str(PEERS / "export.py"), running.uri, f"{model}/{date}", str(output)],
        check=True,
    )


def pipeline(*, smoke: bool) -> None:
    """Take a million rows of 24 columns through the steps, in 512 MB each."""
    rows = 3_000 if smoke else 1_000_000
    report = Report("pipeline")
    day = ("--model", MODEL, "--logical-date", "2026-11-05")
    with store("pipeline") as running:
        champion = step(running.uri, "load_latest_model", "--model", MODEL)[1]["model_id"]
        table, answers = WORK / "pipeline" / "rows.csv", WORK / "pipeline" / "answers.csv"
        steps: dict[str, Callable[[], tuple[object, ...]]] = {
            "generate_data": lambda: ("generate_data", *day, "--rows", rows),
            "process_data": lambda: ("process_data", *day),
            "evaluate_model": lambda: (
                "evaluate_model", "--model-id", champion, "--data-path", f"{MODEL}/2026-11-05",
            ),
            "predict": lambda: ("predict", "--model", MODEL, "--data", table, "--output", answers),
        }  # fmt: skip
        for name, words in steps.items():
            if name == "predict":  # from a file: the rows that were generated
                peer_export(running, "2026-11-05", table)
            before = running.cpu()
            measured, _ = step(running.uri, *words(), heap="-Xmx512m")
            report.add(name, measured)
            report.notes[f"{name}, rows a second"] = rows / measured.wall
            report.notes[f"{name}, CPU seconds of the store"] = running.cpu() - before
    report.notes["rows"] = rows
    report.finish()


def shards(*, smoke: bool) -> None:
    """Take a million rows at once and in 8 shards, in 512 MB each; both must give the same."""
    rows = 3_000 if smoke else 1_000_000
    report = Report("shards")
    results = [in_shards(report, count, rows) for count in (1, 8)]
    if results[0] != results[1]:
        sys.exit(f"8 shards do not give what one process gives: {results}")
    report.notes["rows"] = rows
    report.finish()


def in_shards(report: Report, count: int, rows: int) -> Json:
    """Generate and evaluate in so many shards; what must not depend on their number."""
    day = ("--model", MODEL, "--logical-date", "2026-11-05")
    with store(f"shards-{count}") as running:
        champion = step(running.uri, "load_latest_model", "--model", MODEL)[1]["model_id"]
        version = ("--model-id", champion, "--data-path", f"{MODEL}/2026-11-05")
        generated = spread(report, running, count, "generate_data", *day, "--rows", rows)
        step(running.uri, "process_data", *day)
        evaluated = spread(report, running, count, "evaluate_model", *version)
    return {"content_hash": generated["content_hash"], "metrics": evaluated["metrics"]}


def spread(report: Report, running: Store, count: int, name: str, *words: object) -> Json:
    """Run a step's shards one after the other, then put them together; or the step at once."""
    before = running.cpu()
    for shard in range(count if count > 1 else 0):
        part = ("--shards", count, "--shard", shard)
        measured, _ = step(running.uri, name, *words, *part, heap="-Xmx512m")
        report.add(f"{name}, one of {count} shards", measured)
    measured, answer = step(running.uri, name, *words, "--shards", count, heap="-Xmx512m")
    how = f"{count} shards together" if count > 1 else "at once"
    report.add(f"{name}, {how}", measured)
    report.notes[f"{name}, {how}, CPU seconds of the store"] = running.cpu() - before
    return answer


def startup(rounds: int, *, smoke: bool) -> None:
    """Start steps from the shell to their JSON, beside a Python script with pymongo."""
    report = Report("startup")
    with store("startup") as running:
        champion = step(running.uri, "load_latest_model", "--model", MODEL)[1]["model_id"]
        for turn in range(2 if smoke else 2 * rounds):
            measured, _ = step(running.uri, "load_latest_model", "--model", MODEL)
            report.add("load_latest_model", measured)
            measured, _ = peer("step.py", running.uri, MODEL)
            report.add("Python with pymongo, the same look-up", measured)
            measured, _ = timed(PYTHON, "-c", "import pandas, pymongo, sklearn, torch; print(0)")
            report.add("Python importing pandas, pymongo, scikit-learn, torch", measured)
            day = ("--model", MODEL, "--logical-date", f"2026-01-{turn + 1:02d}")
            step(running.uri, "generate_data", *day, "--rows", 10)
            step(running.uri, "process_data", *day)
            path = f"{MODEL}/2026-01-{turn + 1:02d}"
            measured, _ = step(
                running.uri, "evaluate_model", "--model-id", champion, "--data-path", path
            )
            report.add("evaluate_model, 10 rows", measured)
            step(
                running.uri, "prepare_retraining_data", "--model-id", champion, "--data-path", path
            )
            measured, _ = step(
                running.uri, "finetune_model", "--model-id", champion, "--data-path", path
            )
            report.add("finetune_model, 10 rows", measured)
    report.finish()


@dataclass(frozen=True)
class Server:
    """A running server of predictions on loopback."""

    what: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    ready: str = "/v2/health/ready"

    def family(self) -> list[int]:
        """Process ids of the server and of its workers."""
        found = [self.process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in children.read_text(encoding="ascii").split()]
        return found

    def cpu(self) -> float:
        """CPU seconds since its start."""
        return sum(cpu_of(pid) for pid in self.family())

    def resident(self) -> float:
        """Resident set in megabytes; pages that workers share count once for each."""
        sizes = [
            line.split()[1]
            for pid in self.family()
            for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
            if line.startswith("VmRSS:")
        ]
        return sum(int(size) for size in sizes) / 1000

    def fetch(self, path: str, body: str | None = None) -> tuple[int, str]:
        """Send one request: status and body of the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            method, headers = ("GET" if body is None else "POST"), {}
            if body is not None:
                headers = {"Content-Type": "application/json"}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def metric(self, line: str) -> float:
        """Read one of our metrics, named with its labels."""
        text = self.fetch("/metrics")[1]
        return next(
            float(found.rsplit(" ", 1)[1])
            for found in text.splitlines()
            if found.startswith(f"{line} ")
        )

    def await_ready(self) -> None:
        """Wait until it answers, or end with a sentence."""
        end = time.monotonic() + 180
        while time.monotonic() < end:
            if self.process.poll() is not None:
                sys.exit(
                    f"{self.what} ended with {self.process.returncode} before it answered. If its"
                    f" port {self.port} was taken meanwhile, run the benchmark again. Its last"
                    f" lines, of {self.log}:\n{self.last_lines()}"
                )
            try:
                if self.fetch(self.ready)[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass  # it does not listen yet
            time.sleep(0.2)
        sys.exit(
            f"{self.what} did not answer on port {self.port} within 180 s. Its last lines, of"
            f" {self.log}:\n{self.last_lines()}"
        )

    def last_lines(self) -> str:
        """Read the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def servers(
    folder: Path,
    commands: dict[str, tuple[list[object], dict[str, str]]],
    ready: str = "/v2/health/ready",
) -> Iterator[dict[str, Server]]:
    """Start servers, of commands that lack their port; end them all at the end."""
    started: dict[str, Server] = {}
    try:
        for what, (command, environment) in commands.items():
            port = free_port()
            log = folder / f"{what.replace(' ', '-').replace(',', '')}.log"
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [*(str(word) for word in command), str(port)],
                    stdout=output,
                    stderr=output,
                    env={**os.environ, **environment},
                )
            started[what] = Server(what, process, port, log, ready)
        for server in started.values():
            server.await_ready()
        yield started
    finally:
        for server in started.values():
            server.process.terminate()
        for server in started.values():
            try:
                server.process.wait(30)
            except subprocess.TimeoutExpired:
                server.process.kill()


OURS, LOGGED, SHADOWED = "ours", "ours, query log", "ours, query log and shadow"
FASTAPI = "FastAPI"
DAY = "2026-01-01"
# Of requests a CPU second, by path and connections.
SERVING_TARGETS = {
    ("/predict", 1): 5.0,
    ("/predict", 8): 8.0,
    ("/predict", 32): 12.0,
    ("/batch_predict", 1): 2.5,
}


@dataclass(frozen=True)
class Load:
    """What a client sends: the bodies of a file, in turn, on each connection, for some seconds."""

    path: str
    bodies: Path
    connections: int
    seconds: float


def serving(rounds: int, *, smoke: bool, minutes: float) -> None:
    """Answer requests over HTTP: ours, and FastAPI with uvicorn on the exported TorchScript."""
    report = Report("serving")
    seconds = 1.0 if smoke else 4.0
    cells: list[Json] = []
    client = Worker(*java("retune.bench.LoadClient"))
    with store("serving") as running:
        folder = WORK / "serving"
        bodies = make_bodies(running, folder)
        start_challenger(running)
        commands = serving_commands(running, folder, smoke=smoke)
        for turn in range(rounds):
            # New processes each time: what a compiler makes of the kernel may differ.
            with servers(folder, commands) as started:
                await_challenger(started[SHADOWED])
                difference = compare_answers(started, bodies["/predict"])
                names = list(started)[turn % len(started) :] + list(started)[: turn % len(started)]
                for name in names:
                    for path, connections in (("/predict", 32), ("/batch_predict", 1)):
                        load = Load(path, bodies[path], connections, 2 * seconds)
                        ask_load(client, started[name], load)
                for path, connections in SERVING_TARGETS:
                    load = Load(path, bodies[path], connections, seconds)
                    for name in names:
                        before = running.cpu()
                        cell = ask_load(client, started[name], load)
                        cell |= {"round": turn, "store_cpu": running.cpu() - before}
                        cells.append(cell)
                report.notes["greatest difference of a probability from FastAPI's"] = (
                    f"{difference:.1e}"
                )
                for result in ("scored", "skipped", "failed"):
                    report.notes[f"requests that the shadow {result}, last round"] = started[
                        SHADOWED
                    ].metric(f'retune_serving_shadow_requests_total{{result="{result}"}}')
                for name in (LOGGED, SHADOWED):
                    report.notes[f"rows that the query log dropped, {name}, last round"] = started[
                        name
                    ].metric('retune_query_log_dropped_total{reason="queue_full"}')
        # Without a limit, Java may take a quarter of the machine's memory before it collects the
        # old generation; the second heap is that of the chart's pod, half of its 768 MiB.
        command, environment = commands[SHADOWED]
        for heap in ("", "-Xmx384m"):
            limited = (command, environment | {"RETUNE_JAVA_OPTIONS": heap})
            report.notes |= serving_memory(
                client, folder, limited, bodies["/predict"], minutes, heap=heap or "default heap"
            )
    client.close()
    report.notes |= serving_notes(cells)
    report.notes["cells"] = cells
    report.finish()


def serving_commands(
    running: Store, folder: Path, *, smoke: bool
) -> dict[str, tuple[list[object], dict[str, str]]]:
    """Give the commands of the servers, up to their port, and their environments."""
    champion = step(running.uri, "load_latest_model", "--model", MODEL)[1]["model_id"]
    step(
        running.uri, "export_model", "--version", champion, "--format", "torchscript",
        "--output", folder / "model.pt",
    )  # fmt: skip
    shutil.copy(EXAMPLE / "finetuned" / "model.json", folder / "model.json")
    store_only = {"RETUNE_MONGO_URI": running.uri}
    fixed: list[object] = [RETUNE, "serving", "--version", champion]
    uvicorn: list[object] = [
        PYTHON, "-m", "uvicorn", "serving:app", "--app-dir", PEERS,
        "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip
    # More threads than one make single rows slower, many times on a busy machine.
    one_thread = {"SERVING_FOLDER": str(folder), "OMP_NUM_THREADS": "1"}
    commands = {
        OURS: ([*fixed, "--port"], store_only),
        LOGGED: ([*fixed, "--query-log", "--port"], store_only),
        SHADOWED: ([RETUNE, "serving", "--model", MODEL, "--query-log", "--port"], store_only),
        FASTAPI: ([*uvicorn, "--port"], one_thread),
    }
    if not smoke:
        commands["FastAPI, 2 workers"] = ([*uvicorn, "--workers", 2, "--port"], one_thread)
        commands["FastAPI, default threads"] = (
            [*uvicorn, "--port"],
            {"SERVING_FOLDER": str(folder)},
        )
    return commands


def make_bodies(running: Store, folder: Path) -> dict[str, Path]:
    """Draw 1,000 rows and write them as bodies of requests: a row each, and all at once."""
    step(
        running.uri, "generate_data", "--model", MODEL, "--logical-date", DAY, "--rows", 1000,
    )  # fmt: skip
    step(running.uri, "export_batch", f"{MODEL}/{DAY}", "--output", folder / "rows.csv")
    columns = json.loads((EXAMPLE / "finetuned" / "model.json").read_text())["preprocessing"]
    categorical = [column["name"] for column in columns["categorical"]]
    numeric = [column["name"] for column in columns["numeric"]]
    with (folder / "rows.csv").open(encoding="utf-8", newline="") as lines:
        rows = [
            {name: row[name] or None for name in categorical}
            | {name: float(row[name]) if row[name] else None for name in numeric}
            for row in csv.DictReader(lines)
        ]
    single, batch = folder / "single.json", folder / "batch.json"
    single.write_text("".join(json.dumps({"features": row}) + "\n" for row in rows))
    batch.write_text(json.dumps({"instances": rows}) + "\n")
    return {"/predict": single, "/batch_predict": batch}


def start_challenger(running: Store) -> None:
    """Train a version on the day's rows and let it score what the champion answers."""
    champion = step(running.uri, "load_latest_model", "--model", MODEL)[1]["model_id"]
    words = ("--model-id", champion, "--data-path", f"{MODEL}/{DAY}")
    step(running.uri, "process_data", "--model", MODEL, "--logical-date", DAY)
    step(running.uri, "prepare_retraining_data", *words)
    trained = step(running.uri, "finetune_model", *words, "--epochs", 2)[1]
    if trained["model_id"] is None:
        sys.exit(f"There is no version to score in shadow: {trained['reason']}")
    step(running.uri, "start_challenger", trained["model_id"], "--reason", "benchmark")


def await_challenger(server: Server) -> None:
    """Wait until the challenger scores; the store may first look through gigabytes of query log."""
    end = time.monotonic() + 300
    while "challenger" not in json.loads(server.fetch("/health")[1]):
        if time.monotonic() > end:
            sys.exit(
                f"{server.what}: no challenger after 300 s. Its last lines, of {server.log}:\n"
                f"{server.last_lines()}"
            )
        time.sleep(0.2)


def compare_answers(started: dict[str, Server], bodies: Path) -> float:
    """Compare answers with FastAPI's: the greatest difference of a probability."""
    greatest = 0.0
    for body in bodies.read_text().splitlines()[:100]:
        answers: dict[str, float] = {}
        for name, server in started.items():
            status, text = server.fetch("/predict", body)
            if status != 200:
                sys.exit(f"{name} answered {status} to a row: {text}")
            answers[name] = json.loads(text)["prediction"]
        greatest = max(greatest, *(abs(answer - answers[FASTAPI]) for answer in answers.values()))
    if greatest > 1e-4:
        sys.exit(
            f"The servers' answers differ by {greatest:.1e}; they do not serve the same model, and"
            " their times cannot be compared."
        )
    return greatest


def ask_load(client: Worker, server: Server, load: Load) -> Json:
    """Load a server for some seconds."""
    before = server.cpu()
    answer = client.ask(server.port, load.path, load.bodies, load.connections, load.seconds)
    cpu = server.cpu() - before
    if not answer["requests"]:
        sys.exit(
            f"{server.what} answered none of {answer['failed']} requests to {load.path} with"
            f" 200. Its last lines, of {server.log}:\n{server.last_lines()}"
        )
    return {
        "server": server.what,
        "path": load.path,
        "connections": load.connections,
        **answer,
        "cpu": cpu,
        "resident_mb": server.resident(),
        "load": os.getloadavg()[0],
    }


def serving_text(rounds: int, *, smoke: bool, table: Path | None) -> None:
    """Answer texts, one a request; without a peer, because no export holds a vocabulary."""
    report = Report("serving-text")
    seconds = 1.0 if smoke else 4.0
    cells: list[Json] = []
    client = Worker(*java("retune.bench.LoadClient"))
    with store("serving-text") as running:
        folder = WORK / "serving-text"
        if table is None:
            table = folder / "texts.csv"
            rows = "2000" if smoke else "10000"
            subprocess.run([str(PYTHON), str(PEERS / "text.py"), "make", table, rows], check=True)
        with table.open(encoding="utf-8", newline="") as lines:
            texts = [row.get("text") for row in itertools.islice(csv.DictReader(lines), 1000)]
        if None in texts:
            sys.exit(f"{table} has no column 'text'; give a table of texts, or none.")
        (folder / "loops").mkdir()
        _, made = step(
            running.uri, "new_loop", "--data", table.absolute(), "--text", "text",
            "--target", "category", "--name", "texts", "--days", "queries",
            "--output", folder / "texts", "--loops", folder / "loops",
        )  # fmt: skip
        bodies = folder / "texts.json"
        bodies.write_text(
            "".join(json.dumps({"features": {"text": text}}) + "\n" for text in texts)
        )
        serve: list[object] = [RETUNE, "serving", "--model", "texts"]
        environment = {"RETUNE_MONGO_URI": running.uri}
        commands = {
            OURS: ([*serve, "--port"], environment),
            LOGGED: ([*serve, "--query-log", "--port"], environment),
        }
        for turn in range(rounds):
            with servers(folder, commands) as started:
                for name in list(started)[:: 1 if turn % 2 == 0 else -1]:
                    ask_load(client, started[name], Load("/predict", bodies, 32, 2 * seconds))
                for connections in (1, 8, 32):
                    for name in list(started)[:: 1 if turn % 2 == 0 else -1]:
                        load = Load("/predict", bodies, connections, seconds)
                        before = running.cpu()
                        cell = ask_load(client, started[name], load)
                        cell |= {"round": turn, "store_cpu": running.cpu() - before}
                        cells.append(cell)
                report.notes["rows that the query log dropped, last round"] = started[
                    LOGGED
                ].metric('retune_query_log_dropped_total{reason="queue_full"}')
    client.close()
    report.notes |= {"rows of the table": made["rows"]} | serving_cells(cells)
    report.notes["target, requests/s with the query log"] = 10_000
    report.notes["cells"] = cells
    report.finish()


def serving_memory(  # noqa: PLR0913 (whom, how, and how long)
    client: Worker,
    folder: Path,
    command: tuple[list[object], dict[str, str]],
    bodies: Path,
    minutes: float,
    *,
    heap: str,
) -> Json:
    """Sample heap and resident set under full load: medians of the second and the last fifth."""
    curve: list[Json] = []
    with (
        servers(folder, {SHADOWED: command}) as started,
        ThreadPoolExecutor(1) as thread,
    ):
        server = started[SHADOWED]
        await_challenger(server)
        start = time.monotonic()
        load = thread.submit(ask_load, client, server, Load("/predict", bodies, 32, 60 * minutes))
        while not load.done():
            curve.append(
                {
                    "seconds": time.monotonic() - start,
                    "resident_mb": server.resident(),
                    "heap_mb": server.metric('jvm_memory_used_bytes{area="heap"}') / 1e6,
                    "heap_after_collection_mb": sum(
                        server.metric(f'jvm_memory_pool_collection_used_bytes{{pool="{pool}"}}')
                        for pool in ("Eden Space", "Survivor Space", "Tenured Gen")
                    )
                    / 1e6,
                    "old_generation_mb": server.metric(
                        'jvm_memory_pool_used_bytes{pool="Tenured Gen"}'
                    )
                    / 1e6,
                }
            )
            time.sleep(max(0.2, 60 * minutes / 200))
        loaded = load.result()
        loaded["dropped"] = server.metric('retune_query_log_dropped_total{reason="queue_full"}')
    notes: Json = {
        f"memory, {heap}: minutes": minutes,
        f"memory, {heap}: requests": loaded["requests"],
        f"memory, {heap}: rows that the query log dropped": loaded["dropped"],
    }
    fifth = max(1, len(curve) // 5)
    for name in ("resident_mb", "old_generation_mb", "heap_mb"):
        early, late = (
            statistics.median(number(sample, name) for sample in part)
            for part in (curve[fifth : 2 * fifth], curve[-fifth:])
        )
        notes[f"memory, {heap}: {name}, second and last fifth"] = f"{early:.1f}, {late:.1f}"
    return notes | {f"memory, {heap}": [curve, loaded]}


def by_load(cells: list[Json]) -> dict[tuple[str, int, str], list[Json]]:
    """Group the rounds by path, connections and server."""
    grouped: dict[tuple[str, int, str], list[Json]] = {}
    for cell in cells:
        key = (str(cell["path"]), int(number(cell, "connections")), str(cell["server"]))
        grouped.setdefault(key, []).append(cell)
    return grouped


def serving_cells(cells: list[Json]) -> Json:
    """Sum up, by path, connections and server: medians over the rounds."""

    def median(several: list[Json], of: Callable[[Json], float]) -> float:
        return statistics.median(of(cell) for cell in several)

    notes: Json = {"failed requests": sum(number(cell, "failed") for cell in cells)}
    for (path, connections, name), several in by_load(cells).items():
        notes[f"{path} at {connections}, {name}"] = (
            f"{median(several, a_second):,.1f} requests/s, {median(several, a_cpu_second):,.1f} a"
            f" CPU s, p50 {median(several, lambda cell: number(cell, 'p50')):.2f} ms, p99"
            f" {median(several, lambda cell: number(cell, 'p99')):.2f} ms,"
            f" {median(several, lambda cell: number(cell, 'resident_mb')):.0f} MB, client"
            f" {median(several, client_milliseconds):.3f} CPU ms a request"
        )
    return notes


def serving_notes(cells: list[Json]) -> Json:
    """Sum up: medians over the rounds, and of each round's ratios to FastAPI."""
    grouped = by_load(cells)
    notes = serving_cells(cells)
    for (path, connections), target in SERVING_TARGETS.items():
        peer_cells = grouped[path, connections, FASTAPI]
        for name in (OURS, LOGGED, SHADOWED):
            pairs = list(zip(grouped[path, connections, name], peer_cells, strict=True))
            where = f"{path} at {connections}, {name} over FastAPI"
            notes[f"{where}: requests a CPU second (target {target} with the query log)"] = (
                statistics.median(a_cpu_second(our) / a_cpu_second(peer) for our, peer in pairs)
            )
            notes[f"{where}: requests a second"] = statistics.median(
                a_second(our) / a_second(peer) for our, peer in pairs
            )
            notes[f"{where}: p99 (target below 1)"] = statistics.median(
                number(our, "p99") / number(peer, "p99") for our, peer in pairs
            )
    return notes


def a_second(cell: Json) -> float:
    """Requests a second."""
    return number(cell, "requests") / number(cell, "wall")


def a_cpu_second(cell: Json) -> float:
    """Requests a CPU second of the server; its clock has ticks of 10 ms."""
    return number(cell, "requests") / max(number(cell, "cpu"), 1 / TICKS)


def client_milliseconds(cell: Json) -> float:
    """CPU milliseconds of the client a request."""
    return 1000 * number(cell, "client_cpu") / number(cell, "requests")


STATIC = r"""
#include <stdio.h>
int main(void) { puts("{}"); return 0; }
"""


# Days of the loop that a history is made of, with a drill and its strength.
DRILLED = {4: ("concept_drift", 0.5), 5: ("label_noise", 1.0), 8: ("covariate_drift", 0.5)}


def dashboard(*, smoke: bool) -> None:
    """Open the pages of the control service in Chromium, with ten models of two years each."""
    chromium = (
        shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
    )
    if chromium is None:
        sys.exit("The dashboard's benchmark needs Chromium: install Debian's package chromium.")
    report = Report("dashboard")
    with store("dashboard") as running:
        folder = WORK / "dashboard"
        for day in range(1, 3 if smoke else 11):
            drill, strength = DRILLED.get(day, ("none", 0.0))
            step(
                running.uri, "run_loop", MODEL, "--date", f"2026-01-{day:02d}", "--rows", 2000,
                *(() if drill == "none" else ("--drill", drill, "--drill-strength", strength)),
            )  # fmt: skip
        length = 20 if smoke else 730
        made = peer("history.py", running.uri, MODEL, length)[1]
        report.notes.update(made)
        pages = {
            "start page": "/",
            "a model's page, 90 days": "/models/model-0",
            "a model's page, 3 years": "/models/model-0?days=1095",
            "a version's page": f"/models/model-0/versions/{made['champion']}",
        }
        command: list[object] = [RETUNE, "control", "--port"]
        visits: dict[str, list[Json]] = {}
        for _ in range(1 if smoke else 10):
            for what, path in pages.items():
                # The first page that a new process shows, in a browser that knows nothing of it.
                with servers(
                    folder, {"control": (command, {"RETUNE_MONGO_URI": running.uri})}, "/health"
                ) as started:
                    seen = opened(chromium, started["control"], path, 1)
                visits.setdefault(f"{what}, cold", []).extend(seen)
        with servers(
            folder, {"control": (command, {"RETUNE_MONGO_URI": running.uri})}, "/health"
        ) as started:
            for what, path in pages.items():
                visits[f"{what}, warm"] = opened(
                    chromium, started["control"], path, 2 if smoke else 11
                )[1:]
        cpu = running.cpu()
    for what, seen in visits.items():
        report.notes[what] = ", ".join(
            f"{name} {statistics.median(number(visit, name) for visit in seen):.0f}"
            for name in seen[0]
        )
    report.notes["visits"] = [{"page": what, "visits": seen} for what, seen in visits.items()]
    report.notes["store_cpu_seconds"] = cpu
    report.finish()


def opened(chromium: str, server: Server, path: str, times: int) -> list[Json]:
    """Visit a page so many times in one browser."""
    url = f"http://127.0.0.1:{server.port}{path}"
    done = subprocess.run(
        [*map(str, PLAYWRIGHT), str(PEERS / "pages.py"), chromium, str(times), url],
        check=True,
        capture_output=True,
        text=True,
    )
    found: list[Json] = json.loads(done.stdout)
    return found


def static_image() -> str:
    """Make an image of one static program, the least that `docker run` can start."""
    name = "retune-bench-static"
    program = WORK / "answer"
    subprocess.run(
        ["gcc", "-static", "-O2", "-x", "c", "-", "-o", program],
        input=STATIC,
        text=True,
        check=True,
    )
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as files:
        files.add(program, "answer")
    subprocess.run(
        ["docker", "import", "--change", 'ENTRYPOINT ["/answer"]', "-", name],
        input=archive.getvalue(),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return name


def containers(rounds: int, *, smoke: bool) -> None:
    """Start steps by `docker run` to their JSON, beside a static program; after `make images`."""
    report = Report("containers")
    static = static_image()

    def run(uri: str, image: str, *words: object) -> Time:
        setting = {"RETUNE_MONGO_URI": uri}
        command = ("docker", "run", "--rm", "--network", "host", "-e", "RETUNE_MONGO_URI", image)
        return timed(*command, *words, environment=setting)[0]

    with store("containers") as running:
        uri = running.uri
        champion = step(uri, "load_latest_model", "--model", MODEL)[1]["model_id"]
        for turn in range(1 if smoke else 2 * rounds):
            date = f"2026-01-{turn + 1:02d}"
            of = ("--model-id", champion, "--data-path", f"{MODEL}/{date}")
            day = ("--model", MODEL, "--logical-date", date)
            step(uri, "generate_data", *day, "--rows", 10)
            step(uri, "process_data", *day)
            step(uri, "prepare_retraining_data", *of)
            report.add("a static C program", run(uri, static))
            light = run(uri, "retune/load-latest-model", "--model", MODEL)
            report.add("load-latest-model", light)
            report.add("evaluate-model, 10 rows", run(uri, "retune/evaluate-model", *of))
            report.add("finetune-model, 10 rows", run(uri, "retune/finetune-model", *of))
    report.notes = {
        "target of load-latest-model, 1.3 times the static program and 0.25 s": 1.3
        * report.wall("a static C program")
        + 0.25
    }
    report.finish()


@contextmanager
def wide_store(folder: Path) -> Iterator[tuple[Store, Json]]:
    """Start a store with the network of 142 columns in production, and rows like its own."""
    with store(folder.name + "-store") as running:
        champion = step(
            running.uri, "register_model", "--path", folder / "model", "--champion", "true"
        )[1]
        step(
            running.uri, "learn_distribution", "--data", folder / "rows.csv", "--target", "label",
            "--positive", "1", "--model", "bench", "--register", "true",
        )  # fmt: skip
        yield running, champion


def finetune(rounds: int, *, smoke: bool) -> None:
    """Fine-tune the head on 70 % of 3,000 rows of 142 columns for 5 epochs: ours, the originals."""
    report = Report("finetune")
    rows, epochs = (300, 1) if smoke else (3_000, 5)
    folder = network("finetune", rows)
    day = ("--model", "bench", "--logical-date", "2026-01-01")
    for _ in range(rounds):
        with wide_store(folder) as (running, champion):
            uri = running.uri
            step(uri, "generate_data", *day, "--rows", rows)
            step(uri, "process_data", *day)
            of = ("--model-id", champion["model_id"], "--data-path", "bench/2026-01-01")
            step(uri, "prepare_retraining_data", *of)
            tune = ("finetune_model", *of, "--batch-size", 16)
            report.add("ours from nothing, start included", step(uri, *tune, "--epochs", epochs)[0])
            report.add(
                "ours, features kept, start included",
                step(uri, *tune, "--epochs", epochs, "--seed", 1)[0],
            )
            # The same with one epoch: the difference is four epochs' work without the start.
            report.add(
                "ours, features kept, 1 epoch", step(uri, *tune, "--epochs", 1, "--seed", 1)[0]
            )
        report.add(
            "originals, imports left out", peer("finetune.py", folder, rows * 7 // 10, epochs)[0]
        )
    originals = "originals, imports left out"
    report.notes = {
        "times the originals, from nothing (target 5)": report.ratio(
            originals, "ours from nothing, start included"
        ),
        "times the originals, features kept (target 40)": report.ratio(
            originals, "ours, features kept, start included"
        ),
    }
    report.finish()


def attempts(*, smoke: bool) -> None:
    """Measure a day whose three attempts fall short beside the evaluation that comes first.

    The attempts are those of new loops, of which the best on the validation rows is judged.
    """
    report = Report("attempts")
    rows = 300 if smoke else 10_000
    day = ("--model", "bench", "--logical-date", "2026-01-01")
    with wide_store(network("attempts", rows)) as (running, version), as_run("bench"):
        uri, champion = running.uri, version["model_id"]
        batch = ("--data-path", "bench/2026-01-01")
        of = ("--model-id", champion, *batch)
        # Drift gives the attempts something to find.
        step(uri, "generate_data", *day, "--rows", rows, "--drill", "concept_drift")
        step(uri, "process_data", *day)
        measured, evaluated = step(uri, "evaluate_model", *of)
        report.add("evaluate_model", measured)
        gate = ("--metric", "f1_macro", "--threshold", 1)
        checked, verdict = step(
            uri, "check_model_performance", *of, *gate, "--evidence", "interval",
            "--selection", "best_on_validation",
        )  # fmt: skip
        if not smoke:
            assert verdict["needs_retraining"], verdict
        report.add("check_model_performance", checked)
        report.add("prepare_retraining_data", step(uri, "prepare_retraining_data", *of)[0])
        for attempt, strategy in enumerate(("trees", "head_long", "head"), start=1):
            tuned, candidate = step(
                uri, "finetune_model", *of, "--attempt", attempt, "--strategy", strategy,
                "--metric", "f1_macro",
            )  # fmt: skip
            report.add(f"finetune_model, {strategy}", tuned)
            report.notes[f"{strategy}, f1_macro on the validation rows"] = candidate.get(
                "validation_value"
            )
        judged, _ = step(uri, "judge_candidate", "--champion-id", champion, *batch)
        report.add("judge_candidate", judged)
    first = report.cpu("evaluate_model")
    whole = sum(map(report.cpu, report.samples))
    report.notes |= {
        "rows": rows,
        "seconds of work that evaluate_model states": evaluated["seconds"],
        "the three attempts and their judgement over evaluate_model": sum(
            report.cpu(what)
            for what in report.samples
            if what.startswith("finetune") or what == "judge_candidate"
        )
        / first,
        "the whole day over evaluate_model (target 1.3)": whole / first,
    }
    report.finish()


def least_memory(uri: str, rows: int, *words: object) -> int:
    """Find the least of some limits, in MB, with which a step ends well in its container in time.

    A step that has hardly enough memory only collects garbage.
    """
    limits = (96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
    image = "retune/" + str(words[0]).replace("_", "-")
    for limit in limits:
        command = [
            "docker", "run", "--rm", "--name", "retune-sizing", "--network", "host", "--memory",
            f"{limit}m", "--memory-swap", f"{limit}m", "-e", "RETUNE_MONGO_URI", image,
            *map(str, words[1:]),
        ]  # fmt: skip
        with subprocess.Popen(
            command,
            env={**os.environ, "RETUNE_MONGO_URI": uri},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as container:
            try:
                _, errors = container.communicate(timeout=60 + rows / 1000)
            except subprocess.TimeoutExpired:
                subprocess.run(
                    ["docker", "kill", "retune-sizing"], check=True, stdout=subprocess.DEVNULL
                )
                _, errors = container.communicate()
        if container.returncode == 0:
            return limit
    sys.exit(f"{image} fails with {limits[-1]} MB: {errors.decode()}")


def sizing(*, smoke: bool) -> None:
    """Find the memory that the steps need by rows and columns, in containers of `make images`."""
    report = Report("sizing")
    sizes = (300,) if smoke else (10_000, 100_000, 1_000_000)

    def measure(running: Store, model: str, columns: int, *sizes: int) -> None:
        champion = step(running.uri, "load_latest_model", "--model", model)[1]["model_id"]
        for turn, rows in enumerate(sizes):
            date = f"2026-01-{turn + 1:02d}"
            day = ("--model", model, "--logical-date", date)
            of = ("--model-id", champion, "--data-path", f"{model}/{date}")
            for words in (
                ("generate_data", *day, "--rows", rows),
                ("process_data", *day),
                ("evaluate_model", *of),
                ("prepare_retraining_data", *of),
                ("finetune_model", *of),
            ):
                least = least_memory(running.uri, rows, *words)
                report.notes[f"MB for {words[0]}, {rows} rows of {columns}"] = least
                print(words[0], rows, columns, least, flush=True)

    with store("sizing") as running:
        measure(running, MODEL, 24, *sizes)
    with wide_store(network("sizing-wide", min(sizes[0], 3_000))) as (running, _):
        measure(running, "bench", 142, *sizes[:2])
    report.finish()


def quiet_year(*, smoke: bool, table: Path | None) -> None:
    """Count false decisions in years of an unchanged champion, and the days that a loss takes."""
    if table is None:
        sys.exit("quiet-year needs the table that the example was made from: give --table.")
    report = Report("quiet-year")
    years = 10 if smoke else 1000
    measured, answer = timed(
        *java("retune.bench.QuietYear", EXAMPLE / "finetuned", table.absolute(), years)
    )
    report.add(f"{years} years of each kind", measured)
    report.notes = answer
    report.finish()


def drift(*, smoke: bool, table: Path | None) -> None:
    """Count false alarms of detect_drift on quiet days, and what it sees of drills."""
    report = Report("drift")
    folder = WORK / "drift"
    folder.mkdir(parents=True, exist_ok=True)
    ours = Worker(*java("retune.bench.DriftWorker"))
    theirs = Worker(*EVIDENTLY, PEERS / "drift.py")
    ours.ask("table", "example", EXAMPLE / "distribution.json")
    if table is None:
        orders = folder / "orders.csv"
        subprocess.run([str(PYTHON), str(PEERS / "orders.py"), orders, "20000"], check=True)
        ours.ask("table", "made", orders, "late", "yes")
    else:
        ours.ask("table", "given", table.absolute(), "default", "1")
    days, references, peer_days = (10, 2, 1) if smoke else (1000, 100, 50)
    for name in ("example", "given" if table else "made"):
        alarms = [0] * references
        for day in range(days):
            alarms[day % references] += bool(
                ours.ask("day", name, day % references, day, 1000, "none", 0)["drifted"]
            )
        report.notes[f"{name}: alarms on {days} quiet days of 1,000 rows (1 % stated)"] = sum(
            alarms
        )
        report.notes[f"{name}: most alarms of one of {references} references"] = max(alarms)
        print(report.notes, flush=True)
        outside = []
        for day in range(peer_days):
            ours.ask("export", name, day % references, day, 1000, folder)
            outside.append(theirs.ask(folder))
        evidently = f"{name}, Evidently on the first {peer_days} of these days"
        report.notes[f"{evidently}: days with a drifted column"] = sum(
            number(day, "columns") > 0 for day in outside
        )
        report.notes[f"{evidently}: days with half of the columns drifted"] = sum(
            bool(day["drifted"]) for day in outside
        )
        report.notes[f"{evidently}: CPU s a day"] = statistics.median(
            number(day, "cpu") for day in outside
        )
        print(report.notes, flush=True)
    drilled_days = 1 if smoke else 5
    for drill in DRILLS:
        for strength in (0.2,) if smoke else (0.05, 0.1, 0.2):
            for rows in (300, 1000, 10_000):
                seen = sum(
                    bool(ours.ask("day", "example", 0, day, rows, drill, strength)["drifted"])
                    for day in range(drilled_days)
                )
                report.notes[f"example, {drill} {strength}, {rows} rows: days seen"] = (
                    f"{seen} of {drilled_days}"
                )
        print(report.notes, flush=True)
    wide = [ours.ask("wide", 10_000, 142) for _ in range(1 if smoke else 5)]
    report.notes["10,000 rows of 142 columns, CPU s, first (cold)"] = number(wide[0], "cpu")
    report.notes["10,000 rows of 142 columns, CPU s, median"] = statistics.median(
        number(day, "cpu") for day in wide
    )
    ours.close()
    theirs.close()
    report.finish()


# What happens to the rows of a day, and how much; the first three leave the relation as it is.
CHANGES = (
    ("none", 0.0), ("covariate_shift", 0.5), ("missing_burst", 0.2), ("missing_burst", 0.5),
    ("label_shift", 0.25), ("label_shift", 0.5), ("label_shift", 1.0), ("covariate_drift", 0.2),
    ("covariate_drift", 0.5), ("concept_drift", 0.1), ("concept_drift", 0.3), ("label_noise", 0.3),
)  # fmt: skip


def estimate(*, smoke: bool) -> None:
    """Measure estimates without labels and the kind of shift that is named with them."""
    report = Report("estimate")
    folder = WORK / "estimate"
    make_loops(folder, smoke=smoke)
    theirs = Worker(*NANNYML, PEERS / "estimate.py")
    cells: list[Json] = []
    for model in (MODEL, "orders"):
        ours = Worker(*java("retune.bench.EstimateWorker", folder))
        ours.ask("loop", model)
        number_of_day = 0
        for change, strength in CHANGES[:2] if smoke else CHANGES:
            for _ in range(1 if smoke else 10):
                number_of_day += 1
                cell = ours.ask("day", number_of_day, 1_000, change, strength)
                cell["nannyml"] = theirs.ask(folder, cell["threshold"])
                cell |= {"name": model, "change": change, "strength": strength}
                cells.append(cell)
            print(estimated(cells, model, change, strength), flush=True)
        ours.close()
    theirs.close()
    report.notes["cells"] = cells
    report.finish()


def estimated(cells: list[Json], model: str, change: str, strength: float) -> str:
    """Sum up the days of a change: coverage, flags, errors, and what the change was called."""
    days = [
        cell
        for cell in cells
        if (cell["name"], cell["change"], cell["strength"]) == (model, change, strength)
    ]
    ours = [part(day, "estimate") for day in days]
    truths = [number(day, "truth") for day in days]
    inside = sum(
        number(one, "low") <= truth <= number(one, "high")
        for one, truth in zip(ours, truths, strict=True)
    )
    flagged = sum(bool(one["drifted"]) or bool(one["contradicted"]) for one in ours)
    error = statistics.mean(
        abs(number(one, "estimate") - truth) for one, truth in zip(ours, truths, strict=True)
    )
    outside = statistics.mean(
        abs(number(part(day, "nannyml"), "value") - truth)
        for day, truth in zip(days, truths, strict=True)
    )
    named = Counter(str(part(day, "labelled")["shift"]) for day in days)
    return (
        f"{model} {change} {strength}: {inside} of {len(days)} inside, {flagged} flagged, mean"
        f" error {error:.3f} (NannyML {outside:.3f}), named {dict(named)}"
    )


def part(answer: Json, key: str) -> Json:
    """Read an object of an answer."""
    value = answer[key]
    assert isinstance(value, dict)
    return value


# What each candidate is measured on: two strengths of each drill, for days of three sizes.
DRILLS = ("covariate_drift", "concept_drift", "missing_burst", "label_noise")
STRATEGIES = ("head", "head_long", "trees", "trees_replay")
CELL = ("name", "drill", "strength", "rows", "seed")


def recovery(*, smoke: bool) -> None:
    """Measure what each candidate and the loop's choice recover of days with drifted data.

    A run that was interrupted continues, if the steps are still those that it began with.
    """
    report = Report("recovery")
    folder = WORK / "recovery"
    kept = folder / "cells.jsonl"
    head = json.dumps({"smoke": smoke, "build": (TOP / "target" / "built").read_text().strip()})
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    if lines[:1] != [head]:
        make_loops(folder, smoke=smoke)
        lines = [head]
        kept.write_text(head + "\n", encoding="utf-8")
    cells: list[Json] = [json.loads(line) for line in lines[1:]]
    known = {tuple(cell[name] for name in CELL) for cell in cells}
    ours = Worker(*java("retune.bench.RecoveryWorker", folder, folder / "loops"))
    theirs = Worker(PYTHON, PEERS / "recovery.py", folder)
    with kept.open("a", encoding="utf-8") as file:
        # All drifts with one seed come before the next seed.
        for seed, drift in itertools.product(range(1 if smoke else 3), drifts(smoke=smoke)):
            days = [
                rows
                for rows in ((1_000,) if smoke else (1_000, 4_000, 10_000))
                if (*drift, rows, seed) not in known
            ]
            if not days:
                continue
            columns = ours.ask("drift", *drift)["columns"]
            for rows in days:
                cell: Json = {
                    **dict(zip(CELL, (*drift, rows, seed), strict=True)),
                    **ours.ask("day", rows, seed, *STRATEGIES),
                    "outside": theirs.ask(columns),
                }
                cells.append(cell)
                file.write(json.dumps(cell) + "\n")
                file.flush()
                print(sentence(cell), flush=True)
    ours.close()
    theirs.close()
    report.notes = {**recovered(cells), "cells": cells}
    report.finish()
    (WORK / "recovery.md").write_text(recovery_table(cells), encoding="utf-8")
    kept.unlink()


def drifts(*, smoke: bool) -> list[tuple[str, str, float]]:
    """List what happens to whose data."""
    if smoke:
        return [(MODEL, DRILLS[0], 0.5)]
    return list(itertools.product((MODEL, "orders"), DRILLS, (0.5, 0.8)))


# What a year has in production beside the loop's choice: never another model, one trained on the
# last ten labelled days where an input's PSI is above 0.2, and one every so many days.
POLICIES = ("loop", "never", "psi", "every-7", "every-14", "every-30", "every-60", "every-90")
SCHEDULES = POLICIES[3:]
HARM = 0.02
# Student's t of a 95 % interval of the mean, by number of values.
STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}


YEAR_COLUMNS = (
    "table", "policy", "regret", "macro F1", "promotions a year", "false", "lowered it",
    "days to react, median", "not recovered",
)  # fmt: skip


def year(*, smoke: bool) -> None:
    """Simulate years with late labels: a loop, schedules, retraining on PSI, and never.

    The two tables run at once, each in its process.
    """
    report = Report("year")
    folder = WORK / "year"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    orders = folder / "orders.csv"
    subprocess.run([str(PYTHON), str(PEERS / "orders.py"), orders, "20000"], check=True)
    tables: dict[str, tuple[object, ...]] = {
        "orders": (orders, "late", "yes"),
        "example": (EXAMPLE / "distribution.json",),
    }
    with ThreadPoolExecutor() as tables_at_once:
        simulated = tables_at_once.map(
            lambda name: years_of(name, tables[name], folder, smoke=smoke), tables
        )
        years = [cell for of_one in simulated for cell in of_one]
    report.notes = {**summed_up(years), "years": [on_few_lines(cell) for cell in years]}
    report.finish()
    (WORK / "year.md").write_text(year_table(years) + "\n" + stretch_table(years), encoding="utf-8")
    for name in tables:
        first = folder / f"{name}.json"
        first.write_text(json.dumps(of_table(years, name)[0]), encoding="utf-8")
        timed(
            *java(
                "retune.bench.YearPicture", first, WORK / f"year-{name}.svg",
                f"True macro F1 in production, {name}",
                "loop", "never", report.notes[f"{name}: best schedule"],
            )
        )  # fmt: skip


def years_of(name: str, table: tuple[object, ...], folder: Path, *, smoke: bool) -> list[Json]:
    """Simulate the years of a table, and keep each in a file at once."""
    ours = Worker(*java("retune.bench.YearWorker", folder / name))
    ours.ask("table", name, *table)
    years: list[Json] = []
    for seed in range(1 if smoke else 5):
        cell: Json = {
            "table": name,
            "seed": seed,
            **ours.ask("year", name, seed, 60 if smoke else 365),
        }
        years.append(cell)
        with (folder / "years.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(cell) + "\n")
        print(name, seed, {who: round(regret(cell, who), 4) for who in POLICIES}, flush=True)
    ours.close()
    return years


def on_few_lines(cell: Json) -> Json:
    """Write the values of a year's days as one text each, which JSON keeps on one line."""
    policies, reference = cell["policies"], cell["reference"]
    assert isinstance(policies, dict)
    assert isinstance(reference, list)
    return {
        **cell,
        "reference": " ".join(map(str, reference)),
        "policies": {
            who: {**had, "f1": " ".join(map(str, had["f1"]))} for who, had in policies.items()
        },
    }


def daily(cell: Json, who: str) -> list[float]:
    """Read the true macro F1 of what a policy had in production, day by day."""
    policies = cell["policies"]
    assert isinstance(policies, dict)
    return [float(value) for value in policies[who]["f1"]]


def losses(cell: Json, who: str) -> list[float]:
    """Subtract from each day's best, of all policies or trained on the day, what a policy had."""
    reference = cell["reference"]
    assert isinstance(reference, list)
    best = [
        max(day) for day in zip(reference, *(daily(cell, one) for one in POLICIES), strict=True)
    ]
    return [most - had for most, had in zip(best, daily(cell, who), strict=True)]


def regret(cell: Json, who: str) -> float:
    """Average the losses of a year."""
    return statistics.fmean(losses(cell, who))


def stretches(cell: Json) -> list[Json]:
    """Read the stretches of a year."""
    found = cell["stretches"]
    assert isinstance(found, list)
    return found


def is_harmful(stretch: Json) -> bool:
    """Tell whether a model that knew the stretch before is surely worse in this one."""
    return number(stretch, "loss") >= HARM


def promotions(cell: Json, who: str) -> list[Json]:
    """List what a policy put into production, with the stretch of the day on which it came."""
    policies = cell["policies"]
    assert isinstance(policies, dict)
    return [
        {
            **promotion,
            "harmful": is_harmful(
                next(
                    stretch
                    for stretch in reversed(stretches(cell))
                    if number(stretch, "first") <= min(promotion["day"], len(daily(cell, who)) - 1)
                )
            ),
        }
        for promotion in policies[who]["promotions"]
    ]


def lowers(promotion: Json) -> bool:
    """Tell whether the true macro F1 did not rise."""
    return number(promotion, "after") <= number(promotion, "before")


def reactions(cell: Json, who: str) -> list[float | None]:
    """Days until half of a harmful stretch's loss was recovered; None where it never was."""
    days: list[float | None] = []
    for stretch in stretches(cell):
        found = stretch["reactions"]
        assert isinstance(found, dict)
        reaction = found[who]
        if is_harmful(stretch) and number(stretch, "reference") - reaction["start"] >= HARM:
            days.append(None if reaction["days"] < 0 else float(reaction["days"]))
    return days


def interval(values: list[float]) -> str:
    """Show a mean with its 95 % interval."""
    mean = statistics.mean(values)
    if len(values) == 1:
        return f"{mean:.4f}"
    reach = STUDENT[len(values)] * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:.4f} ± {reach:.4f}"


def of_table(years: list[Json], name: str) -> list[Json]:
    """Select the years of a table."""
    return [cell for cell in years if cell["table"] == name]


def summed_up(years: list[Json]) -> Json:
    """Compare the loop with the schedule that is best in the mean of the seeds."""
    notes: Json = {}
    for name in dict.fromkeys(str(cell["table"]) for cell in years):
        cells = of_table(years, name)
        means = {who: statistics.mean(regret(cell, who) for cell in cells) for who in POLICIES}
        best = min(SCHEDULES, key=lambda who: means[who])
        notes[f"{name}: best schedule"] = best
        notes[f"{name}: regret of the loop less that of {best} (target below 0)"] = interval(
            [regret(cell, "loop") - regret(cell, best) for cell in cells]
        )
    for what in ("loop", "training", "truth"):
        notes[f"CPU s of a year, {what}"] = statistics.mean(
            number(cell, f"{what}_cpu") for cell in years
        )
    return notes


def year_table(years: list[Json]) -> str:
    """Make a Markdown table: means over the seeds with 95 % intervals."""
    lines = [
        f"| {' | '.join(YEAR_COLUMNS)} |",
        "|---" * len(YEAR_COLUMNS) + "|",
    ]
    for name in dict.fromkeys(str(cell["table"]) for cell in years):
        cells = of_table(years, name)
        for who in POLICIES:
            moved = [promotion for cell in cells for promotion in promotions(cell, who)]
            reacted = [days for cell in cells for days in reactions(cell, who)]
            known = [float("inf") if days is None else days for days in reacted]
            median = statistics.median(known) if known else float("nan")
            values = (
                name,
                who,
                interval([regret(cell, who) for cell in cells]),
                interval([statistics.mean(daily(cell, who)) for cell in cells]),
                f"{len(moved) / len(cells):.1f}",
                f"{sum(lowers(one) and not one['harmful'] for one in moved) / len(cells):.1f}",
                f"{sum(lowers(one) for one in moved) / len(cells):.1f}",
                "never" if median == float("inf") else f"{median:.0f}",
                f"{reacted.count(None)} of {len(reacted)}",
            )
            lines.append(f"| {' | '.join(values)} |")
    return "\n".join(lines) + "\n"


def stretch_table(years: list[Json]) -> str:
    """Make a Markdown table: the mean loss in each stretch, and whether it is harmful."""
    lines = [f"| table | stretch | harm | {' | '.join(POLICIES)} |", "|---" * 11 + "|"]
    for name in dict.fromkeys(str(cell["table"]) for cell in years):
        cells = of_table(years, name)
        for place, stretch in enumerate(stretches(cells[0])):
            means = []
            for who in POLICIES:
                of_days: list[float] = []
                for cell in cells:
                    found = stretches(cell)[place]
                    first, days = int(number(found, "first")), int(number(found, "days"))
                    of_days += losses(cell, who)[first : first + days]
                means.append(f"{statistics.fmean(of_days):.3f}")
            harm = f"{number(stretch, 'loss'):.3f}" if is_harmful(stretch) else ""
            lines.append(f"| {name} | {stretch['name']} | {harm} | {' | '.join(means)} |")
    return "\n".join(lines) + "\n"


def make_loops(folder: Path, *, smoke: bool) -> None:
    """Make a store with the example and with a loop of a made table, and their loop files."""
    with store(folder.name) as running:
        (folder / "loops").mkdir()
        table = folder / "orders.csv"
        rows = 2_000 if smoke else 20_000
        subprocess.run([str(PYTHON), str(PEERS / "orders.py"), table, str(rows)], check=True)
        step(
            running.uri, "new_loop", "--data", table, "--target", "late", "--positive", "yes",
            "--models", "network", "--name", "orders",
            "--output", folder / "orders", "--loops", folder / "loops",
        )  # fmt: skip
    example = f"{MODEL}.yaml"
    shutil.copy(TOP / "airflow" / "dags" / "loops" / example, folder / "loops" / example)


def value(cell: Json, who: str, rows: str) -> float:
    """Read a macro F1 of a cell: of whom, on `fresh` or `ordinary` rows."""
    measured = cell[who]
    assert isinstance(measured, dict)
    return number(measured, rows)


def sentence(cell: Json) -> str:
    """Show a cell: fresh and ordinary macro F1 of each."""
    values = ", ".join(
        f"{who} {value(cell, who, 'fresh'):.3f}/{value(cell, who, 'ordinary'):.3f}"
        for who in ("champion", *STRATEGIES, "outside", "loop", "later")
    )
    return (
        f"{cell['name']} {cell['drill']} {cell['strength']}, {cell['rows']} rows, seed"
        f" {cell['seed']}: {values}; {cell['status']} on day {cell['day']}, then"
        f" {cell['later_days']} days"
    )


def gain(cell: Json, who: str, rows: str = "fresh") -> float:
    """Subtract the champion's macro F1 from that of another."""
    return value(cell, who, rows) - value(cell, "champion", rows)


def recovered(cells: list[Json]) -> Json:
    """Sum up what the loop chose: of the outside reference's gain, and lost on ordinary rows."""
    notes: Json = {}
    gaining = [cell for cell in cells if gain(cell, "outside") >= 0.05]
    notes["days on which the outside reference gains 0.05 or more"] = len(gaining)
    drifted = [cell for cell in cells if cell["drill"] in ("covariate_drift", "missing_burst")]
    for who in ("loop", "later", "trees"):
        if gaining:
            shares = [gain(cell, who) / gain(cell, "outside") for cell in gaining]
            notes[f"{who}: share of its gain, median (target 0.95)"] = statistics.median(shares)
            notes[f"{who}: share of its gain, least (target 0.75)"] = min(shares)
            notes[f"{who}: days under 0.75"] = sum(share < 0.75 for share in shares)
        losses = [-gain(cell, who, "ordinary") for cell in drifted]
        notes[f"{who}: loss on ordinary rows, median (target 0.03)"] = statistics.median(losses)
        notes[f"{who}: loss on ordinary rows, greatest (target 0.05)"] = max(losses)
        notes[f"{who}: days with a loss over 0.05"] = sum(loss > 0.05 for loss in losses)
    noise = [cell for cell in cells if cell["drill"] == "label_noise"]
    notes["days of label noise"] = len(noise)
    notes["promotions under label noise"] = sum(bool(cell["promoted_later"]) for cell in noise)
    for rows in ("fresh", "ordinary"):
        notes[f"promotions under label noise that are worse on {rows} rows (target 0)"] = sum(
            gain(cell, "later", rows) < 0 for cell in noise
        )
    largest = max(number(cell, "rows") for cell in cells)
    for strategy in STRATEGIES:
        notes[f"CPU s, {strategy}, {largest:.0f} rows"] = statistics.median(
            value(cell, strategy, "cpu") for cell in cells if number(cell, "rows") == largest
        )
    return notes


def recovery_table(cells: list[Json]) -> str:
    """Make a Markdown table: medians over the seeds, on fresh and on ordinary rows."""
    columns = ("champion", *STRATEGIES, "outside", "loop", "later")
    lines = [
        f"| loop | drill, strength, rows | {' | '.join(columns)} | promoted |",
        "|---" * (len(columns) + 3) + "|",
    ]
    days: dict[tuple[object, ...], list[Json]] = {}
    for cell in cells:
        days.setdefault(tuple(cell[name] for name in CELL[:-1]), []).append(cell)
    for (loop, drill, strength, rows), seeds in days.items():
        values = " | ".join(
            " / ".join(
                f"{statistics.median(value(cell, who, part) for cell in seeds):.3f}"
                for part in ("fresh", "ordinary")
            )
            for who in columns
        )
        promoted = "/".join(
            str(sum(bool(cell[when]) for cell in seeds)) for when in ("promoted", "promoted_later")
        )
        lines.append(
            f"| {loop} | {drill} {strength}, {rows:,} | {values} | {promoted}/{len(seeds)} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the benchmarks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument(
        "--rounds", type=int, default=5, help="measurements of each side (default 5)"
    )
    parser.add_argument(
        "--table",
        type=Path,
        help="CSV with a column 'default': the copula's table and drift's second, else one is made;"
        " the example's, for quiet-year; texts with the columns text and category, for text and"
        " serving-text",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        help="how long serving samples memory under load (default 10; with --smoke 0.1)",
    )
    parser.add_argument(
        "--smoke", action="store_true", help="a few rows, once: does it run at all?"
    )
    arguments = parser.parse_args()
    rounds = 1 if arguments.smoke else arguments.rounds
    benchmarks: dict[str, Callable[[], None]] = {
        "evaluation": lambda: evaluation(rounds, smoke=arguments.smoke),
        "comparison": lambda: comparison(rounds, smoke=arguments.smoke),
        "judgement": lambda: judgement(rounds, smoke=arguments.smoke),
        "trees": lambda: trees(min(rounds, 3), smoke=arguments.smoke),
        "look_back": lambda: look_back(min(rounds, 3), smoke=arguments.smoke),
        "kernels": lambda: kernels(rounds, smoke=arguments.smoke),
        "copula": lambda: copula(rounds, smoke=arguments.smoke, table=arguments.table),
        "pipeline": lambda: pipeline(smoke=arguments.smoke),
        "shards": lambda: shards(smoke=arguments.smoke),
        "finetune": lambda: finetune(min(rounds, 2), smoke=arguments.smoke),
        "attempts": lambda: attempts(smoke=arguments.smoke),
        "sizing": lambda: sizing(smoke=arguments.smoke),
        "quiet-year": lambda: quiet_year(smoke=arguments.smoke, table=arguments.table),
        "drift": lambda: drift(smoke=arguments.smoke, table=arguments.table),
        "text": lambda: text(min(rounds, 3), smoke=arguments.smoke, table=arguments.table),
        "estimate": lambda: estimate(smoke=arguments.smoke),
        "recovery": lambda: recovery(smoke=arguments.smoke),
        "year": lambda: year(smoke=arguments.smoke),
        "startup": lambda: startup(rounds, smoke=arguments.smoke),
        "serving": lambda: serving(
            min(rounds, 3),
            smoke=arguments.smoke,
            minutes=arguments.minutes or (0.1 if arguments.smoke else 10),
        ),
        "dashboard": lambda: dashboard(smoke=arguments.smoke),
        "serving-text": lambda: serving_text(
            min(rounds, 3), smoke=arguments.smoke, table=arguments.table
        ),
        "containers": lambda: containers(rounds, smoke=arguments.smoke),
    }
    unknown = [name for name in arguments.names if name not in benchmarks]
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(benchmarks)}.")
    # These need images, which take a Docker daemon, the example's table, or Chromium.
    if_named = ("sizing", "containers", "quiet-year", "dashboard")
    for name in arguments.names or [name for name in benchmarks if name not in if_named]:
        benchmarks[name]()


if __name__ == "__main__":
    main()
