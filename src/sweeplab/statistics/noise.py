"""The two chances in a comparison of settings: which images were held out, and which seeds ran.

The population is new images and new seeds. With ``y[k, s, i]`` whether setting k with seed s
classifies image i rightly, a difference of two settings d[s, i] = y[k, s, i] - y[l, s, i] follows
the crossed random-effects model ``d = delta + seed_s + image_i + rest_si``, and its mean over S
seeds and M images has variance ``V_seed / S + V_image / M + V_rest / (S M)`` (A. B. Owen, The
pigeonhole bootstrap, Ann. Appl. Stat. 1, 2007, section 2; A. C. Cameron, J. B. Gelbach and
D. L. Miller, Robust inference with multiway clustering, J. Bus. Econ. Stat. 29, 2011). Here:

- images: the variance over images of the differences of seed means, over M. It holds the second
  and the third term;
- seeds: what the variance over seeds of the differences of accuracies exceeds the third term by,
  over S. Runs with one seed share initial weights and batch order, so differences are taken seed
  by seed. Seeds are few, so what this variance may be is learnt from all settings
  (:mod:`~.seeds`), as a multiple of the third term, which images make well known.

Settings that lack a seed of the others enter with their own variance over seeds, unpaired.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from sweeplab.statistics.chance import Chance
from sweeplab.statistics.replicates import Replicates, sum_by
from sweeplab.statistics.seeds import Prior, doubt, learn, trend

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Indices = NDArray[np.intp]

LARGE = 2.5  # standard errors: about where comparisons of many settings are decided
BLOCK = 2048  # differences at once
OFFSETS = 3  # neighbours in accuracy that the variance over seeds is learnt from


@dataclass(frozen=True, eq=False)
class Noise:
    """Means of K settings over S seeds and M images, and how to compare them.

    ``by_image``, ``by_seed`` and ``rest`` are the settings' deviations from their means in the
    two-way layout; a contrast of settings has the same contrast of these.
    """

    mean: Floats  # [K], NaN where a setting has no result
    counts: Indices  # [K], seeds with a result
    images: int | None  # M
    crossed: NDArray[np.bool_]  # [K], whether a setting has every seed
    by_image: Singles | None  # [K, M], seed mean of each image; None without predictions
    by_seed: Singles  # [K, S], accuracy of each run; 0 where not crossed
    rest: Singles | None  # [K, S M], what both leave over; 0 where not crossed
    prior: Prior  # how variances over seeds are distributed around their trend
    alone: Prior  # the same of single settings, without what a seed does to all alike
    trend: Floats  # [K], the typical variance over seeds of settings as good, in units of ``known``
    own: Floats  # [K], each setting's variance over seeds; 0 with one seed
    known: Floats  # [K], the part of it that ``by_image`` holds already
    pure: Floats  # [K], the variance of each mean over seeds, without that part
    large: Floats  # [K], the same where the mean is ``LARGE`` standard errors off
    binomial: Floats  # [K], p (1 - p) / M: stands in for ``by_image`` where that is None
    draws: bool  # whether what is called a seed here is a draw of the training images

    @property
    def present(self) -> Indices:
        """The settings that have a result."""
        return np.flatnonzero(self.counts > 0)

    @cached_property
    def image_factor(self) -> Singles:
        """``[K, n]``, n the smaller of K and M: rows have the products that ``by_image``'s have."""
        assert self.by_image is not None
        k, m = self.by_image.shape
        if k >= m:
            return self.by_image
        values, vectors = np.linalg.eigh((self.by_image @ self.by_image.T).astype(np.float64))
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)), dtype=np.float32)

    @property
    def covers_seeds(self) -> bool:
        """Whether some setting ran with two seeds, so that their chance is known."""
        return bool((self.counts > 1).any())

    @property
    def chance(self) -> Chance:
        """Which chance the comparisons cover."""
        counts = self.counts[self.present]
        seeds = (int(counts.min(initial=counts.max(initial=0))), int(counts.max(initial=0)))
        steps = not self.covers_seeds and bool(self.pure.any())
        return Chance(
            self.images or None, self.by_image is not None, *seeds, draws=self.draws, steps=steps
        )


