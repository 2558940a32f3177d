"""How much accuracy varies from seed to seed, when there are few seeds.

With two or three seeds a variance is poorly estimated, and the smallest of many such estimates
makes false winners. Settings therefore lend each other strength: each variance is shrunk towards
what is common to all, by as much as they agree (empirical Bayes; G. K. Smyth, Linear models and
empirical Bayes methods, Stat. Appl. Genet. Mol. Biol. 3, 2004, section 6.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """A common variance, worth ``df`` degrees of freedom; infinite when all variances are one."""

    df: float
    variance: float
    most: float  # the degrees of freedom of all data together: no estimate has more

    def shrink(self, variance: Floats, df: float) -> tuple[Floats, float]:
        """``(d0 s0^2 + df s^2) / (d0 + df)``, and its degrees of freedom."""
        if self.most <= 0:
            return variance, df
        if np.isinf(self.df):
            return np.full_like(variance, self.variance), max(self.most, df)
        shrunk = (self.df * self.variance + df * variance) / (self.df + df)
        return shrunk, min(self.df + df, max(self.most, df))


def estimate_prior(variance: Floats, df: Floats, most: float) -> Prior:
    """Match ``d0`` and ``s0^2`` to the mean and variance of ``log s^2``.

    Args:
        variance: ``[n]`` sample variances, positive.
        df: ``[n]`` their degrees of freedom.
        most: the degrees of freedom of all of them together.
    """
    positive = np.maximum(variance, 1e-12)
    logs = np.log(positive) - digamma(df / 2) + np.log(df / 2)
    spread = float(np.var(logs, ddof=1)) if len(logs) > 1 else 0.0
    spread -= float(polygamma(1, df / 2).mean())
    if spread <= 0:  # no more spread than chance gives: one common variance
        return Prior(float("inf"), float(np.average(variance, weights=df)), most)
    half = _inverse_trigamma(spread)
    common = float(np.exp(logs.mean() + digamma(half) - np.log(half)))
    return Prior(2 * half, common, most)


def moderated(variance: Floats, df: Floats, floor: float = 0.0) -> tuple[Floats, Floats]:
    """Variances shrunk towards their common value, and their degrees of freedom.

    Args:
        variance: ``[K]`` sample variances; where ``df`` is 0 they are ignored.
        df: ``[K]``, 0 where a setting has one run.
        floor: the least variance that the accuracy's rounding to whole images allows.

    Returns:
        variances ``[K]`` and degrees ``[K]``; NaN and 0 when no setting has any.
    """
    known = df > 0
    if not known.any():
        return np.full(len(df), np.nan), np.zeros(len(df))
    raised = np.where(known, np.maximum(variance, floor), 0.0)
    prior = estimate_prior(raised[known], df[known], float(df.sum()))
    if np.isinf(prior.df):
        return np.full(len(df), prior.variance), np.full(len(df), prior.most)
    shrunk = (prior.df * prior.variance + df * raised) / (prior.df + df)
    return shrunk, np.minimum(prior.df + df, prior.most)


def median_unbiased(df: Floats) -> Floats:
    """What to multiply a sample variance by, so that it is too small as often as too large.

    The median of chi^2(df) / df is near (1 - 2 / (9 df))^3 (E. B. Wilson and M. M. Hilferty,
    PNAS 17, 1931): with one degree of freedom a variance is too small two times in three.
    """
    return np.asarray((1 - 2 / (9 * np.maximum(df, 0.5))) ** -3.0)


def _inverse_trigamma(value: float) -> float:
    low, high = 1e-6, 1e6
    if value <= float(polygamma(1, high)):
        return high
    if value >= float(polygamma(1, low)):
        return low
    return float(brentq(lambda x: float(polygamma(1, x)) - value, low, high))
