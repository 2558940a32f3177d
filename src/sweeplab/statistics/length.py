"""What the learning curves say about the length of training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sweeplab.sweeps.settings import replicate_key, usable

Floats = NDArray[np.float64]

LAST = 1 / 3  # of the evaluations: where a curve that has settled is flat
POINTS = 6  # evaluations there, at least
UNUSED = 2  # the last of them: the setting was chosen for being high there
BLOCKS = 4
OFTEN = 0.8  # of the runs
LATE, EARLY = 0.9, 0.5  # of the iterations
EVALUATIONS = 10  # of a run, at least, that its best iteration is one of
ERROR = 0.05


@dataclass(frozen=True)
class Rise:
    """How far one setting's curves still rise, ``rise ± half`` (95 %)."""

    rise: float
    half: float
    start: int  # the iterations it was measured over
    end: int
    runs: int  # or draws; of one the interval is from the scatter of its curve, else from them

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

    Without the last two evaluations: the run was chosen for being high at the end, and what is
    high by chance there was lower just before. The rise is the least-squares slope times the
    iterations it spans.

    Args:
        curves: ``run``, ``iteration``, ``val_accuracy`` (NaN where not evaluated).

    Returns:
        One row a run with six evaluations or more there: ``run``, ``start``, ``end``
        (iterations), ``rise``, ``half`` (95 % by its own scatter, see :func:`_slope`).
    """
    rows = []
    for run, iterations, accuracies in last_part(curves):
        x, y = iterations[:-UNUSED], accuracies[:-UNUSED]
        slope, half = _slope(x, y)
        span = float(x[-1] - x[0])
        rows.append((run, int(x[0]), int(x[-1]), slope * span, half * span))
    return pd.DataFrame(rows, columns=["run", "start", "end", "rise", "half"])


def last_part(curves: pd.DataFrame) -> Iterator[tuple[object, Floats, Floats]]:
    """Of each run with six evaluations or more in its last third, these: iterations, accuracies."""
    for run, curve in curves[curves["val_accuracy"].notna()].groupby("run"):
        last = curve.sort_values("iteration").tail(int(np.ceil(len(curve) * LAST)))
        if len(last) >= POINTS:
            used = last[["iteration", "val_accuracy"]].to_numpy(dtype=np.float64)
            yield run, used[:, 0], used[:, 1]


def _slope(x: Floats, y: Floats) -> tuple[float, float]:
    """The slope of one curve, and half the width of its 95 % interval.

    Neighbours on a curve are no independent observations, and how alike they are is poorly known
    from few. So the wider of two intervals is taken. One has the least-squares standard error
    times sqrt((1 + r) / (1 - r)), and degrees of freedom of n (1 - r) / (1 + r) observations, r
    the residuals' correlation from one evaluation to the next (F. W. Zwiers and H. von Storch,
    J. Climate 8, 1995, section 2), corrected for its bias of -(2 + 4 r) / n after a line is fitted
    (F. H. C. Marriott and J. A. Pope, Biometrika 41, 1954). The other is that of the means of four
    blocks, which hardly know of each other (batch means; A. M. Law, Simulation Modeling and
    Analysis, 2015, section 9.5.3).
    """
    n = len(x)
    line = stats.linregress(x, y)
    residual = y - line.intercept - line.slope * x
    squares = residual @ residual
    r = (residual[1:] @ residual[:-1]) / squares if squares > 0 else 0.0
    r = min(max((r * n + 2) / (n - 4), 0.0), 0.95) if n > 4 else 0.95
    alike = (1 + r) / (1 - r)
    freedom = max(n / alike - 2, BLOCKS - 2)
    corrected = stats.t.ppf(0.975, freedom) * line.stderr * np.sqrt(alike)
    size = n // BLOCKS
    blocks = [part[n - BLOCKS * size :].reshape(BLOCKS, size).mean(axis=1) for part in (x, y)]
    by_blocks = stats.t.ppf(0.975, BLOCKS - 2) * stats.linregress(*blocks).stderr
    return float(line.slope), float(max(corrected, by_blocks))


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
    replicates = runs.drop_duplicates("run").set_index("run")[replicate_key(runs)]
    rise = each["rise"].groupby(each["run"].map(replicates)).mean().to_numpy(dtype=np.float64)
    n = len(rise)
    half = float(each["half"].iloc[0])
    if n > 1:
        half = float(stats.t.ppf(0.975, n - 1) * rise.std(ddof=1) / np.sqrt(n))
    start, end = int(each["start"].min()), int(each["end"].max())
    return Rise(float(rise.mean()), half, start, end, n)


def best_iterations(
    runs: pd.DataFrame, curves: pd.DataFrame, rising: bool = False
) -> BestIterations | None:
    """Where the best iterations of most of the completed ``runs`` fall; None if nowhere.

    On a flat curve any evaluation may be the best one. So most seeds must have it there, more
    than a binomial number of them would by chance. Runs with one seed count as one.

    Args:
        runs: those of the settings that could be best.
        curves: of at least these runs, as :func:`rises` takes them; may be empty.
        rising: whether curves rise to the end (:attr:`Rise.clear`); then none is said to be early.
    """
    done = runs[usable(runs) & (runs["final_iteration"] > 0)]
    if done.empty or curves.empty:
        return None
    end = done.drop_duplicates("run").set_index("run")["final_iteration"]
    known = curves[curves["run"].isin(end.index) & curves["val_accuracy"].notna()]
    part = (known["iteration"] / known["run"].map(end))[known["iteration"] > 0]
    evaluated = part.groupby(known["run"]).size()
    done = done[done["run"].map(evaluated).fillna(0) >= EVALUATIONS]
    if done.empty:
        return None
    part = part[known["run"].isin(done["run"])]
    place = done["best_iteration"] / done["final_iteration"]
    # Curves rise at first, so late ones are held against what is left after that.
    by_chance = (part >= LATE).sum() / (part >= EARLY).sum(), (part <= EARLY).mean()
    for there, late, chance in zip(
        (place >= LATE, place <= EARLY), (True, False), by_chance, strict=True
    ):
        seeds = there.groupby(done["seed"]).mean() >= OFTEN
        false = stats.binom.sf(seeds.sum() - 1, len(seeds), chance)
        if there.mean() >= OFTEN and false <= ERROR:
            return BestIterations(len(done), int(there.sum()), late) if late or not rising else None
    return None
