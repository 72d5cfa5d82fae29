"""What the DAG files are made of: loops, and steps as tasks."""

from retune.loops import Loop, loops
from retune.steps import LOGICAL_DATE, param, result, sharded, step

__all__ = ["LOGICAL_DATE", "Loop", "loops", "param", "result", "sharded", "step"]
