"""Knobs that move together: what each of them does cannot be told, so they count as one."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sweeplab.config import KNOBS
from sweeplab.words import TOGETHER, parts_of


def joined(runs: pd.DataFrame, knobs: Sequence[str]) -> pd.DataFrame:
    """``runs`` with a column for each group of ``knobs`` that move together.

    They do where each value of one comes with one value of the other, as with ``zip``. The
    column's name is theirs, joined by ``+``; its values are those of the first of them that is
    ordered.
    """
    left = list(knobs)
    while left:
        first, *others = left
        group = [first, *(other for other in others if _as_one(runs, first, other))]
        left = [knob for knob in others if knob not in group]
        if len(group) > 1:
            leader = next((knob for knob in group if KNOBS[knob].ordered), first)
            rest = [knob for knob in group if knob != leader]
            runs = runs.assign(**{TOGETHER.join([leader, *rest]): runs[leader]})
    return runs


def one_for_each_group(runs: pd.DataFrame, knobs: Sequence[str]) -> list[str]:
    """``knobs``, each group that :func:`joined` found as the one knob that it is."""
    groups = {
        part: column
        for column in map(str, runs.columns)
        if TOGETHER in column and set(parts_of(column)) <= set(knobs)
        for part in parts_of(column)
    }
    return list(dict.fromkeys(groups.get(knob, knob) for knob in knobs))


def _as_one(runs: pd.DataFrame, knob: str, other: str) -> bool:
    pairs = len(runs[[knob, other]].drop_duplicates())
    return bool(pairs == runs[knob].nunique() == runs[other].nunique())
