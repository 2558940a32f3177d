"""One interval for an accuracy: over images and seeds together, and within [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from sweeplab.statistics.contrasts import mean_errors
from sweeplab.statistics.noise import Noise

LEVEL = 0.95
DEVIATE = float(ndtri((1 + LEVEL) / 2))


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval."""

    estimate: float
    low: float
    high: float


def accuracy_interval(model: Noise, setting: int) -> Interval | None:
    """The accuracy of one setting on endless images with endless seeds; None where none is known.

    Images and seeds (where a setting has two) add up in one standard error, as in
    :mod:`~.contrasts`. The interval is E. B. Wilson's (J. Am. Stat. Assoc. 22, 1927) with the
    number of images at which the binomial error alone would be as large: the effective sample size
    of surveys (E. L. Korn and B. I. Graubard, Survey Methodology 24, 1998). So it stays within
    [0, 1], and is wider towards 0.5 than towards the end. It does not count that the setting was
    chosen for its accuracy; :func:`~.optimism.optimism` does.
    """
    mean = float(model.mean[setting])
    half = float(mean_errors(model, np.array([setting], dtype=np.intp)).half(DEVIATE)[0])
    if not np.isfinite(mean) or half <= 0:
        return None
    m = model.images or 0
    inside = (mean * m + 1) / (m + 2) if m else float(np.clip(mean, 1e-6, 1 - 1e-6))
    ratio = half**2 / (inside * (1 - inside))  # DEVIATE² over the effective number of images
    centre = (mean + ratio / 2) / (1 + ratio)
    reach = float(np.sqrt(ratio * mean * (1 - mean) + ratio**2 / 4)) / (1 + ratio)
    return Interval(mean, max(min(centre - reach, mean), 0.0), min(max(centre + reach, mean), 1.0))
