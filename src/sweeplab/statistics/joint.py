"""The joint distribution of many comparisons: simulated errors of all settings' means at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sweeplab.statistics.noise import Noise

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


def draws(
    model: Noise,
    number: int,
    rng: np.random.Generator,
    variance: Floats | None = None,
    alone: float = 1.0,
) -> Singles:
    """Errors of all K means under the model, jointly, ``[number, K]``.

    The images' part is a Gaussian multiplier bootstrap (V. Chernozhukov, D. Chetverikov and
    K. Kato, Ann. Statist. 41, 2013), which keeps how alike settings are, image by image. The
    seeds' part has each setting's variance, and correlations shrunk towards none, since S seeds
    show correlations where there are none: with mean square 1 / (S - 1) (after J. Schaefer and
    K. Strimmer, Stat. Appl. Genet. Mol. Biol. 4, 2005).

    Args:
        model: see :func:`~.noise.noise`.
        number: of draws.
        rng: the source of chance.
        variance: ``[K]``, of the seeds' part; that of large errors if None, because comparisons
            are decided in the tails.
        alone: how much of a setting's variance over seeds is taken as its own, at most.
    """
    k = len(model.mean)
    variance = model.large if variance is None else variance
    error = image_errors(model, number, rng)
    if variance.any():
        own = rng.standard_normal((number, k), dtype=np.float32)
        unit, shrink = seed_correlation(model)
        shrink = np.where(unit.any(axis=1), np.minimum(shrink, alone), 1.0).astype(np.float32)
        common = rng.standard_normal((number, unit.shape[1]), dtype=np.float32) @ unit.T
        mixed = np.sqrt(1 - shrink) * common + np.sqrt(shrink) * own
        error += mixed * np.sqrt(variance).astype(np.float32)
    return error


def image_errors(model: Noise, number: int, rng: np.random.Generator) -> Singles:
    """``[number, K]`` normal errors with the covariance of means over images."""
    m = model.images or 0
    if model.by_image is None or not m:
        error = rng.standard_normal((number, len(model.mean)), dtype=np.float32)
        return np.asarray(error * np.sqrt(model.binomial).astype(np.float32))
    factor = model.image_factor
    scale = np.float32(1 / np.sqrt(m * max(m - 1, 1)))
    normal = rng.standard_normal((number, factor.shape[1]), dtype=np.float32)
    return np.asarray((normal @ factor.T) * scale)


def seed_correlation(model: Noise) -> tuple[Singles, Singles]:
    """Unit vectors ``[K, S]`` whose products are the settings' correlations over seeds.

    Returns:
        the vectors (0 where a setting is not crossed), and for each setting the share of its
        variance that is taken as its own, ``[K]``.
    """
    # What all settings share cancels in every comparison; the median leaves odd ones out.
    crossed = model.crossed
    k, s = model.by_seed.shape
    own = np.ones(k, dtype=np.float32)
    unit = np.zeros((k, s), dtype=np.float32)
    if s < 2 or crossed.sum() < 3:
        return unit, own
    part = model.by_seed[crossed] - np.median(model.by_seed[crossed], axis=0)
    part = part - part.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(part, axis=1, keepdims=True)
    part = np.divide(part, norm, out=np.zeros_like(part), where=norm > 0)
    n = int(crossed.sum())
    gram = part.T @ part  # the same squares as of part @ part.T, and small
    square = (float((gram**2).sum()) - n) / (n * (n - 1))
    shrink = min(1.0, (1 / (s - 1)) / max(square, 1e-9))
    unit[crossed] = part
    if s > 2:  # two seeds show no correlation but 1 and -1
        own[crossed] = np.where(norm[:, 0] > 0, shrink, 1.0)
    return unit, own
