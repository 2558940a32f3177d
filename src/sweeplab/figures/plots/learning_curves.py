"""Learning curves in small multiples, seeds as bands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweeplab.figures.captions import above_limit, bands_note, curves_note, with_rest
from sweeplab.figures.curves import (
    CLOCKS,
    accuracy_floor,
    accuracy_limits,
    clock,
    draw_curves,
    evaluations,
    finish_curves,
    loss_limit,
    over_seeds,
)
from sweeplab.figures.panels import Cell, line_key, panels
from sweeplab.figures.plots import Analysis, Plot
from sweeplab.figures.scale import levels
from sweeplab.figures.slices import held_at, setting_of, swept, thinned
from sweeplab.figures.theme import MUTED, colours, dashes, styled
from sweeplab.results import METRICS
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import (
    count,
    knob_name,
    listed,
    number,
    setting_text,
    short_name,
    value_text,
)

# Four fit side by side on a desktop page.
CELL = Cell(width=3.4, height=2.8, left=0.6)
FOUR = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
MOST_PANELS = 12
RATE = "optimizer.lr"
SETTING = "setting"  # the column whose one value is a line where no knob was swept


def by_knob(sweep: Sweep, analysis: Analysis, key: str) -> Iterator[Plot]:
    """What a report shows of one knob: loss and accuracy, the other knobs as recommended."""
    held, table = curves(sweep, key, [], clock_for(sweep, key), analysis.recommended)
    values = levels(held, key)
    if table[key].nunique() < 2 and key != SETTING:
        return
    last = table.groupby(key, sort=True).last()
    left_out = len(values) - len(last)
    x = clock_for(sweep, key)
    yield Plot(
        f"curves-{key.replace('.', '-')}",
        "Loss and accuracy" if key == SETTING else f"Learning curves by {knob_name(key)}",
        learning_curves(sweep, key, x=x, setting=analysis.recommended),
        with_rest(_rest(sweep, analysis.recommended, [key]))
        + bands_note(table["n"])
        + above_limit(held, "train_loss")
        + curves_note(table, [key], CLOCKS[x])
        + (f" {count(left_out, 'value')} in between not drawn." if left_out else ""),
        ("At the end: " if key == SETTING else f"At the end, by {knob_name(key)}: ")
        + "; ".join(
            ("" if key == SETTING else f"{value_text(value)}: ")
            + f"training accuracy {number(row['train_accuracy'])}, validation "
            f"accuracy {number(row['val_accuracy'])}, validation loss {number(row['val_loss'])}"
            for value, row in last.iterrows()
        )
        + ".",
    )


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """Accuracy in a panel for each value of one or two knobs; the mean where only seeds differ."""
    if analysis.recommended is None or len(sweep.runs) < 2 or len(sweep.knobs) == 1:
        return
    if not sweep.knobs:
        yield from by_knob(sweep, analysis, SETTING)
        return
    hue, col = facets(sweep)
    x = clock(sweep)
    held, table = curves(sweep, hue, col, x, analysis.recommended)
    shown, all_cells = _cells(held, col, setting_of(sweep, analysis.recommended))
    left_out = len(all_cells) - len(shown)
    last = table.groupby([*col, hue], sort=True).last().reset_index()
    yield Plot(
        "facets",
        f"Accuracy during training, by {listed([knob_name(k) for k in (*col, hue)])}",
        learning_curves(sweep, hue, col, x=x, setting=analysis.recommended),
        with_rest(_rest(sweep, analysis.recommended, [hue, *col]))
        + "Solid: validation; dashed: training, without its band. "
        + bands_note(table["n"])
        + curves_note(table, [*col, hue], CLOCKS[x])
        + (f" {count(left_out, 'panel')} left out." if left_out else ""),
        "Validation accuracy at the end: "
        + "; ".join(
            f"{setting_text(r, [*col, hue])}: {number(r['val_accuracy'])}"
            for r in last.to_dict("records")
        )
        + ".",
    )


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
    hue = hue or facets(sweep)[0]
    col = [col] if isinstance(col, str) else list(col)
    swept(sweep, *([] if hue == SETTING else [hue]), *col)
    column = CLOCKS[clock(sweep, x)]
    held, table = curves(sweep, hue, col, clock(sweep, x), setting)
    values = levels(table, hue)
    palette, patterns = colours(values), dashes(values)
    keys = [
        line_key(
            "mean over seeds" if hue == SETTING else f"{short_name(hue)} = {value_text(v)}",
            palette[v],
            (0, patterns[v] or None),
        )
        for v in values
    ]
    if not col:
        return _by_metric(table, hue, column, keys, palette, patterns)
    keys += [line_key("validation", MUTED), line_key("training", MUTED, (0, (4, 2)))]
    cells, _ = _cells(held, col, setting_of(sweep, setting))
    figure, axes = panels(len(cells), legend=keys)
    training = dict.fromkeys(values, (4, 2))
    for ax, cell in zip(axes, cells, strict=True):
        part = held_at(table, cell, col, [])
        draw_curves(ax, part, column, "val_accuracy", hue, palette, patterns, linewidth=1.5)
        draw_curves(
            ax, part, column, "train_accuracy", hue, palette, training, band=False, linewidth=1.0
        )
        finish_curves(ax, table, column, setting_text(cell, col, short=True), "accuracy")
    accuracy_limits(axes, accuracy_floor(table, [*col, hue], column))
    return figure


def _by_metric(
    table: pd.DataFrame,
    hue: str,
    x: str,
    keys: Sequence[Any],
    palette: dict[Any, str],
    patterns: dict[Any, Any],
) -> Figure:
    figure, axes = panels(len(FOUR), columns=4, cell=CELL, legend=keys)
    for ax, metric in zip(axes, FOUR, strict=True):
        is_loss = metric.endswith("loss")
        top = loss_limit(table, metric, x) if is_loss else np.inf
        draw_curves(ax, table, x, metric, hue, palette, patterns, top=top)
        finish_curves(ax, table, x, METRICS[metric], "loss (nats)" if is_loss else "accuracy")
        if is_loss:
            ax.set_ylim(0, top)
    accuracy_limits(axes[2:], accuracy_floor(table, [hue], x))
    return figure


def curves(
    sweep: Sweep, hue: str, col: Sequence[str], x: str, setting: int | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What learning curves show: the evaluations, and :func:`~.curves.over_seeds` of those drawn.

    The other knobs have the values of ``setting``; of many values of ``hue`` some are drawn.
    """
    at = setting_of(sweep, setting)
    held = held_at(evaluations(sweep), at, sweep.knobs, [hue, *col])
    held = held[held["status"] == "completed"]
    shown = held[held[hue].isin(thinned(levels(held, hue), [at[hue]]))]
    return held, over_seeds(shown, [*col, hue], CLOCKS[x])


