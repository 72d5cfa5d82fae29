"""Runs every command of the documentation, so that none of them goes stale.

Each fenced block marked `sh` in README.md, docs/ and the examples' pages is run with bash from the
top of the project, page by page and from top to bottom, and must end with 0. Commands that only
call make are left out: the tests run those themselves.

The pages expect the store that a demo leaves behind: its folder is the argument.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = re.compile(r"mongodb://\S+")
LIMIT_SECONDS = 300
# Programs that a failed block leaves in the background would keep its output open until the limit.
END_PROGRAMS = "trap '(($? == 0)) || kill $(jobs -p) 2> /dev/null || true' EXIT\n"
# `python3` is the one that runs this, with the libraries that the pages ask for.
PATH = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"


def main() -> int:
    """Runs all pages; 0 where every command ended well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path, help="folder of the store that a demo left behind")
    folder = parser.parse_args().store
    server = [str(PROJECT / "retune"), "store", "--port", "0", "--data", str(folder)]
    with subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as store:
        try:
            return _run_all({**os.environ, "RETUNE_MONGO_URI": _address(store), "PATH": PATH})
        finally:
            store.terminate()


def blocks(page: Path) -> list[str]:
    """The page's shell blocks, without lines that call make."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    kept = (
        "\n".join(x for x in block.splitlines() if not x.startswith("make ")) for block in found
    )
    return [block for block in kept if block.strip()]


def _run_all(environment: dict[str, str]) -> int:
    faults = [
        run(page, block, environment)
        for page in [
            PROJECT / "README.md",
            *sorted((PROJECT / "docs").rglob("*.md")),
            *sorted((PROJECT / "examples").rglob("*.md")),
        ]
        for block in blocks(page)
    ]
    failed = sum(faults)
    print(f"{len(faults) - failed} passed, {failed} failed")
    return 1 if failed or not faults else 0


def run(
    page: Path, block: str, environment: Mapping[str, str], limit: float = LIMIT_SECONDS
) -> bool:
    """Runs one block and says how it ended; whether it failed, which it does after the limit."""
    started = time.monotonic()
    with subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", END_PROGRAMS + block],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            out, err = shell.communicate(timeout=limit)
            fault = f"exit {shell.returncode}" if shell.returncode else ""
        except subprocess.TimeoutExpired as late:
            # The whole group: programs that the block started would go on in the background.
            os.killpg(shell.pid, signal.SIGKILL)
            out, err = (str(given or b"", errors="replace") for given in (late.stdout, late.stderr))
            fault = f"The block or a program that it started still ran after {limit:g} seconds."
    seconds = time.monotonic() - started
    first = block.strip().splitlines()[0]
    verdict = "FAILED" if fault else "ok"
    print(f"{verdict:6} {seconds:5.1f} s  {page.relative_to(PROJECT)}: {first}", flush=True)
    if fault:
        print(f"{fault}\n{out[-2000:]}{err[-2000:]}")
    return bool(fault)


def _address(store: subprocess.Popen[str]) -> str:
    """The store's address, which it prints when it is ready."""
    assert store.stdout is not None  # noqa: S101 (tells mypy what PIPE means)
    for line in store.stdout:
        if found := ADDRESS.search(line):
            return found.group()
    raise SystemExit("The store did not start; its message is above.")


if __name__ == "__main__":
    sys.exit(main())
