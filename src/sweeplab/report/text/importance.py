"""How much each knob mattered: with names for people, and in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sweeplab.statistics.analysis import Analysis
from sweeplab.statistics.importance import HIGHER, SEEDS
from sweeplab.words import capital, effect_name, knob_name, luck_name, percents


def importance_table(analysis: Analysis) -> pd.DataFrame:
    """How much each knob mattered, in words: ``name``, ``share``, ``low``, ``high``."""
    shares = analysis.importance
    table = shares[["effect", "share", "low", "high"]].rename(columns={"effect": "name"})
    names = [
        effect_name(effect, knobs, draws=analysis.chance.draws)
        for effect, knobs in zip(shares["effect"], shares["knobs"], strict=True)
    ]
    return table.assign(name=names)


def importance_said(analysis: Analysis) -> list[str]:
    """What accounts for most of the differences between runs, in one sentence; or nothing."""
    top = analysis.importance[:2].to_dict("records")
    draws = analysis.chance.draws
    names = [_thing(row["effect"], row["knobs"], draws=draws) for row in top]
    shares = percents(*(row["share"] for row in top))
    if not top:
        return []
    if len(top) == 1:
        return [f"All differences between runs go with the {names[0]}."]
    if analysis.importance["knobs"].map(len).sum() == 1:
        return [
            f"{capital(names[0])} makes {shares[0]} of the differences between runs, {names[1]} "
            f"{shares[1]}."
        ]
    if pd.isna(top[0]["low"]) or top[0]["low"] > top[1]["high"]:
        return [
            f"{capital(names[0])} matters most: it makes {shares[0]} of the differences between "
            f"runs; next comes {names[1]}, {shares[1]}."
        ]
    return [
        f"What matters most is not certain: {names[0]} makes {shares[0]} of the differences "
        f"between runs, {names[1]} {shares[1]}."
    ]


def _thing(effect: str, knobs: Sequence[str], *, draws: bool) -> str:
    """``learning rate``, ``batch size with learning rate``, ``the seed``."""
    seed = f"the draw of the {luck_name('training')}" if draws else "the seed"
    others = {SEEDS: seed, HIGHER: "what three knobs or more do together"}
    return others.get(effect) or " with ".join(map(knob_name, knobs))
