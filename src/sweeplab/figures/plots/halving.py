"""Which settings halving stopped, and when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator

from sweeplab.errors import SweeplabError
from sweeplab.figures.panels import Cell, line_key, panels
from sweeplab.figures.plots import Analysis, Plot, series
from sweeplab.figures.theme import ACCENT, CONTEXT, styled
from sweeplab.sweeps.settings import setting_numbers
from sweeplab.sweeps.tables import Sweep, varying
from sweeplab.words import count, examples

CELL = Cell(width=6.2, height=3.4, left=0.7, right=0.2)
SMALLEST = 1e-4  # error that is drawn
ENDS = {True: ("trained to the end", ACCENT), False: ("stopped", CONTEXT)}


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """The curves of all settings, where halving stopped some and one ran to its end."""
    if sweep.stopped.empty or analysis.recommended is None:
        return
    table = rungs(sweep)
    ends = table.groupby("setting")[["end", "whole"]].first()
    stopped = ends.loc[~ends["whole"], "end"].value_counts().sort_index()
    yield Plot(
        "halving",
        "What halving stopped",
        halving(sweep),
        f"A line a setting, which ends where it was stopped: how many validation {examples()} "
        "it got wrong, in the mean over seeds. After each rung those that were best by then "
        "went on.",
        "Settings stopped, by epochs: "
        + series(
            [
                *(f"after {end:g}: {number}" for end, number in stopped.items()),
                f"{count(int(ends['whole'].sum()), 'setting')} trained to the end",
            ]
        ),
    )


@styled
def halving(sweep: Sweep) -> Figure:
    """Each setting's mean validation error against epochs, as far as it was trained.

    Raises:
        SweeplabError: halving stopped nothing.
    """
    table = rungs(sweep)
    if table["whole"].all():
        raise SweeplabError("No run of this sweep was stopped by hydra.sweeper.halving.")
    figure, (ax,) = panels(1, cell=CELL, legend=[line_key(*key) for key in ENDS.values()])
    for whole, (_, colour) in ENDS.items():
        style: Any = {"color": colour, "linewidth": 1.6 if whole else 0.8, "zorder": 2 + whole}
        lines = table[table["whole"] == whole]
        sns.lineplot(lines, x="epoch", y="error", units="setting", estimator=None, ax=ax, **style)
    # Of those that were stopped first the end is all there is.
    stops = table[~table["whole"] & (table["epoch"] == table["end"])]
    sns.scatterplot(stops, x="epoch", y="error", color=CONTEXT, s=14, zorder=2, ax=ax)
    ends = sorted(table["end"].unique())
    first, last = table["epoch"].min(), table["epoch"].max()
    ax.set(xscale="log", xlabel="epochs (log scale)", xlim=(first / 1.06, last * 1.03))
    ax.set(yscale="log", ylabel="validation error (log scale)")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_major_locator(FixedLocator([float(end) for end in ends]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    return figure


def rungs(sweep: Sweep) -> pd.DataFrame:
    """A row a setting and epoch at which it was measured, seeds in the mean.

    Columns: ``setting``, ``epoch``, ``error`` (1 less the validation accuracy), ``end`` (epochs
    that it was trained for) and ``whole`` (whether those are all). What diverged is left out.
    """
    runs = pd.concat([sweep.stopped, sweep.runs], ignore_index=True)
    curves = pd.concat([sweep.stopped_curves, sweep.curves]).dropna(subset="val_accuracy")
    runs["setting"] = setting_numbers(runs, varying(runs))
    runs = runs[runs["status"].isin(["completed", "stopped"])]
    runs["whole"] = runs["status"] == "completed"
    runs["end"] = runs["stopped_after"].fillna(runs["epochs"]).astype(float)
    columns = ["sweep", "run", "setting", "whole", "end", "data.train_size", "batch_size"]
    table = curves.merge(runs[columns], on=["sweep", "run"])
    table["epoch"] = table["iteration"] / (table["data.train_size"] // table["batch_size"])
    by = table[table["epoch"] > 0].groupby(["setting", "epoch", "end", "whole"], as_index=False)
    means: pd.DataFrame = by.agg(error=("val_accuracy", "mean"))
    # A logarithmic axis has no place for no error at all.
    return means.assign(error=np.maximum(1 - means["error"], SMALLEST))
