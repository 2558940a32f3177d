"""The engines: ``train_one``, the specification, and ``train_stack``, which trains many at once."""

from sweeplab.training.part import Part
from sweeplab.training.reference import train_one
from sweeplab.training.schedule import iterations
from sweeplab.training.stacked import ENGINE_VERSION, Watch, plan_stacks, stream_stack, train_stack

__all__ = [
    "ENGINE_VERSION",
    "Part",
    "Watch",
    "iterations",
    "plan_stacks",
    "stream_stack",
    "train_one",
    "train_stack",
]