def noise(data: Replicates, steps: Floats | None = None) -> Noise:
    """Measure both chances from the runs; this module's head has the model.

    Args:
        data: the runs.
        steps: ``[K]`` variances that stand in for those over seeds where no setting has two, as
            :func:`~.steps.last_steps` gives them.
    """
    count, k = data.counts, data.settings
    n = np.maximum(count, 1)
    mean = np.bincount(data.setting, data.accuracy, minlength=k) / n
    by_image = None
    if data.correct is not None:
        per_image = sum_by(data.correct, data.setting, k) / n[:, None]
        mean = per_image.mean(axis=1, dtype=np.float64)
        by_image = (per_image - mean[:, None]).astype(np.float32)
    crossed, cube = _crossed(data)
    seeds = cube.shape[1]
    by_seed = np.zeros((k, seeds), dtype=np.float32)
    accuracy = cube.mean(axis=2, dtype=np.float64)  # [crossed, S]
    by_seed[crossed] = accuracy - accuracy.mean(axis=1, keepdims=True)
    rest = None
    if by_image is not None and seeds > 1:
        rest = np.zeros((k, cube.shape[1] * cube.shape[2]), dtype=np.float32)
        apart = cube - by_image[crossed][:, None, :] - accuracy[:, :, None].astype(np.float32)
        rest[crossed] = apart.reshape(len(cube), -1)
    own, known = _own_variance(data)
    measured = count > 1
    known = np.where(measured, known, known[measured].mean() if measured.any() else 0.0)
    absent = count == 0
    model = Noise(
        mean=np.where(absent, np.nan, mean),
        counts=count,
        images=data.images,
        crossed=crossed,
        by_image=by_image,
        by_seed=by_seed,
        rest=rest,
        prior=doubt(),
        alone=doubt(),
        trend=np.ones(k),
        own=own,
        known=known,
        pure=np.zeros(k),
        large=np.zeros(k),
        binomial=mean * (1 - mean) / data.images if data.images else np.zeros(k),
        draws=data.draws,
    )
    if not measured.any():
        alone = np.zeros(k) if steps is None else np.where(absent, 0.0, steps)
        return replace(model, pure=alone, large=alone)
    model = _learn(model)
    variance, seen = seed_variances(model)
    typical = (seen * variance).sum(axis=1)
    # Where a setting's seeds may be much noisier than they look, large errors come from there.
    alone = known * n
    total = (alone + typical)[:, None] / (alone[:, None] + variance)
    seen = seen * ndtr(-LARGE * np.sqrt(np.where(total > 0, total, 1.0)))
    large = (seen * variance).sum(axis=1) / seen.sum(axis=1)
    return replace(
        model,
        pure=np.where(absent, 0.0, typical / n),
        large=np.where(absent, 0.0, large / n),
    )


def seed_variances(model: Noise) -> tuple[Floats, Floats]:
    """What the variance of a setting's accuracy over seeds, on endless images, may be.

    Returns:
        variances ``[K, G]`` and their probabilities ``[K, G]``.
    """
    unit = seed_unit(model, model.known, 1.0, 1) * model.trend
    weight = model.prior.posterior(model.own / unit, np.maximum(model.counts - 1.0, 0.0))
    variance = unit[:, None] * model.prior.variance - model.known[:, None]
    return np.maximum(variance, 0.0), weight


def seed_unit(model: Noise, known: Floats, weight: float, seeds: int) -> Floats:
    """What variances over seeds are measured in: the part that images explain, if that is known.

    Args:
        model: see :func:`noise`.
        known: variances that images explain.
        weight: 1, or 1 / G for means over G settings.
        seeds: S; an image more or less in all of them is the least that can be seen.
    """
    if model.by_image is None or not model.images:
        return np.ones_like(known)
    return np.maximum(known, weight / (seeds * model.images**2))


def squared_gaps(part: Singles, rows: Indices, columns: Indices, elementwise: bool) -> Floats:
    """Sums of squares of the differences of rows, ``[A, B]``, or ``[A]`` if elementwise."""
    if elementwise:
        squares = np.empty(len(rows))
        for start in range(0, len(rows), BLOCK):
            gap = part[rows[start : start + BLOCK]] - part[columns[start : start + BLOCK]]
            squares[start : start + BLOCK] = np.einsum("ij,ij->i", gap, gap)
        return squares
    a, b = part[rows], part[columns]
    own = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)
    return np.asarray(np.maximum(own - 2 * (a @ b.T), 0.0), dtype=np.float64)


