"""Batch size: the same curves on two clocks, each size at its own best learning rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweeplab.figures.curves import (
    accuracy_floor,
    bands_note,
    curve_limits,
    curves_note,
    draw_curves,
    draw_means,
    evaluations,
    finish_curves,
    line_keys,
    over_seeds,
)
from sweeplab.figures.panels import Cell, note, panels
from sweeplab.figures.plots import Analysis, Plot, series
from sweeplab.figures.scale import CLOCKS, LOG_FROM, set_knob
from sweeplab.figures.slices import (
    best_over_others,
    held_at,
    held_note,
    levels,
    seeds_of,
    setting_of,
    swept,
    thinned,
)
from sweeplab.figures.theme import styled
from sweeplab.sweeps.settings import METRIC, METRIC_NAME
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import plus_minus, value_text

CELL = Cell(width=3.45, height=2.8, left=0.76)
BATCH = "batch_size"
RATE = "optimizer.lr"
# The training set is one and the same here, so that examples seen would repeat the epochs.
BOTH = ("iteration", "epochs")


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """Batch sizes on two clocks, where they were swept."""
    if BATCH not in sweep.knobs or analysis.recommended is None:
        return
    at = setting_of(sweep, analysis.recommended)
    best = best_rates(sweep.settings, at, sweep.knobs)
    if len(best) < 2:
        return
    tables = _by_clock(sweep, best)
    rated = RATE in sweep.knobs
    own_rates = (
        "Each size at its own best learning rate, because the rate that suits one batch size need "
        "not suit another. "
    )
    yield Plot(
        "batch-size",
        "Batch size on two clocks",
        batch_size(sweep, analysis.recommended),
        held_note(at, sweep.knobs, [BATCH, RATE])
        + (own_rates if rated else "")
        + "Against iterations large batches have an advantage, as they see more examples in each; "
        "against epochs small ones have it, as they make more updates. "
        + bands_note(tables["iteration"]["n"], sweep.replicates)
        + curves_note(tables["epochs"], [BATCH], CLOCKS["epochs"]),
        "Final validation accuracy by batch size: "
        + series(
            f"{value_text(r[BATCH])}"
            + (f" at learning rate {value_text(r[RATE])}" if rated else "")
            + f": {plus_minus(r[METRIC], r['half_width'])}"
            for r in best.to_dict("records")
        ),
    )


@styled
def batch_size(sweep: Sweep, setting: int | None = None) -> Figure:
    """Validation accuracy of each batch size against iterations and epochs.

    Each size has its own best learning rate; the other knobs have the values of ``setting`` (its
    number; that of the highest mean if None).

    Raises:
        SweeplabError: the batch size was not swept, or no run completed.
    """
    swept(sweep, BATCH)
    best = best_rates(sweep.settings, setting_of(sweep, setting), sweep.knobs)
    sizes = levels(best, BATCH)
    rated = RATE in sweep.knobs
    labels = {
        row[BATCH]: f"batch {value_text(row[BATCH])}"
        + (f" at lr {value_text(row[RATE])}" if rated else "")
        for row in best.to_dict("records")
    }
    figure, axes = panels(len(BOTH) + 1, columns=3, cell=CELL, legend=line_keys(labels))
    tables, clock = _by_clock(sweep, best), CLOCKS["iteration"]
    ends = tables["iteration"].groupby(BATCH)[clock].max()
    # Some sizes make so many more iterations that a linear axis would hide the others.
    far_apart = ends.max() >= LOG_FROM * ends.min()
    if far_apart:  # iteration 0 has no place on a logarithmic axis
        tables["iteration"] = tables["iteration"].query(f"`{clock}` > 0")
    for ax, (x, table) in zip(axes, tables.items(), strict=False):
        draw_curves(ax, table, CLOCKS[x], "val_accuracy", BATCH, sizes)
        title = f"against {'iterations' if x == 'iteration' else x}"
        finish_curves(ax, table, CLOCKS[x], title, "validation accuracy")
    if far_apart:
        first = tables["iteration"][clock].min()
        limits = (0.8 * first, 1.2 * ends.max())
        axes[0].set(xscale="log", xlabel="iterations (log scale)", xlim=limits)
        axes[0].xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    floors = [accuracy_floor(table, [BATCH], CLOCKS[x]) for x, table in tables.items()]
    curve_limits(axes[:-1], max(floors))
    _ends(axes[-1], seeds_of(sweep, best["setting"]), best, rated=rated)
    return figure


def best_rates(settings: pd.DataFrame, at: Mapping[Any, Any], knobs: Sequence[str]) -> pd.DataFrame:
    """For each batch size its best setting, the learning rate free and the rest as in ``at``.

    Of many sizes some are left out.
    """
    best = best_over_others(held_at(settings, at, knobs, [BATCH, RATE]), [BATCH])
    return best[best[BATCH].isin(thinned(levels(best, BATCH)))]


def _by_clock(sweep: Sweep, best: pd.DataFrame) -> dict[str, pd.DataFrame]:
    points = evaluations(sweep)
    points = points[points["setting"].isin(best["setting"])]
    return {x: over_seeds(points, [BATCH], CLOCKS[x]) for x in BOTH}


def _ends(ax: Axes, seeds: pd.DataFrame, best: pd.DataFrame, *, rated: bool) -> None:
    set_knob(ax, BATCH, levels(best, BATCH))
    draw_means(ax, seeds, BATCH, err_kws={"capsize": 3})
    for i, row in enumerate(best.to_dict("records") if rated else []):
        # Above and below by turns: neighbours would touch.
        up = 1 if i % 2 == 0 else -1
        half = row["half_width"] if row["half_width"] > 0 else 0
        end = (row[BATCH], row[METRIC] + up * half)
        note(ax, f"lr {value_text(row[RATE])}", end, (0, 5 * up))
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.12 * (high - low), high + 0.12 * (high - low))
    ax.set(title="best of each size" if rated else "each size", ylabel=METRIC_NAME)
