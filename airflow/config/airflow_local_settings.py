"""Loaded by every Airflow process that has this folder on its path.

The scheduler's LocalExecutor forks a process for each task. What the scheduler has imported, a task
need not import again: a second or more a task, much more where pods are started.
"""

import importlib
import os
import sys

OPERATORS = ["airflow.providers.standard.operators.python", "croniter"]
POD_OPERATOR = "airflow.providers.cncf.kubernetes.operators.pod"

if "scheduler" in sys.argv:
    in_pods = (os.environ.get("RETUNE_RUNTIME") or "kubernetes") == "kubernetes"
    for module in [*OPERATORS, POD_OPERATOR] if in_pods else OPERATORS:
        importlib.import_module(module)
