"""Which runs of a sweep a figure compares: one or two knobs vary, the others stay put."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.sweeps.settings import METRIC

MOST_LINES = 7


def held_at(
    frame: pd.DataFrame, values: Mapping[Any, Any], knobs: Sequence[str], free: Sequence[str]
) -> pd.DataFrame:
    """The rows in which every knob but the ``free`` ones has the value it has in ``values``."""
    kept = np.ones(len(frame), dtype=bool)
    for key in knobs:
        if key not in free:
            kept &= (frame[key] == values[key]).to_numpy()
    return frame[kept]


def levels(frame: pd.DataFrame, key: str) -> list[Any]:
    """The values of a knob: numbers sorted, words in order of appearance."""
    found = list(dict.fromkeys(frame[key].tolist()))
    return found if any(isinstance(value, str) for value in found) else sorted(found)


def thinned(values: Sequence[Any], keep: Sequence[Any] = (), most: int = MOST_LINES) -> list[Any]:
    """At most ``most`` of ``values``, evenly spaced, the ends and those in ``keep`` among them."""
    if len(values) <= most:
        return list(values)
    wanted = {values.index(value) for value in keep if value in values}
    for place in np.linspace(0, len(values) - 1, most).round().astype(int):
        if len(wanted) < most:
            wanted.add(int(place))
    return [values[i] for i in sorted(wanted)]


def best_over_others(settings: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """For each combination of ``keys``, the setting with the highest mean: an isolation table.

    Only settings with a completed run count; rows are sorted by ``keys``.
    """
    there = settings[settings["n"] > 0]
    rows = there.loc[there.groupby(list(keys))[METRIC].idxmax()]
    return rows.sort_values(list(keys)).reset_index(drop=True)
