"""Puts Retune's pages into the navigation of Airflow's UI.

Install it with this folder as `[core] plugins_folder` of the API server, and set
RETUNE_DASHBOARD_URL to the address at which browsers reach the control service.
"""

from __future__ import annotations

import os

from airflow.plugins_manager import AirflowPlugin

ADDRESS = os.environ.get("RETUNE_DASHBOARD_URL", "")


class RetuneDashboard(AirflowPlugin):
    """A link, not a frame: the pages refuse to be framed, so that no page can trick a click."""

    name = "retune_dashboard"
    external_views = (
        [
            {
                "name": "Retune",
                "href": ADDRESS.rstrip("/") + "/",
                "destination": "nav",
                "nav_top_level": True,
            }
        ]
        if ADDRESS.startswith(("https://", "http://"))
        else []
    )
