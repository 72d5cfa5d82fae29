"""The chart's README: a table of the values in values.yaml, with defaults and comments."""

import json
import re
from collections.abc import Iterator

import yaml
from made import CHART

FILE = CHART / "README.md"
COMMENT = re.compile(r"^ *# [^ ]")  # two blanks mark an example
KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z0-9_]+):(?P<rest>.*)$")
INTRODUCTION = """# The chart retune

{description}.

    helm install retune charts/retune --namespace retune --values my-values.yaml
    helm test retune --namespace retune

"Deploy to a cluster" (`docs/how-to/deploy-to-a-cluster.md`) goes through an installation.
`airflow-values.yaml` has the values for Airflow's own chart. Contradictory values are refused with
a sentence that says what to do.

## Values

From `values.yaml`; `RETUNE_GOLDEN=write pytest charts/tests` writes this page again.

| value | default | meaning |
|---|---|---|
"""


def text() -> str:
    """The README that belongs to values.yaml."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    rows = "".join(f"| `{path}` | {default} | {comment} |\n" for path, default, comment in values())
    return INTRODUCTION.format(description=chart["description"]) + rows


def values() -> Iterator[tuple[str, str, str]]:
    """Each value's path, default and comment; a group with a comment has its own line."""
    lines = (CHART / "values.yaml").read_text().splitlines()
    defaults = yaml.safe_load("\n".join(lines))
    path: list[str] = []
    comment: list[str] = []
    for line in lines:
        if COMMENT.match(line):
            comment.append(line.strip(" #"))
        elif found := KEY.match(line):
            depth = len(found["indent"]) // 2
            path = [*path[:depth], found["key"]]
            value = defaults
            for key in path:
                value = value[key]
            is_group = isinstance(value, dict) and value and not found["rest"].strip()
            if not is_group or comment:
                default = "" if is_group else f"`{json.dumps(value)}`"
                yield ".".join(path), default, " ".join(comment).replace("|", "\\|")
            comment = []
        else:
            comment = []
