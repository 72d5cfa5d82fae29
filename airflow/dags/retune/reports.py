"""Links from tasks that judge to the reports behind their verdicts."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

PLUGIN = "retune_reports"  # in airflow/plugins; it serves what is linked here
REPORT = "report"


class ReportLink(BaseOperatorLink):
    """A button *Report* under a task's *Details*, if its verdict has a report."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The report's address, or an empty one, which shows no button."""
        result = ti_key.xcom_pull(task_ids=operator.task_id)
        report = result.get(REPORT) if isinstance(result, dict) else None
        if not report or find_spec(PLUGIN) is None:
            return ""
        airflow = ti_key.log_url.rpartition("/dags/")[0]
        return f"{airflow}/retune/reports/{quote(operator.dag_id)}/{quote(report)}"
