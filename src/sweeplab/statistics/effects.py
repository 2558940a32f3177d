"""What each knob does: the best that is reachable at each value, and whether it does anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sweeplab.statistics.joint import as_normal, draws
from sweeplab.statistics.noise import Noise, average_variance, pair_variance

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

ERROR = 0.05
DRAWS = 2000
BLOCK = 2048
EFFECTS = [
    *("knob", "value", "settings", "diverged", "top"),
    *("best", "best_mean", "difference", "half", "clear"),
]
TESTS = [
    *("knob", "comparisons", "z", "critical", "effect"),
    *("largest", "half", "low_value", "high_value"),
]
ALL_PAIRS = 12  # values of a knob, up to which every pair of them is compared


@dataclass(frozen=True)
class Difference:
    """A paired difference of two settings' means, ``estimate ± half`` at the level asked for."""

    estimate: float
    half: float
    se: float
    df: float
    clear: bool  # zero is outside


@dataclass(frozen=True)
class Average:
    """The mean difference of matched pairs of settings."""

    estimate: float
    se: float
    df: float
    z: float


def compare(model: Noise, one: int, other: int, error: float = ERROR, among: int = 1) -> Difference:
    """The mean of setting ``one`` less that of ``other``, over images and seeds.

    The t interval with Satterthwaite's degrees of freedom, Bonferroni-corrected for ``among``
    comparisons; see :mod:`~.noise` for the variance.
    """
    if one == other:
        return Difference(0.0, 0.0, 0.0, np.inf, False)
    rows, columns = np.array([one], dtype=np.intp), np.array([other], dtype=np.intp)
    variance, df = pair_variance(model, rows, columns, elementwise=True)
    se = float(np.sqrt(variance[0]))
    # No accuracy differs from another by more than 1.
    half = min(float(stats.t.isf(error / (2 * among), df[0])) * se, 1.0)
    estimate = float(model.mean[one] - model.mean[other])
    return Difference(estimate, half, se, float(df[0]), abs(estimate) > half)


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
    rows: list[dict[str, object]] = []
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
            row: dict[str, object] = {
                "knob": knob,
                "value": values[code],
                "settings": len(part),
                "diverged": int(unstable[part].sum()),
                "top": code == top,
                "clear": False,
            }
            if np.isfinite(reached[code]):
                found = compare(model, best[code], best[top], among=among)
                row |= {
                    "best": best[code],
                    "best_mean": float(reached[code]),
                    "difference": found.estimate,
                    "half": found.half,
                    "clear": found.clear,
                }
            rows.append(row)
    return pd.DataFrame(rows, columns=EFFECTS)


def knob_tests(
    model: Noise,
    settings: pd.DataFrame,
    knobs: Sequence[str],
    eligible: Sequence[int],
    error: float = ERROR,
    seed: int = 0,
) -> pd.DataFrame:
    """Whether each knob changes accuracy anywhere, alone or together with others.

    Settings that differ in this knob alone are compared pair by pair, and so are the averages
    over all matched pairs of two values. The knob has an effect when the largest z of them all
    exceeds its 1 - ``error`` quantile under no effect (max-t test; P. H. Westfall and
    S. S. Young, Resampling-Based Multiple Testing, 1993, section 2.5), from
    :func:`~.joint.draws`.

    Returns:
        One row a knob: ``knob``, ``comparisons``, ``z`` (the largest), ``critical``, ``effect``,
        ``largest`` (the largest average difference of two values) with ``half`` (95 %,
        simultaneous over all comparisons), ``low_value`` and ``high_value`` (those two values).
    """
    rng = np.random.default_rng(seed)
    compared = settings[settings["setting"].isin(list(eligible)) & (settings["n"] > 0)]
    errors = draws(model, DRAWS, rng)
    rows = []
    for knob in knobs:
        pairs = _matched(compared, knob, [other for other in knobs if other != knob])
        if not pairs:
            continue
        z, largest_of_draw = np.zeros(0), np.zeros(DRAWS, dtype=np.float32)
        worst: tuple[Average, object, object] | None = None
        for (low, high), (left, right) in pairs.items():
            for start in range(0, len(left), BLOCK):
                part = slice(start, start + BLOCK)
                deviate, simulated = _pairwise(model, errors, left[part], right[part])
                z = np.append(z, deviate)
                largest_of_draw = np.maximum(largest_of_draw, simulated)
            average, simulated = _average(model, errors, left, right)
            z = np.append(z, average.z)
            largest_of_draw = np.maximum(largest_of_draw, simulated)
            if worst is None or abs(average.estimate) > abs(worst[0].estimate):
                worst = (average, low, high)
        critical = float(np.quantile(largest_of_draw, 1 - error))
        assert worst is not None
        rows.append(
            {
                "knob": knob,
                "comparisons": len(z),
                "z": float(np.abs(z).max()),
                "critical": critical,
                "effect": bool(np.abs(z).max() > critical),
                "largest": worst[0].estimate,
                # Student's t has the tail of the normal deviate ``critical`` further out.
                "half": float(stats.t.isf(stats.norm.sf(critical), worst[0].df)) * worst[0].se,
                "low_value": worst[1],
                "high_value": worst[2],
            }
        )
    return pd.DataFrame(rows, columns=TESTS)


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
    found = {}
    for low, high in chosen:
        both = (number[:, low] >= 0) & (number[:, high] >= 0)
        if both.any():
            found[levels[low], levels[high]] = (number[both, high], number[both, low])
    return found


def _pairwise(
    model: Noise, errors: NDArray[np.float32], left: Indices, right: Indices
) -> tuple[Floats, NDArray[np.float32]]:
    variance, df = pair_variance(model, left, right, elementwise=True)
    t = (model.mean[left] - model.mean[right]) / np.sqrt(np.where(variance > 0, variance, np.inf))
    gap = errors[:, left] - errors[:, right]
    spread = gap.std(axis=0)
    spread[spread == 0] = np.inf  # the same answers to every image
    return as_normal(t, df), np.abs(gap / spread).max(axis=1)


def _average(
    model: Noise, errors: NDArray[np.float32], left: Indices, right: Indices
) -> tuple[Average, NDArray[np.float32]]:
    """The mean difference of matched pairs, and simulated |z|."""
    estimate = float((model.mean[left] - model.mean[right]).mean())
    variance, df = average_variance(model, left, right)
    se = float(np.sqrt(variance))
    z = float(as_normal(np.array(estimate / se if se > 0 else 0.0), np.array(df)))
    gap = errors[:, left].mean(axis=1) - errors[:, right].mean(axis=1)
    spread = float(gap.std())
    return Average(estimate, se, df, z), np.abs(gap / (spread if spread > 0 else np.inf))
