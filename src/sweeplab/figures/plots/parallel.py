"""Parallel coordinates: every setting as one line through all knobs to its accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from sweeplab.figures.panels import Cell, bare, line_key, marker_key, note, panels
from sweeplab.figures.plots import Analysis, Plot
from sweeplab.figures.slices import levels, setting_of, swept
from sweeplab.figures.theme import BAD, INK, MUTED, PAPER, ordered, styled
from sweeplab.sweeps.settings import METRIC
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, knob_name, level_texts, number

QUARTERS = ("last quarter", "third quarter", "second quarter", "best quarter of settings")
RASTER_FROM = 3_000
MOST_TICKS = 9
BEHIND = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.85, "pad": 1}
TICK: Any = {"fontsize": 8.5, "zorder": 4, "annotation_clip": False, "bbox": BEHIND}


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """Parallel coordinates of three knobs or more."""
    if analysis.recommended is None or len(sweep.knobs) < 3:
        return
    means = sweep.settings[METRIC]
    yield Plot(
        "parallel",
        "All settings through all knobs",
        parallel(sweep, analysis.recommended),
        "One line a setting, from its values to its mean final validation accuracy. Where bright "
        "lines gather on an axis, that value is in the best settings. Lines are moved apart a "
        "little so that they do not hide one another.",
        f"{count(len(means), 'setting')}; mean final validation accuracy from "
        f"{number(means.min())} to {number(means.max())}.",
    )


@styled
def parallel(sweep: Sweep, recommended: int | None = None) -> Figure:
    """One line a setting; colour is the quarter of the ranking, ``recommended`` is thick.

    Raises:
        SweeplabError: no knob was swept, or no run completed.
    """
    knobs = sweep.knobs
    swept(sweep, *(knobs or ["a knob"]))
    setting_of(sweep)
    table = coordinates(sweep.settings, knobs)
    palette = ordered(len(QUARTERS))
    keys = [line_key(*pair) for pair in reversed(list(zip(QUARTERS, palette, strict=True)))]
    if recommended is not None:
        keys.append(line_key("recommended", INK))
    if (table["group"] < 0).any():
        keys.append(marker_key("no run completed", BAD, "x"))
    width = max(6.5, 1.9 * (len(knobs) + 1))
    cell = Cell(width=width, height=4.2, left=0.9, right=0.75, top=0.42, bottom=0.42)
    figure, (ax,) = panels(1, cell=cell, legend=keys)
    heights = table[[*knobs, "accuracy"]].to_numpy(dtype=float, copy=True)
    heights[:, :-1] += np.random.default_rng(0).uniform(-0.025, 0.025, heights[:, :-1].shape)
    for group in sorted(set(table["group"])):
        rows = np.flatnonzero(table["group"] == group)
        bad, best = group < 0, group == len(QUARTERS) - 1
        lines = PathCollection(
            [_smooth(heights[i]) for i in rows],
            facecolors="none",
            edgecolors=BAD if bad else palette[group],
            linewidths=0.9,
            alpha=float(np.clip(25 / len(rows), 0.06, 0.85)) * (1.0 if best else 0.5),
            linestyles=(0, (2, 2)) if bad else "-",
            rasterized=len(table) > RASTER_FROM,
            zorder=1 + group / 10,
        )
        ax.add_collection(lines)
    for i in np.flatnonzero(table["setting"] == recommended):
        thick = PathPatch(_smooth(heights[i]), facecolor="none", edgecolor=INK, linewidth=2.6)
        ax.add_patch(thick).set_zorder(3)
    _uprights(ax, sweep.settings, knobs)
    return figure


def coordinates(settings: pd.DataFrame, knobs: Sequence[str]) -> pd.DataFrame:
    """Heights from 0 to 1, a row a setting, the worst first: a column a knob, then ``accuracy``.

    Values of a knob stand at even distances, whatever they are; ``accuracy`` runs from the lowest
    to the highest mean. ``setting`` names the row, ``group`` is the quarter of the ranking, 0 the
    lowest, and -1 where no run completed.
    """
    rows = settings.sort_values(METRIC, na_position="first", kind="stable")
    table = pd.DataFrame({"setting": rows["setting"]})
    for key in knobs:
        values = levels(settings, key)
        place = {value: i / max(len(values) - 1, 1) for i, value in enumerate(values)}
        table[key] = rows[key].map(place)
    means = rows[METRIC].to_numpy(dtype=float)
    low, high = np.nanmin(means), np.nanmax(means)
    table["accuracy"] = (means - low) / (high - low) if high > low else means * 0 + 1
    rank = rows[METRIC].rank(pct=True, method="first")
    table["group"] = (rank * len(QUARTERS)).fillna(0).apply(np.ceil).astype(int) - 1
    return table.reset_index(drop=True)


def _smooth(heights: NDArray[np.float64]) -> Path:
    """The heights joined by curves that leave every axis level: one cubic a gap."""
    points, codes = [(0.0, heights[0])], [Path.MOVETO]
    for i, (a, b) in enumerate(pairwise(heights)):
        if np.isfinite(b):
            points += [(i + 0.5, a), (i + 0.5, b), (i + 1.0, b)]
            codes += [Path.CURVE4] * 3
    return Path(points, codes)


def _uprights(ax: Axes, settings: pd.DataFrame, knobs: Sequence[str]) -> None:
    bare(ax)
    ax.set(xlim=(0, len(knobs)), ylim=(-0.06, 1.06))
    ax.tick_params(length=0)
    names = [*(knob_name(key) for key in knobs), "final validation\naccuracy"]
    ax.set_xticks(range(len(names)), names)
    for i, key in enumerate(knobs):
        texts = level_texts(levels(settings, key))
        ax.axvline(i, color=MUTED, linewidth=0.9, zorder=2)
        for j in range(0, len(texts), -(-len(texts) // MOST_TICKS)):
            note(ax, texts[j], (i, j / max(len(texts) - 1, 1)), (-6, 0), **TICK)
    ax.axvline(len(knobs), color=MUTED, linewidth=0.9, zorder=2)
    low, high = settings[METRIC].min(), settings[METRIC].max()
    for share in (0, 0.25, 0.5, 0.75, 1):
        note(ax, number(low + share * (high - low)), (len(knobs), share), (6, 0), **TICK)
