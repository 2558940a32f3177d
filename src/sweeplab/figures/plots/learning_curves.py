"""Learning curves in small multiples, seeds as bands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sweeplab.figures.curves import (
    above_limit,
    accuracy_floor,
    bands_note,
    clock,
    curve_limits,
    curves_note,
    draw_curves,
    draw_metric,
    evaluations,
    finish_curves,
    line_keys,
    over_seeds,
    training_note,
)
from sweeplab.figures.panels import Cell, line_key, panels
from sweeplab.figures.plots import Analysis, Plot, series
from sweeplab.figures.scale import CLOCKS
from sweeplab.figures.slices import held_at, held_note, levels, setting_of, swept, thinned
from sweeplab.figures.theme import MUTED, styled
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, knob_name, number, setting_text, short_name, value_text

# Four fit side by side on a desktop page.
CELL = Cell(width=3.4, height=2.8, left=0.6, right=0.34)
FOUR = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
MOST_PANELS = 12
RATE = "optimizer.lr"
SETTING = "setting"  # the column whose one value is a line where no knob was swept
TRAINING = (4, 2)  # dashes


def by_knob(sweep: Sweep, analysis: Analysis, key: str) -> Iterator[Plot]:
    """What a report shows of one knob: loss and accuracy, the other knobs as recommended."""
    x = clock_for(sweep, key)
    at, held, table = curves(sweep, key, (), x, analysis.recommended)
    seeds_only = key == SETTING
    last = table.groupby(key, sort=True).last()
    if len(last) < 2 and not seeds_only:
        return
    left_out = held[key].nunique() - len(last)
    name = knob_name(key)
    yield Plot(
        f"curves-{key.replace('.', '-')}",
        "Loss and accuracy" if seeds_only else f"Learning curves by {name}",
        learning_curves(sweep, key, x=x, setting=analysis.recommended),
        held_note(at, sweep.knobs, [key])
        + bands_note(table["n"], sweep.replicates)
        + above_limit(held, "train_loss")
        + curves_note(table, [key], CLOCKS[x])
        + training_note(sweep.runs)
        + (f" Not drawn: {count(left_out, 'value')} in between." if left_out else ""),
        ("At the end: " if seeds_only else f"At the end, by {name}: ")
        + series(
            ("" if seeds_only else f"{value_text(value)}: ")
            + f"training accuracy {number(row['train_accuracy'])}, validation "
            f"accuracy {number(row['val_accuracy'])}, validation loss {number(row['val_loss'])}"
            for value, row in last.iterrows()
        ),
    )


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """The mean curves where only seeds differ; those by a knob stand with the knob's figure."""
    if analysis.recommended is not None and len(sweep.runs) > 1 and not sweep.knobs:
        yield from by_knob(sweep, analysis, SETTING)


@styled
def learning_curves(
    sweep: Sweep,
    hue: str | None = None,
    col: str | Sequence[str] = (),
    *,
    x: str | None = None,
    setting: int | None = None,
) -> Figure:
    """Means over seeds during training with 95 % t intervals, a line for each value of ``hue``.

    Args:
        sweep: as ``load_sweep`` gives it.
        hue: the knob whose values are lines; the learning rate, or the first knob, if None, and
            one line where no knob was swept.
        col: the knob, or several, with a panel for each of its values, in which validation
            accuracy is solid and training accuracy dashed. Without one the panels are loss and
            accuracy on both sets.
        x: ``"iteration"``, ``"epochs"`` or ``"examples"``; by default what the runs are best
            compared on.
        setting: the number of the setting (in ``sweep.settings``) whose values the other knobs
            keep; that of the highest mean if None.

    Raises:
        SweeplabError: a knob was not swept, there is no such clock or setting, or no run completed.
    """
    hue = hue or default_hue(sweep)
    col = [col] if isinstance(col, str) else list(col)
    swept(sweep, *([] if hue == SETTING else [hue]), *col)
    x = clock(sweep, x)
    at, held, table = curves(sweep, hue, tuple(col), x, setting)
    column = CLOCKS[x]
    values = levels(table, hue)
    named = (f"{short_name(hue)} = {value_text(value)}" for value in values)
    labels = [*named] if hue != SETTING else [f"mean over {sweep.replicates}"]
    keys = line_keys(dict(zip(values, labels, strict=True)))
    floor = accuracy_floor(table, [*col, hue], column)
    if not col:
        figure, axes = panels(len(FOUR), columns=4, cell=CELL, legend=keys)
        for ax, metric in zip(axes, FOUR, strict=True):
            draw_metric(ax, table, table, column, metric, hue, values)
        curve_limits(axes[2:], floor)
        return figure
    keys += [line_key("validation", MUTED), line_key("training", MUTED, (0, TRAINING))]
    cells = _shown(_cells(held, col), at)
    figure, axes = panels(len(cells), legend=keys)
    dashed: Any = {"patterns": dict.fromkeys(values, TRAINING), "band": False, "linewidth": 1.0}
    for ax, cell in zip(axes, cells, strict=True):
        part = held_at(table, cell, col, [])
        draw_curves(ax, part, column, "val_accuracy", hue, values, linewidth=1.5)
        draw_curves(ax, part, column, "train_accuracy", hue, values, **dashed)
        finish_curves(ax, table, column, setting_text(cell, col, short=True), "accuracy")
    curve_limits(axes, floor)
    return figure


@lru_cache(maxsize=1)  # a figure and its caption
def curves(
    sweep: Sweep, hue: str, col: tuple[str, ...], x: str, setting: int | None
) -> tuple[dict[Any, Any], pd.DataFrame, pd.DataFrame]:
    """What learning curves show: evaluations, and :func:`~.curves.over_seeds` of those drawn.

    The other knobs have the values of ``setting``, the first of the three; of many values of
    ``hue`` some are drawn.
    """
    at = setting_of(sweep, setting)
    held = held_at(evaluations(sweep), at, sweep.knobs, [hue, *col])
    held = held[held["status"] == "completed"]
    shown = held[held[hue].isin(thinned(levels(held, hue), [at[hue]]))]
    return at, held, over_seeds(shown, [*col, hue], CLOCKS[x])


def default_hue(sweep: Sweep) -> str:
    """What makes the lines where nobody says it."""
    names = sweep.knobs or [SETTING]
    return RATE if RATE in names else names[0]


def clock_for(sweep: Sweep, key: str) -> str:
    """The clock on which values of this knob compare."""
    x = clock(sweep)
    return "examples" if key == "batch_size" and x == "epochs" else x


def _cells(held: pd.DataFrame, col: Sequence[str]) -> list[dict[Any, Any]]:
    """The combinations of the values of ``col``."""
    return held[list(col)].drop_duplicates().sort_values(list(col)).to_dict("records")


def _shown(cells: list[dict[Any, Any]], at: dict[Any, Any]) -> list[dict[Any, Any]]:
    """Those of ``cells`` that are drawn, that of the setting ``at`` among them."""
    return thinned(cells, [{key: at[key] for key in cells[0]}], MOST_PANELS)
