"""Every run's learning curve at once: grey, with the best settings picked out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from sweeplab.figures.curves import (
    CLOCKS,
    RUN,
    above_limit,
    accuracy_limits,
    bands_note,
    clock,
    draw_metric,
    evaluations,
    line_keys,
    over_seeds,
)
from sweeplab.figures.panels import Cell, line_key, marker_key, panels
from sweeplab.figures.plots import Analysis, Plot
from sweeplab.figures.slices import swept
from sweeplab.figures.theme import BAD, CONTEXT, styled
from sweeplab.sweeps.settings import ranked
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, number, setting_text

CELL = Cell(width=5.0, height=3.4)
TOP = 3
# Above this many points curves are drawn as pixels: the page stays small, and nobody can tell.
RASTER_FROM = 8_000


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:  # noqa: ARG001
    """Every run's curves, where there are several."""
    points = evaluations(sweep)
    if not len(points) or len(sweep.runs) < 2:
        return
    top = ranked(sweep.settings).head(TOP)
    finals = sweep.runs["final_val_accuracy"].dropna()
    named = "best setting" if len(top) == 1 else f"{len(top)} settings with the highest mean"
    yield Plot(
        "overview",
        "Every run",
        overview(sweep),
        f"All {count(points.groupby(RUN).ngroups, 'run')} in grey"
        + (f"; in colour the {named}. {bands_note(top['n'])}" if len(top) else ".")
        + above_limit(points, "val_loss"),
        f"Validation accuracy at the end of training: from {number(finals.min())} to "
        f"{number(finals.max())}, median {number(finals.median())}."
        if len(finals)
        else "No run came to the end of its training.",
    )


@styled
def overview(sweep: Sweep, *, x: str | None = None) -> Figure:
    """Validation accuracy and loss of every run, the settings with the highest means in colour.

    ``x`` is ``"iteration"``, ``"epochs"`` or ``"examples"``; by default what the runs are best
    compared on.

    Raises:
        SweeplabError: every run failed, or there is no such clock.
    """
    swept(sweep)
    points, column = evaluations(sweep), CLOCKS[clock(sweep, x)]
    best = ranked(sweep.settings).head(TOP)
    top = {  # names, not numbers: their colours are in no order
        str(row["setting"]): setting_text(row, sweep.knobs, short=True) or "mean over seeds"
        for row in best.to_dict("records")
    }
    keys = [line_key("every run", CONTEXT), *line_keys(top)]
    if (points["status"] == "diverged").any():
        keys.append(marker_key("diverged run, last finite value", BAD, "x"))
    table = over_seeds(points[points["setting"].isin(best["setting"])], ["setting"], column)
    table["setting"] = table["setting"].astype(str)
    figure, axes = panels(2, columns=2, cell=CELL, legend=keys)
    for ax, metric in zip(axes, ("val_accuracy", "val_loss"), strict=True):
        _context(ax, points, column, metric)
        draw_metric(ax, points, table, column, metric, "setting", [*top])
        ends = ends_of_diverged(points, column, metric)
        ax.scatter(ends[column], ends[metric], marker="x", s=22, color=BAD, lw=1.2, zorder=4)
    accuracy_limits(axes[:1])
    return figure


def ends_of_diverged(points: pd.DataFrame, x: str, metric: str) -> pd.DataFrame:
    """The last evaluation of every diverged run."""
    rows = points[points["status"] == "diverged"]
    return rows.groupby(RUN, sort=False)[[x, metric]].last().reset_index()


def _context(ax: Axes, points: pd.DataFrame, x: str, metric: str) -> None:
    # One collection: seaborn would draw each of a thousand runs as an artist of its own.
    pairs = points[[x, metric]].to_numpy(dtype=float)
    code = points.groupby(RUN, sort=False).ngroup().to_numpy()
    starts = np.flatnonzero(np.diff(code, prepend=-1))
    lines = np.split(pairs, starts[1:])
    grey = LineCollection(
        lines,
        colors=CONTEXT,
        linewidths=0.7,
        alpha=float(np.clip(6 / np.sqrt(len(lines)), 0.18, 0.7)),
        rasterized=len(points) > RASTER_FROM,
        zorder=1,
    )
    ax.add_collection(grey)
    ax.autoscale_view()
