"""One sweep with a known truth, as the statistics see it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
INVENTED = "invented"  # a knob that does nothing


@dataclass(frozen=True)
class Drawn:
    """K settings with S seeds each, on M images."""

    settings: pd.DataFrame  # [K] rows, a column a knob
    right: NDArray[np.bool_]  # [K, S, M]
    truth: Floats  # [K], the expected accuracy of each setting
    spread: Floats  # [K], the standard deviation of its expected accuracy over seeds
    draws: int = 1  # of the training images: of the S runs, the seeds of a draw stand together

    @property
    def knobs(self) -> list[str]:
        """The knobs that vary."""
        return [name for name in self.settings if self.settings[name].nunique() > 1]

    def runs(self) -> pd.DataFrame:
        """One row a run, seeds within settings."""
        k, s, m = self.right.shape
        runs = self.settings.loc[self.settings.index.repeat(s)].reset_index(drop=True)
        accuracy = self.right.mean(axis=2).ravel()
        return runs.assign(
            seed=np.tile(np.arange(s) % (s // self.draws), k),
            status="completed",
            final_val_accuracy=accuracy,
            best_val_accuracy=accuracy,
            best_iteration=1,
            **{
                "data.val_size": m,
                "data.train_draw": np.tile(np.arange(s) // (s // self.draws), k),
            },
        )
