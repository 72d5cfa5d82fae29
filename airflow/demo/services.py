"""The services beside Airflow: predictions of the model in production, and the loop's pages."""

from __future__ import annotations

import json
import secrets
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from demo.days import MODEL
from demo.processes import Processes, free_port

SECONDS_TO_START = 60
SECONDS_TO_FOLLOW = 20


@dataclass
class Services:
    """The prediction service and the control service, on loopback only."""

    state: Path
    serving_port: int = field(default_factory=lambda: free_port(8090))
    control_port: int = field(default_factory=lambda: free_port(8091))
    seconds_to_follow: float = SECONDS_TO_FOLLOW

    @property
    def predictions(self) -> str:
        """The address of the prediction service."""
        return f"http://127.0.0.1:{self.serving_port}"

    @property
    def pages(self) -> str:
        """The address of the page that shows what the loop did and why."""
        return f"http://127.0.0.1:{self.control_port}"

    @property
    def tokens(self) -> Path:
        """The token file of the control service."""
        return self.state / "control-tokens"

    def start(
        self,
        processes: Processes,
        program: Sequence[str],
        environment: Mapping[str, str],
        airflow: str,
    ) -> None:
        """Starts both; the control service steers the Airflow of this address."""
        self.make_token()
        port = str(self.serving_port)
        serving = ["serving", "--model", MODEL, "--port", port, "--query-log", "true"]
        control = ["control", "--port", str(self.control_port), "--token-file", str(self.tokens)]
        processes.start("serving", [*program, *serving], environment)
        processes.start(
            "control", [*program, *control], {**environment, "RETUNE_AIRFLOW_URL": airflow}
        )

    def make_token(self) -> None:
        """Makes the token of those who steer, the same at each start; only this user reads it."""
        if not self.tokens.exists():
            self.tokens.touch(mode=0o600)
            self.tokens.write_text(f"demo {secrets.token_urlsafe(33)}\n", encoding="utf-8")

    def wait(self, processes: Processes) -> None:
        """Waits until both answer."""
        for name, address in (
            ("The prediction service's start", f"{self.predictions}/v2/health/ready"),
            ("The control service's start", f"{self.pages}/health"),
        ):
            processes.wait_for(name, partial(_answers, address), SECONDS_TO_START)

    def mistakes(self, champion: str) -> list[str]:
        """What the services should show of the version in production, and do not."""
        mistakes: list[str] = []
        served = self._follows(champion)
        if served != champion:
            mistakes.append(
                f"The prediction service answers with {served}, not with the champion {champion}."
            )
        shown = _answer(f"{self.pages}/models/{MODEL}") or b""
        if champion.encode() not in shown:
            mistakes.append(f"The page {self.pages}/models/{MODEL} does not show {champion}.")
        return mistakes

    def _follows(self, champion: str) -> str:
        """The version that a prediction names, as soon as it is the champion."""
        end = time.monotonic() + self.seconds_to_follow
        while (served := self._predicts_with()) != champion and time.monotonic() < end:
            time.sleep(0.2)
        return served

    def _predicts_with(self) -> str:
        example = _answer(f"{self.predictions}/example")
        answer = None if example is None else _answer(f"{self.predictions}/predict", example)
        return "nothing" if answer is None else str(_object(answer).get("model_id", "nothing"))


def _answers(address: str) -> bool:
    return _answer(address) is not None


def _answer(address: str, body: bytes | None = None) -> bytes | None:
    """The answer of an address, to a body if there is one; None without a successful one."""
    headers = {"Content-Type": "application/json"}
    try:
        request = urllib.request.Request(address, body, headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return bytes(answer.read())
    except OSError:
        return None


def _object(text: bytes) -> dict[str, Any]:
    value = json.loads(text)
    return value if isinstance(value, dict) else {}
