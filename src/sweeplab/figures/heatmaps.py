"""Two knobs at a time: the best that each pair of values allows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from sweeplab.figures.layout import Cell, panels
from sweeplab.figures.slices import best_over_others, levels
from sweeplab.figures.theme import MUTED, PAPER, fixed_map, on_colour, styled
from sweeplab.sweeps.settings import METRIC
from sweeplab.words import axis_name, knob_name, level_texts

CELL = Cell(width=4.4, height=3.5, left=0.95, right=0.2)
ALONE = Cell(width=5.0, height=3.7, left=0.95, right=0.2)
COLOURS = fixed_map("viridis")
MARK = "#e5006d"  # no colour of viridis is near it, in light or dark
MOST_PAIRS = 10
LEAST_ERROR = 1e-3
# Inches that a value needs in a cell, and a tick label below or beside it.
TEXT_WIDTH, TEXT_HEIGHT, TICK = 0.38, 0.16, 0.5
MOST_TICKS = 14


def pairs(knobs: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of knobs to show, at most :data:`MOST_PAIRS`."""
    return list(combinations(knobs, 2))[:MOST_PAIRS]


def pair_table(settings: pd.DataFrame, across: str, up: str) -> pd.DataFrame:
    """For each pair of values the best setting: ``across``, ``up``, ``setting``, ``mean``.

    Pairs that were tried but never completed have NaN; pairs that were not tried have no row.
    """
    best = best_over_others(settings, [across, up])[[across, up, "setting", METRIC]]
    tried = settings[[across, up]].drop_duplicates()
    return tried.merge(best, how="left", on=[across, up]).rename(columns={METRIC: "mean"})


def shade(accuracy: Any) -> Any:
    """The brightness of an accuracy: minus the logarithm of the error rate.

    Good settings differ by points, poor ones by tens of them; so both are told apart.
    """
    return -np.log10(np.maximum(1 - accuracy, LEAST_ERROR))


@styled
def draw_heatmaps(
    settings: pd.DataFrame,
    shown: Sequence[tuple[str, str]],
    recommended: int | None = None,
    tied: Collection[int] = (),
) -> Figure:
    """A heat map for each pair of knobs in ``shown``, all on one colour scale."""
    tables = [pair_table(settings, across, up) for across, up in shown]
    shades = np.concatenate([shade(table["mean"].to_numpy(dtype=float)) for table in tables])
    scale = Normalize(float(np.nanmin(shades)), float(np.nanmax(shades)))
    keys = []
    if recommended is not None:
        keys.append(Patch(facecolor="none", edgecolor=MARK, linewidth=2.2, label="recommended"))
    if set(tied) - {recommended}:
        keys.append(
            Patch(
                facecolor="none",
                edgecolor=MARK,
                linewidth=1.2,
                linestyle=(0, (3, 2)),
                label="tied with it",
            )
        )
    cell = ALONE if len(shown) == 1 else CELL
    if any(
        _slanted(table[across].nunique(), cell)
        for table, (across, _) in zip(tables, shown, strict=True)
    ):
        cell = replace(cell, bottom=cell.bottom + 0.4, height=cell.height + 0.4)
    figure, axes = panels(len(shown), columns=3, cell=cell, legend=keys)
    for ax, table, (across, up) in zip(axes, tables, shown, strict=True):
        _heatmap(ax, table, (across, up), scale, cell)
        _outline(ax, table, (across, up), settings, recommended, tied)
    return figure


def _heatmap(
    ax: Axes, table: pd.DataFrame, pair: tuple[str, str], scale: Normalize, cell: Cell
) -> None:
    across, up = pair
    columns, rows = levels(table, across), levels(table, up)
    grid = table.pivot(index=up, columns=across, values="mean").reindex(
        index=rows[::-1], columns=columns
    )
    sns.heatmap(
        shade(grid),
        ax=ax,
        norm=scale,
        cmap=COLOURS,
        cbar=False,
        linewidths=1.0,
        linecolor=PAPER,
        xticklabels=_few(level_texts(columns)),
        yticklabels=_few(level_texts(rows[::-1])),
    )
    ax.grid(visible=False)
    ax.tick_params(length=0)
    ax.tick_params(axis="x", labelrotation=90 if _slanted(len(columns), cell) else 0)
    ax.tick_params(axis="y", labelrotation=0)
    ax.set_title(f"{knob_name(across)} × {knob_name(up)}")
    ax.set_xlabel(axis_name(across))
    ax.set_ylabel(axis_name(up))
    if _width(cell) / len(columns) < TEXT_WIDTH or _height(cell) / len(rows) < TEXT_HEIGHT:
        return
    values = grid.to_numpy(dtype=float)
    tried = {(row[up], row[across]) for row in table.to_dict("records")}
    for i, row in enumerate(rows[::-1]):
        for j, column in enumerate(columns):
            value = float(values[i, j])
            if np.isfinite(value):
                text, colour = f"{value:.3f}", on_colour(COLOURS(scale(shade(value))))
            else:
                text, colour = ("none\nended" if (row, column) in tried else "–"), MUTED
            ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=8, color=colour)


def _width(cell: Cell) -> float:
    return cell.width - cell.left - cell.right


def _height(cell: Cell) -> float:
    return cell.height - cell.top - cell.bottom


def _slanted(columns: int, cell: Cell) -> bool:
    return _width(cell) / columns < TICK


def _few(labels: list[str]) -> list[str]:
    """Every label, or every second, third, ... where there are too many."""
    every = -(-len(labels) // MOST_TICKS)
    return [label if i % every == 0 else "" for i, label in enumerate(labels)]


def _outline(
    ax: Axes,
    table: pd.DataFrame,
    pair: tuple[str, str],
    settings: pd.DataFrame,
    recommended: int | None,
    tied: Collection[int],
) -> None:
    """Mark the recommended setting's cell, and those whose best setting is tied with it."""
    across, up = pair
    columns, rows = levels(table, across), levels(table, up)[::-1]
    chosen_at = settings.loc[settings["setting"] == recommended, [across, up]].to_numpy().tolist()
    for row in table.to_dict("records"):
        # It need not be the best of its cell: the rule that chose it looks at more than means.
        chosen = [row[across], row[up]] in chosen_at
        if not chosen and row["setting"] not in tied:
            continue
        ax.add_patch(
            Rectangle(
                (columns.index(row[across]) + 0.04, rows.index(row[up]) + 0.04),
                0.92,
                0.92,
                fill=False,
                edgecolor=MARK,
                linewidth=2.4 if chosen else 1.2,
                linestyle="-" if chosen else (0, (3, 2)),
                zorder=5,
            )
        )
