"""The axis of a knob: logarithmic where that fits, with a place of its own for zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from numpy.typing import NDArray

from sweeplab.figures.theme import MUTED
from sweeplab.words import axis_name, level_texts

Kind = Literal["log", "linear", "named"]
# From this ratio of largest to smallest on, equal steps are steps by a factor.
LOG_FROM = 8.0
LETTER = 0.075  # inches, the mean width of a character of a tick label


@dataclass(frozen=True)
class KnobAxis:
    """Where the values of one knob lie, in the units of a linear matplotlib axis."""

    key: str
    levels: tuple[Any, ...]  # sorted, or in order of appearance when named
    kind: Kind

    def at(self, values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float64]:
        """Positions of ``values``: decades for a log axis, the level's number for names."""
        if self.kind == "named":
            place = {level: i for i, level in enumerate(self.levels)}
            return np.array([place[value] for value in values], dtype=float)
        numbers = np.asarray(values, dtype=float)
        if self.kind == "linear":
            return numbers
        positive = np.where(numbers > 0, numbers, np.nan)
        return np.where(numbers > 0, np.log10(positive), self.zero)

    @property
    def zero(self) -> float:
        """The place of zero on a log axis: one usual step below the smallest value."""
        return math.log10(min(v for v in self.levels if v > 0)) - max(self.step, 0.3)

    @property
    def has_zero(self) -> bool:
        return self.kind == "log" and 0 in self.levels

    @property
    def step(self) -> float:
        """The smallest distance between two levels; 1 for a single one."""
        if self.kind == "log":
            places = np.log10([v for v in self.levels if v > 0])
        else:
            places = self.at(self.levels)
        return float(np.diff(np.sort(places)).min()) if len(places) > 1 else 1.0

    def label(self) -> str:
        """The axis label: the knob's name and unit, and whether the axis is logarithmic."""
        return axis_name(self.key, *(["log scale"] if self.kind == "log" else []))


def knob_axis(key: str, values: Sequence[Any]) -> KnobAxis:
    """The axis that suits the values of a knob."""
    if any(isinstance(value, str) for value in values):
        return KnobAxis(key, tuple(dict.fromkeys(values)), "named")
    levels = tuple(sorted({float(value) for value in values}))
    positive = [level for level in levels if level > 0]
    wide = len(positive) > 1 and positive[-1] / positive[0] >= LOG_FROM
    # Zero and one other value: a log axis would have a single tick, but zero its own place.
    return KnobAxis(key, levels, "log" if wide and min(levels) >= 0 else "linear")


def set_x(ax: Axes, axis: KnobAxis, *, label: bool = True) -> None:
    """Give ``ax`` the ticks, limits and label of a knob's axis."""
    _set(ax, axis, "x", label=label)


def set_y(ax: Axes, axis: KnobAxis, *, label: bool = True) -> None:
    """As :func:`set_x`, upright."""
    _set(ax, axis, "y", label=label)


def _set(ax: Axes, axis: KnobAxis, which: str, *, label: bool) -> None:
    places = axis.at(axis.levels)
    low, high = float(places.min()), float(places.max())
    room = max(0.09 * (high - low), 0.35 * axis.step if len(places) < 4 else 0.0) or 0.5
    low, high = low - room, high + room
    figure = ax.get_figure(root=True)
    assert figure is not None
    width, height = figure.get_size_inches()
    box = ax.get_position()
    inches = (box.width * width if which == "x" else box.height * height) / (high - low)
    texts = level_texts(axis.levels)
    kept = _that_fit(places * inches, texts if which == "x" else ["00"] * len(texts))
    target = ax.xaxis if which == "x" else ax.yaxis
    target.set_major_locator(FixedLocator([float(places[i]) for i in kept]))
    target.set_major_formatter(FixedFormatter([texts[i] for i in kept]))
    target.set_minor_locator(NullLocator())
    (ax.set_xlim if which == "x" else ax.set_ylim)(low, high)
    if label:
        (ax.set_xlabel if which == "x" else ax.set_ylabel)(axis.label())
    if axis.has_zero and len(axis.levels) > 1:
        # The axis is broken between zero and the smallest value.
        middle = (axis.zero + float(np.log10(axis.levels[1]))) / 2
        line = ax.axvline if which == "x" else ax.axhline
        line(middle, color=MUTED, linewidth=0.8, linestyle=(0, (1, 3)), zorder=0.5)


def _that_fit(places: NDArray[np.float64], texts: Sequence[str]) -> list[int]:
    """The ticks whose labels do not touch; the ends are kept first."""
    order = np.argsort(places)
    half = [LETTER * len(text) / 2 + 0.03 for text in texts]
    kept: list[int] = []
    for i in [order[0], order[-1], *order[1:-1]]:
        if i not in kept and all(abs(places[i] - places[j]) >= half[i] + half[j] for j in kept):
            kept.append(int(i))
    return sorted(kept, key=lambda i: places[i])