def facets(sweep: Sweep) -> tuple[str, list[str]]:
    """What makes the lines, and the one or two knobs with fewest values that make panels."""
    names = sweep.knobs or [SETTING]
    hue = RATE if RATE in names else names[0]
    sizes = {key: sweep.runs[key].nunique() for key in names if key != hue}
    few = sorted(sizes, key=lambda key: sizes[key])[:2]
    if len(few) == 2 and sizes[few[0]] * sizes[few[1]] > MOST_PANELS:
        few = few[:1]
    return hue, [key for key in names if key in few]


def clock_for(sweep: Sweep, key: str) -> str:
    """The clock on which values of this knob compare."""
    x = clock(sweep)
    return "examples" if key == "batch_size" and x == "epochs" else x


def _cells(
    held: pd.DataFrame, col: Sequence[str], at: dict[Any, Any]
) -> tuple[list[dict[Any, Any]], list[dict[Any, Any]]]:
    """The combinations of the values of ``col`` to draw, and all there are."""
    cells = held[list(col)].drop_duplicates().sort_values(list(col)).to_dict("records")
    return thinned(cells, [{key: at[key] for key in col}], MOST_PANELS), cells


def _rest(sweep: Sweep, setting: int | None, free: Sequence[str]) -> str:
    return setting_text(setting_of(sweep, setting), [k for k in sweep.knobs if k not in free])
