"""How the runs of a sweep ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sweeplab.statistics.keys import DECAY, LR
from sweeplab.sweeps.settings import repeated, usable


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Numbers of runs, and what those that diverged or failed have in common."""

    runs: int
    usable: int  # completed with a finite accuracy
    diverged: int
    failed: int
    repeated: int  # repeat the setting and seed of another, and count once
    by_rate: pd.Series[float]  # from the first learning rate with diverged runs on, their share
    decay_alone: bool  # lr × weight decay > 2 in all of them: decay alone makes weights grow
    error: str  # the most frequent one's first line, or empty


def outcomes(runs: pd.DataFrame, knobs: Sequence[str]) -> Outcomes:
    """Count the runs, a row each, with ``status``, ``error`` and the keys of their configuration.

    A step of gradient descent multiplies the weights by 1 - lr × weight decay, besides what the
    data say: beyond 2 this is below -1.
    """
    good, gone = usable(runs), runs["status"] == "diverged"
    bad = ~good & ~gone
    by_rate, decay_alone = pd.Series(dtype="float64"), False
    if gone.any() and LR in runs and runs[LR].nunique() > 1:
        share = gone.groupby(runs[LR]).mean()
        by_rate = share[share.index >= share[share > 0].index[0]]
        if DECAY in runs:
            decay_alone = bool((runs[LR] * runs[DECAY])[gone].astype("float64").gt(2).all())
    errors = runs.loc[bad, "error"].dropna().value_counts().index  # the most frequent first
    return Outcomes(
        runs=len(runs),
        usable=int(good.sum()),
        diverged=int(gone.sum()),
        failed=int(bad.sum()),
        repeated=int(repeated(runs, knobs).sum()),
        by_rate=by_rate,
        decay_alone=decay_alone,
        error=next(iter(errors), "").partition("\n")[0],
    )
