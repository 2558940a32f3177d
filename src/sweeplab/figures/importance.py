"""How much each knob, or pair of knobs, mattered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweeplab.figures.layout import Cell, panels
from sweeplab.figures.theme import ACCENT, INK, styled
from sweeplab.words import percent

MOST = 14
ROW = 0.44  # inches, for a bar with its name above


@styled
def draw_importance(table: pd.DataFrame) -> Figure:
    """Bars with intervals, the largest on top.

    Args:
        table: ``name``, ``share`` (of the variance, fraction of 1), ``low`` and ``high``, its
            interval, NaN where there is none. Of many only the :data:`MOST` largest are drawn.
    """
    rows = table.nlargest(MOST, "share").sort_values("share", kind="stable").reset_index(drop=True)
    cell = Cell(width=5.0, height=0.75 + ROW * len(rows), left=0.45, right=0.3, top=0.1)
    figure, (ax,) = panels(1, cell=cell)
    places = np.arange(len(rows))
    ax.barh(places, rows["share"], height=0.4, color=ACCENT, alpha=0.85)
    low = (rows["share"] - rows["low"]).clip(lower=0).fillna(0)
    high = (rows["high"] - rows["share"]).clip(lower=0).fillna(0)
    ax.errorbar(
        rows["share"], places, xerr=[low, high], fmt="none", ecolor=INK, elinewidth=1.2, capsize=3
    )
    ends = rows["share"] + high
    for place, row, end in zip(places, rows.to_dict("records"), ends, strict=True):
        above: dict[str, Any] = {
            "xytext": (2, 0.38 * ROW * 72),
            "textcoords": "offset points",
            "va": "center",
        }
        ax.annotate(row["name"], (0, place), fontsize=8.5, **above)
        beside: dict[str, Any] = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
        ax.annotate(percent(row["share"]), (end, place), fontsize=8.5, **beside)
    ax.set_yticks([])
    ax.grid(visible=False, axis="y")
    ax.set_ylim(-0.4, len(rows) - 0.35)
    ax.set_xlim(0, max(0.05, float(ends.max())) * 1.15)
    ax.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    ax.set_ylabel("what differed between runs")
    ax.set_xlabel("share of the variance of validation accuracy")
    return figure
