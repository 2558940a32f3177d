"""Batch size: the same curves on three clocks, each size at its own best learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sweeplab.figures.axes import LOG_FROM, knob_axis, set_x
from sweeplab.figures.bands import accuracy_floor, accuracy_limits, draw_band
from sweeplab.figures.layout import Cell, line_key, panels
from sweeplab.figures.overview import X_LABELS
from sweeplab.figures.slices import best_over_others, held_at, levels
from sweeplab.figures.theme import ACCENT, INK, ordered, styled
from sweeplab.sweeps.settings import METRIC, METRIC_NAME
from sweeplab.words import value_text

CELL = Cell(width=3.45, height=2.8, left=0.76, right=0.12)
BATCH = "batch_size"
RATE = "optimizer.lr"


def best_rates(settings: pd.DataFrame, at: Mapping[Any, Any], knobs: Sequence[str]) -> pd.DataFrame:
    """For each batch size its best setting, the learning rate free and the rest as in ``at``."""
    return best_over_others(held_at(settings, at, knobs, [BATCH, RATE]), [BATCH])


def _far_apart(bands: pd.DataFrame) -> bool:
    """Whether some sizes make so many more iterations that a linear axis would hide the others."""
    ends = bands.groupby(BATCH)["iteration"].max()
    return bool(ends.max() >= LOG_FROM * ends.min())


@styled
def draw_batch_size(clocks: Mapping[str, pd.DataFrame], best: pd.DataFrame) -> Figure:
    """Validation accuracy of each batch size against iterations, epochs and examples seen.

    Args:
        clocks: for each horizontal axis, bands by :func:`bands.seed_bands` grouped by batch size.
        best: as :func:`best_rates` gives it.
    """
    sizes = levels(best, BATCH)
    palette = ordered(len(sizes))
    rated = dict(zip(best[BATCH], best[RATE], strict=True)) if RATE in best else {}
    keys = [
        line_key(
            f"batch {value_text(size)}"
            + (f" at lr {value_text(rated[size])}" if size in rated else ""),
            colour,
        )
        for size, colour in zip(sizes, palette, strict=True)
    ]
    far = _far_apart(clocks["iteration"])
    figure, axes = panels(len(clocks) + 1, columns=4, cell=CELL, legend=keys)
    for ax, (x, bands) in zip(axes, clocks.items(), strict=False):
        for size, colour in zip(sizes, palette, strict=True):
            draw_band(ax, bands[bands[BATCH] == size], x, "val_accuracy", colour=colour)
        ax.set_title(f"against {x if x != 'iteration' else 'iterations'}")
        ax.set_xlabel(X_LABELS[x])
        ax.set_ylabel("validation accuracy")
        if x == "iteration" and far:
            ax.set_xscale("log")
            ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            ax.set_xlabel("iterations (log scale)")
        else:
            ax.set_xlim(left=0)
    floor = max((accuracy_floor(bands, [BATCH], x) for x, bands in clocks.items()), default=0.0)
    accuracy_limits(axes[:-1], floor)
    axis = knob_axis(BATCH, sizes)
    last = axes[-1]
    last.errorbar(
        axis.at(best[BATCH].tolist()),
        best[METRIC],
        yerr=best["half_width"].fillna(0),
        color=ACCENT,
        marker="o",
        markersize=5,
        capsize=3,
        linewidth=1.4,
    )
    for i, (place, row) in enumerate(
        zip(axis.at(best[BATCH].tolist()), best.to_dict("records"), strict=True)
    ):
        if rated:
            # Above and below by turns: neighbours would touch.
            up = 1 if i % 2 == 0 else -1
            last.annotate(
                f"lr {value_text(row[RATE])}",
                (place, row[METRIC] + up * (row["half_width"] if row["half_width"] > 0 else 0)),
                xytext=(0, 5 * up),
                textcoords="offset points",
                ha="center",
                va="bottom" if up > 0 else "top",
                fontsize=8,
                color=INK,
            )
    low, high = last.get_ylim()
    last.set_ylim(low - 0.12 * (high - low), high + 0.12 * (high - low))
    set_x(last, axis)
    last.set_title("best of each size" if rated else "each size")
    last.set_ylabel(METRIC_NAME)
    return figure
