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
  by seed. Seeds are few, so this variance is moderated over settings (:mod:`~.seeds`), relative
  to the third term, which images make well known.

Settings that lack a seed of the others enter with their own variance over seeds, unpaired.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sweeplab.statistics.chance import Chance
from sweeplab.statistics.replicates import Replicates, sum_by
from sweeplab.statistics.seeds import Prior, estimate_prior, median_unbiased, moderated

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Indices = NDArray[np.intp]

FEWEST = 10  # settings that the common variance over seeds is learnt from, if there are as many


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
    prior: Prior  # what settings have in common in their variance over seeds
    own: Floats  # [K], variance of each setting's mean over seeds, for unpaired comparisons
    pure: Floats  # [K], the same without what ``by_image`` holds already
    df: Floats  # [K], degrees of freedom of ``own``
    binomial: Floats  # [K], p (1 - p) / M: stands in for ``by_image`` where that is None

    @property
    def present(self) -> Indices:
        """The settings that have a result."""
        return np.flatnonzero(self.counts > 0)

    @property
    def covers_seeds(self) -> bool:
        """Whether some setting ran with two seeds, so that their chance is known."""
        return bool((self.counts > 1).any())

    @property
    def chance(self) -> Chance:
        """Which chance the comparisons cover."""
        counts = self.counts[self.present]
        seeds = (int(counts.min(initial=counts.max(initial=0))), int(counts.max(initial=0)))
        return Chance(self.images or None, self.by_image is not None, *seeds)


def noise(data: Replicates) -> Noise:
    """Measure both chances from the runs; this module's head has the model."""
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
    own, left_over, own_df = _own_variance(data)
    moderate, df = moderated(own, own_df, _rounding(data.images))
    moderate = np.nan_to_num(moderate)
    known = own_df > 0
    left_over = np.where(known, left_over, left_over[known].mean() if known.any() else 0.0)
    absent = count == 0
    model = Noise(
        mean=np.where(absent, np.nan, mean),
        counts=count,
        images=data.images,
        crossed=crossed,
        by_image=by_image,
        by_seed=by_seed,
        rest=rest,
        prior=Prior(np.inf, 0.0, 0.0),
        own=moderate * median_unbiased(df) / n,
        pure=np.maximum(moderate - left_over, 0.0) * median_unbiased(df) / n,
        df=np.maximum(df, 1e-9),
        binomial=mean * (1 - mean) / data.images if data.images else np.zeros(k),
    )
    return replace(model, prior=_common(model))


def pair_variance(
    model: Noise, rows: Indices, columns: Indices, elementwise: bool = False
) -> tuple[Floats, Floats]:
    """Variances of the differences of settings' means, and their degrees of freedom.

    Args:
        model: see :func:`noise`.
        rows: ``[A]`` settings.
        columns: ``[B]`` settings.
        elementwise: pair ``rows[j]`` with ``columns[j]`` only.

    Returns:
        each ``[A, B]``, or ``[A]`` if elementwise.
    """

    def squares(part: Singles) -> Floats:
        return _squared_gaps(part, rows, columns, elementwise)

    left, right = (rows, columns) if elementwise else (rows[:, None], columns[None, :])
    both = model.crossed[left] & model.crossed[right]
    return _variance(
        model,
        None if model.by_image is None else squares(model.by_image),
        squares(model.by_seed),
        None if model.rest is None else squares(model.rest),
        both,
        model.binomial[left] + model.binomial[right],
        model.pure[left] + model.pure[right],
        _shared_error(model, left) + _shared_error(model, right),
        1.0,
    )


def average_variance(model: Noise, left: Indices, right: Indices) -> tuple[Floats, Floats]:
    """The same for the mean over G pairs of settings of ``left[g]`` less ``right[g]``, ``[1]``."""
    g = len(left)
    both = np.concatenate([left, right])

    def squared(part: Singles) -> Floats:
        gap = part[left].mean(axis=0) - part[right].mean(axis=0)
        return np.array([float(gap @ gap)])

    return _variance(
        model,
        None if model.by_image is None else squared(model.by_image),
        squared(model.by_seed),
        None if model.rest is None else squared(model.rest),
        np.array([model.crossed[both].all()]),
        np.array([model.binomial[both].sum() / g**2]),
        np.array([model.pure[both].sum() / g**2]),
        np.array([_shared_error(model, both).sum() / g**2]),
        1 / g,
    )


