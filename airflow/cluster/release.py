"""A release of Retune's chart in its own namespace, and the pods there."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[2]
CHART = PROJECT / "charts" / "retune"
EXAMPLE = PROJECT / "examples" / "credit-default"
PREFIX = os.environ.get("RETUNE_IMAGES") or "retune"
TAG = "0.1.0"
NAME = "retune"
SPREAD = "spread"
UNTIL_THERE = ("--wait", "--wait-for-jobs", "--timeout", "5m")
KINDS = "all,secret,configmap,serviceaccount,role,rolebinding,networkpolicy,poddisruptionbudget,pvc"
PARTS = "app.kubernetes.io/part-of=retune"


def run(*command: str, given: str | None = None) -> str:
    """Runs a program that must succeed, and returns its output."""
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {ended.returncode}: {ended.stderr}")
    return ended.stdout


def wait_for(what: str, ready: Callable[[], Any], seconds: float) -> Any:
    """Waits until `ready` finds something, and returns it; fails after some seconds."""
    end = time.monotonic() + seconds
    while not (found := ready()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} took more than {seconds:.0f} s")
        time.sleep(0.2)
    return found


@dataclass(frozen=True)
class Release:
    """The chart's release `retune` in a namespace."""

    namespace: str

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """Runs kubectl in the namespace, and returns its output."""
        return run("kubectl", "--namespace", self.namespace, *words, given=given)

    def helm(self, *words: str, given: str | None = None) -> str:
        """Runs helm in the namespace, and returns its output."""
        return run("helm", "--namespace", self.namespace, *words, given=given)

    def values(self) -> dict[str, Any]:
        """Values for an ephemeral store, and for the example as the model in production."""
        files = [("distribution.json", "distribution.json")]
        files += [(f, f"finetuned/{f}") for f in ("model.json", "weights.safetensors")]
        items = [{"key": key, "path": path} for key, path in files]
        return {
            "images": {"prefix": PREFIX, "tag": TAG},
            "store": {"trial": {"enabled": True, "ephemeral": True}},
            "registration": {
                "enabled": True,
                "volume": {"configMap": {"name": "models", "items": items}},
                "distributions": [
                    {"path": "distribution.json", "model": model}
                    for model in (EXAMPLE.name, SPREAD)
                ],
                "models": [{"path": "finetuned", "champion": True}],
            },
        }

    def install(self, values: dict[str, Any] | None = None) -> None:
        """Creates the namespace and installs the chart; returns when the model is in production."""
        run("kubectl", "create", "namespace", self.namespace)
        files: Sequence[Path] = (
            EXAMPLE / "distribution.json",
            EXAMPLE / "finetuned" / "model.json",
            EXAMPLE / "finetuned" / "weights.safetensors",
        )
        self.kubectl("create", "configmap", "models", *(f"--from-file={file}" for file in files))
        self.apply("install", values or self.values())

    def apply(self, verb: str, values: dict[str, Any]) -> None:
        """Installs or upgrades the release; returns when it is ready and its models registered."""
        words = (verb, NAME, str(CHART), *UNTIL_THERE, "--values", "-")
        self.helm(*words, given=yaml.safe_dump(values))

    @contextmanager
    def store(self) -> Iterator[str]:
        """Forwards a local port to the trial store, and yields the store's address."""
        command = [
            "kubectl",
            "--namespace",
            self.namespace,
            "port-forward",
            f"service/{NAME}-store",
            ":27018",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forwarding:
            try:
                assert forwarding.stdout
                port = forwarding.stdout.readline().split(":")[1].split()[0]
                yield f"mongodb://127.0.0.1:{port}/retune"
            finally:
                forwarding.terminate()

    def pods(self, component: str, **status: str) -> list[dict[str, Any]]:
        """The pods of a component that have this status, oldest first."""
        selector = f"{PARTS},app.kubernetes.io/component={component}"
        answer = self.kubectl("get", "pods", "--selector", selector, "--output", "json")
        pods = [
            pod
            for pod in json.loads(answer)["items"]
            if all(pod["status"].get(key) == value for key, value in status.items())
        ]
        return sorted(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])

    def running(self, component: str, seconds: float = 60) -> str:
        """Waits for a running pod of the component, and returns its name."""
        pods = wait_for(
            f"A running pod of {component}",
            lambda: [
                pod
                for pod in self.pods(component, phase="Running")
                if "deletionTimestamp" not in pod["metadata"]
            ],
            seconds,
        )
        return str(pods[-1]["metadata"]["name"])

    def left(self, *kinds: str) -> str:
        """The names of the chart's objects that exist, pods included; of these kinds, too."""
        which = ",".join((KINDS, *kinds))
        return self.kubectl("get", which, "--selector", PARTS, "--output", "name")

    def remove(self) -> None:
        """Deletes the namespace and everything in it."""
        run("kubectl", "delete", "namespace", self.namespace, "--wait=true", "--timeout=120s")
