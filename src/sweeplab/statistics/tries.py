"""How good the best of a few settings is: what a smaller sweep would have found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaln

from sweeplab.statistics.joint import draws
from sweeplab.statistics.noise import Noise

Floats = NDArray[np.float64]

DRAWS = 400
FEWEST_DRAWS = 50
CELLS = 100_000  # draws times settings, from which fewer draws do
FEWEST = 4  # settings, below which there is nothing to draw from
NEAR = 0.005  # below the best of all: half a point of accuracy
BAND = 0.8  # of the searches
COLUMNS = ["settings", "expected", "low", "high", "observed", "so_far"]


def chance_of_rank(k: int, tried: int) -> Floats:
    """How probably the best of ``tried`` of ``k`` settings is each of them, the worst first.

    Drawn without replacement, ``C(i - 1, tried - 1) / C(k, tried)`` for the i-th: the mean over
    these is the unbiased estimate of the expected best (R. Tang, J. Lee, J. Xin, X. Liu, Y. Yu and
    J. Lin, Showing your work doesn't always work, ACL 2020), where that with replacement
    (J. Dodge, S. Gururangan, D. Card, R. Schwartz and N. A. Smith, Show your work, EMNLP 2019)
    comes out too low.
    """
    rank = np.arange(1, k + 1)
    chance = np.zeros(k)
    there = rank >= tried
    i = rank[there]
    chance[there] = np.exp(
        gammaln(i)
        - gammaln(tried)
        - gammaln(i - tried + 1)
        - (gammaln(k + 1) - gammaln(tried + 1) - gammaln(k - tried + 1))
    )
    return chance


def tries(
    model: Noise, eligible: Sequence[int], number: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """What the best of m of these settings, drawn at random, is expected to reach.

    For settings of a grid, or drawn at random; those that a search chose one after another are no
    random sample, and their order says more.

    The highest of several means is optimistic: it is picked for its luck. Images and seeds are
    redrawn (:func:`~.joint.draws`), the best is picked by the redrawn means, and what they exceed
    its own mean by is taken off (parametric bootstrap; B. Efron and R. J. Tibshirani, An
    Introduction to the Bootstrap, 1993, section 10.2). The band holds the chance of which settings
    are drawn, and how far the picked one's accuracy lies from its mean; not what the choice of the
    images does to all settings alike.

    Args:
        model: of K settings, see :func:`~.noise.noise`.
        eligible: those to draw from.
        number: redrawings.
        seed: of them.

    Returns:
        One row a number of settings tried, up to all: ``settings``, ``expected`` (the mean of
        the best one's accuracy), ``low`` and ``high`` (between which it lies in eight of ten
        searches), ``observed`` (the mean before optimism is taken off), ``so_far`` (the highest
        mean of the first so many, in the order of their numbers). Empty with fewer than four.
    """
    chosen = np.asarray(list(eligible), dtype=np.intp)
    chosen = chosen[model.counts[chosen] > 0]
    k = len(chosen)
    if k < FEWEST:
        return pd.DataFrame(columns=COLUMNS, dtype="float64")
    mean = model.mean[chosen]
    sizes = _sizes(k)
    weights = np.array([chance_of_rank(k, m) for m in sizes])  # [sizes, K]
    number = max(min(number, CELLS // k), FEWEST_DRAWS)
    error = draws(model, number, np.random.default_rng(seed), model.pure)[:, chosen]
    error = error - error.mean(axis=1, keepdims=True)
    order = np.argsort(mean + error, axis=1)
    by_rank = np.take_along_axis(error, order, axis=1)  # [draws, K]
    luck = by_rank.mean(axis=0, dtype=np.float64)
    ranked = np.sort(mean)
    observed = weights @ ranked
    optimism = np.maximum(weights @ luck, 0.0)
    low, high = _between(ranked - by_rank, weights)
    return pd.DataFrame(
        {
            "settings": sizes,
            "expected": np.clip(observed - optimism, 0.0, 1.0),
            "low": np.clip(low, 0.0, 1.0),
            "high": np.clip(high, 0.0, 1.0),
            "observed": observed,
            "so_far": np.maximum.accumulate(model.mean[np.sort(chosen)])[sizes - 1],
        }
    )


def _between(reached: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """The bounds of ``BAND`` of searches, ``[sizes]``.

    Args:
        reached: ``[draws, K]``, what the setting of each rank may truly reach.
        weights: ``[sizes, K]``, how probably the best is of that rank.
    """
    order = np.argsort(reached, axis=None)
    values, rank = reached.ravel()[order], order % reached.shape[1]
    bounds = []
    for own in weights:
        below = np.cumsum(own[rank]) / len(reached)
        ends = np.searchsorted(below, [(1 - BAND) / 2, (1 + BAND) / 2])
        bounds.append(values[np.minimum(ends, len(values) - 1)])
    low, high = np.array(bounds, dtype=np.float64).T
    return low, high


def enough(table: pd.DataFrame, near: float = NEAR, column: str = "expected") -> int | None:
    """The fewest settings whose best is within ``near`` of the best of all: expected, or so far."""
    there = table[table[column] >= table[column].max() - near]
    return int(there["settings"].iloc[0]) if len(there) else None


def _sizes(k: int) -> NDArray[np.intp]:
    """Every number up to 30, then about as many at even ratios."""
    few = np.arange(1, min(k, 30) + 1)
    many = np.geomspace(30, k, 30).round() if k > 30 else np.array([])
    return np.unique(np.concatenate([few, many])).astype(np.intp)
