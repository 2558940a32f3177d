"""Straight lines on logarithmic axes: the best learning rate by batch size, the error by N."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.stats import f, t

from sweeplab.statistics.intervals import DEVIATE
from sweeplab.statistics.joint import draws
from sweeplab.statistics.keys import LR, SIZE
from sweeplab.statistics.noise import Noise

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

BATCH = "batch_size"
DRAWS = 1000
FEWEST = 4  # points on a line: two are always on one, and of three the spread is hardly known
FEWEST_BENT = 5  # points on a line that levels off
ERROR = 0.05


@dataclass(frozen=True, eq=False)
class Law:
    """``y = offset + c x ** slope`` through n points, with 95 % bounds of the slope."""

    x: Floats  # [n], ascending
    y: Floats  # [n]
    slope: float
    half: float  # of the slope's interval
    centre: tuple[float, float]  # the logarithms of the point that the line turns around
    centre_half: float  # of the height there, in logarithms
    offset: float  # what it levels off at; 0 where the data show nothing of it

    @property
    def low(self) -> float:
        """The lower bound of the slope."""
        return self.slope - self.half

    @property
    def high(self) -> float:
        """The upper bound of the slope."""
        return self.slope + self.half

    def line(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """The height at ``x``, and the bounds of a 95 % band at each x by itself."""
        away = np.log(x) - self.centre[0]
        height = self.centre[1] + self.slope * away
        half = np.hypot(self.centre_half, self.half * away)
        fit, low, high = (np.exp(height + sign * half) for sign in (0, -1, 1))
        return self.offset + fit, self.offset + low, self.offset + high


def ridge(
    model: Noise, settings: pd.DataFrame, knobs: Sequence[str], eligible: Sequence[int], chosen: int
) -> Law | None:
    """The best learning rate against the batch size, the other knobs as in the ``chosen`` setting.

    The best rate is the top of the parabola in log lr through the highest mean and its two
    neighbours, so only batch sizes count of which the best rate is no end of the range.

    Args: as of :func:`~.effects.knob_effects`, and
        chosen: the recommended setting.

    Returns:
        None with fewer than four such batch sizes.
    """
    if not {BATCH, LR} <= set(knobs):
        return None
    table = _held(settings, knobs, eligible, chosen, {BATCH, LR})
    parts = []
    for batch, rows in table.groupby(BATCH, sort=True):
        rates = rows.sort_values(LR)
        numbers = rates["setting"].to_numpy(dtype=np.intp)
        top = int(model.mean[numbers].argmax())
        if 0 < top < len(numbers) - 1:
            parts.append((float(str(batch)), np.log(rates[LR].to_numpy(dtype=float)), numbers))
    if len(parts) < FEWEST:
        return None
    error = _errors(model)
    best = [_top(rates, model.mean[numbers][None])[0] for _, rates, numbers in parts]
    drawn = [_top(rates, model.mean[numbers] + error[:, numbers]) for _, rates, numbers in parts]
    return fit(np.array([batch for batch, *_ in parts]), np.exp(best), np.array(drawn).T)


def power_law(
    model: Noise, settings: pd.DataFrame, knobs: Sequence[str], eligible: Sequence[int], chosen: int
) -> Law | None:
    """The validation error against the training-set size, the other knobs as ``chosen`` has them.

    ``error = c N ** slope`` (J. Hestness and others, Deep learning scaling is predictable,
    empirically, 2017), with an error that it levels off at where five sizes or more show one: an
    F test of the extra parameter at 5 %, on log errors.

    Args: as of :func:`ridge`.

    Returns:
        None with fewer than four sizes, or without any error to take the logarithm of.
    """
    if SIZE not in knobs:
        return None
    table = _held(settings, knobs, eligible, chosen, {SIZE}).sort_values(SIZE)
    numbers = table["setting"].to_numpy(dtype=np.intp)
    wrong = 1 - model.mean[numbers]
    if len(numbers) < FEWEST or not (wrong > 0).all():
        return None
    size = table[SIZE].to_numpy(dtype=np.float64)
    least = 1 / (2 * (model.images or 10**6))
    drawn = np.log(np.maximum(wrong - _errors(model)[:, numbers], least))
    plain = fit(size, wrong, drawn)
    return _levelling(size, wrong, plain) or plain


def _held(
    settings: pd.DataFrame,
    knobs: Sequence[str],
    eligible: Sequence[int],
    chosen: int,
    free: set[str],
) -> pd.DataFrame:
    """The eligible settings that differ from the chosen one in the ``free`` knobs alone."""
    table = settings[settings["setting"].isin(list(eligible)) & (settings["n"] > 0)]
    [at] = settings[settings["setting"] == chosen].to_dict("records")
    for key in set(knobs) - free:
        table = table[table[key] == at[key]]
    return table


def _errors(model: Noise) -> Floats:
    """Redrawn errors of all means, ``[draws, K]``."""
    return draws(model, DRAWS, np.random.default_rng(0), model.pure).astype(np.float64)


def _top(x: Floats, means: Floats) -> Floats:
    """Where the parabola through the highest of ``means [B, n]`` and its neighbours is highest.

    At an end of the range, that end.
    """
    at = means.argmax(axis=1)
    inside = np.clip(at, 1, len(x) - 2)
    rows = np.arange(len(means))
    low, mid, high = (means[rows, inside + step] for step in (-1, 0, 1))
    before, after = x[inside] - x[inside - 1], x[inside + 1] - x[inside]
    up, down = (mid - low) / before, (mid - high) / after
    with np.errstate(divide="ignore", invalid="ignore"):
        # The slopes are those of the parabola half way to each neighbour; between, they are linear.
        shift = (up * after - down * before) / (up + down) / 2
    shift = np.where(np.isfinite(shift), np.clip(shift, -before / 2, after / 2), 0.0)
    return np.asarray(np.where(at == inside, x[inside] + shift, x[at]))


def fit(x: Floats, y: Floats, drawn: Floats) -> Law:
    """Least squares in logarithms, with bounds that hold for both kinds of scatter.

    Points scatter by the chance of images and seeds, which is redrawn, and because the truth is no
    line, which their distances to it show (Student's interval of a regression, with n - 2 degrees
    of freedom). The wider of the two intervals is taken.

    Args:
        x: ``[n]``.
        y: ``[n]``.
        drawn: ``[draws, n]`` redrawn logarithms of y.
    """
    u, v = np.log(x), np.log(y)
    away = u - u.mean()
    spread = float(away @ away)
    slope = float(away @ v) / spread
    residual = v - v.mean() - slope * away
    n = len(x)
    scatter = float(t.ppf(0.975, n - 2) * np.sqrt(residual @ residual / (n - 2)))
    chance = DEVIATE * (drawn @ away / spread).std(), DEVIATE * drawn.mean(axis=1).std()
    return Law(
        x=x,
        y=y,
        slope=slope,
        half=max(float(chance[0]), scatter / spread**0.5),
        centre=(float(u.mean()), float(v.mean())),
        centre_half=max(float(chance[1]), scatter / n**0.5),
        offset=0.0,
    )


def _levelling(x: Floats, y: Floats, plain: Law) -> Law | None:
    """The same with an offset, where the points show one."""
    n = len(x)
    if n < FEWEST_BENT:
        return None
    u, v = np.log(x), np.log(y)
    away = u - u.mean()

    def residuals(values: Floats) -> Floats:
        height, slope, share = values
        return np.asarray(np.log(share * y.min() + np.exp(height + slope * away)) - v)

    start = (plain.centre[1], plain.slope, 0.3)
    bounds = ([-np.inf, -np.inf, 0.0], [np.inf, 0.0, 1 - 1e-6])
    bent = least_squares(residuals, start, bounds=bounds) if plain.slope < 0 else None
    if bent is None or not bent.success:
        return None
    unbent, left = residuals(np.array([*start[:2], 0.0])), np.asarray(bent.fun)
    rest = float(left @ left)
    better = (float(unbent @ unbent) - rest) / max(rest / (n - 3), 1e-300)
    if better <= f.ppf(1 - ERROR, 1, n - 3):
        return None
    jacobian = np.asarray(bent.jac, dtype=np.float64)
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * rest / (n - 3)
    height, slope, share = bent.x
    wide = float(t.ppf(0.975, n - 3)) * np.sqrt(np.diag(covariance))
    return Law(
        x=x,
        y=y,
        slope=float(slope),
        half=max(float(wide[1]), plain.half),
        centre=(float(u.mean()), float(height)),
        centre_half=max(float(wide[0]), plain.centre_half),
        offset=float(share * y.min()),
    )
