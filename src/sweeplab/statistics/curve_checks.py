"""What the learning curves say about the length of training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from sweeplab.statistics.replicates import usable
from sweeplab.statistics.words import Finding, counted, plus_minus

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


def still_rising(runs: pd.DataFrame, curves: pd.DataFrame, which: str) -> list[Finding]:
    """Whether the curves of one setting still rise when training ends.

    Args:
        runs: the runs of that setting.
        curves: of at least these runs.
        which: the setting, in words.
    """
    mine = runs.loc[usable(runs), "run"]
    found = rises(curves[curves["run"].isin(mine)]) if len(curves) else pd.DataFrame()
    if found.empty:
        return []
    n, rise = len(found), float(found["rise"].mean())
    if n > 1:
        se, df = float(found["rise"].std(ddof=1)) / np.sqrt(n), n - 1
        how = f"95 % t interval over {n} seeds"
    else:
        se, df = float(found["se"].iloc[0]), int(found["points"].iloc[0]) - 2
        how = "one seed; 95 % interval from the scatter of its curve"
    half = float(stats.t.ppf(0.975, df)) * se
    if not rise > half:
        return []
    start, end = int(found["start"].min()), int(found["end"].max())
    text = (
        f"The validation accuracy of {which} still rises: by {plus_minus(rise, half, signed=True)} "
        f"from iteration {start:,} to {end:,} ({how}). Train longer."
    )
    return [Finding("rising", text, "warning")]


def best_iterations(runs: pd.DataFrame, of: str) -> list[Finding]:
    """Whether the best iteration falls always at the end, or always early.

    Args:
        runs: the runs to look at.
        of: which they are, in words.
    """
    done = runs[usable(runs) & (runs["final_iteration"] > 0)]
    if done.empty:
        return []
    place = done["best_iteration"] / done["final_iteration"]
    late, early = int((place >= LATE).sum()), int((place <= EARLY).sum())
    n = len(done)
    if late >= OFTEN * n:
        text = (
            f"The best iteration lies in the last tenth of training in {late} of "
            f"{counted(n, 'run')} of {of}: training may be too short."
        )
        return [Finding("longer", text, "warning" if n > 1 else "note")]
    if early >= OFTEN * n:
        text = (
            f"The best iteration lies in the first half of training in {early} of "
            f"{counted(n, 'run')} of {of}: fewer iterations would do."
        )
        return [Finding("shorter", text, "note")]
    return []


def training_length(
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    setting: pd.Series[int],
    tied: Sequence[int],
    recommended: int,
    words: str,
) -> list[Finding]:
    """Both checks: best iterations of the tied settings, the curves of the recommended one."""
    among = runs[setting.isin(list(tied))]
    of = "the tied settings" if len(tied) > 1 else words
    return best_iterations(among, of) + still_rising(runs[setting == recommended], curves, words)
