"""The curves of a run while it is being trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeplab.config import RunConfig
from sweeplab.results import ACCURACIES, METRICS, Curves
from sweeplab.training.schedule import iterations, iterations_per_epoch


class CurveRecord:
    """Room for every row of a run's curves, filled by an engine as it goes.

    Args:
        past: the rows of a run that was stopped, and goes on.
    """

    def __init__(self, config: RunConfig, past: Curves | None = None) -> None:
        self.config = config
        self.values = {
            name: np.full(iterations(config) + 1, np.nan, "f8" if name in ACCURACIES else "f4")
            for name in ("batch_loss", *METRICS)
        }
        if past is not None:
            for name, values in self.values.items():
                values[: len(past)] = getattr(past, name)

    def evaluation(self, iteration: int, values: Sequence[float]) -> None:
        """Note the :data:`METRICS`, over the whole sets, after ``iteration`` updates."""
        self.evaluations(np.array([iteration]), np.array([values]))

    def evaluations(self, iterations: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Note the :data:`METRICS` ``[n, 4]`` after each of n numbers of updates."""
        for name, column in zip(METRICS, values.T, strict=True):
            self.values[name][iterations] = column

    def curves(self, last: int) -> Curves:
        """The rows 0 to ``last``."""
        iteration = np.arange(last + 1)
        return Curves(
            iteration=iteration,
            epoch=-(-iteration // iterations_per_epoch(self.config)),
            examples=iteration * self.config.batch_size,
            **{name: values[: last + 1] for name, values in self.values.items()},
        )
