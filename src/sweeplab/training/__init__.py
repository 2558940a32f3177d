"""The engines: ``train_one``, the specification, and ``train_stack``, which trains many at once."""

from sweeplab.provenance import ENGINE_VERSION
from sweeplab.training.part import Part
from sweeplab.training.reference import train_one
from sweeplab.training.schedule import iterations, iterations_per_epoch
from sweeplab.training.stacked import Watch, plan_stacks, stream_stack, train_stack
from sweeplab.training.stacked.forms import Sizes, evaluation_share, sizes_of, stack_bytes

__all__ = [
    "ENGINE_VERSION",
    "Part",
    "Sizes",
    "Watch",
    "evaluation_share",
    "iterations",
    "iterations_per_epoch",
    "plan_stacks",
    "sizes_of",
    "stack_bytes",
    "stream_stack",
    "train_one",
    "train_stack",
]
