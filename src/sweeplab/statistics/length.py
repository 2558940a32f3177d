"""What the learning curves say about the length of training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from sweeplab.sweeps.settings import usable

LAST = 1 / 3  # of the evaluations: where a curve that has settled is flat
POINTS = 6
OFTEN = 0.8  # of the runs
LATE, EARLY = 0.9, 0.5  # of the iterations


@dataclass(frozen=True)
class Rise:
    """How far one setting's curves still rise, ``rise ± half`` (95 %)."""

    rise: float
    half: float
    start: int  # the iterations it was measured over
    end: int
    runs: int  # of one run the interval comes from the scatter of its curve, else from the runs

    @property
    def clear(self) -> bool:
        """Whether they rise by more than chance explains."""
        return self.rise > self.half


@dataclass(frozen=True)
class BestIterations:
    """Most of some runs have their best iteration late, or most have it early."""

    runs: int
    there: int  # how many of them
    late: bool  # in the last tenth of training, or else in its first half


def rises(curves: pd.DataFrame) -> pd.DataFrame:
    """How far each run's validation accuracy rose over the last third of its evaluations.

    The rise is the least-squares slope times the iterations it spans. Its standard error is the
    slope's, times sqrt((1 + r) / (1 - r)) with r the residuals' correlation from one evaluation
    to the next, if positive: neighbours on a curve are no independent observations (F. W. Zwiers
    and H. von Storch, J. Climate 8, 1995, section 2).

    Args:
        curves: ``run``, ``iteration``, ``val_accuracy`` (NaN where not evaluated).

    Returns:
        One row a run with six points or more: ``run``, ``start``, ``end`` (iterations),
        ``points``, ``rise``, ``se``.
    """
    rows = []
    for run, curve in curves[curves["val_accuracy"].notna()].groupby("run"):
        tail = curve.tail(int(np.ceil(len(curve) * LAST))).sort_values("iteration")
        if len(tail) < POINTS:
            continue
        x, y = tail["iteration"].to_numpy(), tail["val_accuracy"].to_numpy()
        line = stats.linregress(x, y)
        residual = y - line.intercept - line.slope * x
        squares = residual @ residual
        r = np.clip(residual[1:] @ residual[:-1] / squares, 0, 0.95) if squares > 0 else 0.0
        se = line.stderr * np.sqrt((1 + r) / (1 - r))
        span = x[-1] - x[0]
        rows.append((run, x[0], x[-1], len(tail), line.slope * span, se * span))
    return pd.DataFrame(rows, columns=["run", "start", "end", "points", "rise", "se"])


def rise_of(runs: pd.DataFrame, curves: pd.DataFrame) -> Rise | None:
    """The mean rise over the runs of one setting; None without curves that are long enough.

    Args:
        runs: the runs of that setting.
        curves: of at least these runs, as :func:`rises` takes them; may be empty.
    """
    mine = runs.loc[usable(runs), "run"]
    each = rises(curves[curves["run"].isin(mine)]) if len(curves) else curves
    if each.empty:
        return None
    n = len(each)
    se, df = each["se"].iloc[0], each["points"].iloc[0] - 2
    if n > 1:
        se, df = each["rise"].sem(), n - 1
    half = float(stats.t.ppf(0.975, df) * se)
    return Rise(
        float(each["rise"].mean()), half, int(each["start"].min()), int(each["end"].max()), n
    )


def best_iterations(runs: pd.DataFrame) -> BestIterations | None:
    """Where the best iterations of most of the completed ``runs`` fall; None if nowhere."""
    done = runs[usable(runs) & (runs["final_iteration"] > 0)]
    place = done["best_iteration"] / done["final_iteration"]
    for there, late in ((place >= LATE, True), (place <= EARLY, False)):
        if len(done) and there.sum() >= OFTEN * len(done):
            return BestIterations(len(done), int(there.sum()), late)
    return None
