"""Runs a step on this machine, as a process or a container, with the same contract as its pod."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException
from airflow.sdk.log import mask_secret

from retune.catalogue import Step
from retune.outcomes import DONE, announce, failure, log_line, result_of
from retune.rendering import command, typed_inputs
from retune.traces import traceparent

SECONDS_TO_STOP = 3  # Airflow kills the task's own process five seconds after asking it to end
SECRET = re.compile(r"RETUNE_(?!RUN_URL)\w*(URI|URL|KEY|TOKEN|PASSWORD|SECRET)")
# What a step's environment has beside this process's own.
OF_THE_RUN = (
    *("RETUNE_LOG", "RETUNE_DAG_ID", "RETUNE_RUN_ID", "RETUNE_TASK_ID", "RETUNE_TRY_NUMBER"),
    *("RETUNE_RUN_URL", "RETUNE_STARTED_BY", "RETUNE_STEP_IMAGE", "TRACEPARENT"),
)


class LocalStepOperator(BaseOperator, ABC):
    """Starts a command in its own process group, streams its log and returns its result."""

    template_fields: Sequence[str] = ("inputs", "command")
    template_fields_renderers: ClassVar[dict[str, str]] = {"inputs": "json", "command": "bash"}
    overwrite_rtif_after_execution = True  # `command` is known only then

    def __init__(self, *, step: Step, inputs: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step = step
        self.inputs = inputs
        self.command = ""
        self._process: subprocess.Popen[str] | None = None

    @abstractmethod
    def command_line(self, inputs: str, results: Path) -> list[str]:
        """The command line that takes JSON inputs and writes `return.json` into `results`."""

    def environment(self, context: Context) -> dict[str, str]:
        """The step's environment."""
        return environment(context)

    def execute(self, context: Context) -> Any:
        """Runs the step and returns its result."""
        typed = typed_inputs(self.step, self.inputs)
        self.command = command(self.step, typed)
        self.log.info("Command: %s", self.command)
        inputs = json.dumps(typed)
        with tempfile.TemporaryDirectory(prefix="retune-") as folder:
            code = self._run(self.command_line(inputs, Path(folder)), self.environment(context))
            file = Path(folder) / "return.json"
            result = result_of(file.read_text(encoding="utf-8")) if file.exists() else None
        if code != DONE:
            if result is not None:
                context["ti"].xcom_push(key="return_value", value=result)
            raise failure(self.task_id.rpartition(".")[2], code, result)
        if result is None:
            raise AirflowException(f"{self.step.name} ended with exit code 0 but left no result.")
        announce(context, self.outlets, typed, result)
        return result

    def on_kill(self) -> None:
        """Ends the step with SIGTERM, and with SIGKILL after a grace period.

        Airflow calls this in a signal handler. Do not log here: the interrupted code may hold the
        logging lock.
        """
        process = self._process
        if process is None or process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS_TO_STOP)
            os.killpg(process.pid, signal.SIGKILL)

    def _run(self, command: list[str], environment: Mapping[str, str]) -> int:
        hidden = secrets(environment)
        for secret in hidden:
            mask_secret(secret)
        with subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            start_new_session=True,
        ) as process:
            self._process = process
            assert process.stdout is not None  # noqa: S101 (tells mypy what PIPE means)
            try:
                for line in process.stdout:
                    level, message = log_line(line.rstrip("\n"))
                    self.log.log(level, _hide(message, hidden))
                return process.wait()
            finally:
                self.on_kill()


class ProcessStepOperator(LocalStepOperator):
    """Runs a step as `./retune STEP` does."""

    def __init__(self, *, program: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.program = program

    def command_line(self, inputs: str, results: Path) -> list[str]:
        """The step's command line."""
        file = str(results / "return.json")
        return [*self.program, self.step.name, "--input", inputs, "--xcom", file]


class DockerStepOperator(LocalStepOperator):
    """Runs a step in its image, as the same user and with the same limits as its pod."""

    def __init__(self, *, image: str, network: str, limits: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.image = image
        self.network = network
        self.limits = limits
        self.container = f"retune-{uuid.uuid4().hex}"

    def environment(self, context: Context) -> dict[str, str]:
        """The step's environment, with the name of its image."""
        return {**super().environment(context), "RETUNE_STEP_IMAGE": self.image}

    def command_line(self, inputs: str, results: Path) -> list[str]:
        """The container's command line, without the values of environment variables."""
        inherited = {name for name in os.environ if name.startswith("RETUNE_")}
        names = sorted(inherited.union(OF_THE_RUN))
        variables = [part for name in names for part in ("--env", name)]
        return [
            *("docker", "run", "--rm", "--name", self.container),
            *("--user", f"{os.getuid()}:{os.getgid()}", "--read-only", "--tmpfs", "/tmp"),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *("--network", self.network, *self.limits),
            *("--volume", f"{results}:/airflow/xcom", *variables),
            *(self.image, "--input", inputs),
        ]

    def on_kill(self) -> None:
        """Removes the container, too, because it can outlive the client."""
        running = self._process is not None and self._process.poll() is None
        super().on_kill()
        if running:
            subprocess.run(
                ["docker", "rm", "--force", self.container], check=False, capture_output=True
            )


def environment(context: Context) -> dict[str, str]:
    """The step's environment: this process's own, and the identity of the task instance.

    Airflow's settings are left out, because they hold keys.
    """
    ti = context["ti"]
    run = context.get("dag_run")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW_", "_AIRFLOW"))}
    return {
        **inherited,
        "RETUNE_LOG": "json",
        "RETUNE_DAG_ID": ti.dag_id,
        "RETUNE_RUN_ID": ti.run_id,
        "RETUNE_TASK_ID": ti.task_id,
        "RETUNE_TRY_NUMBER": str(ti.try_number),
        "RETUNE_RUN_URL": ti.log_url.rpartition("/tasks/")[0],
        "RETUNE_STARTED_BY": (run and run.triggering_user_name) or "",
        "TRACEPARENT": traceparent(ti),
    }


def secrets(environment: Mapping[str, str]) -> list[str]:
    """The values that logs must not show: keys, passwords in addresses and webhooks' paths."""
    found: list[str] = []
    for name, value in environment.items():
        if not SECRET.fullmatch(name):
            continue
        address = urlsplit(value)
        if not address.scheme:
            found.append(value)
            continue
        found.append(address.password or "")
        if address.scheme.startswith("http"):
            found.append(address.path)
    return [secret for secret in found if len(secret) > 1]


def _hide(message: str, secrets: list[str]) -> str:
    for secret in secrets:
        message = message.replace(secret, "***")
    return message
