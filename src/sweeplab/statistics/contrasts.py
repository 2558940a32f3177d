"""What a difference of settings' means may be by chance: its standard error and its tails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtr

from sweeplab.statistics.noise import (
    Floats,
    Indices,
    Noise,
    Singles,
    seed_unit,
    seed_variances,
    squared_gaps,
)

NORMAL = 200  # degrees of freedom, from which Student's t is taken for normal: it is faster
CERTAIN = 38.0  # the largest normal deviate that is told from infinity
HALVINGS = 40  # of the range of sizes in which a width is looked for


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors of differences ``[...]``: normal, with a variance that is known up to a distribution.

    The variance over seeds is one of ``seeds[..., g]`` with probability ``weight[..., g]``, so
    tails are mixtures of Student's t distributions, heavier where seeds are few and unequal.
    """

    images: Floats  # [...], the part that the choice of images makes
    seeds: Floats  # [..., G]
    weight: Floats  # [..., G]
    df: float  # of the images' part

    @property
    def se(self) -> Floats:
        """The standard errors."""
        return np.asarray(np.sqrt(self.images + (self.seeds * self.weight).sum(axis=-1)))

    def tail(self, size: Floats) -> Floats:
        """The probability of an error above ``size``, which is not negative."""
        spread = np.sqrt(self.images[..., None] + self.seeds)
        with np.errstate(divide="ignore", invalid="ignore"):
            deviate = np.asarray(size)[..., None] / spread
        deviate = np.nan_to_num(deviate, nan=0.0, posinf=1e9)
        tails = ndtr(-deviate) if self.df >= NORMAL else stdtr(self.df, -deviate)
        return np.asarray((self.weight * tails).sum(axis=-1))

    def deviate(self, difference: Floats) -> Floats:
        """Normal deviates with the tails of ``difference``, so that all are comparable."""
        with np.errstate(divide="ignore"):
            size = -ndtri(self.tail(np.abs(difference)))
        return np.asarray(np.sign(difference) * np.clip(size, 0.0, CERTAIN))

    def half(self, deviate: Floats | float) -> Floats:
        """Half the width of an interval, at most 1: the size with the tail of a normal deviate."""
        middle = np.log(np.maximum(self.se, 1e-12))
        low, high = middle + np.log(0.01), middle + np.log(1000.0)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            below = self.deviate(np.exp(middle)) < deviate
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(np.where(self.se > 0, np.minimum(np.exp(high), 1.0), 0.0))


def mean_errors(model: Noise, settings: Indices) -> Errors:
    """Errors of ``mean[settings]`` themselves, of shape ``[A]``."""
    m = model.images or 0
    images, df = model.binomial[settings], np.inf
    if model.by_image is not None and m > 1:
        part = model.by_image[settings]
        images, df = np.einsum("ij,ij->i", part, part) / (m * (m - 1)), m - 1.0
    images = np.asarray(images + (1 / m**2 if m else 0.0), dtype=np.float64)
    if not model.covers_seeds:
        return Errors(images, model.pure[settings, None], np.ones((len(images), 1)), df)
    variance, weight = seed_variances(model)
    n = np.maximum(model.counts, 1)[settings, None]
    return Errors(images, variance[settings] / n, weight[settings], df)


def pair_errors(model: Noise, rows: Indices, columns: Indices, elementwise: bool = False) -> Errors:
    """Errors of ``mean[rows] - mean[columns]``.

    To the images' part a success and a failure in 2 M are added, as A. Agresti and Y. Min do to
    McNemar's table (Stat. in Medicine 24, 2005): settings that differ on three images differ on
    too few for the normal distribution.

    Args:
        model: see :func:`~.noise.noise`.
        rows: ``[A]`` settings.
        columns: ``[B]`` settings.
        elementwise: pair ``rows[j]`` with ``columns[j]`` only.

    Returns:
        of shape ``[A, B]``, or ``[A]`` if elementwise.
    """

    def squares(part: Singles | None) -> Floats | None:
        return None if part is None else squared_gaps(part, rows, columns, elementwise)

    left, right = (rows, columns) if elementwise else (rows[:, None], columns[None, :])
    return _errors(
        model,
        squares(model.by_image),
        squares(model.by_seed),
        squares(model.rest),
        model.crossed[left] & model.crossed[right],
        model.binomial[left] + model.binomial[right],
        _alone(model, left) + _alone(model, right),
        (model.known / np.maximum(model.counts, 1))[left]
        + (model.known / np.maximum(model.counts, 1))[right],
        np.minimum(model.counts[left], model.counts[right]),
        (model.trend[left] + model.trend[right]) / 2,
        model.pure[left] + model.pure[right],
        1,
    )


def average_errors(model: Noise, left: Indices, right: Indices) -> Errors:
    """The same for the mean over G pairs of ``mean[left[g]] - mean[right[g]]``, of shape ``[1]``.

    Pairs may share what a seed does or not, so the variance over seeds falls with the number of
    pairs by any factor between 1 and G: all, on a logarithmic scale, are held equally likely.
    """
    g = len(left)
    both = np.concatenate([left, right])

    def squares(part: Singles | None) -> Floats | None:
        if part is None:
            return None
        gap = part[left].mean(axis=0) - part[right].mean(axis=0)
        return np.array([float(gap @ gap)])

    return _errors(
        model,
        squares(model.by_image),
        squares(model.by_seed),
        squares(model.rest),
        np.array([model.crossed[both].all()]),
        np.array([model.binomial[both].sum() / g**2]),
        np.array([_alone(model, both).sum() / g**2]),
        np.array([(model.known / np.maximum(model.counts, 1))[both].sum() / g**2]),
        np.array([model.counts[both].min()]),
        np.array([model.trend[both].mean()]),
        np.array([model.pure[both].sum() / g**2]),
        g,
    )


def _alone(model: Noise, settings: Indices) -> Floats:
    """The variance of a mean over seeds of its own, estimated from them."""
    return np.asarray((model.own / np.maximum(model.counts, 1))[settings])


def _errors(
    model: Noise,
    over_images: Floats | None,
    over_seeds: Floats | None,
    over_rest: Floats | None,
    crossed: np.ndarray,
    binomial: Floats,
    alone: Floats,
    alone_known: Floats,
    fewest: np.ndarray,
    trend: Floats,
    steps: Floats,
    pairs: int,
) -> Errors:
    m, s = model.images or 0, model.by_seed.shape[1]
    images, df = binomial, np.inf
    if over_images is not None and m > 1:
        images, df = over_images / (m * (m - 1)), m - 1.0
    images = images + (1 / (pairs * m**2) if m else 0.0)
    if not model.covers_seeds:
        return Errors(images, steps[..., None], np.ones((*images.shape, 1)), df)
    # Variances of means over seeds: crossed from differences seed by seed, others unpaired.
    raw, known, freedom = alone, alone_known, np.maximum(fewest - 1.0, 0.0)
    if s > 1 and over_seeds is not None:
        explained = np.zeros_like(raw)
        if over_rest is not None and m > 1:
            explained = over_rest / ((s - 1) * (m - 1) * m * s)
        raw = np.where(crossed, over_seeds / ((s - 1) * s), raw)
        known = np.where(crossed, explained, known)
        freedom = np.where(crossed, s - 1.0, freedom)
    unit = seed_unit(model, known * s, 1 / pairs, s) / s * trend
    prior = model.prior.shared_by(pairs)
    weight = prior.posterior(raw / unit, freedom)
    seeds = np.maximum(unit[..., None] * prior.variance - known[..., None], 0.0)
    return Errors(images, seeds, weight, df)
