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


def rises(curves: pd.DataFrame, last: float = LAST) -> pd.DataFrame:
    """How far each run's validation accuracy rose over the last third of its evaluations.

    The rise is the least-squares slope times the iterations it spans. Its standard error is the
    slope's, times sqrt((1 + r) / (1 - r)) with r the residuals' correlation from one evaluation
    to the next, if positive: neighbours on a curve are no independent observations (F. W. Zwiers
    and H. von Storch, J. Climate 8, 1995, section 2).

    Args:
        curves: ``run``, ``iteration``, ``val_accuracy`` (NaN where not evaluated).
        last: the share of evaluations taken.

    Returns:
        One row a run with six points or more: ``run``, ``start``, ``end`` (iterations),
        ``points``, ``rise``, ``se``.
    """
    rows = curves.loc[curves["val_accuracy"].notna(), ["run", "iteration", "val_accuracy"]]
    rows = rows.reset_index(drop=True)
    by = rows.groupby("run", sort=False)
    from_end = by.cumcount(ascending=False)
    total = by["iteration"].transform("size")
    tail = rows[from_end < np.ceil(total * last)].sort_values(["run", "iteration"])
    tail = tail[tail.groupby("run")["iteration"].transform("size") >= POINTS]
    if tail.empty:
        return pd.DataFrame(columns=["run", "start", "end", "points", "rise", "se"])
    by = tail.groupby("run", sort=False)
    x = (tail["iteration"] - by["iteration"].transform("mean")).astype("float64")
    y = tail["val_accuracy"] - by["val_accuracy"].transform("mean")
    run = tail["run"]
    sxx = (x * x).groupby(run).sum()
    slope = (x * y).groupby(run).sum() / sxx
    residual = y - x * run.map(slope)
    n = by.size()
    squares = (residual**2).groupby(run).sum()
    neighbour = (residual * residual.groupby(run).shift(1)).groupby(run).sum()
    r = (neighbour / squares.where(squares > 0)).fillna(0.0).clip(0.0, 0.95)
    start, end = by["iteration"].min(), by["iteration"].max()
    se = np.sqrt(squares / (n - 2) / sxx * (1 + r) / (1 - r))
    frame = pd.DataFrame(
        {
            "start": start,
            "end": end,
            "points": n,
            "rise": slope * (end - start),
            "se": se * (end - start),
        }
    )
    return frame.rename_axis("run").reset_index()


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
    """Where in training the best iterations of some runs fall."""

    runs: int
    late: int  # in the last tenth
    early: int  # in the first half

    @property
    def always_late(self) -> bool:
        """Late in most runs: training may be too short."""
        return self.late >= OFTEN * self.runs

    @property
    def always_early(self) -> bool:
        """Early in most runs: fewer iterations would do."""
        return not self.always_late and self.early >= OFTEN * self.runs


def rise_of(runs: pd.DataFrame, curves: pd.DataFrame) -> Rise | None:
    """The mean rise over the runs of one setting; None without curves that are long enough.

    Args:
        runs: the runs of that setting.
        curves: of at least these runs, as :func:`rises` takes them.
    """
    mine = runs.loc[usable(runs), "run"]
    each = rises(curves[curves["run"].isin(mine)]) if len(curves) else pd.DataFrame()
    if each.empty:
        return None
    n = len(each)
    if n > 1:
        se, df = float(each["rise"].std(ddof=1)) / np.sqrt(n), n - 1
    else:
        se, df = float(each["se"].iloc[0]), int(each["points"].iloc[0]) - 2
    return Rise(
        rise=float(each["rise"].mean()),
        half=float(stats.t.ppf(0.975, df)) * se,
        start=int(each["start"].min()),
        end=int(each["end"].max()),
        runs=n,
    )


def best_iterations(runs: pd.DataFrame) -> BestIterations | None:
    """Where the best iterations of the completed ``runs`` fall; None without any."""
    done = runs[usable(runs) & (runs["final_iteration"] > 0)]
    if done.empty:
        return None
    place = done["best_iteration"] / done["final_iteration"]
    return BestIterations(len(done), int((place >= LATE).sum()), int((place <= EARLY).sum()))
