"""The tied set: settings among which the truly best one is, with 95 % confidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from sweeplab.statistics.contrasts import pair_errors, pairs
from sweeplab.statistics.noise import Noise
from sweeplab.statistics.redrawn import critical, redrawn, tabulated

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Indices = NDArray[np.intp]

COLUMNS = ["setting", "mean", "difference", "se", "z", "critical", "tied", "highest"]
ERROR = 0.05
FIRST_STAGE = 0.1  # of the error, spent on leaving out rivals that are plainly worse
DRAWS = 1000
RIVALS = 400  # in a redrawn sweep, at most; more are counted as if they added up
BLOCK = 64


def tied_set(
    model: Noise, eligible: Sequence[int] | None = None, error: float = ERROR, seed: int = 0
) -> pd.DataFrame:
    """Settings that cannot be told from the best, with both chances and their number counted in.

    A setting k stays unless some rival l is better by more than chance explains,
    ``max_l z(l, k) > c(k)``, where z is the paired difference of means over its standard error
    over images and seeds (:mod:`~.noise`), as a normal deviate of the same tail probability, and
    c(k) the 1 - ``error`` quantile of that maximum if k is truly best. So whichever setting is
    truly best stays with probability 1 - ``error``: multiple comparisons with the best (J. C. Hsu,
    Multiple Comparisons, 1996, chapter 4; S. S. Gupta, Technometrics 7, 1965), with c(k) from
    redrawn sweeps (:mod:`~.redrawn`) instead of equal correlations. Two refinements:

    - rivals that are worse than k beyond a simultaneous bound of ``error / 10`` cannot be the
      maximum and leave it; the rest is tested at ``0.9 error`` (J. P. Romano, A. M. Shaikh and
      M. Wolf, A practical two-step method for testing moment inequalities, Econometrica 82, 2014);
    - a lone winner must be ahead at ``error / 2``: each of m truly equal best settings is then
      lost with probability ``error / 2``, m - 1 of them (Markov) with at most
      ``error / 2 * m / (m - 1) <= error``. So a false lone winner is as rare as ``error``.

    Args:
        model: of K settings, see :func:`~.noise.noise`.
        eligible: settings that may be the best, by number; all that have a result if None.
        error: 1 - confidence.
        seed: of the simulation of c(k).

    Returns:
        One row an eligible setting: ``setting``, ``mean``, ``difference`` to the highest mean
        (at most 0), ``se`` of that difference, ``z`` (the strongest evidence that
        some rival is better; of a setting that is plainly worse, against the highest mean),
        ``critical`` (c(k), or a bound of it where that settles the verdict), ``tied``,
        ``highest``.
    """
    chosen = model.present if eligible is None else np.asarray(list(eligible), dtype=np.intp)
    chosen = chosen[model.counts[chosen] > 0]
    if len(chosen) == 0:
        return pd.DataFrame({name: pd.Series(dtype="float64") for name in COLUMNS})
    mean = model.mean[chosen]
    top = int(np.argmax(mean))
    best = np.full(len(chosen), chosen[top])
    se = pair_errors(model, chosen, best, elementwise=True).se
    z = np.full(len(chosen), -np.inf)
    critical = np.full(len(chosen), np.nan)
    if len(chosen) > 1:
        z, critical = _maxima(model, chosen, error, seed)
        if (z <= critical).sum() <= 1:
            z, critical = _maxima(model, chosen, error / 2, seed)
    tied = ~(z > critical)
    # The highest mean has no rival ahead of it, so it is always tied with itself.
    return pd.DataFrame(
        {
            "setting": chosen,
            "mean": mean,
            "difference": mean - mean[top],
            "se": np.where(np.arange(len(chosen)) == top, 0.0, se),
            "z": z,
            "critical": critical,
            "tied": tied,
            "highest": np.arange(len(chosen)) == top,
        }
    )


def _maxima(model: Noise, chosen: Indices, error: float, seed: int) -> tuple[Floats, Floats]:
    """For each candidate the largest z of a rival, and c at ``error``."""
    k = len(chosen)
    z, limit = np.empty(k), np.empty(k)
    left = error * (1 - FIRST_STAGE)
    bound = -ndtri(error * FIRST_STAGE / (k - 1))  # Bonferroni, over rivals
    # Of few settings too, a difference that decides lies outside its own 95 % interval.
    least = float(-ndtri(min(left, ERROR / 2)))
    # Most settings are plainly worse than the highest mean alone, whatever the other rivals say.
    top = np.full(k, chosen[int(np.argmax(model.mean[chosen]))])
    ahead = model.mean[top] - model.mean[chosen]
    z[:] = pair_errors(model, top, chosen, elementwise=True).deviate(ahead)
    limit[:] = max(float(-ndtri(left / (k - 1))), least)
    near = np.flatnonzero(z <= limit)
    by_chance = _by_chance(model, chosen[near], chosen, left, seed)
    for start in range(0, len(near), BLOCK):
        rows = near[start : start + BLOCK]
        ahead = model.mean[chosen] - model.mean[chosen[rows], None]
        deviate = pair_errors(model, chosen[rows], chosen).deviate(ahead)
        deviate[np.arange(len(rows)), rows] = -np.inf
        z[rows] = deviate.max(axis=1)
        rivals = np.maximum((deviate > -bound).sum(axis=1), 1)
        limit[rows] = np.clip(by_chance[rivals - 1], least, limit[rows])
    return z, limit


def _by_chance(model: Noise, near: Indices, chosen: Indices, left: float, seed: int) -> Floats:
    """``[K - 1]``: of r rivals the largest z that ``left`` exceed, if all are equally good."""
    rng, k = np.random.default_rng(seed), len(chosen)
    number, simulated = DRAWS, min(k - 1, RIVALS)
    sweeps = redrawn(model, number, rng)
    ones, candidate = np.unique(rng.choice(len(near), number), return_inverse=True)
    # Each candidate's rivals in random order; where it is itself among them, the last comes in.
    others = rng.random((number, k), dtype=np.float32).argsort(axis=1)[:, : simulated + 1]
    itself = chosen[others[:, :-1]] == near[ones[candidate], None]
    rival = np.where(itself, others[:, -1:], others[:, :-1])
    known, _ = pairs(model, near[ones], chosen)
    known = known.part(candidate[:, None], rival)
    at, one = np.arange(number)[:, None], near[ones[candidate], None]
    largest = sweeps.deviates(known, at, chosen[rival], one, tabulated(known))
    np.maximum.accumulate(largest, axis=1, out=largest)
    found = [critical(largest[:, r], left, r + 1) for r in range(simulated)]
    more = np.arange(simulated + 1, k, dtype=np.float64)
    return np.append(found, critical(largest[:, -1], left * simulated / more, more))
