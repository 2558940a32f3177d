"""How much of the winner's accuracy is the luck of having been chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweeplab.statistics.noise import Noise

DRAWS = 1000


def optimism(
    model: Noise, eligible: Sequence[int] | None = None, number: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """The accuracy to expect on new images, with new seeds, of "the setting that did best".

    The images are resampled, and the seeds' errors redrawn; the setting that is best then is
    scored on the images left out, which had no part in choosing it, without these errors; the
    mean of the scores is the estimate (bootstrap bias corrected selection, BBC-CV: I. Tsamardinos,
    E. Greasidou and G. Borboudakis, Bootstrapping the out-of-sample predictions, Machine Learning
    107, 2018; for the seeds, which are too few to resample, with their estimated variances:
    B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993, section 6.5). It is a
    little pessimistic, since a resample holds 63 % of the images. The luck of one seed alone is
    not known and not in it.

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
        errors = np.sqrt(model.pure[chosen]) * rng.standard_normal((number, k))
        best = (times @ right.T / m + errors).argmax(axis=1)
        left = times == 0
        scored = np.einsum("bm,bm->b", left, right[best]) / np.maximum(left.sum(axis=1), 1)
        by_seeds = np.sqrt(model.pure[chosen][best]) * rng.standard_normal(number)
        low, high = np.clip(np.quantile(scored + by_seeds, [0.025, 0.975]), 0, 1).tolist()
        corrected = float(scored.mean()) if k > 1 else highest
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
