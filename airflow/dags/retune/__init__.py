"""The building blocks of the DAG files: loops, and steps as tasks."""

from retune.loops import Loop, loops
from retune.steps import LOGICAL_DATE, day_param, param, result, sharded, step

__all__ = ["LOGICAL_DATE", "Loop", "day_param", "loops", "param", "result", "sharded", "step"]
