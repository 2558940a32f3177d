"""How much of the winner's accuracy is the luck of having been chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweeplab.statistics.noise import Floats, Noise

DRAWS = 1000
GRID = 300  # accuracies at which true means may lie
STEPS = 200
LEAST = 1e-4  # in standard deviations: what seeds do at least


def optimism(
    model: Noise, eligible: Sequence[int] | None = None, number: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """The accuracy to expect on new images, with new seeds, of "the setting that did best".

    Luck with images and luck with seeds are added up. Images are resampled, and the setting that
    is best then is scored on the images left out, which had no part in choosing it (bootstrap bias
    corrected selection, BBC-CV: I. Tsamardinos, E. Greasidou and G. Borboudakis, Bootstrapping the
    out-of-sample predictions, Machine Learning 107, 2018). It is a little pessimistic, since a
    resample holds 63 % of the images. Seeds are too few to resample; :func:`luck_of_seeds` has
    theirs. With one seed it is the luck of the last iterations (:mod:`~.steps`), if curves show it.

    Args:
        model: of K settings, see :func:`~.noise.noise`.
        eligible: settings that may be chosen; all that have a result if None.
        number: resamples.
        seed: of the resampling.

    Returns:
        One row: ``k`` settings chosen from, ``images``, ``highest`` mean accuracy,
        ``corrected``, ``low`` and ``high`` (its 95 % percentile interval), and ``optimism``,
        highest - corrected. NaN without the runs' predictions, 0 when there was no choice.
    """
    chosen = model.present if eligible is None else np.asarray(list(eligible), dtype=np.intp)
    chosen = chosen[model.counts[chosen] > 0]
    k = len(chosen)
    highest = float(model.mean[chosen].max()) if k else np.nan
    corrected = low = high = np.nan
    m = model.images or 0
    if k and model.by_image is not None and m > 1:
        right = model.by_image[chosen] + model.mean[chosen, None].astype(np.float32)  # [K, M]
        rng = np.random.default_rng(seed)
        times = rng.multinomial(m, np.full(m, 1 / m), size=number).astype(np.float32)
        best = (times @ right.T / m).argmax(axis=1)
        left = times == 0
        scored = np.einsum("bm,bm->b", left, right[best]) / np.maximum(left.sum(axis=1), 1)
        luck, spread = luck_of_seeds(model.mean[chosen], model.pure[chosen])
        by_seeds = spread * rng.standard_normal(number) - luck
        low, high = np.clip(np.quantile(scored + by_seeds, [0.025, 0.975]), 0, 1).tolist()
        corrected = float(np.clip(scored.mean() - luck, 0, 1)) if k > 1 else highest
    row = {
        "k": k,
        "images": m,
        "highest": highest,
        "corrected": corrected,
        "low": low,
        "high": high,
        "optimism": highest - corrected,
    }
    return pd.DataFrame([row])


def luck_of_seeds(mean: Floats, variance: Floats) -> tuple[float, float]:
    """How far the highest mean lies above what is to be expected of it with other seeds.

    How the true means are distributed is learnt from all of them, by maximum likelihood over all
    distributions on a grid (J. Kiefer and J. Wolfowitz, Ann. Math. Stat. 27, 1956; by EM: N. Laird,
    J. Am. Stat. Assoc. 73, 1978), each observed with its own error. What is to be expected of one
    then follows by Bayes' rule (B. Efron, Tweedie's formula and selection bias, J. Am. Stat. Assoc.
    106, 2011): a highest mean that is noisy was lucky, one that is not was hardly.

    Args:
        mean: ``[K]`` observed means.
        variance: ``[K]`` their variances over seeds.

    Returns:
        the luck (0 of a single one), and the standard deviation of the true mean.
    """
    top = int(np.argmax(mean))
    if len(mean) < 2 or not variance.any():
        return 0.0, float(np.sqrt(variance[top]))
    grid = np.linspace(mean.min(), mean.max(), GRID)
    spread = np.sqrt(np.maximum(variance, max(grid[1] - grid[0], LEAST) ** 2))[:, None]
    likelihood = np.exp(-(((mean[:, None] - grid) / spread) ** 2) / 2) / spread
    weight = np.full(GRID, 1 / GRID)
    for _ in range(STEPS):
        weight = (weight / (likelihood @ weight)[:, None] * likelihood).mean(axis=0)
    weight = weight * likelihood[top]
    weight /= weight.sum()
    expected = float(weight @ grid)
    luck = max(float(mean[top]) - expected, 0.0)
    # The distribution that fits best lies on few points, and so seems to know too much.
    left = float(np.sqrt(weight @ (grid - expected) ** 2))
    return luck, max(left, float(np.sqrt(variance[top])))
