"""The best that is reachable at each value of each knob."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweeplab.statistics.comparisons import Comparisons, Difference

SAME = Difference(0.0, 0.0, 0.0)
EQUAL = 1e-9  # means that differ by less are equal, but for the order of sums
COLUMNS = [
    *("knob", "value", "settings", "diverged", "top"),
    *("best", "best_mean", "difference", "low", "high", "clear"),
]


def knob_effects(
    compared: Comparisons,
    settings: pd.DataFrame,
    knobs: Sequence[str],
    eligible: Sequence[int],
    chosen: int | None = None,
) -> pd.DataFrame:
    """For each value of each knob the best setting over the others (the isolation plot's data).

    Args:
        compared: of K settings, see :func:`~.comparisons.comparisons`.
        settings: as ``sweeps.settings.summarise`` gives it, in the order of their numbers.
        knobs: those that vary.
        eligible: settings that count: those that never diverged.
        chosen: the recommended one, which of equal means is the best here too.

    Returns:
        One row a value: ``knob``, ``value``, ``settings`` (how many were tried), ``best``
        (setting number), ``best_mean``, ``difference`` of its best to that of the best value, with
        ``low`` and ``high`` (95 %, see :class:`~.comparisons.Comparisons`), ``clear`` (it is not
        chance), ``top`` (the best value), ``diverged`` (settings with this value that diverged in
        some seed). Values where nothing is eligible have NaN.
    """
    rows, model = [], compared.model
    allowed = np.zeros(len(model.mean), dtype=np.bool_)
    allowed[list(eligible)] = True
    mean = np.where(allowed & (model.counts > 0), model.mean, -np.inf)
    if chosen is not None:
        mean[chosen] += EQUAL
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
        for code, part in enumerate(parts):
            known = bool(np.isfinite(reached[code]))
            change = compared.best(number[part], number[parts[top]]) if code != top else SAME
            rows.append(
                (
                    *(knob, values[code], len(part), int(unstable[part].sum()), code == top),
                    *((best[code], float(reached[code])) if known else (np.nan, np.nan)),
                    *(change.estimate, change.low, change.high, change.clear),
                )
            )
    return pd.DataFrame(rows, columns=COLUMNS)
