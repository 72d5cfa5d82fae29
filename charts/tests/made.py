"""Renders the chart retune with values."""

import subprocess
from pathlib import Path

import yaml

HERE = Path(__file__).parent
CHART = HERE.parent / "retune"
STORE = {"store": {"uri": "mongodb://db/retune"}, "networkPolicy": {"enabled": False}}


def helm(*words, values=None):
    """Runs helm, with the values on its standard input."""
    return subprocess.run(
        ["helm", *words, *(["--values", "-"] if values is not None else [])],
        input=None if values is None else yaml.safe_dump(values),
        text=True,
        capture_output=True,
        check=False,
    )


def template(values):
    """Renders the release; the finished process has printed it, or has refused the values."""
    return helm("template", "retune", str(CHART), "--namespace", "retune", values=values)


def documents(values):
    """The release's objects; the values must be valid."""
    made = template(values)
    assert made.returncode == 0, made.stderr
    return [document for document in yaml.safe_load_all(made.stdout) if document]
