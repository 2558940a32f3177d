"""Two knobs at a time: the best that each pair of values allows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from sweeplab.errors import SweeplabError
from sweeplab.figures.panels import Cell, bare, panels, shade_cells, write_cells
from sweeplab.figures.plots import Analysis, Plot
from sweeplab.figures.slices import best_over_others, levels, setting_of, swept
from sweeplab.figures.theme import MOST_ORDERED, fixed_map, styled
from sweeplab.sweeps.settings import METRIC
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import axis_name, count, knob_name, level_texts, listed, number, setting_text

CELL = Cell(width=4.4, height=3.5, left=0.95, right=0.2)
ALONE = Cell(width=5.0, height=3.7, left=0.95, right=0.2)
COLOURS = fixed_map("viridis")
MARK = "#e5006d"  # no colour of viridis is near it, in light or dark
CHOSEN: Any = {"linewidth": 2.4}
TIED: Any = {"linewidth": 1.2, "linestyle": (0, (3, 2))}
MOST_PAIRS = 10
LEAST_ERROR = 1e-3
# Inches that a value needs in a cell, and a tick label below it.
TEXT_WIDTH, TEXT_HEIGHT, TICK = 0.38, 0.16, 0.5
MOST_TICKS = 14


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """Heat maps of the pairs of knobs."""
    names = sweep.knobs
    # Where a search gave each setting values of its own, nearly every cell would be empty.
    many = [key for key in names if sweep.runs[key].nunique() > MOST_ORDERED]
    shown = [pair for pair in pairs(names) if not set(pair) <= set(many)]
    if not shown or analysis.recommended is None:
        return
    best = setting_of(sweep, analysis.recommended)
    yield Plot(
        "pairs",
        "Best accuracy for each pair of values",
        heatmaps(sweep, shown, recommended=analysis.recommended, tied=analysis.could_be_best),
        _caption(len(names), len(shown)),
        f"Heat maps of {listed([f'{knob_name(a)} by {knob_name(b)}' for a, b in shown])}. The "
        f"recommended setting is {setting_text(best, names)} with {number(best[METRIC])}.",
        answers=0,
    )


def heatmap(sweep: Sweep, across: str, up: str) -> Figure:
    """For each pair of values of two knobs, the mean accuracy of the best setting that has them.

    Raises:
        SweeplabError: a knob was not swept, or no run completed.
    """
    return heatmaps(sweep, [(across, up)])


@styled
def heatmaps(
    sweep: Sweep,
    shown: Sequence[tuple[str, str]] | None = None,
    *,
    recommended: int | None = None,
    tied: Collection[int] = (),
) -> Figure:
    """A :func:`heatmap` for each pair of knobs, all on one colour scale.

    Args:
        sweep: as ``load_sweep`` gives it.
        shown: the pairs; the first :data:`MOST_PAIRS` of all if None.
        recommended: the number of a setting whose cell is marked.
        tied: settings that are marked, more faintly, where they are the best of a cell.

    Raises:
        SweeplabError: a knob was not swept, or no run completed.
    """
    shown = pairs(sweep.knobs) if shown is None else shown
    swept(sweep, *(key for pair in shown for key in pair))
    if not shown:
        raise SweeplabError("A heat map needs two knobs that vary in the sweep.")
    setting_of(sweep)
    tables = [pair_table(sweep.settings, *pair) for pair in shown]
    shades = [shade(_grid(table, *pair, "mean")) for table, pair in zip(tables, shown, strict=True)]
    every = np.concatenate([grid.ravel() for grid in shades])
    scale = Normalize(float(np.nanmin(every)), float(np.nanmax(every)))
    keys = []
    if recommended is not None:
        keys.append(Patch(fill=False, edgecolor=MARK, **CHOSEN, label="recommended"))
    if set(tied) - {recommended}:
        keys.append(Patch(fill=False, edgecolor=MARK, **TIED, label="could be the best"))
    cell = ALONE if len(shown) == 1 else CELL
    if cell.axes[0] / max(grid.shape[1] for grid in shades) < TICK:
        cell = replace(cell, bottom=cell.bottom + 0.4, height=cell.height + 0.4)
    figure, axes = panels(len(shown), columns=3, cell=cell, legend=keys)
    for ax in axes:
        bare(ax)
    for ax, grid in zip(axes, shades, strict=True):
        shade_cells(ax, grid, COLOURS, scale)
    for ax, table, pair, grid in zip(axes, tables, shown, shades, strict=True):
        if cell.axes[0] / grid.shape[1] >= TEXT_WIDTH and cell.axes[1] / len(grid) >= TEXT_HEIGHT:
            write_cells(ax, grid, _grid(table, *pair, "text"), COLOURS, scale)
        chosen = sweep.settings.loc[sweep.settings["setting"] == recommended, [*pair]]
        _finish(ax, table, *pair, cell, chosen.to_numpy().tolist(), tied)
    return figure


def pairs(knobs: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of knobs to show, at most :data:`MOST_PAIRS`."""
    return list(combinations(knobs, 2))[:MOST_PAIRS]


