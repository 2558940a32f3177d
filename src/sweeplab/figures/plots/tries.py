"""How good the best of a few settings is, tried at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from sweeplab.errors import SweeplabError
from sweeplab.figures.laws import CELL
from sweeplab.figures.panels import line_key, panels
from sweeplab.figures.plots import Analysis, Plot, series
from sweeplab.figures.scale import LOG_FROM
from sweeplab.figures.theme import ACCENT, INK, styled
from sweeplab.statistics.analysis import analyse
from sweeplab.sweeps.settings import METRIC_NAME
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import number

FEWEST = 10  # settings, for a curve worth drawing
FEWEST_SHOWN = 4  # settings, whose band is seen whole
NAMED = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """What fewer settings would have found, where there are ten or more."""
    table = analysis.further.tries
    if len(table) < FEWEST or analysis.recommended is None:
        return
    named = table[table["settings"].isin(NAMED) | (table.index == table.index[-1])]
    yield Plot(
        "tries",
        "What fewer settings would have found",
        tries(sweep, analysis),
        "Settings of this sweep, drawn at random: the mean accuracy of the best of them, without "
        "the luck of having been picked. Band: where eight of ten such searches end."
        + (" Steps: the highest mean so far in the search's order, luck and all." * sweep.searched),
        "Expected accuracy of the best, by settings tried: "
        + series(
            f"{row['settings']:.0f}: {number(row['expected'])}" for row in named.to_dict("records")
        ),
    )


@styled
def tries(sweep: Sweep, analysis: Analysis | None = None) -> Figure:
    """The expected accuracy of the best of so many settings, drawn from those of the sweep.

    Args:
        sweep: runs that share a validation set.
        analysis: what ``statistics.analyse`` says of it, where that is at hand.

    Raises:
        SweeplabError: fewer than four settings ran to the end.
    """
    table = (analysis or analyse(sweep)).further.tries
    if table.empty:
        raise SweeplabError("Sweep four settings or more: fewer ran to the end here.")
    own: Any = {"color": INK, "linewidth": 1.2, "drawstyle": "steps-post"}
    keys = [line_key("drawn at random", ACCENT), line_key("in the search's order", INK)]
    figure, (ax,) = panels(1, cell=CELL, legend=keys if sweep.searched else ())
    sns.lineplot(table, x="settings", y="expected", color=ACCENT, ax=ax)
    if sweep.searched:
        sns.lineplot(table, x="settings", y="so_far", ax=ax, **own)
    ax.fill_between(
        table["settings"], table["low"], table["high"], color=ACCENT, alpha=0.2, linewidth=0
    )
    most = table["settings"].max()
    ax.set(xlabel="settings tried", ylabel=METRIC_NAME, xlim=(1, most))
    if most >= LOG_FROM:
        ax.set(xscale="log", xlabel="settings tried (log scale)", xlim=(1, most))
        ax.xaxis.set_major_locator(FixedLocator([value for value in NAMED if value <= most]))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    # The first of many settings may be no better than a guess: the lower band would flatten all.
    several = table[table["settings"] >= FEWEST_SHOWN]
    low, high = several["low"].min(), several[["high", "so_far"]].to_numpy().max()
    ax.set_ylim(max(0.0, low - 0.1 * (high - low)), min(1.0, high + 0.1 * (high - low)))
    return figure
