"""Every run's learning curve at once: grey, with the best settings picked out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from sweeplab.figures.bands import KEYS, accuracy_limits, draw_band, seed_bands
from sweeplab.figures.layout import Cell, line_key, marker_key, panels
from sweeplab.figures.theme import BAD, CONTEXT, DASHES, UNORDERED, styled
from sweeplab.words import METRICS

CELL = Cell(width=5.0, height=3.4)
# Above this many points curves are drawn as pixels: the page stays small, and nobody can tell.
RASTER_FROM = 8_000
X_LABELS = {
    "iteration": "iterations (batches seen)",
    "epochs": "epochs (passes over the data)",
    "examples": "training examples seen",
}


def loss_limit(points: pd.DataFrame, metric: str) -> float:
    """The top of a loss axis: a tenth above the highest loss before training.

    Losses of runs on their way to divergence grow without bound and would flatten all others.
    """
    return 1.1 * float(points.loc[points["iteration"] == 0, metric].max())


def ends_of_diverged(points: pd.DataFrame, x: str, metric: str) -> pd.DataFrame:
    """The last evaluation of every diverged run."""
    rows = points[points["status"] == "diverged"]
    return rows.groupby(KEYS, sort=False)[[x, metric]].last().reset_index()


@styled
def draw_overview(points: pd.DataFrame, top: Mapping[int, str], x: str) -> Figure:
    """Validation accuracy and validation loss of every run.

    Args:
        points: as :func:`bands.evaluations` gives them, with a ``setting`` column.
        top: the numbers of the settings to pick out, at most six, with their labels.
        x: the column of the horizontal axis.
    """
    keys = [line_key("every run", CONTEXT)]
    keys += [line_key(label, UNORDERED[i], DASHES[i]) for i, label in enumerate(top.values())]
    if (points["status"] == "diverged").any():
        keys.append(marker_key("diverged run, last finite value", BAD, "x"))
    metrics = ("val_accuracy", "val_loss")
    bands = seed_bands(points[points["setting"].isin(list(top))], ["setting"], x, metrics)
    figure, axes = panels(2, columns=2, cell=CELL, legend=keys)
    for ax, metric in zip(axes, metrics, strict=True):
        top_loss = loss_limit(points, metric) if metric.endswith("loss") else np.inf
        _context(ax, points, x, metric)
        for i, number in enumerate(top):
            table = bands[bands["setting"] == number]
            draw_band(ax, table, x, metric, colour=UNORDERED[i], top=top_loss, linestyle=DASHES[i])
        ends = ends_of_diverged(points, x, metric)
        ax.scatter(ends[x], ends[metric], marker="x", s=22, color=BAD, linewidths=1.2, zorder=4)
        ax.set_title(METRICS[metric])
        ax.set_xlabel(X_LABELS[x])
        ax.set_ylabel("nats" if metric.endswith("loss") else "fraction of 1")
        ax.set_xlim(0, float(points[x].max()) * 1.01 or 1)
        if metric.endswith("loss"):
            ax.set_ylim(0, top_loss)
    accuracy_limits(axes[:1])
    return figure


def _context(ax: Axes, points: pd.DataFrame, x: str, metric: str) -> None:
    pairs = points[[x, metric]].to_numpy(dtype=float)
    code = points.groupby(KEYS, sort=False).ngroup().to_numpy()
    starts = np.flatnonzero(np.diff(code, prepend=-1))
    lines = np.split(pairs, starts[1:])
    alpha = float(np.clip(6 / np.sqrt(len(lines)), 0.18, 0.7))
    ax.add_collection(
        LineCollection(
            lines,
            colors=CONTEXT,
            linewidths=0.7,
            alpha=alpha,
            rasterized=len(points) > RASTER_FROM,
            zorder=1,
        )
    )
    ax.autoscale_view()
