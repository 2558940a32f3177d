"""The first sentences of a report, made from the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.statistics.noise import Noise
from sweeplab.statistics.recommend import RULE
from sweeplab.statistics.words import (
    accuracy,
    counted,
    listed,
    plus_minus,
    setting,
)


def answer(
    model: Noise,
    table: pd.DataFrame,
    tied: pd.DataFrame,
    chosen: dict[str, Any] | None,
    luck: pd.DataFrame,
    knobs: Sequence[str],
) -> list[str]:
    """Which setting to use, what it is tied with, and what to expect of it.

    Args:
        model: see :func:`~.noise.noise`.
        table: as :func:`~.settings.settings` gives it.
        tied: as :func:`~.tied.tied_set` gives it.
        chosen: as :func:`~.recommend.recommend` gives it.
        luck: as :func:`~.optimism.optimism` gives it.
        knobs: those that vary.

    Returns:
        two to five sentences; the first fits a headline.
    """
    if chosen is None or tied.empty:
        return ["No run completed, so there is no setting to recommend."]
    rows = table.set_index("setting")
    row = rows.loc[chosen["setting"]]
    said = [_use(row, chosen, knobs, model, len(table))]
    if not row["stable"]:
        said.append(
            f"Every setting diverged with some seed; this one did in {int(row['n_diverged'])} of "
            f"{int(row['n_runs'])} runs, and its mean is over the others."
        )
    if len(table) == 1:
        return said
    said += _ties(rows, tied, chosen, knobs, model)
    outside = len(table) - len(tied)
    if outside:
        why = "diverged with some seed or had no result"
        said.append(f"Not compared: {counted(outside, 'setting')} that {why}.")
    return said + _expect(luck)


def _use(
    row: pd.Series[Any], chosen: dict[str, Any], knobs: Sequence[str], model: Noise, among: int
) -> str:
    n, images = int(row["n"]), model.images
    half = float(row["high_final"] - row["mean_final"])
    spread = (
        ""
        if not np.isfinite(row["se_images"])
        else (f"the choice of the images adds a standard error of {row['se_images']:.3f}")
    )
    on = f" on {counted(images, 'image')}" if images else ""
    if n > 1:
        number = f"{plus_minus(float(row['mean_final']), half)} validation accuracy{on}"
        how = f"mean and 95 % t interval over {n} seeds, after the last iteration"
    else:
        number = f"{accuracy(float(row['mean_final']))} validation accuracy{on}"
        how = "one seed, so no interval over seeds; after the last iteration"
    note = f"{how}; {spread}" if spread else how
    if among == 1:
        return f"One setting ran: {number} ({note})."
    return f"Use {setting(chosen, knobs)}: {number} ({note})."


def _ties(
    rows: pd.DataFrame,
    tied: pd.DataFrame,
    chosen: dict[str, Any],
    knobs: Sequence[str],
    model: Noise,
) -> list[str]:
    among = tied[tied["tied"].astype(bool)].sort_values("mean", ascending=False)
    k, n = len(among), len(tied)
    chance = f"this covers {model.chance}, and that {n} settings were compared"
    if n == 1:
        return ["No other setting ran to the end with every seed, so there is nothing to compare."]
    if k == 1:
        return [f"With 95 % confidence it is the best of the {n} settings ({chance})."]
    others = [
        f"{_difference(rows.loc[number].to_dict(), chosen, knobs)} ({accuracy(mean)})"
        for number, mean in zip(among["setting"], among["mean"], strict=True)
        if number != chosen["setting"]
    ]
    who, differ = ("The other", "it differs") if k == 2 else ("The others", "they differ")
    where = f", where {differ}" if len(knobs) > 1 else ""
    said = [
        f"It is tied with {counted(k - 1, 'other')}: with 95 % confidence the truly best of the "
        f"{n} settings is among these {k} ({chance}). {who}{where}: {listed(others)}."
    ]
    top = among.iloc[0]
    if int(top["setting"]) != chosen["setting"]:
        mine = among.set_index("setting").loc[chosen["setting"]]
        said.append(
            f"The highest mean, {accuracy(float(top['mean']))}, belongs to "
            f"{setting(rows.loc[top['setting']].to_dict(), knobs)}, "
            f"{-float(mine['difference']):.3f} ahead with a standard error of "
            f"{float(mine['se']):.3f}; the choice between them follows a rule ({RULE})."
        )
    return said


def _difference(other: dict[Any, Any], chosen: dict[str, Any], knobs: Sequence[str]) -> str:
    """The knobs of another setting that have other values than the chosen one's."""
    return setting(other, [knob for knob in knobs if other[knob] != chosen[knob]])


def _expect(luck: pd.DataFrame) -> list[str]:
    row = luck.iloc[0]
    if not np.isfinite(row["corrected"]) or row["k"] < 2:
        return []
    return [
        f"The highest of {int(row['k'])} accuracies, {accuracy(row['highest'])}, is optimistic by "
        f"about {max(float(row['optimism']), 0.0):.3f}: on new images expect about "
        f"{accuracy(row['corrected'])} of a setting chosen this way (bootstrap over "
        f"{int(row['images'])} images; luck with seeds and training images is not counted)."
    ]
