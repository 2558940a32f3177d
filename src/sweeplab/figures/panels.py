"""Panels of one size in a grid, so that the page can set them out anew for any width.

Each panel is a subfigure with one axes at a fixed place in it. No layout engine runs: it would
cost most of the drawing time, and shift the axes of neighbouring panels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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
    place = (
        cell.left / cell.width,
        cell.bottom / cell.height,
        across / cell.width,
        up / cell.height,
    )
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


def line_key(label: str, colour: str, dash: Any = "-", marker: str = "") -> Line2D:
    """A legend entry for a line."""
    return Line2D([], [], color=colour, linestyle=dash, marker=marker, markersize=5, label=label)


def marker_key(label: str, colour: str, marker: str, **more: Any) -> Line2D:
    """A legend entry for points."""
    return Line2D(
        [], [], color=colour, linestyle="none", marker=marker, markersize=6, label=label, **more
    )


def bare(ax: Axes) -> None:
    """Take away ticks, grid and frame, for pictures."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
