"""Learning curves in small multiples, seeds as bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweeplab.figures.bands import accuracy_floor, accuracy_limits, draw_band, sparse
from sweeplab.figures.layout import Cell, line_key, panels
from sweeplab.figures.overview import X_LABELS, loss_limit
from sweeplab.figures.slices import levels
from sweeplab.figures.theme import DASHES, MUTED, colours, styled
from sweeplab.words import METRICS, setting_text, short_name, value_text

# Four fit side by side on a desktop page.
CELL = Cell(width=3.4, height=2.8, left=0.6, right=0.12)
FOUR = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")


@styled
def draw_by_knob(bands: pd.DataFrame, knob: str, x: str) -> Figure:
    """Loss and accuracy on both sets, one line a value of ``knob``.

    ``bands`` comes from :func:`bands.seed_bands` grouped by ``knob`` alone.
    """
    values = levels(bands, knob)
    palette = colours(values)
    keys = _keys(knob, values, palette)
    figure, axes = panels(len(FOUR), columns=4, cell=CELL, legend=keys)
    for ax, metric in zip(axes, FOUR, strict=True):
        is_loss = metric.endswith("loss")
        top = loss_limit(bands.rename(columns={x: "iteration"}), metric) if is_loss else np.inf
        for i, value in enumerate(values):
            table = bands[bands[knob] == value]
            draw_band(ax, table, x, metric, colour=palette[i], top=top, linestyle=_dash(value, i))
        ax.set_title(METRICS[metric])
        ax.set_xlabel(X_LABELS[x])
        ax.set_ylabel("nats" if is_loss else "fraction of 1")
        ax.set_xlim(0, float(bands[x].max()) * 1.02)
        if is_loss:
            ax.set_ylim(0, top)
    accuracy_limits([axes[2], axes[3]], accuracy_floor(bands, [knob], x))
    return figure


@styled
def draw_facets(
    bands: pd.DataFrame, hue: str, facets: Sequence[str], cells: Sequence[dict[str, Any]], x: str
) -> Figure:
    """Validation accuracy (solid) and training accuracy (dashed), a panel for each of ``cells``.

    ``bands`` comes from :func:`bands.seed_bands` grouped by ``hue`` and ``facets``; ``cells`` are
    the combinations of the facets' values to show, in order.
    """
    values = levels(bands, hue)
    palette = colours(values)
    keys = [
        *_keys(hue, values, palette),
        line_key("validation", MUTED),
        line_key("training", MUTED, (0, (4, 2))),
    ]
    figure, axes = panels(len(cells), columns=3, legend=keys)
    for ax, cell in zip(axes, cells, strict=True):
        here = bands
        for key in facets:
            here = here[here[key] == cell[key]]
        for colour, value in zip(palette, values, strict=True):
            table = here[here[hue] == value]
            if len(table):
                draw_band(ax, table, x, "val_accuracy", colour=colour, linewidth=1.5)
                drawn = sparse(table)
                ax.plot(
                    drawn[x],
                    drawn["train_accuracy"],
                    color=colour,
                    linestyle=(0, (4, 2)),
                    linewidth=1.0,
                )
        ax.set_title(setting_text(cell, facets, short=True))
        ax.set_xlabel(X_LABELS[x])
        ax.set_ylabel("accuracy (fraction of 1)")
        ax.set_xlim(0, float(bands[x].max()) * 1.02)
    accuracy_limits(axes, accuracy_floor(bands, [*facets, hue], x))
    return figure


def _keys(knob: str, values: Sequence[Any], palette: Sequence[str]) -> list[Any]:
    return [
        line_key(f"{short_name(knob)} = {value_text(value)}", colour, _dash(value, i))
        for i, (value, colour) in enumerate(zip(values, palette, strict=True))
    ]


def _dash(value: Any, place: int) -> Any:
    return DASHES[place % len(DASHES)] if isinstance(value, str) else "-"
