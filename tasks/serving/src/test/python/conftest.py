"""The prediction service as a user starts it: ``./retune serving``. Needs a built tree."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

PROJECT = Path(__file__).parents[5]
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Service:
    """Where it listens, and an answer of its own to compare clients with."""

    host: str

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def get(self, path: str) -> Any:
        with urlopen(self.url + path) as response:
            return json.load(response)

    def post(self, path: str, body: object) -> Any:
        request = Request(self.url + path, json.dumps(body).encode())
        with urlopen(request) as response:
            return json.load(response)


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(PROJECT / "retune", "serving", "--port", str(port)),
        *("--model-file", PROJECT / "examples/credit-default/finetuned"),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            running = Service(f"127.0.0.1:{port}")
            _await_ready(running, process)
            yield running
        finally:
            process.terminate()


def _await_ready(service: Service, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            urlopen(service.url + "/v2/health/ready").close()
        except URLError:
            assert process.poll() is None, "the service ended"
            assert time.monotonic() < end, f"not ready after {PATIENCE_SECONDS} s"
            time.sleep(0.1)
        else:
            return
