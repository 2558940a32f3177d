"""Small pieces of one panel's work, shared with cores that have no panel of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

A = TypeVar("A")
R = TypeVar("R")


class Spread:
    """Calls a function on each of several values: here, and in threads beside this one.

    The values come in the same pieces whatever the number of threads, so it changes no bits.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self._pool = (
            ThreadPoolExecutor(threads - 1, initializer=torch.set_num_threads, initargs=(1,))
            if threads > 1
            else None
        )

    def __call__(self, function: Callable[[A], R], values: Sequence[A]) -> list[R]:
        """``function`` of each value, in order."""
        if self._pool is None or len(values) == 1:
            return [function(value) for value in values]

        @torch.inference_mode()  # it holds for a thread alone
        def some(part: int) -> list[R]:
            return [function(value) for value in values[part :: self.threads]]

        others = [self._pool.submit(some, part) for part in range(1, self.threads)]
        parts = [some(0), *(other.result() for other in others)]
        return [parts[i % self.threads][i // self.threads] for i in range(len(values))]

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
