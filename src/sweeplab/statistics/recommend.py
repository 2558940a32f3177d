"""One setting among the tied ones, by a rule that is stated and has no chance in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from sweeplab.config import KNOBS
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

    Of equal means the one whose neighbours have the highest, those that differ from it in one knob
    by one step: what is good by luck has no such neighbours. Then the one with the fewest training
    examples seen. On sweeps drawn from real runs (``make coverage``), where a quarter of the
    highest means are equal on 500 images, to prefer seeds that agree, or the largest weight decay,
    lost accuracy to the first of them. So did a rule that takes a simpler setting within one
    standard error (L. Breiman, J. Friedman, R. Olshen and C. Stone, Classification and Regression
    Trees, 1984, section 3.4.3): two to four times as much to the truly best.

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
    mean = near["mean"].round(DIGITS)
    numbers = [int(number) for number in near.loc[mean == mean.max(), "setting"]]
    if len(numbers) == 1:
        return numbers[0]
    around = _around(settings.set_index("setting"), tied.set_index("setting")["mean"], knobs)
    order = pd.DataFrame(
        {
            "around": [-around(number) for number in numbers],
            "cost": cost.reindex(numbers).to_numpy(),
        },
        index=numbers,
    ).sort_values(["around", "cost"], kind="stable")
    return int(order.index[0])


def _around(
    settings: pd.DataFrame, mean: pd.Series[float], knobs: Sequence[str]
) -> Callable[[int], float]:
    """The mean over a setting's neighbours, as a function of its number; NaN where it has none.

    Neighbours differ in one knob, by one step if its values have an order.
    """
    rows = settings.loc[mean.index]
    ranks = np.array([pd.factorize(rows[knob], sort=True)[0] for knob in knobs])
    ordered = np.array([KNOBS[knob].ordered if knob in KNOBS else False for knob in knobs])

    def around(number: int) -> float:
        apart = np.abs(ranks - ranks[:, mean.index == number])
        apart[~ordered] = np.minimum(apart[~ordered], 1)
        beside = apart.sum(axis=0) == 1
        return round(float(mean[beside].mean()), DIGITS) if beside.any() else np.nan

    return around
