"""The one comparison that every section reads: the best of some settings against that of others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeplab.statistics.contrasts import pair_errors
from sweeplab.statistics.intervals import DEVIATE
from sweeplab.statistics.noise import Floats, Indices, Noise

BLOCK = 64


@dataclass(frozen=True)
class Difference:
    """How much better the best of some settings is than the best of others, with bounds."""

    estimate: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether zero is outside: it is not chance."""
        return self.low > 0 or self.high < 0


NONE = Difference(np.nan, np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Differences of the settings of one sweep, all of them at once at 95 %.

    Every bound is at the critical value that decides whether a setting could be the best
    (:func:`~.tied.tied_set`), so a group of settings is clearly worse than another only if none of
    it could be the best. It counts that the best of each group was picked, and how many settings
    were compared: with 95 % confidence all upper bounds of the truly best setting's differences
    hold at once (multiple comparisons with the best; J. C. Hsu, Multiple Comparisons, 1996,
    section 4.2). Alone, each interval holds at 95 % or more.
    """

    model: Noise
    critical: Floats  # [K], NaN for settings that are not compared

    def best(self, ones: Iterable[int], others: Iterable[int]) -> Difference:
        """The highest true mean of ``ones`` less that of ``others``, two groups apart.

        Returns:
            NaN where none of a group is compared.
        """
        left, right = self._known(ones), self._known(others)
        if not len(left) or not len(right):
            return NONE
        mean = self.model.mean
        estimate = float(mean[left].max() - mean[right].max())
        return Difference(estimate, -self._most(right, left), self._most(left, right))

    def _known(self, settings: Iterable[int]) -> Indices:
        chosen = np.array(list(settings), dtype=np.intp)
        return chosen[np.isfinite(self.critical[chosen])]

    def _most(self, ones: Indices, others: Indices) -> float:
        """The upper bound: each of ``ones`` is held against the rival that is most clearly ahead.

        The true best of ``ones`` exceeds the best of ``others`` by no more than it exceeds any.
        """
        mean = self.model.mean
        rival = np.full(len(ones), others[int(np.argmax(mean[others]))])
        bound = self._bound(ones, rival)
        near = np.flatnonzero(bound >= 0)
        near = near[np.argsort(-bound[near], kind="stable")]
        for start in range(0, len(near), BLOCK):
            rows = near[start : start + BLOCK]
            if start and bound[near[:start]].max() >= bound[rows[0]]:
                break  # the others' bounds are lower already
            ahead = mean[others] - mean[ones[rows], None]
            deviate = pair_errors(self.model, ones[rows], others).deviate(ahead)
            rival = others[deviate.argmax(axis=1)]
            bound[rows] = np.minimum(bound[rows], self._bound(ones[rows], rival))
        return float(bound.max())

    def _bound(self, ones: Indices, rivals: Indices) -> Floats:
        errors = pair_errors(self.model, ones, rivals, elementwise=True)
        gap = self.model.mean[ones] - self.model.mean[rivals]
        return np.asarray(np.clip(gap + errors.half(self.critical[ones]), -1.0, 1.0))


def comparisons(model: Noise, tied: pd.DataFrame) -> Comparisons:
    """The comparisons of the settings in ``tied``, as :func:`~.tied.tied_set` gives it."""
    critical = np.full(len(model.mean), np.nan)
    if len(tied):
        given = tied["critical"].fillna(DEVIATE).to_numpy(dtype=np.float64)
        critical[tied["setting"].to_numpy(dtype=np.intp)] = np.maximum(given, DEVIATE)
    return Comparisons(model, critical)
