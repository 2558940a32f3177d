"""Whether a knob does anything, alone or together with others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from sweeplab.statistics.contrasts import average, pairs
from sweeplab.statistics.noise import Indices, Noise
from sweeplab.statistics.redrawn import critical, redrawn

# A knob of which a value is clearly worse by the other comparison has an effect, too (agreeing()):
# both together err in at most 5 % (make coverage; with 0.05 here in 6.4 ± 1.6 % of simulated sweeps
# of 10 settings, half of them noisy, with 5 seeds).
ERROR = 0.038
DRAWS = 1000
FEWEST = 300
CELLS = 400_000  # draws times settings, from which fewer draws do
ALL_PAIRS = 12  # values of a knob, up to which every pair of them is compared
COLUMNS = [
    *("knob", "comparisons", "z", "critical", "effect"),
    *("largest", "half", "low_value", "high_value"),
]


def knob_tests(
    model: Noise,
    settings: pd.DataFrame,
    knobs: Sequence[str],
    eligible: Sequence[int],
    error: float = ERROR,
    seed: int = 0,
    asked: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Whether each knob changes accuracy anywhere.

    Settings that differ in this knob alone are compared pair by pair, and so are the averages
    over all matched pairs of two values. The knob has an effect when the largest z of them all
    exceeds its 1 - ``error`` quantile under no effect (max-t test; P. H. Westfall and
    S. S. Young, Resampling-Based Multiple Testing, 1993, section 2.5), from
    :func:`~.joint.draws`.

    Args: as of :func:`~.effects.knob_effects`, and
        error: the chance of a false effect, for each knob.
        seed: of the simulation.
        asked: the knobs to test; all if None.

    Returns:
        One row a knob: ``knob``, ``comparisons``, ``z`` (the largest), ``critical``, ``effect``,
        ``largest`` (the largest average difference of two values) with ``half`` (95 %,
        simultaneous over all comparisons), ``low_value`` and ``high_value`` (those two values).
    """
    compared = settings[settings["setting"].isin(list(eligible)) & (settings["n"] > 0)]
    number = min(DRAWS, max(CELLS // max(len(compared), 1), FEWEST))
    sweeps = redrawn(model, number, np.random.default_rng(seed))
    rows = []
    for knob in knobs if asked is None else asked:
        matched = _matched(compared, knob, [other for other in knobs if other != knob])
        if not matched:
            continue
        left, right = (np.concatenate(side) for side in zip(*matched.values(), strict=True))
        known, seen = pairs(model, left, right, elementwise=True)
        z = known.errors(seen).deviate(np.abs(model.mean[left] - model.mean[right])).tolist()
        simulated = sweeps.largest(known, left, right)  # of each redrawn sweep
        averages = []
        for values, (left, right) in matched.items():
            estimate = float((model.mean[left] - model.mean[right]).mean())
            known, seen = average(model, left, right)
            of_average = known.errors(seen)
            z += of_average.deviate(np.array([abs(estimate)])).tolist()
            simulated = np.maximum(simulated, np.abs(sweeps.of_average(known, left, right)))
            averages.append((estimate, of_average, *values))
        limit = max(float(critical(simulated, error, len(z))), -float(ndtri(error / 2)))
        largest, of_largest, low, high = max(averages, key=lambda average: abs(average[0]))
        half = float(of_largest.half(limit)[0])
        effect = max(z) > limit
        rows.append((knob, len(z), max(z), limit, effect, largest, half, low, high))
    return pd.DataFrame(rows, columns=COLUMNS)


def agreeing(tests: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """The tests, in which a knob of which some value is clearly worse has an effect.

    Args:
        tests: as :func:`knob_tests` gives it.
        effects: as :func:`~.effects.knob_effects` gives it.
    """
    worse = set(effects.loc[effects["clear"].astype(bool), "knob"])
    return tests.assign(effect=tests["effect"].astype(bool) | tests["knob"].isin(worse))


def _matched(
    table: pd.DataFrame, knob: str, others: Sequence[str]
) -> dict[tuple[object, object], tuple[Indices, Indices]]:
    """For pairs of values the settings that differ in ``knob`` alone, as two index arrays."""
    groups = (
        table.groupby(list(others), sort=False, dropna=False).ngroup().to_numpy()
        if others
        else np.zeros(len(table), dtype=np.int64)
    )
    values, levels = pd.factorize(table[knob], sort=True)
    number = np.full((groups.max(initial=-1) + 1, len(levels)), -1, dtype=np.intp)
    number[groups, values] = table["setting"].to_numpy(dtype=np.intp)
    if len(levels) <= ALL_PAIRS:
        chosen = list(combinations(range(len(levels)), 2))
    else:
        chosen = [(j, j + 1) for j in range(len(levels) - 1)] + [(0, len(levels) - 1)]
    pairs = {}
    for low, high in chosen:
        both = (number[:, low] >= 0) & (number[:, high] >= 0)
        if both.any():
            pairs[levels[low], levels[high]] = (number[both, high], number[both, low])
    return pairs
