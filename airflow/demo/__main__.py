"""Starts store, Airflow and services, takes the loop through three days and stays up."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from demo.airflow import Airflow
from demo.days import DAYS, MODEL, PIPELINES, Report
from demo.follow import Follower
from demo.processes import DemoError, Processes, free_port, listens
from demo.screen import Screen
from demo.services import Services

PROJECT = Path(__file__).parents[2]
STATE = Path(os.environ.get("RETUNE_STATE") or PROJECT / ".retune").resolve()
EXAMPLE = PROJECT / "examples" / MODEL
REGISTRATIONS: Sequence[Sequence[str]] = (
    ("register_distribution", "--model", MODEL, "--path", str(EXAMPLE / "distribution.json")),
    ("register_model", "--path", str(EXAMPLE / "pretrained")),
    ("register_model", "--path", str(EXAMPLE / "finetuned"), "--champion", "true"),
)
INTERRUPTED = 130


def main() -> int:
    """Runs the demo; returns 0 if the three days ended as expected."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="stop after the three days")
    stay = not parser.parse_args().exit
    screen = Screen()
    try:
        with _only_one(), Processes(STATE / "logs") as processes:
            airflow = Airflow(STATE / "airflow", PROJECT / "airflow")
            services = Services(STATE)
            mistakes = _three_days(screen, airflow, services, processes)
            print(
                f"\nWhat the loop did and why: {services.pages}/"
                f"\nPredictions:               {services.predictions}/ (a request: /example)"
                f"\nAirflow:                   {airflow.url}/"
                f"\nThe token to steer with is in {services.tokens}; logs and data are in {STATE}.",
                flush=True,
            )
            if stay:
                print("Ctrl-C stops it; `make demo` resumes.", flush=True)
                with suppress(KeyboardInterrupt):
                    _stay(processes)
    except DemoError as error:
        screen.say(f"The demo stopped. {error}")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 1 if mistakes else 0


def _three_days(
    screen: Screen, airflow: Airflow, services: Services, processes: Processes
) -> list[str]:
    """Takes the loop through the days; returns what did not end as expected."""
    program = shlex.split(os.environ.get("RETUNE_COMMAND") or shlex.quote(str(PROJECT / "retune")))
    given = os.environ.get("RETUNE_DEMO_MONGO_URI")
    port = free_port(27018)
    environment = airflow.environment() | {
        "RETUNE_RUNTIME": "process",
        "RETUNE_MONGO_URI": given or f"mongodb://127.0.0.1:{port}/retune",
        "RETUNE_DEPLOYMENT_DIR": str(STATE / "deployment"),
        "RETUNE_DASHBOARD_URL": services.pages,
    }
    screen.say("Starting the document store and Airflow")
    if not given:
        store = ["store", "--port", str(port), "--data", str(STATE / "store")]
        processes.start("store", [*program, *store], environment)
    with airflow.migrated(processes, environment):
        if not given:
            processes.wait_for("The document store's start", lambda: listens(port), 60)
        _register(processes, program, environment)
        where = "that RETUNE_DEMO_MONGO_URI names" if given else f"on port {port}"
        screen.say(f"The example's distribution and models are in the store {where}")
    services.start(processes, program, environment, airflow.url)
    airflow.start(processes, environment)
    services.wait(processes)
    screen.say(f"Predictions are at {services.predictions}, the loop's pages at {services.pages}")
    airflow.wait(processes, PIPELINES)
    screen.say(f"Airflow is up at {airflow.url}")

    follower = Follower(airflow, processes, screen)
    there = [day for day in DAYS if follower.is_done(day)]
    if len(there) == len(DAYS):
        screen.say("The three days have already run; `make clean-demo` deletes them.")
    reports: list[Report] = []
    for day in DAYS:
        if day not in there:
            screen.say(f"{day.date}, {day.title}")
        reports.append(follower.take(day, show=day not in there))
    screen.say("The three days:")
    screen.table(reports)
    mistakes = [mistake for report in reports if (mistake := report.mistake())]
    mistakes += _missing_reports(screen, airflow, reports)
    champion = _champion(program, environment)
    if not there and champion != reports[-1].champions[1]:
        mistakes.append(
            f"The champion in the store is {champion}, which is not the one in the table."
        )
    mistakes += services.mistakes(champion)
    for mistake in mistakes:
        screen.say(mistake)
    return mistakes


def _missing_reports(screen: Screen, airflow: Airflow, reports: Sequence[Report]) -> list[str]:
    """Prints where the reports are; returns those that Airflow does not show."""
    missing: list[str] = []
    for report in reports:
        for task in report.tasks.values():
            if not task.result.get("report"):
                continue
            screen.say(f"Report of {task.name} on {report.day.date}: {task.report}")
            if not airflow.serves(task.report):
                missing.append(f"{report.day.date}: Airflow shows no report of {task.name}.")
    return missing


def _register(processes: Processes, program: Sequence[str], environment: Mapping[str, str]) -> None:
    """Registers the example, but only once: the champion may change later."""
    done = STATE / "registered"
    if not done.exists():
        for registration in REGISTRATIONS:
            processes.run("register", [*program, *registration], environment)
        done.touch()


def _champion(program: Sequence[str], environment: Mapping[str, str]) -> str:
    """The champion, as the store knows it."""
    command = [*program, "load_latest_model", "--model", MODEL]
    answer = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if answer.returncode != 0:
        raise DemoError(f"load_latest_model ended with {answer.returncode}: {answer.stderr}")
    return str(json.loads(answer.stdout)["model_id"])


def _stay(processes: Processes) -> None:
    while True:
        processes.check()
        time.sleep(1)


def _only_one() -> IO[str]:
    """Locks the state until the program ends."""
    STATE.mkdir(parents=True, exist_ok=True)
    lock = (STATE / "lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DemoError(f"Another demo is using {STATE}; stop it first.") from None
    return lock


if __name__ == "__main__":
    sys.exit(main())
