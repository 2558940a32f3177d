"""The best that is reachable at each value of each knob, and how two settings differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeplab.statistics.contrasts import pair_errors
from sweeplab.statistics.noise import Noise

ERROR = 0.05
COLUMNS = [
    *("knob", "value", "settings", "diverged", "top"),
    *("best", "best_mean", "difference", "half", "clear"),
]


@dataclass(frozen=True)
class Difference:
    """A paired difference of two settings' means, ``estimate ± half`` at the level asked for."""

    estimate: float
    half: float
    clear: bool  # zero is outside


NONE = Difference(np.nan, np.nan, clear=False)


def compare(model: Noise, one: int, other: int, error: float = ERROR, among: int = 1) -> Difference:
    """The mean of setting ``one`` less that of ``other``, over images and seeds.

    The interval of :mod:`~.contrasts`, Bonferroni-corrected for ``among`` comparisons.
    """
    if one == other:
        return Difference(0.0, 0.0, clear=False)
    rows, columns = np.array([one], dtype=np.intp), np.array([other], dtype=np.intp)
    half = float(pair_errors(model, rows, columns, elementwise=True).half(error / among)[0])
    estimate = float(model.mean[one] - model.mean[other])
    return Difference(estimate, half, clear=abs(estimate) > half)


def knob_effects(
    model: Noise, settings: pd.DataFrame, knobs: Sequence[str], eligible: Sequence[int]
) -> pd.DataFrame:
    """For each value of each knob the best setting over the others (the isolation plot's data).

    Args:
        model: of K settings, see :func:`~.noise.noise`.
        settings: as ``sweeps.settings.summarise`` gives it, in the order of ``model``.
        knobs: those that vary.
        eligible: settings that count: those that never diverged.

    Returns:
        One row a value: ``knob``, ``value``, ``settings`` (how many were tried), ``best``
        (setting number), ``best_mean``, ``difference`` to the best value's best setting, with
        ``half`` (95 %, simultaneous over the knob's values by Bonferroni; it covers images and
        seeds, not that these two settings were picked), ``clear`` (it is not chance), ``top`` (the
        best value), ``diverged`` (settings with this value that diverged in some seed). Values
        where nothing is eligible have NaN.
    """
    rows = []
    allowed = np.zeros(len(model.mean), dtype=np.bool_)
    allowed[list(eligible)] = True
    mean = np.where(allowed & (model.counts > 0), model.mean, -np.inf)
    number = settings["setting"].to_numpy(dtype=np.intp)
    unstable = (settings["diverged"] > 0).to_numpy()
    for knob in knobs:
        codes, values = pd.factorize(settings[knob], sort=True, use_na_sentinel=False)
        parts = [np.flatnonzero(codes == code) for code in range(len(values))]
        best = [int(number[part[mean[number[part]].argmax()]]) for part in parts]
        reached = mean[best]
        if not np.isfinite(reached).any():
            continue
        top = int(reached.argmax())
        among = max(int(np.isfinite(reached).sum()) - 1, 1)
        for code, part in enumerate(parts):
            known = bool(np.isfinite(reached[code]))
            change = compare(model, best[code], best[top], among=among) if known else NONE
            rows.append(
                (
                    *(knob, values[code], len(part), int(unstable[part].sum()), code == top),
                    *((best[code], float(reached[code])) if known else (np.nan, np.nan)),
                    *(change.estimate, change.half, change.clear),
                )
            )
    return pd.DataFrame(rows, columns=COLUMNS)
