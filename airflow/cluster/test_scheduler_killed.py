"""Airflow's scheduler is killed during a step, in three ways, and restarted."""

import os
import signal

import psutil
import pytest

from cluster.release import wait_for

ROWS = 2_000_000
LIVE = "rows read:"  # Airflow shows a line when the next one arrives, five seconds later


def everything(scheduler):
    """As when a machine or a container dies."""
    return [scheduler, *scheduler.children(recursive=True)]


def process_group(scheduler):
    """As when a shell ends a job: tasks live on, because each has its own process group."""
    members = [scheduler, *scheduler.children(recursive=True)]
    return [member for member in members if os.getpgid(member.pid) == scheduler.pid]


def first_process(scheduler):
    """As when the kernel kills the process that uses most memory."""
    return [scheduler]


@pytest.mark.parametrize(
    ("day", "victims"),
    [
        ("2026-09-01", everything),
        ("2026-09-02", process_group),
        ("2026-09-03", first_process),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_day_is_whole_and_single_all_the_same(
    airflow, processes, settings, release, start, day, victims
):
    run = start("data_pipeline", day, rows=ROWS)
    pod = release.running("generate-data")
    wait_for("A line of the step in the log", lambda: LIVE in run.log("generate_data"), 60)
    scheduler = psutil.Process(processes.pid("airflow-scheduler"))
    before = everything(scheduler)

    for victim in victims(scheduler):
        victim.send_signal(signal.SIGKILL)
    airflow.start_part("scheduler", processes, settings)

    ended = run.wait("process_data", "success", "failed")
    assert ended["state"] == "success"
    assert run.result("generate_data")["rows"] == ROWS
    assert run.result("process_data")["rows_out"] == ROWS
    reattached = f"Reconnecting to pod {release.namespace}/{pod}" in run.log("generate_data", 2)
    print(f"{victims.__name__}: {'the same pod' if reattached else 'another pod'}")
    if victims is everything:
        assert reattached
    for process in before:
        if process.is_running():
            process.kill()
