"""Which setting to use, what it is tied with, and what to expect of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.statistics.analysis import Analysis
from sweeplab.statistics.chance import Chance
from sweeplab.sweeps.settings import METRIC, typical_run
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, number, plus_minus, setting_text, some

# What statistics.recommend does.
RULE = (
    "of equal means the one is taken whose seeds agree best, then the one that sees the fewest "
    "training examples, then the one with the largest weight decay"
)


def headline(part: Sweep, analysis: Analysis) -> tuple[str, str]:
    """The answer in a sentence, and how its number was got."""
    if analysis.recommended is None:
        return "No run completed, so there is no setting to recommend.", ""
    row = row_of(part, analysis.recommended)
    accuracy = f"{plus_minus(row[METRIC], row['half_width'])} validation accuracy"
    if analysis.chance.images:
        accuracy += f" on {count(analysis.chance.images, 'image')}"
    how = "One seed, so no interval over seeds; after the last iteration"
    if row["n"] > 1:
        how = f"Mean and 95 % t interval over {row['n']} seeds, after the last iteration"
    if np.isfinite(analysis.se_images):
        how += f"; the choice of the images adds a standard error of {analysis.se_images:.3f}"
    start = "One setting ran" if len(part.settings) == 1 else f"Use {setting(row, part.knobs)}"
    return f"{start}: {accuracy}.", f"{how}."


def one_setting(part: Sweep, analysis: Analysis) -> str:
    """Which setting to use, with the run that stands for it; nothing where there was no choice."""
    run = typical_run(part.runs, part.knobs, analysis.recommended)
    if analysis.recommended is None or run is None or len(part.settings) < 2:
        return ""
    row = row_of(part, analysis.recommended)
    return f"If you want one setting, use {setting(row, part.knobs)} (run {run['run']})."


def answer(part: Sweep, analysis: Analysis) -> list[str]:
    """What follows the headline: none to four sentences."""
    if analysis.recommended is None:
        return []
    row = row_of(part, analysis.recommended)
    said = []
    if row["diverged"]:
        said.append(
            f"Every setting diverged with some seed; this one did in {row['diverged']} of "
            f"{count(row['runs'], 'run')}, and its mean is over the others."
        )
    if len(part.settings) > 1:
        said += _ties(part, analysis)
    if outside := len(part.settings) - len(analysis.tied):
        said.append(
            f"Not compared: {count(outside, 'setting')} that diverged with some seed or had no "
            "result."
        )
    return said + _expect(analysis.optimism.iloc[0], analysis.chance)


def setting(values: Mapping[Any, Any], knobs: Sequence[str]) -> str:
    """``learning rate = 0.1, batch size = 64``; without knobs "the one setting that ran"."""
    return setting_text(values, knobs) or "the one setting that ran"


def row_of(part: Sweep, number: int) -> dict[Any, Any]:
    """The row of a setting in ``part.settings``."""
    [row] = part.settings[part.settings["setting"] == number].to_dict("records")
    return row


def covered(chance: Chance) -> str:
    """Which chance the comparisons cover."""
    same = chance.fewest == chance.most
    seeds = count(chance.most, "seed") if same else f"{chance.fewest} to {chance.most} seeds"
    if chance.images is None:
        return f"{seeds}, not the choice of the validation images"
    many = count(chance.images, "validation image")
    images = f"the choice of {f'the {many}' if chance.paired else f'{many}, as if unpaired'}"
    return f"{images} and of {seeds}" if chance.most > 1 else f"{images}, not of the seed"


def _ties(part: Sweep, analysis: Analysis) -> list[str]:
    tied = analysis.tied
    among = tied[tied["tied"].astype(bool)].sort_values("mean", ascending=False).to_dict("records")
    k, n = len(among), len(tied)
    if n == 1:
        return ["No other setting ran to the end with every seed, so there is nothing to compare."]
    chance = f"this covers {covered(analysis.chance)}, and that {n:,} settings were compared"
    if k == 1:
        return [f"With 95 % confidence it is the best of the {n:,} settings ({chance})."]
    chosen = next(row for row in among if row["setting"] == analysis.recommended)
    others = [
        f"{setting(row, [knob for knob in part.knobs if row[knob] != chosen[knob]])} "
        f"({number(row['mean'])})"
        for row in among
        if row is not chosen
    ]
    who, differ = ("The other", "it differs") if k == 2 else ("The others", "they differ")
    where = f", where {differ}" if len(part.knobs) > 1 else ""
    said = [
        f"It is tied with {count(k - 1, 'other')}: with 95 % confidence the truly best of the "
        f"{n:,} settings is among these {k:,} ({chance}). {who}{where}: {some(others)}."
    ]
    if any(row is not chosen and abs(row["difference"]) < 1e-9 for row in among):
        said.append(f"It shares the highest mean: {RULE}.")
    return said


def _expect(luck: pd.Series[Any], chance: Chance) -> list[str]:
    if not np.isfinite(luck["corrected"]) or luck["k"] < 2:
        return []
    left_out = "training images" if chance.most > 1 else "seeds and training images"
    return [
        f"The highest of {luck['k']:,.0f} accuracies, {number(luck['highest'])}, is optimistic by "
        f"about {number(max(luck['optimism'], 0.0))}: on new images expect about "
        f"{number(luck['corrected'])} of a setting chosen this way (bootstrap over "
        f"{luck['images']:,.0f} images; luck with {left_out} is not counted)."
    ]
