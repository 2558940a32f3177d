"""Where in training the best iteration fell: was the training too long, or too short?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sweeplab.figures.panels import Cell, note, panels
from sweeplab.figures.plots import Analysis, Plot
from sweeplab.figures.theme import ACCENT, CONTEXT, styled
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, percent

CELL = Cell(width=5.0, height=3.0, left=0.7, right=0.2)
TENTHS = 10


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """Where in training the best iterations fell."""
    table = best_shares(sweep.runs)
    total = int(table["runs"].sum())
    if analysis.recommended is None or total < 2:
        return
    last = int(table["runs"].iloc[-1])
    early = int(table["runs"].iloc[:5].sum())
    yield Plot(
        "best-iteration",
        "When each run was at its best",
        best_iteration(sweep),
        "The iteration of each completed run's highest validation accuracy, the earliest of "
        "equals, as a share of its training. All at the end: train longer. All early: stop "
        "sooner, or regularise.",
        f"Of {count(total, 'completed run')}, the very last iteration was the best of {last}, and "
        f"one in the first half of training that of {early}.",
    )


@styled
def best_iteration(sweep: Sweep) -> Figure:
    """How many runs were at their best in each tenth of training, and at its very end."""
    table = best_shares(sweep.runs)
    figure, (ax,) = panels(1, cell=CELL)
    # The very last iteration stands apart from the tenth that it ends.
    last = table["tenth"] > TENTHS
    table["at"] = np.where(last, TENTHS + 1.1, table["tenth"] - 0.5)
    sns.barplot(
        table,
        x="at",
        y="runs",
        hue=last,
        palette={True: ACCENT, False: CONTEXT},
        saturation=1,
        native_scale=True,
        dodge=False,
        legend=False,
        errorbar=None,
        ax=ax,
    )
    total = table["runs"].sum()
    for at, runs in zip(table["at"], table["runs"], strict=True):
        if runs:
            share = percent(runs / total).replace("under ", "<")
            note(ax, share, (at, runs), (0, 2), va="baseline")
    edges = range(0, TENTHS + 1, 2)
    ax.set_xticks([*edges, TENTHS + 1.1], [*(f"{10 * edge} %" for edge in edges), "last"])
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.grid(visible=False, axis="x")
    ax.set(xlim=(-0.1, TENTHS + 1.7), ylim=(0, max(1, table["runs"].max()) * 1.12))
    ax.set(title="best iteration of each run", xlabel="share of training done", ylabel="runs")
    return figure


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
