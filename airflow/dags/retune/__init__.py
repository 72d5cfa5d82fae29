"""The building blocks of the DAG files: loops, and steps as tasks."""

from retune.approval import AskPerson, StartApproval
from retune.loops import Loop, loops
from retune.retraining import StartRetraining
from retune.steps import LOGICAL_DATE, day_param, mapped, param, result, sharded, step

__all__ = [
    "LOGICAL_DATE",
    "AskPerson",
    "Loop",
    "StartApproval",
    "StartRetraining",
    "day_param",
    "loops",
    "mapped",
    "param",
    "result",
    "sharded",
    "step",
]
