"""A table of numbers as coloured cells with a text in each."""

from __future__ import annotations

from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize
from numpy.typing import NDArray

from sweeplab.figures.theme import MUTED, PAPER, on_colour


def shade_cells(
    ax: Axes, shades: NDArray[np.float64], colours: Colormap, scale: Normalize, line: str = PAPER
) -> None:
    """A cell for each of ``shades`` ``[rows, columns]``, empty where that is NaN.

    seaborn draws the whole figure once for each heat map: write into the cells when all are there.
    """
    sns.heatmap(
        shades,
        ax=ax,
        norm=scale,
        cmap=colours,
        cbar=False,
        linewidths=1.0,
        linecolor=line,
        xticklabels=False,
        yticklabels=False,
    )
    ax.grid(visible=False)


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
