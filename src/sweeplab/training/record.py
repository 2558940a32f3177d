"""The curves of a run while it is being trained."""

from __future__ import annotations

import numpy as np

from sweeplab.config import RunConfig
from sweeplab.results import Curves
from sweeplab.training.schedule import iterations, iterations_per_epoch


class CurveRecord:
    """Room for every row of a run's curves, filled by an engine as it goes."""

    def __init__(self, config: RunConfig) -> None:
        rows = iterations(config) + 1
        self.batch_size = config.batch_size
        self.per_epoch = iterations_per_epoch(config)
        self.batch_loss = np.full(rows, np.nan, np.float32)
        self.train_loss = np.full(rows, np.nan, np.float32)
        self.train_accuracy = np.full(rows, np.nan, np.float64)
        self.val_loss = np.full(rows, np.nan, np.float32)
        self.val_accuracy = np.full(rows, np.nan, np.float64)

    def evaluation(
        self,
        iteration: int,
        train_loss: float,
        train_accuracy: float,
        val_loss: float,
        val_accuracy: float,
    ) -> None:
        """Note the losses and accuracies over the whole sets after ``iteration`` updates."""
        self.train_loss[iteration] = train_loss
        self.train_accuracy[iteration] = train_accuracy
        self.val_loss[iteration] = val_loss
        self.val_accuracy[iteration] = val_accuracy

    def curves(self, last: int) -> Curves:
        """The rows 0 to ``last``."""
        iteration = np.arange(last + 1)
        return Curves(
            iteration=iteration,
            epoch=-(-iteration // self.per_epoch),
            examples=iteration * self.batch_size,
            batch_loss=self.batch_loss[: last + 1],
            train_loss=self.train_loss[: last + 1],
            train_accuracy=self.train_accuracy[: last + 1],
            val_loss=self.val_loss[: last + 1],
            val_accuracy=self.val_accuracy[: last + 1],
        )
