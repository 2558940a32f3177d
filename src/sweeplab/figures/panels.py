"""Panels of one size in a grid, so that the page can set them out anew for any width.

Each panel is a subfigure with one axes at a fixed place in it. No layout engine runs: it would
cost most of the drawing time, and shift the axes of neighbouring panels.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from sweeplab.figures.theme import MUTED, PAPER, on_colour

LEGEND_ROW = 0.2
LETTER = 0.078  # inches, of DejaVu Sans at 9 points


@dataclass(frozen=True)
class Cell:
    """The size of a panel and the margins around its axes, in inches."""

    width: float = 3.7
    height: float = 2.9
    left: float = 0.66
    right: float = 0.24
    top: float = 0.34
    bottom: float = 0.5

    @property
    def axes(self) -> tuple[float, float]:
        """Width and height of the axes."""
        return self.width - self.left - self.right, self.height - self.top - self.bottom


def panels(
    count: int, *, columns: int = 3, cell: Cell = Cell(), legend: Sequence[Any] = ()
) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels, filled by rows, with ``legend`` (artists with labels) above."""
    columns = max(1, min(columns, count))
    rows = math.ceil(count / columns)
    width = columns * cell.width
    widest = max((len(str(key.get_label())) for key in legend), default=0) * LETTER + 0.6
    per_row = max(1, min(len(legend), int((width - 0.2) / widest)))
    strip = math.ceil(len(legend) / per_row) * LEGEND_ROW + 0.1 if legend else 0.0
    height = rows * cell.height + strip
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[strip, *[cell.height] * rows])
    across, up = cell.axes
    left, bottom = cell.left / cell.width, cell.bottom / cell.height
    place = left, bottom, across / cell.width, up / cell.height
    axes = [
        figure.add_subfigure(grid[1 + i // columns, i % columns]).add_axes(place)
        for i in range(count)
    ]
    if legend:
        figure.legend(
            handles=list(legend),
            loc="upper left",
            bbox_to_anchor=(0.1 / width, 1 - 0.04 / height),
            borderaxespad=0,
            ncols=per_row,
            columnspacing=1.6,
            handlelength=1.8,
        )
    return figure, axes


def line_key(label: str, colour: str, dash: Any = "-", **marker: Any) -> Line2D:
    """A legend entry for a line."""
    return Line2D([], [], color=colour, linestyle=dash, label=label, **{"markersize": 5, **marker})


def marker_key(label: str, colour: str, marker: str, **more: Any) -> Line2D:
    """A legend entry for points."""
    return line_key(label, colour, "none", marker=marker, markersize=6, **more)


def note(ax: Axes, text: str, at: tuple[Any, Any], off: tuple[float, float], **more: Any) -> None:
    """Write ``text`` beside the point ``at``, ``off`` (right, up) by so many points."""
    right, up = off
    ha = "center" if not right else "left" if right > 0 else "right"
    va = "center" if not up else "bottom" if up > 0 else "top"
    style = {"ha": ha, "va": va, "fontsize": 8, "textcoords": "offset points"}
    ax.annotate(text, at, off, **{**style, **more})


def bare(ax: Axes) -> None:
    """Take away ticks, grid and frame, for pictures."""
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def shade_cells(
    ax: Axes, shades: NDArray[np.float64], colours: Colormap, scale: Normalize, line: str = PAPER
) -> None:
    """A cell for each of ``shades`` ``[rows, columns]``, empty where that is NaN.

    seaborn draws the whole figure once for each heat map: make the axes :func:`bare` before, and
    write into the cells when all are there.
    """
    import seaborn as sns  # a second to import, which a single run's figures do without

    without = {"cbar": False, "xticklabels": False, "yticklabels": False}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN")  # nothing to shade is no mistake
        sns.heatmap(
            shades, ax=ax, norm=scale, cmap=colours, linewidths=1.0, linecolor=line, **without
        )


def write_cells(
    ax: Axes, shades: NDArray[np.float64], texts: NDArray[Any], colours: Colormap, scale: Normalize
) -> None:
    """A text in each cell, as ``shade_cells`` drew them.

    seaborn's own leave empty cells without one, and are white on middle greens, where black reads
    better.
    """
    for (i, j), text in np.ndenumerate(texts):
        shade = shades[i, j]
        colour = on_colour(colours(scale(shade))) if np.isfinite(shade) else MUTED
        ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=8, color=colour)
