"""What it would take to tell the two highest of the tied means apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from sweeplab.statistics.contrasts import pair_errors
from sweeplab.statistics.noise import Noise


@dataclass(frozen=True)
class Closest:
    """The two highest tied means, and what keeps them tied."""

    gap: float
    se: float  # of the gap, over images and seeds
    # Too few seeds to know the standard error; the chance of seeds; of images; or of both.
    limit: Literal["certainty", "seeds", "images", "both"]
    needed: int | None  # seeds a setting, or validation images, that would do
    seeds_do: bool  # whether more seeds alone would do


def closest(model: Noise, tied: pd.DataFrame) -> Closest | None:
    """What would tell the two highest tied means apart; None where they are equal or alone.

    The number of images or seeds is the one at which their difference, if it were true, would
    equal its critical value times its standard error; about half of the time it would then be
    found.

    Args:
        model: see :func:`~.noise.noise`.
        tied: as :func:`~.tied.tied_set` gives it.
    """
    ahead = tied[tied["tied"].astype(bool)].sort_values("mean", ascending=False)
    if len(ahead) < 2 or model.images is None:
        return None
    pair = ahead["setting"].to_numpy(dtype=np.intp)[:2]
    gap = float(ahead["mean"].iloc[0] - ahead["mean"].iloc[1])
    critical = float(ahead["critical"].iloc[1])
    if gap <= 0 or not np.isfinite(critical):
        return None
    se = float(pair_errors(model, pair[:1], pair[1:], elementwise=True).se[0])
    total, m = se**2, model.images
    if model.by_image is not None and m > 1:
        apart = model.by_image[pair[0]] - model.by_image[pair[1]]
        from_images = float(apart @ apart) / (m * (m - 1)) + 1 / m**2
    else:
        from_images = float(model.binomial[pair].sum())
    from_seeds = max(total - from_images, 0.0)
    allowed = (gap / critical) ** 2
    seeds_do = from_images < allowed
    if allowed >= total:
        return Closest(gap, se, "certainty", None, True)
    if from_seeds > from_images and model.covers_seeds and seeds_do:
        ran = int(model.counts[pair].min())
        needed = int(np.ceil(ran * from_seeds / (allowed - from_images)))
        return Closest(gap, se, "seeds", needed, True)
    if from_seeds < allowed:
        needed = int(np.ceil(m * from_images / (allowed - from_seeds)))
        return Closest(gap, se, "images", int(float(f"{needed:.2g}")), seeds_do)
    return Closest(gap, se, "both", None, seeds_do)
