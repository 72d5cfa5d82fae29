"""Serves the reports that tasks wrote to people who may see these tasks.

Install it with this folder as `[core] plugins_folder`, in the API server and where tasks run; tasks
link to reports only where it is installed. The API server reads the reports from the document
store: set RETUNE_MONGO_URI for it, and install pymongo.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, PlainTextResponse

SECONDS_TO_WAIT = 5
COLLECTIONS = ("comparison_reports", "drift_reports")
# A report is one file without scripts. If it had any, they would not run in Airflow's origin.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private",
}
app = FastAPI(title="Reports", openapi_url=None)


@app.get(
    "/reports/{dag_id}/{report_id:path}",
    dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.XCOM))],
)
def report(dag_id: str, report_id: str) -> HTMLResponse:
    """The page of a report that a run of this DAG wrote."""
    page = _page(dag_id, report_id)
    if page is None:
        raise HTTPException(404, f"No run of {dag_id} has written a report {report_id}.")
    return HTMLResponse(page, headers=HEADERS)


@app.exception_handler(HTTPException)
def sentence(_request: Request, error: HTTPException) -> PlainTextResponse:
    """A failure, for a person to read."""
    return PlainTextResponse(str(error.detail), error.status_code)


def _page(dag_id: str, report_id: str) -> str | None:
    try:
        from pymongo.errors import PyMongoError
    except ModuleNotFoundError:
        raise HTTPException(503, "The API server needs pymongo to read reports.") from None
    try:
        found = next(
            filter(
                None,
                (
                    _database()[reports].find_one(
                        {"_id": report_id, "dag_id": dag_id}, {"html": True}
                    )
                    for reports in COLLECTIONS
                ),
            ),
            None,
        )
    except PyMongoError:
        raise HTTPException(
            503,
            "The document store does not answer, so its reports cannot be read. "
            "Check RETUNE_MONGO_URI of the API server.",
        ) from None
    return None if found is None else str(found["html"])


@functools.cache
def _database() -> Any:
    from pymongo import MongoClient

    file = os.environ.get("RETUNE_MONGO_URI_FILE")
    address = Path(file).read_text(encoding="utf-8").strip() if file else _address()
    client: MongoClient[dict[str, Any]] = MongoClient(
        address, serverSelectionTimeoutMS=1000 * SECONDS_TO_WAIT
    )
    return client.get_default_database("retune")


def _address() -> str:
    return os.environ.get("RETUNE_MONGO_URI") or "mongodb://127.0.0.1:27018/retune"


class RetuneReports(AirflowPlugin):
    """Mounts the reports beside Airflow's own pages."""

    name = "retune_reports"
    fastapi_apps = [{"app": app, "url_prefix": "/retune", "name": "Retune's reports"}]
