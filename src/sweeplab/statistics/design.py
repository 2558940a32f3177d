"""How small a difference this sweep can tell from chance, and what a smaller one would take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from sweeplab.statistics.contrasts import pair_errors
from sweeplab.statistics.noise import Noise

POWER = 0.8
INTEREST = 0.005  # the least difference that is asked for: half a point of accuracy


@dataclass(frozen=True)
class Design:
    """What the comparison of the two highest means could have found, whatever it did find.

    The numbers follow from the errors alone, not from the difference that was observed: power at
    an observed difference says nothing that its p-value does not (J. M. Hoenig and D. M. Heisey,
    The abuse of power, The American Statistician 55, 2001).
    """

    power: float  # the probability of being found that is meant here
    detectable: float  # the least true difference that is found with this probability
    interest: float  # the least true difference that one may care about
    # Would do for it, all else as it is, to two digits; None where no number would.
    images: int | None
    seeds: int | None  # a setting

    @property
    def enough(self) -> bool:
        """Whether the sweep finds a difference of interest as it is."""
        return self.detectable <= self.interest


def design(model: Noise, tied: pd.DataFrame) -> Design | None:
    """The design of the comparison of the two highest means; None where there are not two.

    A true difference of ``half + z(power) se`` is found with that power, where ``half`` is the
    width of the interval on one side at the critical value of the set of settings that could be
    best, and ``se`` the standard error over images and seeds. Each of the two parts of ``se²``
    falls with the number of its own; the ratio of ``half`` to ``se`` is taken to stay, which asks
    for a little too many seeds where they are few.

    Args:
        model: see :func:`~.noise.noise`.
        tied: as :func:`~.tied.tied_set` gives it.
    """
    ahead = tied.sort_values("mean", ascending=False, kind="stable")[:2]
    if len(ahead) < 2 or model.images is None:
        return None
    pair = ahead["setting"].to_numpy(dtype=np.intp)
    errors = pair_errors(model, pair[:1], pair[1:], elementwise=True)
    # The highest mean has no rival ahead of it; of three settings it may have been plain.
    critical = np.nanmax(ahead["critical"].to_numpy(dtype=np.float64))
    se, half = float(errors.se[0]), float(errors.half(critical)[0])
    from_images = float(errors.images[0])
    from_seeds = max(se**2 - from_images, 0.0)
    times = half / se + float(ndtri(POWER))
    allowed = (INTEREST / times) ** 2

    def needed(number: int, own: float, rest: float) -> int | None:
        if rest >= allowed:
            return None
        return int(float(f"{np.ceil(number * own / (allowed - rest)):.2g}"))

    ran = int(model.counts[pair].min())
    return Design(
        power=POWER,
        detectable=min(times * se, 1.0),
        interest=INTEREST,
        images=needed(model.images, from_images, from_seeds),
        seeds=needed(ran, from_seeds, from_images) if model.covers_seeds else None,
    )
