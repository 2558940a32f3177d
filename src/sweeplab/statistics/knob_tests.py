"""Whether a knob does anything, alone or together with others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from sweeplab.statistics.contrasts import average_errors, pair_errors
from sweeplab.statistics.joint import draws
from sweeplab.statistics.noise import Indices, Noise, Singles
from sweeplab.statistics.tied import APART

ERROR = 0.05
DRAWS = 2000
BLOCK = 2048
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
    errors = draws(model, DRAWS, np.random.default_rng(seed))
    rows = []
    for knob in knobs if asked is None else asked:
        pairs = _matched(compared, knob, [other for other in knobs if other != knob])
        if not pairs:
            continue
        z: list[float] = []
        simulated = np.zeros(DRAWS, dtype=np.float32)  # the largest |z| of each draw
        averages = []
        for values, (left, right) in pairs.items():
            for start in range(0, len(left), BLOCK):
                one, other = left[start : start + BLOCK], right[start : start + BLOCK]
                of_pairs = pair_errors(model, one, other, elementwise=True)
                z += of_pairs.deviate(np.abs(model.mean[one] - model.mean[other])).tolist()
                simulated = np.maximum(simulated, _largest(errors[:, one] - errors[:, other]))
            estimate = float((model.mean[left] - model.mean[right]).mean())
            of_average = average_errors(model, left, right)
            z += of_average.deviate(np.array([abs(estimate)])).tolist()
            gap = errors[:, left].mean(axis=1) - errors[:, right].mean(axis=1)
            simulated = np.maximum(simulated, _largest(gap[:, None]))
            averages.append((estimate, of_average, *values))
        critical = float(np.quantile(simulated, 1 - error))
        # As for the settings that could be best: see APART.
        critical += APART * max(float(-ndtri(error / 2 / len(z))) - critical, 0.0)
        largest, of_largest, low, high = max(averages, key=lambda average: abs(average[0]))
        half = float(of_largest.half(critical)[0])
        effect = max(z) > critical
        rows.append((knob, len(z), max(z), critical, effect, largest, half, low, high))
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


def _largest(gap: Singles) -> Singles:
    """The largest |z| of each draw, of gaps ``[draws, n]``."""
    spread = gap.std(axis=0)
    spread[spread == 0] = np.inf  # the same answers to every image
    return np.asarray(np.abs(gap / spread).max(axis=1))
