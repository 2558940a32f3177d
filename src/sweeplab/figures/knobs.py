"""What one knob does: every run against its value, and the best that each value allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sweeplab.figures.axes import KnobAxis, knob_axis, set_x
from sweeplab.figures.bands import ROOM
from sweeplab.figures.layout import Cell, line_key, marker_key, panels
from sweeplab.figures.slices import best_over_others
from sweeplab.figures.theme import ACCENT, BAD, CONTEXT, PAPER, styled
from sweeplab.sweeps.settings import METRIC, METRIC_NAME

CELL = Cell(width=5.0, height=3.3, left=0.75)
RASTER_FROM = 3_000
GOLDEN = 0.6180339887
CROWD = 12
MANY = 200


def axis_points(runs: pd.DataFrame, knob: str) -> pd.DataFrame:
    """One row a completed or diverged run: ``value``, ``accuracy`` and ``diverged``.

    A diverged run has no accuracy.
    """
    there = runs[runs["status"] != "failed"]
    return pd.DataFrame(
        {
            "value": there[knob].to_numpy(),
            "accuracy": there[METRIC].to_numpy(dtype=float),
            "diverged": (there["status"] == "diverged").to_numpy(),
        }
    )


def isolation(settings: pd.DataFrame, knob: str) -> pd.DataFrame:
    """For each value of ``knob``, its best setting: ``value``, ``mean``, ``half_width``, ``n``."""
    rows = best_over_others(settings, [knob])
    return pd.DataFrame(
        {
            "value": rows[knob],
            "mean": rows[METRIC],
            "half_width": rows["half_width"],
            "n": rows["n"],
            "setting": rows["setting"],
        }
    )


def spread(values: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """``values`` moved sideways by up to ``width / 2``, so that those at one place are all seen.

    Steps of the golden ratio: neighbours in the order of runs, which often differ in one knob
    alone, land apart and draw no pattern of their own. A few stay closer than many.
    """
    moved = values.astype(float).copy()
    for place in np.unique(values):
        here = np.flatnonzero(values == place)
        share = (np.arange(len(here)) * GOLDEN) % 1 - 0.5
        moved[here] += share * width * min(1.0, (len(here) - 1) / CROWD)
    return moved


@styled
def draw_knob(
    points: pd.DataFrame, best: pd.DataFrame, knob: str, *, alone: bool = False
) -> Figure:
    """The axis plot (left) and the isolation plot (right) of one knob.

    ``alone`` says that no other knob was swept.
    """
    axis = knob_axis(knob, points["value"].tolist())
    keys = [marker_key("one run", CONTEXT, "o", alpha=0.7)]
    if points["diverged"].any():
        keys.append(marker_key("diverged run, with their number", BAD, "x"))
    keys.append(
        line_key(
            f"{'mean' if alone else 'best setting'} at this value, 95 % interval",
            ACCENT,
            marker="o",
        )
    )
    figure, (left, right) = panels(2, columns=2, cell=CELL, legend=keys)
    done = points[~points["diverged"]]
    _points(left, axis, done)
    lowest, highest = _limits(done["accuracy"], best)
    left.set_ylim(lowest, highest)
    best_at = axis.at(best["value"].tolist())
    # A line over few points would hide them; many points would hide the line.
    for ax, order in ((left, 1.5 if len(done) < MANY else 3), (right, 3)):
        ax.plot(best_at, best["mean"], color=ACCENT, linewidth=1.4, zorder=order)
    right.errorbar(
        best_at,
        best["mean"],
        yerr=best["half_width"].fillna(0),
        color=ACCENT,
        marker="o",
        markersize=5,
        linewidth=0,
        elinewidth=1.4,
        capsize=3,
        zorder=3,
    )
    close = [*(best["mean"] - best["half_width"].fillna(0)), *best["mean"]]
    right.set_ylim(max(min(close) - 0.02, -ROOM), highest)
    _crosses(left, axis, points[points["diverged"]])
    for ax, title in (
        (left, "every run"),
        (right, "mean over seeds" if alone else "best over the other knobs"),
    ):
        set_x(ax, axis)
        ax.set_title(title)
        ax.set_ylabel(METRIC_NAME)
    return figure


def _points(ax: Axes, axis: KnobAxis, done: pd.DataFrame) -> None:
    at = spread(axis.at(done["value"].tolist()), 0.3 * axis.step)
    ax.scatter(
        at,
        done["accuracy"],
        s=14,
        color=CONTEXT,
        alpha=float(np.clip(8 / np.sqrt(len(done) + 1), 0.08, 0.8)),
        edgecolors=PAPER,
        linewidths=0.3,
        rasterized=len(done) > RASTER_FROM,
        zorder=2,
    )


def _crosses(ax: Axes, axis: KnobAxis, diverged: pd.DataFrame) -> None:
    if not len(diverged):
        return
    # A strip of their own below the data: a broken model has no accuracy to speak of.
    low, high = ax.get_ylim()
    strip = low - 0.07 * (high - low)
    ax.set_ylim(strip - 0.06 * (high - low), high)
    ax.axhline(low, color=BAD, linewidth=0.7, linestyle=(0, (1, 3)))
    width = 0.4 * axis.step
    at = spread(axis.at(diverged["value"].tolist()), width)
    ax.scatter(at, np.full(len(at), strip), marker="x", s=16, color=BAD, linewidths=0.9)
    for value, rows in diverged.groupby("value", sort=True):
        reach = width / 2 * min(1.0, (len(rows) - 1) / CROWD)
        ax.annotate(
            str(len(rows)),
            (float(axis.at([value])[0]) - reach, strip),
            xytext=(-5, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8,
            color=BAD,
        )


def _limits(accuracy: pd.Series[float], best: pd.DataFrame) -> tuple[float, float]:
    tops: Sequence[float] = [
        *accuracy.dropna().tolist(),
        *(best["mean"] + best["half_width"].fillna(0)).tolist(),
        *(best["mean"] - best["half_width"].fillna(0)).tolist(),
    ]
    if not tops:
        return 0.0, 1.0
    low, high = min(tops), max(tops)
    room = 0.06 * (high - low) or 0.05
    return max(low - room, -ROOM), min(high + room, 1 + ROOM)
