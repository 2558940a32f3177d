"""What a future holds when its worker ended before its stack."""

from __future__ import annotations

from sweeplab.errors import SweeplabError


class WorkerLostError(SweeplabError):
    """A worker was killed, crashed, or ran out of its time. The message says what is known.

    Args:
        memory: whether it is known to have asked for more memory than it was given.
    """

    def __init__(self, message: str, *, memory: bool = False) -> None:
        super().__init__(message)
        self.memory = memory
