"""The engines: ``train_one``, the specification, and ``train_stack``, which trains many at once."""

from sweeplab.training.reference import train_one
from sweeplab.training.schedule import iterations
from sweeplab.training.stacked import ENGINE_VERSION, plan_stacks, train_stack

__all__ = ["ENGINE_VERSION", "iterations", "plan_stacks", "train_one", "train_stack"]
