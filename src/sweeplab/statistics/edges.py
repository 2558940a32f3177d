"""Knobs whose best value is an end of the range that was tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeplab.config import KNOBS
from sweeplab.statistics.effects import Difference, compare
from sweeplab.statistics.noise import Noise


@dataclass(frozen=True)
class Edge:
    """A knob whose best value is the smallest or the largest."""

    knob: str
    value: float  # the best one
    largest: bool  # or the smallest
    reached: float  # the best mean accuracy at it
    inner: float  # its neighbour
    difference: Difference | None  # of the best at the two; None where none at inner was stable
    beyond: float  # the value that would continue the range

    @property
    def clear(self) -> bool:
        """Whether the neighbour is worse by more than chance explains."""
        return self.difference is None or self.difference.clear


def edges(model: Noise, effects: pd.DataFrame, tests: pd.DataFrame) -> list[Edge]:
    """Knobs of which a wider range may hold better values.

    Args:
        model: see :func:`~.noise.noise`.
        effects: as :func:`~.effects.knob_effects` gives it.
        tests: as :func:`~.effects.knob_tests` gives it; knobs without effect have no best value.
    """
    at_ends = []
    matters = set(tests.loc[tests["effect"].astype(bool), "knob"])
    for knob, part in effects.groupby("knob", sort=False):
        known = KNOBS[str(knob)]
        if knob not in matters or not known.ordered or len(part) < 2:
            continue
        rows = part.assign(value=part["value"].astype("float64")).sort_values("value")
        values, last = rows["value"].to_numpy(), len(rows) - 1
        at = int(np.flatnonzero(rows["top"].to_numpy())[0])
        if at not in (0, last) or (at == 0 and values[0] in (known.off, known.floor)):
            continue
        best, inner = rows.iloc[at], rows.iloc[1 if at == 0 else last - 1]
        difference = None
        if np.isfinite(inner["best"]):
            difference = compare(model, int(best["best"]), int(inner["best"]))
        at_ends.append(
            Edge(
                knob=str(knob),
                value=float(best["value"]),
                largest=at > 0,
                reached=float(best["best_mean"]),
                inner=float(inner["value"]),
                difference=difference,
                beyond=_beyond(values, at),
            )
        )
    return at_ends


def _beyond(values: NDArray[np.float64], at: int) -> float:
    """The value that would continue the range beyond its end ``at``, to two digits."""
    end, inner = (values[0], values[1]) if at == 0 else (values[-1], values[-2])
    gaps = np.diff(values)
    even = len(values) > 2 and np.allclose(gaps, gaps[0])
    if min(end, inner) > 0 and not (even and at):
        return float(f"{end * end / inner:.2g}")
    return float(f"{2 * end - inner:.2g}")
