"""Sentences that captions share: how bands were made, and what is not in the picture."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sweeplab.figures.curves import MOST_POINTS, RUN, accuracy_floor, loss_limit
from sweeplab.words import count


def bands_note(n: pd.Series[int]) -> str:
    """How lines and bands were made, with the number of seeds of each point."""
    if n.max() == 1:
        return "One seed each, so there are no bands."
    return f"Lines are means over seeds, bands their 95 % t intervals ({_seeds(n)})."


def bars_note(n: pd.Series[int]) -> str:
    """As :func:`bands_note`, for bars; a part of a sentence."""
    if n.max() == 1:
        return "; one seed each, so there are no intervals"
    return f"; bars are 95 % t intervals over seeds ({_seeds(n)})"


def above_limit(points: pd.DataFrame, metric: str) -> str:
    """How many runs leave a loss panel at its top; empty if none does."""
    above = points[points[metric] > loss_limit(points, metric)].groupby(RUN).ngroups
    if not above:
        return ""
    leave = "leaves" if above == 1 else "leave"
    return f" {count(above, 'run')} {leave} the loss panel at its top, where the axis is cut."


def curves_note(table: pd.DataFrame, groups: Sequence[str], x: str) -> str:
    """Where the accuracy axes begin, if not at 0, and what of the curves is drawn, if not all."""
    floor = accuracy_floor(table, groups, x)
    longest = int(table.groupby(list(groups)).size().max())
    return (f" Accuracy axes begin at {floor:.1f}." if floor > 0 else "") + (
        f" Of the {longest} evaluations of a curve, {MOST_POINTS} at even distances are drawn."
        if longest > MOST_POINTS
        else ""
    )


def with_rest(rest: str) -> str:
    """The values that the other knobs keep, as a caption's first sentence."""
    return f"With {rest}. " if rest else ""


def _seeds(n: pd.Series[int]) -> str:
    low, high = int(n.min()), int(n.max())
    return f"n = {low} seeds" if low == high else f"n = {low} to {high} seeds"
