"""``train_stack``: many runs trained at once, each exactly as it would come out alone."""

from sweeplab.training.stacked.engine import Watch, stream_stack, train_stack
from sweeplab.training.stacked.grouping import STACK_WIDTH, plan_stacks, stack_key

__all__ = [
    "STACK_WIDTH",
    "Watch",
    "plan_stacks",
    "stack_key",
    "stream_stack",
    "train_stack",
]
