"""Accuracy early in training against accuracy at the end, setting by setting."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from sweeplab.errors import SweeplabError
from sweeplab.figures.panels import Cell, marker_key, panels
from sweeplab.figures.plots import Analysis, Plot, series
from sweeplab.figures.theme import ACCENT, CONTEXT, styled
from sweeplab.statistics.analysis import analyse
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import number, percent

CELL = Cell(width=3.2, height=2.8)


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """Early against late, where five settings or more have evaluations early on."""
    table = analysis.further.early
    if table.empty:
        return
    yield Plot(
        "early",
        "What early accuracy says of the end",
        early(sweep, analysis),
        "A point a setting, means over its runs, at its own share of training. The closer to a "
        "rising line, the sooner a setting can be judged.",
        "Rank correlation with the end: "
        + series(
            f"{number(row['correlation'], 2)} at {percent(row['share'])} of training"
            for row in table.to_dict("records")
        ),
    )


@styled
def early(sweep: Sweep, analysis: Analysis | None = None) -> Figure:
    """Mean validation accuracy of each setting at parts of training, against the end.

    Args:
        sweep: runs that share a validation set.
        analysis: what ``statistics.analyse`` says of it, where that is at hand.

    Raises:
        SweeplabError: fewer than five settings have an evaluation early in training.
    """
    analysis = analysis or analyse(sweep)
    table, means = analysis.further.early, analysis.further.means
    if table.empty:
        raise SweeplabError(
            "Sweep five settings or more with evaluations in the first half of training: fewer "
            "have them here."
        )
    keys = [
        marker_key("settings", CONTEXT, "o"),
        marker_key("recommended", ACCENT, "D"),
    ]
    figure, axes = panels(len(table), cell=CELL, legend=keys)
    chosen = means.index == analysis.recommended
    for ax, row in zip(axes, table.to_dict("records"), strict=True):
        then = str(row["share"])
        sns.scatterplot(means[~chosen], x=then, y="end", color=CONTEXT, s=18, alpha=0.8, ax=ax)
        sns.scatterplot(means[chosen], x=then, y="end", color=ACCENT, s=45, marker="D", ax=ax)
        ax.set(
            title=f"rank correlation {number(row['correlation'], 2)}",
            xlabel=f"accuracy at {percent(row['share'])} of training",
            ylabel="accuracy at the end",
        )
    least = np.nanmin(means[["end"]].to_numpy())
    for ax in axes:
        ax.set_ylim(max(0.0, least - 0.03), min(1.0, means["end"].max() + 0.03))
    return figure
