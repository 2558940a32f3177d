"""A straight line on logarithmic axes, with its band and the points that it goes through."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from sweeplab.figures.panels import Cell
from sweeplab.figures.scale import set_knob
from sweeplab.figures.theme import ACCENT
from sweeplab.statistics.laws import Law
from sweeplab.words import value_text

CELL = Cell(width=5.0, height=3.0, left=0.8, right=0.24)
STEPS = 100
TICKS = np.array([digit * 10.0**power for power in range(-9, 9) for digit in (1, 2, 3, 5, 7)])
MOST_TICKS = 7


def draw_law(ax: Axes, law: Law, key: str) -> None:
    """The points, the line and its 95 % band; the axis across is that of the knob ``key``."""
    set_knob(ax, key, law.x.tolist())
    across = np.geomspace(*ax.get_xlim(), STEPS)
    fit, low, high = law.line(across)
    line = pd.DataFrame({"x": across, "y": fit})
    sns.lineplot(line, x="x", y="y", color=ACCENT, linewidth=1.4, legend=False, ax=ax)
    ax.fill_between(across, low, high, color=ACCENT, alpha=0.2, linewidth=0)
    points = pd.DataFrame({"x": law.x, "y": law.y})
    sns.scatterplot(points, x="x", y="y", color=ACCENT, s=45, legend=False, zorder=3, ax=ax)
    ax.set_yscale("log")


def name_ticks(ax: Axes, law: Law) -> None:
    """Limits a little beyond points and line, with ticks at 1, 2 and 5 and their powers of ten."""
    fit = law.line(law.x)[0]
    least, most = min(law.y.min(), fit.min()), max(law.y.max(), fit.max())
    room = max((most / least) ** 0.12, 1.08)
    ends = least / room, most * room
    inside = TICKS[(ends[0] <= TICKS) & (ends[1] >= TICKS)]
    for least_digits in ((1, 2, 5), (1,)):
        if len(inside) > MOST_TICKS:
            digits = [float(f"{tick:e}"[0]) for tick in inside]
            inside = inside[np.isin(digits, least_digits)]
    ax.set_ylim(*ends)
    ax.yaxis.set_major_locator(FixedLocator(inside.tolist()))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(lambda value, _: value_text(float(f"{value:.3g}")))
