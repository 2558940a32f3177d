"""What one knob does: every run against its value, and the best that each value allows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweeplab.figures.curves import bars_note, draw_means
from sweeplab.figures.panels import Cell, line_key, marker_key, note, panels
from sweeplab.figures.plots import Analysis, Plot, learning_curves, series
from sweeplab.figures.scale import places, set_knob, spread, within_accuracy
from sweeplab.figures.slices import best_over_others, levels, seeds_of, swept
from sweeplab.figures.theme import ACCENT, BAD, CONTEXT, MOST_ORDERED, PAPER, styled
from sweeplab.sweeps.settings import METRIC, METRIC_NAME
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import knob_name, listed, numbers, plus_minus, value_text

CELL = Cell(width=5.0, height=3.3, left=0.75)
RASTER_FROM = 3_000
MANY = 200
RUN, DIVERGED = "one run", "diverged run, with their number"  # in the panel of every run
# Bars are narrower than what sentences say where images are the greater luck: that must be said.
BARS = "bars: 95 % interval, luck of the validation set left out"
MEAN, BEST = (f"{what} at this value; {BARS}" for what in ("mean", "best setting"))


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """For each knob, accuracy against it, and learning curves by it."""
    if analysis.recommended is None:
        return
    for key in sweep.knobs:
        best = best_over_others(sweep.settings, [key])
        name = knob_name(key)
        yield Plot(
            f"knob-{key.replace('.', '-')}",
            f"Accuracy against {name}",
            knob(sweep, key),
            _caption(sweep.runs, best, key, sweep.replicates, others=len(sweep.knobs) > 1),
            f"Final validation accuracy of the best setting for each {name}: "
            + series(
                f"{value_text(r[key])}: {plus_minus(r[METRIC], r['half_width'])}"
                for r in best.to_dict("records")
            ),
            # A search gives nearly every setting a value of its own: nothing is best over others.
            *((0, (MEAN, BEST)) if len(best) > MOST_ORDERED else (-1, (RUN, DIVERGED))),
        )
        yield from learning_curves.by_knob(sweep, analysis, key)


@styled
def knob(sweep: Sweep, key: str) -> Figure:
    """Final validation accuracy against one knob: every run, and the best setting a value.

    Args:
        sweep: as ``load_sweep`` gives it.
        key: one of ``sweep.knobs``, such as ``"optimizer.lr"``.

    Raises:
        SweeplabError: the knob was not swept.
    """
    swept(sweep, key)
    runs = sweep.runs[sweep.runs["status"] != "failed"]
    of = levels(runs, key)
    best = best_over_others(sweep.settings, [key])
    alone = len(sweep.knobs) == 1
    keys = [marker_key(RUN, CONTEXT, "o", alpha=0.7)]
    if (runs["status"] == "diverged").any():
        keys.append(marker_key(DIVERGED, BAD, "x"))
    keys.append(line_key(MEAN if alone else BEST, ACCENT, marker="o"))
    figure, (left, right) = panels(2, columns=2, cell=CELL, legend=keys)
    titles = (
        "every run",
        f"mean over {sweep.replicates}" if alone else "best over the other knobs",
    )
    for ax, title in zip((left, right), titles, strict=True):
        set_knob(ax, key, of)
        ax.set(title=title, ylabel=METRIC_NAME)
    done = runs[runs["status"] == "completed"]
    _every_run(left, done, key, of)
    means = pd.DataFrame({"at": places(best[key].tolist(), of), METRIC: best[METRIC]})
    # A line over few points would hide them; many points would hide the line.
    order = 1.5 if len(done) < MANY else 3
    line = {"color": ACCENT, "linewidth": 1.4}
    if len(of) <= MOST_ORDERED:
        sns.lineplot(means, x="at", y=METRIC, estimator=None, ax=left, zorder=order, **line)
    seeds = seeds_of(sweep, best["setting"])
    seeds = seeds.assign(at=places(seeds[key].tolist(), of))
    draw_means(right, seeds, "at", err_kws={"capsize": 3, "elinewidth": 1.4}, zorder=3)
    for ax in (left, right):
        within_accuracy(ax)
    _crosses(left, runs[runs["status"] == "diverged"], key, of)
    return figure


def _every_run(ax: Axes, done: pd.DataFrame, key: str, of: list[object]) -> None:
    at = spread(ax.xaxis, places(done[key].tolist(), of), 0.3)
    sns.scatterplot(
        x=at,
        y=done[METRIC].to_numpy(),
        s=14,
        color=CONTEXT,
        alpha=float(np.clip(8 / np.sqrt(len(done) + 1), 0.08, 0.8)),
        edgecolor=PAPER,
        linewidth=0.3,
        rasterized=len(done) > RASTER_FROM,
        ax=ax,
        zorder=2,
    )


def _crosses(ax: Axes, diverged: pd.DataFrame, key: str, of: list[object]) -> None:
    if not len(diverged):
        return
    # A strip of their own below the data: a broken model has no accuracy to speak of.
    low, high = ax.get_ylim()
    strip = low - 0.07 * (high - low)
    ax.set_ylim(strip - 0.06 * (high - low), high)
    ax.axhline(low, color=BAD, linewidth=0.7, linestyle=(0, (1, 3)))
    at = places(diverged[key].tolist(), of)
    moved = spread(ax.xaxis, at, 0.4)
    ax.scatter(moved, np.full(len(at), strip), marker="x", s=16, color=BAD, linewidths=0.9)
    for place in np.unique(at):
        here = at == place
        note(ax, str(here.sum()), (moved[here].min(), strip), (-5, 0), color=BAD)


def _caption(runs: pd.DataFrame, best: pd.DataFrame, key: str, of: str, *, others: bool) -> str:
    by_mean = best.sort_values(METRIC, kind="stable")
    low, top = by_mean.iloc[0], by_mean.iloc[-1]
    worst, reached = numbers(low[METRIC], top[METRIC])
    said = (
        f"It goes from {worst} at {value_text(low[key])} to {reached} at {value_text(top[key])}."
        if len(best) > 1
        else f"Only {knob_name(key)} = {value_text(top[key])} has completed runs."
    )
    best_of = "for each value its best setting, the other knobs free"
    right = best_of if others else "the mean of each value"
    return (
        f"Left: every run at its {knob_name(key)}, its validation accuracy after training. "
        f"Right: {right}{bars_note(best['n'], of)}. {said}{diverged_note(runs, key)}"
    )


def diverged_note(runs: pd.DataFrame, key: str) -> str:
    """How many runs diverged at which value; empty if none did."""
    by_value = runs.loc[runs["status"] == "diverged", key].value_counts().sort_index()
    where = listed([f"{n} at {value_text(value)}" for value, n in by_value.items()])
    return f" Red crosses are runs that diverged: {where}." if where else ""
