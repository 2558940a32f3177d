"""The size of the training set: accuracy on both sets, and the gap between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from sweeplab.figures.curves import accuracy_limits, bars_note, t_interval, training_note
from sweeplab.figures.panels import line_key, panels
from sweeplab.figures.plots import Analysis, Plot, series
from sweeplab.figures.scale import set_knob
from sweeplab.figures.slices import held_at, held_note, levels, setting_of, swept, thinned
from sweeplab.figures.theme import ACCENT, MARKERS, colours, styled
from sweeplab.sweeps.settings import per_replicate, repeated
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import examples, number, short_name, value_text

SIZE = "data.train_size"
DECAY = "optimizer.weight_decay"
MEASURES = {
    "final_val_accuracy": "validation accuracy",
    "final_train_accuracy": "training accuracy",
    "gap": "gap: training less validation accuracy",
}


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """Accuracy and gap against the training-set size, where that was swept."""
    if SIZE not in sweep.knobs or analysis.recommended is None:
        return
    at = setting_of(sweep, analysis.recommended)
    table = size_table(sweep.runs, at, sweep.knobs)
    if table[SIZE].nunique() < 2:
        return
    yield Plot(
        "train-size",
        f"What more training {examples()} bring",
        train_size(sweep, analysis.recommended),
        held_note(at, sweep.knobs, [SIZE, DECAY])
        + _caption(table, at, sweep.replicates)
        + training_note(sweep.runs),
        f"By number of training {examples()}: "
        + series(
            value_text(r[SIZE])
            + (f" at weight decay {value_text(r[DECAY])}" if DECAY in r else "")
            + f": training {number(r['final_train_accuracy'])}, validation "
            f"{number(r['final_val_accuracy'])}, gap {number(r['gap'])}"
            for r in table.to_dict("records")
        ),
        answers=0,
    )


@styled
def train_size(sweep: Sweep, setting: int | None = None) -> Figure:
    """Accuracies and their gap over training-set size, a line a weight decay, 95 % t intervals.

    The other knobs have the values of ``setting`` (its number; that of the highest mean if None).

    Raises:
        SweeplabError: the training-set size was not swept, or no run completed.
    """
    swept(sweep, SIZE)
    seeds = by_size(sweep.runs, setting_of(sweep, setting), sweep.knobs)
    decays = thinned(levels(seeds, DECAY)) if DECAY in sweep.knobs else []
    palette = colours(decays)
    keys = [
        line_key(f"{short_name(DECAY)} = {value_text(value)}", palette[value], marker=MARKERS[i])
        for i, value in enumerate(decays)
    ]
    figure, axes = panels(3, columns=3, legend=keys)
    # Side by side, so that intervals of several lines stay apart.
    hue: Any = {"hue": DECAY, "hue_order": decays, "palette": palette, "dodge": 0.1}
    hue |= {"markers": list(MARKERS[: len(decays)])}
    for ax, (measure, title) in zip(axes, MEASURES.items(), strict=True):
        set_knob(ax, SIZE, levels(seeds, SIZE))
        ax.set(title=title, ylabel="accuracy")
        sns.pointplot(
            seeds,
            x=SIZE,
            y=measure,
            errorbar=t_interval,
            native_scale=True,
            markersize=4.5,
            linewidth=1.4,
            err_kws={"linewidth": 1.0},
            capsize=0.06,
            legend=False,
            ax=ax,
            **(hue if decays else {"color": ACCENT}),
        )
        ax.grid(visible=True)  # which seaborn takes from the axis of categories
    axes[2].set_ylabel("difference of accuracies")
    accuracy_limits(axes[:2])
    low, high = axes[2].get_ylim()
    room = max(0.0, 0.02 - (high - low)) / 2
    axes[2].set_ylim(low - room, high + room)
    return figure


def by_size(runs: pd.DataFrame, at: Mapping[Any, Any], knobs: Sequence[str]) -> pd.DataFrame:
    """The completed runs, with their ``gap``, in which only size and weight decay differ."""
    done = runs[(runs["status"] == "completed") & ~repeated(runs, knobs)]
    held = per_replicate(held_at(done, at, knobs, [SIZE, DECAY]), knobs)
    return held.assign(gap=held["final_train_accuracy"] - held["final_val_accuracy"])


def size_table(runs: pd.DataFrame, at: Mapping[Any, Any], knobs: Sequence[str]) -> pd.DataFrame:
    """Means over seeds at the end of training, for each training-set size (and weight decay).

    The other knobs stay at their values in ``at``. Columns: ``data.train_size``, ``n``, and each of
    :data:`MEASURES`; and ``optimizer.weight_decay`` if that is among ``knobs``.
    """
    groups = [DECAY, SIZE] if DECAY in knobs else [SIZE]
    grouped = by_size(runs, at, knobs).groupby(groups, sort=True)[list(MEASURES)]
    return grouped.mean().assign(n=grouped.size()).reset_index()


def _caption(table: pd.DataFrame, at: Mapping[Any, Any], of: str) -> str:
    decay = DECAY in table
    rows = (table[table[DECAY] == at[DECAY]] if decay else table).sort_values(SIZE)
    gaps = " and ".join(
        f"{number(row['gap'])} with {value_text(row[SIZE])} {examples()}"
        for row in rows.iloc[[0, -1]].to_dict("records")
    )
    return (
        f"Accuracies at the end of training, means over {of}{bars_note(table['n'], of)}. The gap "
        f"is what the model knows of its training {examples()} that it cannot use on others: {gaps}"
        + (f", at weight decay {value_text(at[DECAY])}." if decay else ".")
    )