def _variance(
    model: Noise,
    over_images: Floats | None,
    over_seeds: Floats,
    over_rest: Floats | None,
    crossed: NDArray[np.bool_],
    binomial: Floats,
    pure: Floats,
    pure_error: Floats,
    weight: float,
) -> tuple[Floats, Floats]:
    """From sums of squares of a contrast's deviations to its variance and degrees of freedom.

    The degrees are F. E. Satterthwaite's (Biometrics 2, 1946). To the images' part a success and
    a failure in 2 M are added, as A. Agresti and Y. Min do to McNemar's table (Stat. in Medicine
    24, 2005): settings that differ on three images differ on too few for the normal distribution.
    """
    m, s = model.images or 0, model.by_seed.shape[1]
    if over_images is None or m < 2:
        image, image_df = binomial, np.inf
    else:
        image, image_df = over_images / (m * (m - 1)), m - 1
    extra = weight / m**2 if m else 0.0
    seed, seed_error = pure, pure_error
    if s > 1 and crossed.any():
        raw, known = over_seeds / (s - 1), np.zeros_like(over_seeds)
        unit = np.ones_like(over_seeds)
        if over_rest is not None and m > 1:
            known = over_rest / ((s - 1) * (m - 1) * m)
            unit = np.maximum(known, weight / (s * m**2))
        shrunk, df = model.prior.shrink(raw / unit, float(s - 1))
        factor = float(median_unbiased(np.array(df)))
        paired = np.maximum(shrunk * unit - known, 0.0) * factor / s
        paired_error = shrunk * unit * factor / s / np.sqrt(df)
        # The part cannot be less certain than if it were all of the variance.
        paired_error = np.minimum(paired_error, (image + extra + paired) / np.sqrt(df))
        seed = np.where(crossed, paired, pure)
        seed_error = np.where(crossed, paired_error, pure_error)
    total = image + extra + seed
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = total**2 / (image**2 / image_df + seed_error**2)
    return total, np.where(np.isfinite(degrees), np.minimum(degrees, 1e9), 1e9)


def _shared_error(model: Noise, settings: Indices) -> Floats:
    # Errors of moderated variances are shared, so they add up instead of cancelling.
    return np.asarray(model.own[settings] / np.sqrt(model.df[settings]))


def _squared_gaps(part: Singles, rows: Indices, columns: Indices, elementwise: bool) -> Floats:
    a, b = part[rows], part[columns]
    if elementwise:
        gap = a - b
        return np.asarray(np.einsum("ij,ij->i", gap, gap), dtype=np.float64)
    own = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)
    return np.asarray(np.maximum(own - 2 * (a @ b.T), 0.0), dtype=np.float64)


def _common(model: Noise) -> Prior:
    """What neighbours in accuracy, of the better half, show of the variance over seeds."""
    s = model.by_seed.shape[1]
    order = np.flatnonzero(model.crossed)
    order = order[np.argsort(-model.mean[order], kind="stable")]
    order = order[: max(FEWEST, len(order) // 2)]
    if s < 2 or len(order) < 2:
        return Prior(np.inf, 0.0, 0.0)
    one, other = order[:-1], order[1:]
    raw = _squared_gaps(model.by_seed, one, other, True) / (s - 1)
    m = model.images or 0
    if model.rest is not None and m > 1:
        known = _squared_gaps(model.rest, one, other, True) / ((s - 1) * (m - 1) * m)
        raw = raw / np.maximum(known, 1 / (s * m**2))
        raw = np.maximum(raw, 0.01)  # of a discrete count: 0 is less than it can know
    else:
        raw = np.maximum(raw, _rounding(m))
    # Squares of neighbouring differences have correlation 1/4: 1.5 times the variance.
    degrees = len(raw) * (s - 1) / (1.5 if len(raw) > 1 else 1.0)
    return estimate_prior(raw, np.full(len(raw), s - 1.0), degrees)


def _rounding(images: int | None) -> float:
    """The variance that rounding an accuracy to whole images has."""
    return 1 / (12 * images**2) if images else 0.0


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


def _own_variance(data: Replicates) -> tuple[Floats, Floats, Floats]:
    """Each setting's variance over seeds, the part of it that images explain, and its degrees."""
    count = data.counts
    order = np.argsort(data.setting, kind="stable")
    starts = np.searchsorted(data.setting[order], np.arange(data.settings))
    variance, rest, df = (np.zeros(data.settings) for _ in range(3))
    for k in np.flatnonzero(count > 1):
        rows = order[starts[k] : starts[k] + count[k]]
        s = int(count[k])
        variance[k], df[k] = data.accuracy[rows].var(ddof=1), s - 1
        m = data.images or 0
        if data.correct is not None and m > 1:
            p = data.correct[rows].mean(axis=0)
            within = s * float((p * (1 - p)).sum()) - m * (s - 1) * variance[k]
            rest[k] = max(within, 0.0) / ((s - 1) * (m - 1) * m)
    return variance, rest, df
