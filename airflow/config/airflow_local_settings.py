"""Imports modules in the scheduler that tasks would otherwise import one by one.

Every Airflow process with this folder on its path loads this file. LocalExecutor forks a process
for each task, which then has these modules already: that saves a second or more a task.
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