def _learn(model: Noise) -> Noise:
    """What neighbours in accuracy show of the variance over seeds: its trend and distribution."""
    s = model.by_seed.shape[1]
    order = np.flatnonzero(model.crossed)
    order = order[np.argsort(-model.mean[order], kind="stable")]
    if s < 2 or len(order) < 2:
        several = np.flatnonzero(model.counts > 1)
        ratio = model.own[several] / seed_unit(model, model.known[several], 1.0, 1)
        df = model.counts[several] - 1.0
        df = model.counts[several].astype(np.float64) - 1
        typical = trend(np.nan_to_num(model.mean), model.mean[several], ratio, df)
        return replace(model, trend=np.maximum(typical, 1e-12))
    offsets = range(1, min(OFFSETS, len(order) - 1) + 1)
    one = np.concatenate([order[:-offset] for offset in offsets])
    other = np.concatenate([order[offset:] for offset in offsets])
    raw = squared_gaps(model.by_seed, one, other, True) / (s - 1)
    known, m = np.zeros_like(raw), model.images or 0
    if model.rest is not None and m > 1:
        known = squared_gaps(model.rest, one, other, True) / ((s - 1) * (m - 1) * m)
    ratio = raw / seed_unit(model, known, 1.0, s)
    middle = (model.mean[one] + model.mean[other]) / 2
    typical = np.maximum(trend(np.nan_to_num(model.mean), middle, ratio, s - 1.0), 1e-12)
    around = ratio / ((typical[one] + typical[other]) / 2)
    prior = learn(around, s - 1.0, len(order) / 2)
    # What a seed does to all settings alike cancels in comparisons; the median leaves odd ones out.
    apart = model.by_seed[order] - np.median(model.by_seed[order], axis=0)
    apart = apart - apart.mean(axis=1, keepdims=True)
    each = np.square(apart, dtype=np.float64).sum(axis=1) / (s - 1) * len(order) / (len(order) - 1)
    each /= seed_unit(model, model.known[order], 1.0, 1) * typical[order]
    return replace(model, trend=typical, prior=prior, alone=learn(each, s - 1.0, len(order)))


def _crossed(data: Replicates) -> tuple[NDArray[np.bool_], Singles]:
    """Which settings have every seed, and their answers ``[crossed, S, M]`` (M = 1 if unknown)."""
    seeds = int(data.seed.max(initial=0)) + 1
    crossed = data.counts == seeds
    if seeds < 2 or crossed.sum() < 2:
        # Seeds that few settings share: nothing is paired. One column of zeros.
        none = np.zeros(data.settings, dtype=np.bool_)
        return none, np.zeros((0, 1, 1), dtype=np.float32)
    rows = np.flatnonzero(crossed[data.setting])
    rows = rows[np.lexsort((data.seed[rows], data.setting[rows]))]
    values = data.correct if data.correct is not None else data.accuracy[:, None]
    return crossed, values[rows].astype(np.float32).reshape(int(crossed.sum()), seeds, -1)


def _own_variance(data: Replicates) -> tuple[Floats, Floats]:
    """Each setting's variance over seeds, and the part of it that images explain."""
    count = data.counts
    order = np.argsort(data.setting, kind="stable")
    starts = np.searchsorted(data.setting[order], np.arange(data.settings))
    variance, rest = np.zeros(data.settings), np.zeros(data.settings)
    for k in np.flatnonzero(count > 1):
        rows = order[starts[k] : starts[k] + count[k]]
        s = int(count[k])
        variance[k] = data.accuracy[rows].var(ddof=1)
        m = data.images or 0
        if data.correct is not None and m > 1:
            spread = data.correct[rows].var(axis=0, dtype=np.float64)
            within = s * float(spread.sum()) - m * (s - 1) * variance[k]
            rest[k] = max(within, 0.0) / ((s - 1) * (m - 1) * m)
    return variance, rest
