"""How much each knob mattered: with names for people, and in a sentence."""

from __future__ import annotations

import pandas as pd

from sweeplab.statistics.analysis import Analysis
from sweeplab.statistics.importance import EXACT, HIGHER, SEEDS
from sweeplab.words import effect_name, listed, percent, setting_text

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


def importance_note(analysis: Analysis) -> str:
    """How the shares were computed, for the figure's caption; empty where there are none."""
    shares = analysis.importance
    if shares.empty:
        return ""
    effects = set(shares["effect"])
    parts = [
        "each knob",
        *(["each pair of knobs beyond its two"] if (shares["order"] == 2).any() else []),
        *(["three or more together (higher order)"] if HIGHER in effects else []),
        *(["the seeds"] if SEEDS in effects else []),
    ]
    exact = shares["method"].iloc[0] == EXACT
    bars = "; bars carry 95 % intervals" if exact and shares["low"].notna().any() else ""
    without = "; ".join(setting_text({k: v}, [k]) for k, v in shares["without"].iloc[0])
    method = (
        f"exact, complete grid{' without ' if without else ''}{without}"
        if exact
        else "model-based (random forest): the grid is incomplete, and the interval is the spread "
        "of groups of trees"
    )
    return (
        f"The share of {listed(parts)} in the variance of final validation accuracy over the "
        f"sweep{bars}. Method: {method}. It "
        "depends on the values that were tried: a wider range makes a knob matter more."
    )
