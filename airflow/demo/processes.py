"""Runs the demo's background processes in process groups and ends them with the demo."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

SECONDS_TO_STOP = 8.0
PR_SET_CHILD_SUBREAPER = 36


class DemoError(Exception):
    """The demo cannot continue; the message tells the user why."""


class Processes:
    """Starts programs with a log file each, and ends them with all their descendants."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        _adopt_orphans()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _end_descendants()

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts a program in the background."""
        self._running[name] = self._popen(name, command, environment)

    def finish(self, name: str) -> None:
        """Waits for a program, which must succeed."""
        if self._running.pop(name).wait() != 0:
            raise DemoError(f"{name} failed; {self.log(name)} says why.")

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Runs a program, which must succeed."""
        self.start(name, command, environment)
        self.finish(name)

    def pid(self, name: str) -> int:
        """The process id of a background program."""
        return self._running[name].pid

    def log(self, name: str) -> Path:
        """The log file of a program."""
        return self.logs / f"{name}.log"

    def check(self) -> None:
        """Fails if a background program has ended by itself."""
        for name, process in self._running.items():
            if (code := process.poll()) is not None:
                raise DemoError(f"{name} ended with exit code {code}; {self.log(name)} says why.")

    def wait_for(self, what: str, ready: Callable[[], bool], seconds: float) -> None:
        """Waits until something is ready, as long as all background programs run."""
        end = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > end:
                raise DemoError(
                    f"{what} took more than {seconds:.0f} s; see the logs in {self.logs}."
                )
            time.sleep(0.2)

    def _popen(
        self, name: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        with self.log(name).open("ab") as log:
            try:
                return subprocess.Popen(
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise DemoError(f"{name} does not start: {error}.") from error


def free_port(preferred: int) -> int:
    """A free loopback port, the preferred one if possible."""
    for port in (preferred, 0):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            return int(listener.getsockname()[1])
    raise DemoError("There is no free port on 127.0.0.1.")


def listens(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _adopt_orphans() -> None:
    """Makes this process the parent of orphaned descendants, so that it can find them.

    A task's program has its own process group and outlives a killed scheduler.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_descendants() -> None:
    """Ends every process group below this process: SIGTERM first, SIGKILL later."""
    asked: set[int] = set()
    end = time.monotonic() + SECONDS_TO_STOP
    while groups := _groups_below(os.getpid()):
        late = time.monotonic() > end
        for group in groups if late else groups - asked:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL if late else signal.SIGTERM)
        asked |= groups
        time.sleep(0.1)
    _reap(0)


def _reap(options: int) -> None:
    """Reaps dead children, including adopted ones."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, options) != (0, 0):
            pass


def _groups_below(ancestor: int) -> set[int]:
    """The process groups of a process's living descendants; its dead children are reaped."""
    _reap(os.WNOHANG)
    table = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,pgid=,stat="], check=True, capture_output=True, text=True
    )
    rows = [line.split() for line in table.stdout.splitlines()]
    below, groups = {ancestor}, set()
    for _ in rows:
        found = {int(r[0]) for r in rows if int(r[1]) in below} - below
        if not found:
            break
        below |= found
    for pid, _parent, group, state in rows:
        if int(pid) in below and int(group) != os.getpgid(ancestor) and not state.startswith("Z"):
            groups.add(int(group))
    return groups
