"""The real `./retune` and, in a process of its own, a real Airflow that runs it."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.processes import free_port

SECONDS_TO_START = 240
RETUNE = Path(__file__).parents[2] / "retune"
RUN = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import conftest
os.environ["RETUNE_COMMAND"] = sys.argv[2]
conftest.create_database()
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[3])
print(json.dumps(bag.import_errors), file=sys.stderr)
runs = []
for dag in sys.argv[5:]:
    run = conftest.Run(bag.dags[dag], {})
    runs.append({"states": run.states, "tries": run.tries, "results": run.results})
with open(sys.argv[4], "w") as file:
    json.dump(runs, file)
"""


@contextmanager
def running_store(folder: Path) -> Iterator[str]:
    """A real store of its own in this folder; its address."""
    command = [RETUNE, "store", "--port", "0", "--data", folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


@contextmanager
def running_control(folder: Path, token: str, *words: str, **environment: str) -> Iterator[str]:
    """A real control service whose only token is that of `ops`, with `log` in this folder.

    Yields its address. It must end as a service does that is told to stop.
    """
    (folder / "tokens").write_text(f"ops {token}\n")
    port = str(free_port(0))
    command = [RETUNE, "control", *words, "--port", port, "--token-file", folder / "tokens"]
    with (folder / "log").open("a") as log:
        service = subprocess.Popen(command, env={**os.environ, **environment}, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}", service, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        service.terminate()
        assert service.wait(SECONDS_TO_START) == 143


def _wait_for(address: str, service: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until the service is healthy."""
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        assert service.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=60):
                return
        except OSError:
            time.sleep(0.3)
    raise TimeoutError(log.read_text())


def retune(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RETUNE, *words], env=os.environ, capture_output=True, text=True, check=False
    )


def answer(*words: str | Path) -> dict[str, Any]:
    """What a step says that must end well."""
    done = retune(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def run_dags(folder: Path, result: Path, *dags: str) -> list[dict[str, Any]]:
    """Runs DAGs of a folder one after the other: by task the state, the tries and the result."""
    arguments = (Path(__file__).parent, RETUNE, folder, result, *dags)
    ended = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    runs: list[dict[str, Any]] = json.loads(result.read_text())
    return runs
