"""How much accuracy varies from seed to seed, when there are few seeds.

With two or three seeds a variance is poorly estimated, and the smallest of many such estimates
makes false winners. Comparisons therefore lend each other strength, by empirical Bayes: how
variances are distributed is learnt from all of them, and what one of them may be follows from
its own estimate and that distribution. The distribution is not assumed to have one shape (after
M. Lu and M. Stephens, Variance adaptive shrinkage, Bioinformatics 32, 2016), because real sweeps
have a few settings whose seeds differ eight times more than those of the others; it follows the
accuracy (the trend of limma: C. W. Law, Y. Chen, W. Shi and G. K. Smyth, voom, Genome Biology 15,
2014), because settings that do alike are alike noisy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LOGS = np.linspace(-7.0, 7.0, 29)  # of variances, as multiples of the trend
DOUBT = 2.0  # in variances: how much is doubted that the others show what is possible
WIDTH = 2.0  # the standard deviation of logarithms that doubt has
STEPS = 200
NEIGHBOURS = 15.0  # comparisons, at least, in a standard deviation of the trend's kernel


@dataclass(frozen=True, eq=False)
class Prior:
    """How variances are distributed around their trend: ``weight[g]`` at ``variance[g]``."""

    variance: Floats  # [G]
    weight: Floats  # [G], sums to 1

    def posterior(self, ratio: Floats, df: Floats | float) -> Floats:
        """What a variance may be, of which ``ratio`` was estimated with ``df`` degrees of freedom.

        Args:
            ratio: ``[...]`` sample variances over their trend.
            df: ``[...]`` or one; 0 where nothing was estimated.

        Returns:
            weights ``[..., G]`` of ``variance``.
        """
        weight = self.weight * self.likelihood(ratio, df)
        return np.asarray(weight / weight.sum(axis=-1, keepdims=True))

    def likelihood(self, ratio: Floats, df: Floats | float) -> Floats:
        """Of each variance, up to a factor; as :meth:`posterior` has it."""
        half = np.asarray(df, dtype=np.float64)[..., None] / 2
        log = -half * (np.log(self.variance) + np.asarray(ratio)[..., None] / self.variance)
        return np.asarray(np.exp(log - log.max(axis=-1, keepdims=True)))

    def shared_by(self, pairs: int) -> Prior:
        """The same for means over G pairs that share a seed's effect, not at all or wholly.

        Their variance is 1 to G times what it were if they shared nothing: each multiple is as
        likely as any other, on a logarithmic scale.
        """
        if pairs == 1:
            return self
        step = LOGS[1] - LOGS[0]
        more = int(np.ceil(np.log(pairs) / step)) + 1
        weight = np.convolve(self.weight, np.full(more, 1 / more))
        return Prior(np.exp(LOGS[0] + step * np.arange(len(weight))), weight)


def doubt() -> Prior:
    """What is believed of variances around their trend before any is seen."""
    weight = np.exp(-((LOGS / WIDTH) ** 2) / 2)
    return Prior(np.exp(LOGS), weight / weight.sum())


def learn(ratio: Floats, df: float, count: float) -> Prior:
    """The distribution of variances that gave these estimates.

    Maximum likelihood over all distributions on a grid, by the EM algorithm (R. Koenker and
    I. Mizera, Convex optimization, shape constraints, and compound decisions, J. Am. Stat. Assoc.
    109, 2014), with :func:`doubt` as if ``DOUBT`` well measured variances more had been seen.

    Args:
        ratio: ``[n]`` sample variances over their trend.
        df: degrees of freedom of each; an estimate is worth df / (df + 2) of a variance that is
            known, by the spread of its chi-squared distribution.
        count: how many independent ones they are.
    """
    prior = doubt()
    if len(ratio) == 0:
        return prior
    count *= df / (df + 2)
    likelihood, weight = prior.likelihood(ratio, df), prior.weight
    for _ in range(STEPS):
        seen = (weight / (likelihood @ weight)[:, None] * likelihood).mean(axis=0)
        weight = (count * seen + DOUBT * prior.weight) / (count + DOUBT)
    return Prior(prior.variance, weight)


def trend(accuracy: Floats, at: Floats, ratio: Floats, df: Floats | float) -> Floats:
    """The typical sample variance of settings of some accuracy.

    A kernel mean over neighbours in the order of accuracy, of cube roots: those of a variance
    with d degrees of freedom are near normal, with mean ``1 - 2 / (9 d)`` times the cube root of
    the true one (E. B. Wilson and M. M. Hilferty, PNAS 17, 1931).

    Args:
        accuracy: ``[K]`` where it is asked for.
        at: ``[n]`` accuracies of the sample variances.
        ratio: ``[n]`` sample variances.
        df: ``[n]`` or one, their degrees of freedom.
    """
    if len(ratio) == 0:
        return np.ones(len(accuracy))
    order = np.sort(at)
    rank, asked = np.searchsorted(order, at), np.searchsorted(order, accuracy)
    width = max(len(at) / 8, NEIGHBOURS)
    kernel = np.exp(-(((asked[:, None] - rank) / width) ** 2) / 2)
    root = np.cbrt(ratio) / (1 - 2 / (9 * np.asarray(df)))
    return np.asarray((kernel @ root / kernel.sum(axis=1)) ** 3)
