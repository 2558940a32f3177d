"""Where stacks are trained: here, in local worker processes, or on a SLURM cluster.

Each is a ``concurrent.futures.Executor`` that is given ``train_file`` and the path of a stack's
file. Its future ends when the stack has, with :class:`WorkerLostError` if its worker did before it.
What came of the runs is read from their folders.
"""

from sweeplab.execute.inline import Inline
from sweeplab.execute.lost import WorkerLostError
from sweeplab.execute.options import EXECUTORS, Options, cpus
from sweeplab.execute.processes import Processes

__all__ = ["EXECUTORS", "Inline", "Options", "Processes", "WorkerLostError", "cpus"]
