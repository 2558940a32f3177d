"""What a difference of settings' means may be by chance: its standard error and its tails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

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
from sweeplab.statistics.seeds import Prior

NORMAL = 200  # degrees of freedom, from which Student's t is taken for normal: it is faster
CERTAIN = 38.0  # the largest normal deviate that is told from infinity
STEPS = 40  # at most, until a width is found
EXACT = 1e-10  # of it, as a share


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
        deviate = np.asarray(size)[..., None] / np.maximum(spread, 1e-300)
        tails = ndtr(-deviate) if self.df >= NORMAL else stdtr(self.df, -deviate)
        return np.asarray((self.weight * tails).sum(axis=-1))

    def deviate(self, difference: Floats) -> Floats:
        """Normal deviates with the tails of ``difference``, so that all are comparable."""
        with np.errstate(divide="ignore"):
            size = -ndtri(self.tail(np.abs(difference)))
        return np.asarray(np.sign(difference) * np.clip(size, 0.0, CERTAIN))

    def half(self, deviate: Floats | float) -> Floats:
        """Half the width of an interval, at most 1: the size with the tail of a normal deviate.

        By the secant method on logarithms, on which it is near a line, kept within the range in
        which the size is known to lie.
        """
        se, wanted = np.maximum(self.se, 1e-12), np.maximum(deviate, 1e-12)
        low, high = np.log(se) + np.log(0.01), np.log(se) + np.log(1000.0)
        at, before, slope = np.clip(np.log(se * wanted), low, high), None, np.ones_like(se)
        for _ in range(STEPS):
            off = np.log(np.maximum(self.deviate(np.exp(at)), 1e-12) / wanted)
            low, high = np.where(off < 0, at, low), np.where(off < 0, high, at)
            if before is not None:
                moved = at - before[0]
                slope = np.divide(off - before[1], moved, out=slope, where=moved != 0)
            step = at - off / np.where(slope > 0, slope, 1.0)
            before = at, off
            at = np.where((step > low) & (step < high), step, (low + high) / 2)
            if np.abs(at - before[0]).max(initial=0.0) < EXACT:
                break
        return np.asarray(np.where(self.se > 0, np.minimum(np.exp(at), 1.0), 0.0))


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


@dataclass(frozen=True, eq=False)
class Known:
    """Errors of differences ``[...]``, but for what seeds show of their variances."""

    images: Floats  # [...], as of :class:`Errors`
    df: float
    unit: Floats  # [...], what the variance of a difference over seeds, over S, is measured in
    explained: Floats  # [...], the part of it that ``images`` holds
    freedom: Floats  # [...], degrees of freedom of its estimate
    prior: Prior | None  # None with one seed; its variance is then ``unit``

    def errors(self, seen: Floats) -> Errors:
        """With the estimates ``[...]`` of the variances over seeds, over S."""
        if self.prior is None:
            return Errors(
                self.images, self.unit[..., None], np.ones((*self.images.shape, 1)), self.df
            )
        weight = self.prior.posterior(seen / self.unit, self.freedom)
        seeds = self.unit[..., None] * self.prior.variance - self.explained[..., None]
        return Errors(self.images, np.maximum(seeds, 0.0), weight, self.df)

    def typical(self) -> Known:
        """Of a difference in the middle of these."""
        return self._each(lambda values: np.asarray(np.median(values)))

    def part(self, *index: Indices) -> Known:
        """Of some of these."""
        shape = self.images.shape
        return self._each(lambda values: np.broadcast_to(values, shape)[index])

    def spread(self, shape: tuple[int, ...]) -> Known:
        """Of a single one, as if it were many."""
        return self._each(lambda values: np.broadcast_to(values, shape))

    def _each(self, change: Callable[[Floats], Floats]) -> Known:
        parts = (self.images, self.unit, self.explained, self.freedom)
        images, unit, explained, freedom = (change(values) for values in parts)
        return replace(self, images=images, unit=unit, explained=explained, freedom=freedom)


def pair_errors(model: Noise, rows: Indices, columns: Indices, elementwise: bool = False) -> Errors:
    """Errors of ``mean[rows] - mean[columns]``; see :func:`pairs`."""
    known, seen = pairs(model, rows, columns, elementwise)
    return known.errors(seen)


def pairs(
    model: Noise, rows: Indices, columns: Indices, elementwise: bool = False
) -> tuple[Known, Floats]:
    """Errors of ``mean[rows] - mean[columns]``, and the estimated variances over seeds, over S.

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
    """Errors of the mean over G pairs of differences; see :func:`average`."""
    known, seen = average(model, left, right)
    return known.errors(seen)


def average(model: Noise, left: Indices, right: Indices) -> tuple[Known, Floats]:
    """As :func:`pairs`, of the mean over G pairs of ``mean[left[g]] - mean[right[g]]``: ``[1]``.

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
) -> tuple[Known, Floats]:
    m, s = model.images or 0, model.by_seed.shape[1]
    images, df = binomial, np.inf
    if over_images is not None and m > 1:
        images, df = over_images / (m * (m - 1)), m - 1.0
    images = images + (1 / (pairs * m**2) if m else 0.0)
    if not model.covers_seeds:
        return Known(images, df, steps, alone, alone, None), alone
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
    return Known(images, df, unit, known, freedom, model.prior.shared_by(pairs)), raw
