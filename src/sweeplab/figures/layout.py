"""Panels of one size in a grid, so that the page can set them out anew for any width.

Axes stand at fixed places in cells of fixed size, labels inside the cell. No layout engine runs:
it would cost most of the drawing time, and shift the axes of neighbouring panels.
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
from matplotlib.transforms import Bbox

PANEL = "panel"  # an axes' gid: this, its number, and its cell's margins in hundredths of an inch
LEGEND = "legend"
LEGEND_ROW = 0.2


@dataclass(frozen=True)
class Cell:
    """The size of a panel and the margins around its axes, in inches."""

    width: float = 3.7
    height: float = 2.9
    left: float = 0.66
    right: float = 0.16
    top: float = 0.34
    bottom: float = 0.5


STANDARD = Cell()


def panels(
    count: int, *, columns: int = 3, cell: Cell = STANDARD, legend: Sequence[Any] = ()
) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels, filled by rows, with ``legend`` (artists with labels) above."""
    columns = max(1, min(columns, count))
    rows = math.ceil(count / columns)
    width = columns * cell.width
    strip, per_row = _legend_strip(legend, width)
    height = rows * cell.height + strip
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    axes = []
    for i in range(count):
        row, column = divmod(i, columns)
        box = (
            column * cell.width + cell.left,
            height - strip - (row + 1) * cell.height + cell.bottom,
            cell.width - cell.left - cell.right,
            cell.height - cell.top - cell.bottom,
        )
        ax = figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
        margins = [round(100 * m) for m in (cell.left, cell.right, cell.top, cell.bottom)]
        ax.set_gid("_".join([PANEL, *map(str, [i, *margins])]))
        axes.append(ax)
    if legend:
        drawn = figure.legend(
            handles=list(legend),
            loc="upper left",
            bbox_to_anchor=(0.1 / width, 1 - 0.04 / height),
            borderaxespad=0,
            ncols=per_row,
            columnspacing=1.6,
            handlelength=1.8,
        )
        drawn.set_gid(LEGEND)
    return figure, axes


def cell_of(ax: Axes) -> Bbox | None:
    """The cell of a panel made by :func:`panels`, in inches from the bottom left; else None."""
    gid = ax.get_gid() or ""
    figure = ax.get_figure(root=True)
    if not gid.startswith(PANEL) or figure is None:
        return None
    left, right, top, bottom = (int(part) / 100 for part in gid.split("_")[2:])
    width, height = figure.get_size_inches()
    box = ax.get_position()
    return Bbox.from_extents(
        box.x0 * width - left,
        box.y0 * height - bottom,
        box.x1 * width + right,
        box.y1 * height + top,
    )


def columns_of(figure: Figure) -> int:
    """How many panels stand side by side in the figure."""
    boxes = [cell for ax in figure.axes if (cell := cell_of(ax)) is not None]
    return len({round(box.x0, 3) for box in boxes})


def line_key(label: str, colour: str, dash: Any = "-", marker: str = "") -> Line2D:
    """A legend entry for a line."""
    return Line2D([], [], color=colour, linestyle=dash, marker=marker, markersize=5, label=label)


def marker_key(label: str, colour: str, marker: str, **more: Any) -> Line2D:
    """A legend entry for points."""
    return Line2D(
        [], [], color=colour, linestyle="none", marker=marker, markersize=6, label=label, **more
    )


def blank(ax: Axes) -> None:
    """Leave a panel without axes, for pictures."""
    ax.set_axis_off()


def _legend_strip(legend: Sequence[Any], width: float) -> tuple[float, int]:
    if not legend:
        return 0.0, 1
    # DejaVu Sans at 9 points is about 0.078 inches a letter; the key and its gap take 0.5.
    widest = max(len(str(entry.get_label())) for entry in legend) * 0.078 + 0.6
    per_row = max(1, min(len(legend), int((width - 0.2) / widest)))
    return math.ceil(len(legend) / per_row) * LEGEND_ROW + 0.1, per_row
