"""The luck of the last iterations: all that one seed shows of the chance of training."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sweeplab.statistics.length import last_part
from sweeplab.statistics.noise import Floats
from sweeplab.statistics.seeds import trend
from sweeplab.sweeps.settings import usable


def last_steps(runs: pd.DataFrame, numbers: pd.Series[int], curves: pd.DataFrame) -> Floats | None:
    """How much each setting's accuracy varies from one evaluation to the next, as a variance.

    A run ends somewhere on a curve that goes up and down; where it does is luck that another seed
    would not repeat. On real runs of the shipped grid its standard deviation is 0.6 to 1.5 times
    that over seeds, where that is 0.005 as where it is 0.05. It is the residual variance around a
    line over the last third of the evaluations. Settings with fewer than six there get what is
    typical of settings as good.

    Args:
        runs: with one usable run a setting.
        numbers: the setting of each run.
        curves: ``run``, ``iteration``, ``val_accuracy``; may be empty.

    Returns:
        ``[K]``, or None where no curve is long enough.
    """
    done = usable(runs)
    accuracy = runs["final_val_accuracy"].where(done).groupby(numbers).mean()
    mean = accuracy.fillna(0.0).to_numpy(dtype=np.float64)  # [K]
    setting = dict(zip(runs.loc[done, "run"], numbers[done].astype(int), strict=True))
    found, freedom = np.full(len(mean), np.nan), np.ones(len(mean))
    for run, x, y in last_part(curves[curves["run"].isin(setting)] if len(curves) else curves):
        residual = y - np.polyval(np.polyfit(x, y, 1), x)
        freedom[setting[run]] = len(x) - 2
        found[setting[run]] = float(residual @ residual) / (len(x) - 2)
    measured = np.isfinite(found)
    if not measured.any():
        return None
    typical = trend(mean, mean[measured], found[measured], freedom[measured])
    return np.where(measured, found, np.maximum(typical, 0.0))
