"""How much each knob mattered: with names for people, and in a sentence."""

from __future__ import annotations

import pandas as pd

from sweeplab.statistics.analysis import Analysis
from sweeplab.words import effect_name, listed, percent

HALF = 0.5


def importance_table(analysis: Analysis) -> pd.DataFrame:
    """How much each knob mattered, in words: ``name``, ``share``, ``low``, ``high``."""
    shares = analysis.importance
    table = shares[["effect", "share", "low", "high"]].rename(columns={"effect": "name"})
    return table.assign(name=[*map(effect_name, shares["effect"], shares["knobs"])])


def importance_said(analysis: Analysis) -> list[str]:
    """What accounts for most of the variance: up to three effects, as many as reach half of it."""
    top = importance_table(analysis).head(3)
    if top.empty:
        return []
    needed = int((top["share"].cumsum() < HALF).sum()) + 1
    parts = [
        f"{row['name']} ({percent(row['share'])}"
        + (f", {percent(row['low'])} to {percent(row['high'])})" if pd.notna(row["low"]) else ")")
        for row in top.head(needed).to_dict("records")
    ]
    start = "The largest share" + (" of" if needed == 1 else "s of")
    goes = "goes" if needed == 1 else "go"
    return [f"{start} the variance of the accuracy over this sweep {goes} with {listed(parts)}."]