def pair_table(settings: pd.DataFrame, across: str, up: str) -> pd.DataFrame:
    """For each pair of values the best setting: ``across``, ``up``, ``setting``, ``mean``.

    ``text`` is the mean in words. Pairs that were tried but never completed have NaN; pairs that
    were not tried have no row.
    """
    best = best_over_others(settings, [across, up])[[across, up, "setting", METRIC]]
    tried = settings[[across, up]].drop_duplicates()
    table = tried.merge(best, how="left", on=[across, up]).rename(columns={METRIC: "mean"})
    return table.assign(text=table["mean"].map("{:.3f}".format).replace("nan", "none\nended"))


def shade(accuracy: Any) -> Any:
    """The brightness of an accuracy: minus the logarithm of the error rate.

    Good settings differ by points, poor ones by tens of them; so both are told apart.
    """
    return -np.log10(np.maximum(1 - accuracy, LEAST_ERROR))


def _grid(table: pd.DataFrame, across: str, up: str, column: str) -> NDArray[Any]:
    """A column of a :func:`pair_table` as it is seen: the largest value of ``up`` on top."""
    grid = table.pivot(index=up, columns=across, values=column)
    grid = grid.reindex(index=levels(table, up)[::-1], columns=levels(table, across))
    return grid.fillna("–").to_numpy() if column == "text" else grid.to_numpy(dtype=float)


def _ticks(values: Sequence[Any]) -> tuple[list[float], list[str]]:
    """Every label, or every second, third, ... where there are too many."""
    every = -(-len(values) // MOST_TICKS)
    return [i + 0.5 for i in range(0, len(values), every)], level_texts(values)[::every]


def _finish(
    ax: Axes,
    table: pd.DataFrame,
    across: str,
    up: str,
    cell: Cell,
    chosen: list[list[Any]],
    tied: Collection[int],
) -> None:
    """Name the axes; mark the recommended cell, and those whose best could be the best of all."""
    columns, rows = levels(table, across), levels(table, up)[::-1]
    ax.set_xticks(*_ticks(columns), rotation=90 if cell.axes[0] / len(columns) < TICK else 0)
    ax.set_yticks(*_ticks(rows), rotation=0)
    ax.tick_params(length=0)
    ax.set_title(f"{knob_name(across)} × {knob_name(up)}", fontsize=8.5)
    ax.set(xlabel=axis_name(across), ylabel=axis_name(up))
    for row in table.to_dict("records"):
        # It need not be the best of its cell: the rule that chose it looks at more than means.
        here = [row[across], row[up]] in chosen
        if here or row["setting"] in tied:
            place = columns.index(row[across]) + 0.04, rows.index(row[up]) + 0.04
            line = CHOSEN if here else TIED
            ax.add_patch(Rectangle(place, 0.92, 0.92, fill=False, edgecolor=MARK, zorder=5, **line))


def _caption(knobs: int, shown: int) -> str:
    missing = knobs * (knobs - 1) // 2 - shown
    marked = (
        " Marked are the recommended setting's cell, of which it need not be the best, and those "
        "whose best setting could be the best of all."
    )
    return (
        "Each cell is the mean final validation accuracy of the best setting with these two values"
        + (", the other knobs free. " if knobs > 2 else ". ")
        + ("All panels share one colour scale. " if shown > 1 else "")
        + "Bright is better; the colour follows the logarithm of the error rate, so that "
        "differences among good settings show"
        + (f"; {count(missing, 'further pair')} not drawn." if missing else ".")
        + (marked if knobs > 2 else "")
    )
