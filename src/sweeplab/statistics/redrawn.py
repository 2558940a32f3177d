"""Sweeps redrawn from the model, in which all settings are equally good: what chance alone does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from sweeplab.statistics.contrasts import Known
from sweeplab.statistics.joint import image_errors
from sweeplab.statistics.noise import Floats, Indices, Noise, Singles, seed_unit

# In redrawn sweeps chance must do it (1 + comparisons / FAR) ** -1/4 as often as it may: they take
# what was learnt of the variances over seeds for known, and the more comparisons there are, the
# further out in the tails they are decided. Without it simulated sweeps of 240 settings, a tenth of
# them noisy, with 3 seeds lose the best in 6.2 ± 1.7 % (make coverage).
FAR = 10.0
CELLS = 200_000  # comparisons at once
SIZES = np.linspace(0.0, 8.0, 81)  # log(1 + gap / error by images)
ESTIMATES = np.linspace(-12.0, 12.0, 41)  # logarithms of variances, as multiples of their unit

Lookup = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, eq=False)
class Redrawn:
    """B redrawn sweeps of K settings."""

    images: Singles  # [B, K], errors of means by the choice of images
    seeds: Singles  # [B, K], and of seeds
    apart: Singles  # [B, K, S], how the seeds deviate from them, times sqrt(S / (S - 1))
    own: Floats | None  # [B, K], estimated variances of means; None where all are crossed
    crossed: np.ndarray  # [K]
    unit: Floats  # [K], of each setting's variance of a mean over seeds

    def largest(self, known: Known, one: Indices, other: Indices) -> Floats:
        """The largest deviate, of either sign, of n differences in each redrawn sweep, ``[B]``."""
        lookup, found = tabulated(known), []
        size = max(1, CELLS // len(one))
        for start in range(0, len(self.images), size):
            at = np.arange(start, min(start + size, len(self.images)))[:, None]
            found.append(np.abs(self.deviates(known, at, one, other, lookup)).max(axis=1))
        return np.concatenate(found)

    def deviates(
        self, known: Known, at: Indices, one: Indices, other: Indices, lookup: Lookup
    ) -> Floats:
        """Normal deviates ``[...]`` of differences in redrawn sweeps ``at``, as if observed.

        All differences are brought to the scale of a typical one, for which deviates are
        tabulated.

        Args:
            known: of the differences, ``[...]`` or of a part of these dimensions.
            at: ``[...]`` sweeps.
            one: ``[...]`` settings.
            other: ``[...]`` settings that are taken from these.
            lookup: of ``known``.
        """
        typical = known.typical()
        gap = (self.images[at, one] - self.images[at, other]) * _ratio(typical.images, known.images)
        apart = self.seeds[at, one] - self.seeds[at, other]
        if typical.prior is None:
            gap += apart * _ratio(typical.images, known.images)
            return np.asarray(gap / np.sqrt(typical.images + typical.unit))
        each = self.apart[at, one] - self.apart[at, other]
        seen = np.einsum("...s,...s->...", each, each) / self.apart.shape[2] ** 2
        if self.own is not None:
            alone = self.own[at, one] + self.own[at, other]
            seen = np.where(self.crossed[one] & self.crossed[other], seen, alone)
        share = typical.unit / (self.unit[one] + self.unit[other])
        gap += np.sqrt(share).astype(np.float32) * apart
        return lookup(np.asarray(gap, dtype=np.float64), seen * share)

    def of_average(self, known: Known, one: Indices, other: Indices) -> Floats:
        """The same ``[B]`` for the mean over G pairs, of which ``known [1]`` is."""
        g = len(one)
        gap = (self.images[:, one] - self.images[:, other]).mean(axis=1)
        apart = (self.seeds[:, one] - self.seeds[:, other]).mean(axis=1)
        typical = known.typical()
        if typical.prior is None:
            return np.asarray((gap + apart) / np.sqrt(typical.images + typical.unit))
        both = np.concatenate([one, other])
        each = (self.apart[:, one] - self.apart[:, other]).mean(axis=1)
        seen = np.einsum("bs,bs->b", each, each) / each.shape[1] ** 2
        if self.own is not None and not self.crossed[both].all():
            seen = self.own[:, both].sum(axis=1) / g**2
        share = float(typical.unit) * g**2 / float(self.unit[both].sum())
        errors = typical.spread(gap.shape).errors(seen * share)
        return errors.deviate(gap + np.sqrt(share) * apart)


def _ratio(typical: Floats, each: Floats) -> Singles:
    return np.sqrt(typical / np.maximum(each, 1e-300)).astype(np.float32)


def tabulated(known: Known) -> Lookup:
    """Deviates of gaps with estimates, both ``[...]``, of a typical one of these differences.

    By linear interpolation in a table of logarithms.
    """
    known = known.typical()
    scale = np.sqrt(known.images) + 1e-12
    sizes = scale * np.expm1(SIZES)
    estimates = known.unit * np.exp(ESTIMATES)
    shape = (len(SIZES), len(ESTIMATES))
    errors = known.spread(shape).errors(np.broadcast_to(estimates, shape))
    table = errors.deviate(np.broadcast_to(sizes[:, None], shape))

    def lookup(gap: Floats, seen: Floats) -> Floats:
        across = np.log1p(np.abs(gap) / scale) / (SIZES[1] - SIZES[0])
        down = np.log(np.maximum(seen / known.unit, 1e-300)) - ESTIMATES[0]
        down /= ESTIMATES[1] - ESTIMATES[0]
        found = map_coordinates(table, [across, down], order=1, mode="nearest")
        return np.asarray(np.sign(gap) * found)

    return lookup


def critical(
    largest: NDArray[np.floating], error: Floats | float, comparisons: Floats | float
) -> Floats:
    """Which deviate the largest of so many comparisons exceeds with probability ``error``.

    Args:
        largest: ``[B]`` in redrawn sweeps.
        error: the probability, ``[...]``.
        comparisons: ``[...]``.
    """
    share = error * (1 + np.asarray(comparisons, dtype=np.float64) / FAR) ** -0.25
    return np.asarray(np.quantile(largest, 1 - share))


def redrawn(model: Noise, number: int, rng: np.random.Generator) -> Redrawn:
    """Draw every setting's variance over seeds from what is learnt of all, then images and seeds.

    A parametric bootstrap of the whole comparison, so that a setting whose few seeds agree by
    chance is as frequent as it would be, and as harmful: critical values that take the variances
    of the comparisons for known lose the best too often, and those that add up all tails
    (Bonferroni) far too seldom, because such a setting errs in all of its comparisons at once.
    """
    k, s = model.by_seed.shape
    image = image_errors(model, number, rng)
    n = np.maximum(model.counts, 1)
    if not model.covers_seeds:
        sd = np.sqrt(model.pure).astype(np.float32)
        seeds = rng.standard_normal((number, k), dtype=np.float32) * sd
        none = np.zeros((number, k, 1), dtype=np.float32)
        return Redrawn(image, seeds, none, None, model.crossed, np.ones(k))
    unit = seed_unit(model, model.known, 1.0, 1) * model.trend
    below = np.cumsum(model.alone.weight)[:-1]
    chosen = below.searchsorted(rng.random((number, k), dtype=np.float32))
    total = (unit * model.alone.variance[chosen]).astype(np.float32)  # with what images explain
    pure = np.sqrt(np.maximum(total - model.known, 0.0) / n).astype(np.float32)
    seeds = rng.standard_normal((number, k), dtype=np.float32) * pure
    apart = rng.standard_normal((number, k, s), dtype=np.float32)
    apart -= apart.mean(axis=2, keepdims=True)
    apart *= np.sqrt(total * (s / max(s - 1, 1)))[..., None]
    own = None
    if not model.crossed.all():
        freedom = np.maximum(model.counts - 1, 1)
        own = total / n * rng.chisquare(freedom, (number, k)) / freedom
    return Redrawn(image, seeds, apart, own, model.crossed, unit / n)
