"""Parallel coordinates: every setting as one line through all knobs to its accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from sweeplab.figures.layout import Cell, line_key, marker_key, panels
from sweeplab.figures.slices import levels
from sweeplab.figures.theme import BAD, INK, MUTED, PAPER, ordered, styled
from sweeplab.sweeps.settings import METRIC
from sweeplab.words import knob_name, level_texts, number

BANDS = 4
RASTER_FROM = 3_000
MOST_TICKS = 9


def coordinates(settings: pd.DataFrame, knobs: Sequence[str]) -> pd.DataFrame:
    """Heights from 0 to 1, a row a setting, the worst first: a column a knob, then ``accuracy``.

    Values of a knob stand at even distances, whatever they are; ``accuracy`` runs from the lowest
    to the highest mean. ``setting`` names the row, ``group`` is 0 for the settings in the lowest
    part of the ranking up to :data:`BANDS` - 1, and -1 where no run completed.
    """
    there = settings.sort_values(METRIC, na_position="first", kind="stable")
    table = pd.DataFrame({"setting": there["setting"]})
    for key in knobs:
        values = levels(settings, key)
        place = {value: i / max(len(values) - 1, 1) for i, value in enumerate(values)}
        table[key] = [place[value] for value in there[key]]
    means = there[METRIC].to_numpy(dtype=float)
    low, high = np.nanmin(means), np.nanmax(means)
    table["accuracy"] = (
        (means - low) / (high - low) if high > low else np.where(np.isnan(means), np.nan, 1.0)
    )
    rank = there[METRIC].rank(pct=True, method="first").to_numpy()
    group = np.ceil(rank * BANDS) - 1
    table["group"] = np.where(np.isnan(group), -1, group).astype(int)
    return table.reset_index(drop=True)


@styled
def draw_parallel(settings: pd.DataFrame, knobs: Sequence[str], best: int | None) -> Figure:
    """One line a setting; colour is the quarter of the ranking, the recommended one is thick."""
    table = coordinates(settings, knobs)
    columns = [*knobs, "accuracy"]
    palette = ordered(BANDS)
    keys = [
        line_key("best quarter of settings", palette[3]),
        line_key("second quarter", palette[2]),
        line_key("third quarter", palette[1]),
        line_key("last quarter", palette[0]),
    ]
    if best is not None:
        keys.append(line_key("recommended", INK))
    if (table["group"] < 0).any():
        keys.append(marker_key("no run completed", BAD, "x"))
    width = max(6.5, 1.9 * len(columns))
    cell = Cell(width=width, height=4.2, left=0.9, right=0.75, top=0.42, bottom=0.42)
    figure, (ax,) = panels(1, cell=cell, legend=keys)
    rng = np.random.default_rng(0)
    jitter = rng.uniform(-0.025, 0.025, (len(table), len(columns)))
    jitter[:, -1] = 0
    heights = table[columns].to_numpy(dtype=float) + jitter
    for group in range(-1, BANDS):
        here = np.flatnonzero(table["group"] == group)
        if group < 0:
            heights[here, -1] = np.nan
        ax.add_collection(
            PathCollection(
                [_smooth(heights[i]) for i in here],
                facecolors="none",
                edgecolors=BAD if group < 0 else palette[group],
                linewidths=0.9,
                alpha=_alpha(len(here)) * (1.0 if group == BANDS - 1 else 0.5),
                linestyles=(0, (2, 2)) if group < 0 else "-",
                rasterized=len(table) > RASTER_FROM,
                zorder=1 + group / 10,
            )
        )
    if best is not None and (table["setting"] == best).any():
        line = _smooth(heights[int(np.flatnonzero(table["setting"] == best)[0])])
        ax.add_patch(PathPatch(line, facecolor="none", edgecolor=INK, linewidth=2.6, zorder=3))
    _uprights(ax, settings, knobs)
    return figure


def _alpha(lines: int) -> float:
    return float(np.clip(25 / max(lines, 1), 0.06, 0.85))


def _smooth(heights: NDArray[np.float64]) -> Path:
    """The heights joined by curves that leave every axis level: one cubic a gap."""
    points, codes = [(0.0, heights[0])], [Path.MOVETO]
    for i, (a, b) in enumerate(pairwise(heights)):
        if np.isfinite(b):
            points += [(i + 0.5, a), (i + 0.5, b), (i + 1.0, b)]
            codes += [Path.CURVE4] * 3
    return Path(points, codes)


def _uprights(ax: mpl.axes.Axes, settings: pd.DataFrame, knobs: Sequence[str]) -> None:
    ax.set_xlim(0, len(knobs))
    ax.set_ylim(-0.06, 1.06)
    ax.grid(visible=False)
    ax.set_yticks([])
    for side in ax.spines.values():
        side.set_visible(False)
    names = [*(knob_name(key) for key in knobs), "final validation\naccuracy"]
    ax.set_xticks(range(len(names)), names)
    ax.tick_params(length=0)
    for i, key in enumerate(knobs):
        values = levels(settings, key)
        ax.axvline(i, color=MUTED, linewidth=0.9, zorder=2)
        every = -(-len(values) // MOST_TICKS)
        texts = level_texts(values)
        for j in range(0, len(values), every):
            _tick(ax, i, j / max(len(values) - 1, 1), texts[j], right=False)
    ax.axvline(len(knobs), color=MUTED, linewidth=0.9, zorder=2)
    low, high = settings[METRIC].min(), settings[METRIC].max()
    for share in (0, 0.25, 0.5, 0.75, 1):
        _tick(ax, len(knobs), share, number(low + share * (high - low)), right=True)


def _tick(ax: mpl.axes.Axes, x: float, y: float, text: str, *, right: bool) -> None:
    ax.annotate(
        text,
        (x, y),
        xytext=(6 if right else -6, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        fontsize=8.5,
        color=INK,
        zorder=4,
        annotation_clip=False,
        bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.85, "pad": 1},
    )
