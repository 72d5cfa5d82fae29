"""How a step in a pod spends its time."""

from datetime import datetime

from cluster.release import wait_for
from cluster.runs import Run

SECONDS_OF_A_SMALL_DAY = 20
# A task's state is reported before the last lines of its log are written.
SECONDS_UNTIL_THE_LOG_IS_WHOLE = 30

# The first line of each phase in the log; a phase lasts until the next one begins.
PHASES = {
    "Airflow's task starts, until it asks for the pod": "::group::Pre Execute",
    "the cluster schedules the pod and starts its container": "Building pod",
    "the step: Java's start, the store, its work": "Started container base",
    "Airflow fetches the result from the sidecar": "Checking if xcom sidecar",
    "Airflow deletes the pod and keeps the result": "Deleting pod",
}


def seconds_of_phases(run: Run, name: str) -> dict[str, float]:
    """Seconds from each phase's first line in the log to the next one's, or to the task's end."""
    begins = [
        wait_for(
            f"'{said}' in the log of {name}",
            lambda said=said: next((at for at, event in run.events(name) if said in event), None),
            SECONDS_UNTIL_THE_LOG_IS_WHOLE,
        )
        for said in PHASES.values()
    ]
    ends = [*begins[1:], datetime.fromisoformat(run.task(name)["end_date"])]
    return {
        phase: (end - begin).total_seconds()
        for phase, begin, end in zip(PHASES, begins, ends, strict=True)
    }


def test_a_light_step_is_mostly_waited_for_not_worked_on(start):
    run = start("data_pipeline", "2026-08-01", rows=100)
    run.wait("process_data", "success")
    phases = seconds_of_phases(run, "process_data")
    print()
    for phase, seconds in phases.items():
        print(f"{seconds:6.2f} s  {phase}")
    assert min(phases.values()) >= 0
    assert sum(phases.values()) < SECONDS_OF_A_SMALL_DAY
