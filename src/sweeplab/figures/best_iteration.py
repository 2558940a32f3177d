"""Where in training the best iteration fell: was the training too long, or too short?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sweeplab.figures.layout import Cell, panels
from sweeplab.figures.theme import ACCENT, CONTEXT, INK, styled
from sweeplab.words import percent

CELL = Cell(width=5.0, height=3.0, left=0.7, right=0.2)
TENTHS = 10


def best_shares(runs: pd.DataFrame) -> pd.DataFrame:
    """How many completed runs had their best iteration in each tenth of training.

    Rows: ``tenth`` 1 to 10 and ``runs``; the best iteration of a run is its earliest highest
    validation accuracy. Iteration 0 belongs to the first tenth. The last row, ``tenth`` 11, holds
    the runs whose best iteration is the very last one; they are not in the tenth tenth.
    """
    done = runs[runs["status"] == "completed"]
    share = (done["best_iteration"] / done["final_iteration"]).to_numpy(dtype=float)
    tenth = np.clip(np.ceil(share * TENTHS), 1, TENTHS).astype(int)
    tenth = np.where(share >= 1, TENTHS + 1, tenth)
    counts = np.bincount(tenth, minlength=TENTHS + 2)[1:]
    return pd.DataFrame({"tenth": range(1, TENTHS + 2), "runs": counts})


@styled
def draw_best_iteration(table: pd.DataFrame) -> Figure:
    """A bar for each tenth of training, and one for the very last iteration."""
    figure, (ax,) = panels(1, cell=CELL)
    last = (table["tenth"] > TENTHS).to_numpy()
    # The very last iteration stands apart from the tenth that it ends.
    places = np.where(last, TENTHS + 1.1, table["tenth"] - 0.5)
    bars = ax.bar(places, table["runs"], width=0.9, color=np.where(last, ACCENT, CONTEXT))
    total = int(table["runs"].sum())
    for bar, number_of in zip(bars, table["runs"], strict=True):
        if number_of:
            ax.annotate(
                percent(number_of / total),
                (bar.get_x() + bar.get_width() / 2, number_of),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=INK,
            )
    edges = range(0, TENTHS + 1, 2)
    ax.set_xticks([*edges, TENTHS + 1.1], [*(f"{10 * edge} %" for edge in edges), "last"])
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.grid(visible=False, axis="x")
    ax.set_xlim(-0.1, TENTHS + 1.7)
    ax.set_ylim(0, max(1, table["runs"].max()) * 1.12)
    ax.set_title("best iteration of each run")
    ax.set_xlabel("share of training done")
    ax.set_ylabel("runs")
    return figure
