"""Which runs and settings of a sweep a figure compares: one or two knobs vary, others stay put."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.errors import SweeplabError
from sweeplab.figures.theme import are_words
from sweeplab.sweeps.settings import METRIC, per_replicate, ranked, repeated, setting_numbers
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import listed, setting_text

MOST_LINES = 7


def swept(sweep: Sweep, *keys: str) -> None:
    """Check that ``keys`` are among the knobs that vary in ``sweep``, and that some run trained.

    Raises:
        SweeplabError: one is not, or none did.
    """
    if not len(sweep.curves) and (sweep.runs["status"] == "failed").all():
        raise SweeplabError("Every run of this sweep failed: there is nothing to draw.")
    for key in keys:
        if key not in sweep.knobs:
            raise SweeplabError(
                f"{key} has one value in this sweep. Draw a knob that varies: "
                f"{listed(sweep.knobs) or 'none does'}."
            )


def setting_of(sweep: Sweep, number: int | None = None) -> dict[Any, Any]:
    """The row of ``sweep.settings`` with this number; without one, that of the highest mean.

    Raises:
        SweeplabError: there is no such setting, or none with a completed run.
    """
    settings = sweep.settings
    rows = ranked(settings) if number is None else settings[settings["setting"] == number]
    if not len(rows):
        which = "with a completed run" if number is None else number
        raise SweeplabError(f"This sweep has no setting {which}.")
    return rows.iloc[0].to_dict()


def held_at(
    frame: pd.DataFrame, values: Mapping[Any, Any], knobs: Sequence[str], free: Sequence[str]
) -> pd.DataFrame:
    """The rows in which every knob but the ``free`` ones has the value it has in ``values``."""
    kept = np.ones(len(frame), dtype=bool)
    for key in knobs:
        if key not in free:
            kept &= (frame[key] == values[key]).to_numpy()
    return frame[kept]


def held_note(values: Mapping[Any, Any], knobs: Sequence[str], free: Sequence[str]) -> str:
    """The values that :func:`held_at` holds, as a caption's first sentence; empty if none."""
    held = [key for key in knobs if key not in free]
    return f"With {setting_text(values, held)}. " if held else ""


def levels(frame: pd.DataFrame, key: str) -> list[Any]:
    """The values of a knob: numbers sorted, words in order of appearance."""
    values = list(dict.fromkeys(frame[key].tolist()))
    return values if are_words(values) else sorted(values)


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
    done = settings[settings["n"] > 0]
    rows = done.loc[done.groupby(list(keys))[METRIC].idxmax()]
    return rows.sort_values(list(keys)).reset_index(drop=True)


def seeds_of(sweep: Sweep, settings: Iterable[int]) -> pd.DataFrame:
    """The completed runs of these settings, a row a replicate (:func:`per_replicate`)."""
    numbers = setting_numbers(sweep.runs, sweep.knobs)
    runs = sweep.runs.assign(setting=numbers)[~repeated(sweep.runs, sweep.knobs)]
    done = runs[runs["setting"].isin(list(settings)) & (runs["status"] == "completed")]
    return per_replicate(done, sweep.knobs)
