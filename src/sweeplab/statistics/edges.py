"""Knobs whose best value is an end of the range that was tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeplab.config import KNOBS
from sweeplab.knobs import Knob, Range
from sweeplab.statistics.comparisons import Difference


@dataclass(frozen=True)
class Edge:
    """A knob whose best value is the smallest or the largest."""

    knob: str
    value: float  # the best one
    largest: bool  # or the smallest
    reached: float  # the best mean accuracy at it
    inner: float  # its neighbour
    difference: Difference | None  # of the best at the two; None where none at inner was stable
    clear: bool  # every other value is worse by more than chance explains
    beyond: float  # the value that would continue the range, or one on the way that is allowed


def edges(effects: pd.DataFrame, tests: pd.DataFrame) -> list[Edge]:
    """Knobs of which a wider range may hold better values.

    Args:
        effects: as :func:`~.effects.knob_effects` gives it.
        tests: as :func:`~.effects.knob_tests` gives it; knobs without effect have no best value.
    """
    at_ends = []
    matters = set(tests.loc[tests["effect"].astype(bool), "knob"])
    for knob, part in effects.groupby("knob", sort=False):
        known = KNOBS.get(str(knob), Knob("", ""))  # of several that move together, none is known
        if knob not in matters or not known.ordered or len(part) < 2:
            continue
        rows = part.astype({"value": "float64"}).sort_values("value")
        largest = bool(rows["top"].iloc[-1])
        inwards = rows[::-1] if largest else rows
        best, inner = inwards.iloc[0], inwards.iloc[1]
        if not best["top"] or (not largest and best["value"] in (known.off, known.floor)):
            continue
        difference = None
        if np.isfinite(inner["best"]):
            difference = Difference(-inner["difference"], -inner["high"], -inner["low"])
        at_ends.append(
            Edge(
                knob=str(knob),
                value=float(best["value"]),
                largest=largest,
                reached=float(best["best_mean"]),
                inner=float(inner["value"]),
                difference=difference,
                clear=bool((rows["clear"] | rows["top"] | rows["best_mean"].isna()).all()),
                beyond=_allowed(known, inwards["value"].to_numpy()),
            )
        )
    return at_ends


def _allowed(knob: Knob, inwards: NDArray[np.float64]) -> float:
    """What :func:`_beyond` gives; where ``knob`` may not have it, half the way to its limit."""
    end, beyond = float(inwards[0]), _beyond(inwards)
    whole = knob.type is int
    beyond = round(beyond) if whole else beyond
    if not (isinstance(knob.rule, Range) and knob.rule.broken(beyond)):
        return beyond
    limit = knob.rule.high if beyond > end else knob.rule.low
    return float(limit if whole else round((end + limit) / 2, 9))


def _beyond(inwards: NDArray[np.float64]) -> float:
    """The value that would continue a range beyond its first one, to two digits."""
    end, inner = inwards[:2]
    gaps = np.diff(inwards)
    even_steps_up = len(gaps) > 1 and end > inner and np.allclose(gaps, gaps[0])
    if min(end, inner) <= 0 or even_steps_up:
        return float(f"{2 * end - inner:.2g}")
    return float(f"{end * end / inner:.2g}")
