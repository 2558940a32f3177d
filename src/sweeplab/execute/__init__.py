"""Where stacks are trained: here, in local worker processes, or on a SLURM cluster.

Each is a ``concurrent.futures.Executor`` that is given ``train_file`` and the path of a stack's
file. Its future ends when the stack has, with ``WorkerLostError`` if its worker did before it.
What came of the runs is read from their folders. Nothing here knows Hydra.
"""
