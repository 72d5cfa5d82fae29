"""Marks each run with the day that it works on, so that run lists and pages show it.

The day becomes the run's partition key, where a form's date or yesterday stands in for it, and its
note. Install this with its folder as `[core] plugins_folder` of the scheduler.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun


@hookimpl
def on_dag_run_running(dag_run: DagRun) -> None:
    """Marks a run as it starts; a note that somebody has left stays."""
    dag = dag_run.dag
    if dag is None or "retune" not in dag.tags or "date" not in dag.params:
        return
    # The same rule as LOGICAL_DATE in dags/retune/steps.py, on which the steps work.
    yesterday = f"{dag_run.run_after - timedelta(days=1):%Y-%m-%d}"
    day = dag_run.partition_key or (dag_run.conf or {}).get("date") or yesterday
    dag_run.partition_key = day
    dag_run.note = dag_run.note or day


class RetuneDays(AirflowPlugin):
    """Registers this module as a listener."""

    name = "retune_days"
    listeners = [sys.modules[__name__]]
