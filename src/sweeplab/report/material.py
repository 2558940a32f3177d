"""What the figures of one data set are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweeplab.figures.bands import evaluations
from sweeplab.statistics import Analysis
from sweeplab.sweeps.settings import setting_numbers
from sweeplab.sweeps.tables import Sweep


@dataclass(frozen=True)
class Material:
    """What the figures of one data set are drawn from."""

    sweep: Sweep
    analysis: Analysis
    points: pd.DataFrame  # every evaluation of every run, with its knobs and setting
    x: str  # the clock on which runs of this sweep are best compared

    @property
    def at(self) -> dict[Any, Any]:
        """The recommended setting."""
        settings = self.sweep.settings
        return settings[settings["setting"] == self.analysis.recommended].iloc[0].to_dict()


def material(sweep: Sweep, analysis: Analysis) -> Material:
    """The material of ``sweep``, which is over one data set."""
    runs = sweep.runs.assign(setting=setting_numbers(sweep.runs, sweep.knobs))
    points = evaluations(runs, sweep.curves, ["setting", *sweep.knobs])
    # An iteration of a larger batch, or an epoch of a larger set, is more work.
    x = "epochs" if {"batch_size", "data.train_size"} & set(sweep.knobs) else "iteration"
    return Material(sweep, analysis, points, x)
