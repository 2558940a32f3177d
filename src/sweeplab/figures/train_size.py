"""The size of the training set: accuracy on both sets, and the gap between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweeplab.figures.axes import knob_axis, set_x
from sweeplab.figures.bands import accuracy_limits
from sweeplab.figures.layout import line_key, panels
from sweeplab.figures.slices import held_at, levels, thinned
from sweeplab.figures.theme import MARKERS, colours, styled
from sweeplab.sweeps.settings import t_half_width
from sweeplab.words import short_name, value_text

SIZE = "data.train_size"
DECAY = "optimizer.weight_decay"
MEASURES = {
    "final_val_accuracy": "validation accuracy",
    "final_train_accuracy": "training accuracy",
    "gap": "gap: training less validation accuracy",
}


def size_table(runs: pd.DataFrame, at: Mapping[Any, Any], knobs: Sequence[str]) -> pd.DataFrame:
    """Means over seeds at the end of training, for each training-set size (and weight decay).

    The other knobs stay at their values in ``at``. Columns: ``data.train_size``, ``n``, each of
    :data:`MEASURES` and ``<measure>_half``, half its 95 % t interval (NaN for one run); and
    ``optimizer.weight_decay`` if that is among ``knobs``.
    """
    groups = [DECAY, SIZE] if DECAY in knobs else [SIZE]
    here = held_at(runs[runs["status"] == "completed"], at, knobs, groups)
    here = here.assign(gap=here["final_train_accuracy"] - here["final_val_accuracy"])
    grouped = here.groupby(groups, sort=True)[list(MEASURES)]
    n = grouped.size()
    table = pd.DataFrame({"n": n}).join(grouped.mean())
    sd = grouped.std(ddof=1)
    for measure in MEASURES:
        table[f"{measure}_half"] = t_half_width(sd[measure].to_numpy(), n.to_numpy())
    return table.reset_index()


@styled
def draw_train_size(table: pd.DataFrame) -> Figure:
    """Three panels over training-set size, one line a weight decay. Bars are 95 % t intervals."""
    decays = thinned(levels(table, DECAY)) if DECAY in table else [None]
    palette = colours([0.0 if value is None else value for value in decays])
    keys = [
        line_key(f"{short_name(DECAY)} = {value_text(value)}", colour, marker=MARKERS[i % 6])
        for i, (value, colour) in enumerate(zip(decays, palette, strict=True))
        if value is not None
    ]
    axis = knob_axis(SIZE, table[SIZE].tolist())
    figure, axes = panels(3, columns=3, legend=keys)
    for ax, (measure, title) in zip(axes, MEASURES.items(), strict=True):
        for i, (value, colour) in enumerate(zip(decays, palette, strict=True)):
            rows = table if value is None else table[table[DECAY] == value]
            # Side by side, so that intervals of several lines stay apart.
            shift = (i - (len(decays) - 1) / 2) * 0.035 * axis.step
            ax.errorbar(
                axis.at(rows[SIZE].tolist()) + shift,
                rows[measure],
                yerr=np.nan_to_num(rows[f"{measure}_half"].to_numpy(dtype=float)),
                color=colour,
                marker=MARKERS[i % 6],
                markersize=4.5,
                linewidth=1.4,
                elinewidth=1.0,
                capsize=2.5,
            )
        set_x(ax, axis)
        ax.set_title(title)
        ax.set_ylabel("fraction of 1")
    accuracy_limits(axes[:2])
    low, high = axes[2].get_ylim()
    room = max(0.0, 0.02 - (high - low)) / 2
    axes[2].set_ylim(low - room, high + room)
    return figure
