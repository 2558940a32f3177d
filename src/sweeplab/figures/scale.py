"""The axis of a knob: logarithmic where that fits, with a place of its own for zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from numpy.typing import NDArray

from sweeplab.figures.theme import MUTED, are_words
from sweeplab.words import axis_name, level_texts

CLOCKS = {
    "iteration": "iterations (batches seen)",
    "epochs": "epochs (passes over the data)",
    "examples": "training examples seen",
}
# Points of a curve that can be told apart in a panel; more would only make the page heavy.
MOST_POINTS = 120
# An interval may reach beyond what an accuracy can be; the axis does not.
ROOM = 0.02

# From this ratio of largest to smallest on, equal steps are steps by a factor.
LOG_FROM = 8.0
LETTER = 0.075  # inches, the mean width of a character of a tick label
GOLDEN = 0.6180339887
CROWD = 12


def places(values: Sequence[Any], of: Sequence[Any]) -> NDArray[np.float64]:
    """Where ``values`` stand on the axis of the levels ``of``: numbers at their own value."""
    if not are_words(of):
        return np.asarray(values, dtype=float)
    place = {level: i for i, level in enumerate(of)}
    return np.array([place[value] for value in values], dtype=float)


def is_log(of: Sequence[Any]) -> bool:
    """Whether levels are better shown by their ratios than by their differences."""
    if are_words(of) or min(of) < 0:
        return False
    positive = [float(level) for level in of if level > 0]
    # Zero and one other value: a log axis would have a single tick, but zero its own place.
    return len(positive) > 1 and max(positive) / min(positive) >= LOG_FROM


def set_knob(ax: Axes, key: str, of: Sequence[Any]) -> None:
    """Give ``ax`` the scale, limits, ticks and name of the knob ``key`` with the levels ``of``."""
    at, texts = places(of, of), level_texts(of)
    if is_log(of) and at[0] == 0:
        # Zero stands one usual step before the smallest value, on the linear part of symlog, in
        # which matplotlib gives a decade of linear axis 0.9 of a decade's width.
        step = max(float(np.diff(np.log10(at[1:])).min()), 0.3)
        ax.set_xscale("symlog", linthresh=at[1], linscale=0.9 * step)
        middle = at[1] / 2
        ax.axvline(middle, color=MUTED, linewidth=0.8, linestyle=(0, (1, 3)), zorder=0.5)
    elif is_log(of):
        ax.set_xscale("log")
    transform = ax.xaxis.get_transform()
    drawn = transform.transform(at)
    low, high = float(drawn.min()), float(drawn.max())
    apart = float(np.diff(drawn).min()) if len(drawn) > 1 else 1.0
    room = max(0.09 * (high - low), 0.35 * apart if len(drawn) < 4 else 0.0) or 0.5
    ends = [low - room, high + room]
    ax.set_xlim(*transform.inverted().transform(np.array(ends)))
    inches = ax.get_window_extent().width / ax.figure.dpi / (ends[1] - ends[0])
    kept = _that_fit(drawn * inches, texts)
    ax.xaxis.set_major_locator(FixedLocator([float(at[i]) for i in kept]))
    ax.xaxis.set_major_formatter(FixedFormatter([texts[i] for i in kept]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(axis_name(key, *(["log scale"] if is_log(of) else [])))


def spread(axis: Axis, values: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """``values`` moved along ``axis``, so that those at one place are all seen.

    They stay within ``share`` of the least distance between two of them. Steps of the golden
    ratio: neighbours in the order of runs, which often differ in one knob alone, land apart and
    draw no pattern of their own, and the same runs always look the same. A few stay closer than
    many.
    """
    transform = axis.get_transform()
    moved = np.asarray(transform.transform(values.astype(float)), dtype=float)
    distinct = np.unique(moved)
    width = share * (float(np.diff(distinct).min()) if len(distinct) > 1 else 1.0)
    for place in distinct:
        rows = np.flatnonzero(moved == place)
        steps = (np.arange(len(rows)) * GOLDEN) % 1 - 0.5
        moved[rows] += steps * width * min(1.0, (len(rows) - 1) / CROWD)
    return np.asarray(transform.inverted().transform(moved))


def _that_fit(inches: NDArray[np.float64], texts: Sequence[str]) -> list[int]:
    """The ticks, at ascending places, whose labels do not touch; the ends are kept first."""
    half = [LETTER * len(text) / 2 + 0.03 for text in texts]
    kept: list[int] = []
    for i in [0, len(texts) - 1, *range(1, len(texts) - 1)]:
        # A tick touches itself: one that is first and last is kept once.
        if all(abs(inches[i] - inches[j]) >= half[i] + half[j] for j in kept):
            kept.append(i)
    return sorted(kept)


def evenly(rows: int) -> NDArray[np.intp]:
    """At most :data:`MOST_POINTS` of the rows of a curve, the first and the last among them."""
    return np.linspace(0, rows - 1, min(rows, MOST_POINTS)).round().astype(np.intp)


def within_accuracy(ax: Axes) -> None:
    """Cut a vertical scale to what an accuracy can be."""
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, -ROOM), min(high, 1 + ROOM))
