"""One setting among the tied ones, by a rule that is stated and has no chance in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweeplab.statistics.keys import DECAY
from sweeplab.sweeps.settings import setting_numbers

DIGITS = 9  # of means that count: sums of floats differ beyond


def candidates(settings: pd.DataFrame) -> list[int]:
    """The settings that may be recommended: those that ran to the end with every seed.

    A setting that diverged with one seed is not averaged over its survivors. Only when no
    setting is without divergence, those are left that diverged least often.

    Args:
        settings: as ``sweeps.settings.summarise`` gives it.
    """
    share = (settings["diverged"] / settings["runs"]).where(settings["n"] > 0, np.inf)
    if not np.isfinite(share).any():
        return []
    return [int(k) for k in settings.loc[share == share.min(), "setting"]]


def examples_seen(runs: pd.DataFrame, knobs: Sequence[str]) -> pd.Series[float]:
    """The training examples that a run of each setting goes through: its cost.

    Epochs times training-set size: that some batch sizes drop a last, partial batch must not
    decide between settings.
    """
    if {"epochs", "data.train_size"} <= set(runs):
        cost = runs["epochs"].astype("float64") * runs["data.train_size"].astype("float64")
    else:
        cost = pd.Series(np.nan, index=runs.index)
    return cost.groupby(setting_numbers(runs, knobs)).max()


def recommend(
    settings: pd.DataFrame,
    tied: pd.DataFrame,
    knobs: Sequence[str],
    cost: pd.Series[float],
) -> int | None:
    """The number of the recommended setting: that of the highest mean.

    Of equal means the one whose seeds agree best, then the fewest training examples seen, then
    the largest weight decay. On sweeps drawn from real runs (``make coverage``) a rule that takes
    a simpler setting within one standard error (L. Breiman, J. Friedman, R. Olshen and C. Stone,
    Classification and Regression Trees, 1984, section 3.4.3) lost two to four times as much
    accuracy to the truly best, also with one validation image in place of the standard error.

    Args:
        settings: as ``sweeps.settings.summarise`` gives it.
        tied: as :func:`~.tied.tied_set` gives it.
        knobs: the swept configuration keys.
        cost: as :func:`examples_seen` gives it.

    Returns:
        None when nothing is tied.
    """
    near = tied[tied["tied"].astype(bool)]
    if near.empty:
        return None
    numbers = near["setting"].astype(int).to_numpy()
    rows = settings.set_index("setting").loc[numbers]
    decay = rows[DECAY] if DECAY in knobs else pd.Series(0.0, index=rows.index)
    order = pd.DataFrame(
        {
            "mean": -near["mean"].round(DIGITS).to_numpy(),
            "sd": rows["sd"].fillna(0.0),
            "cost": cost.reindex(numbers).to_numpy(),
            "decay": -decay.astype("float64"),
        },
        index=rows.index,
    ).sort_values(["mean", "sd", "cost", "decay"], kind="stable")
    return int(order.index[0])
