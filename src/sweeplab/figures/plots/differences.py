"""Two sides compared: the difference in each setting that both have, and by each knob."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweeplab.figures.panels import Cell, line_key, marker_key, panels
from sweeplab.figures.plots import Plot, series
from sweeplab.figures.scale import LETTER, places, set_knob, spread
from sweeplab.figures.theme import ACCENT, CONTEXT, MUTED, styled
from sweeplab.statistics.paired import COLUMNS, Paired
from sweeplab.words import change, count, knob_name, number, setting_text, value_text

NAMED = 30  # settings that have a line with their name each
ROW = 0.2  # inches
MOST_KNOBS = 6
AXIS = "B less A, validation accuracy"


def plots(found: Paired) -> Iterator[Plot]:
    """The difference of each pair of settings; and by knob, where there are several."""
    pairs = found.pairs
    if len(pairs) == 0:
        return
    average = found.average
    by = change(average.estimate, average.low, average.high)
    clear = int(pairs["clear"].sum())
    several = len(pairs) > 1
    yield Plot(
        "differences",
        "B less A, setting by setting" if several else "B less A",
        differences(found),
        (
            f"One line a setting that both have, with its 95 % interval; all of these hold at "
            f"once, and {clear or 'none'} of {len(pairs):,} "
            f"{'leave' if clear > 1 else 'leaves'} out 0. The band is the average, {by}."
            if several
            else "With its 95 % interval."
        ),
        f"Average {by}. By setting: "
        + series(
            f"{setting_text(row, knobs_of(pairs), short=True) or 'the one setting'}: "
            f"{change(row['difference'], row['low'], row['high'])}"
            for row in _sorted(pairs).head(NAMED).to_dict("records")
        ),
    )
    keys = knobs_of(pairs)[:MOST_KNOBS]
    if keys:
        yield Plot(
            "differences-by-knob",
            "B less A, by knob",
            by_knob(found),
            "Each setting that both have is a point; the line is their mean at each value.",
            "Mean difference: "
            + series(
                f"{knob_name(key)} {value_text(value)}: {number(mean)}"
                for key in keys
                for value, mean in pairs.groupby(key)["difference"].mean().items()
            ),
        )


def knobs_of(pairs: pd.DataFrame) -> list[str]:
    """The keys that vary among pairs."""
    return [str(name) for name in pairs.columns if name not in COLUMNS]


@styled
def differences(found: Paired) -> Figure:
    """Differences with their intervals, the largest on top, and the average as a band."""
    pairs = _sorted(found.pairs)
    named = len(pairs) <= NAMED
    keys = knobs_of(pairs)
    names = [setting_text(row, keys, short=True) for row in pairs.to_dict("records")]
    longest = max(map(len, names)) if named else 0
    cell = Cell(
        width=6.6,
        height=0.9 + (max(len(pairs), 2) * ROW if named else 3.6),
        left=max(min(longest * LETTER + 0.2, 3.2), 0.4),
        top=0.12,
    )
    legend = [
        line_key(label, colour, marker="o")
        for label, colour, there in (
            ("clear", ACCENT, pairs["clear"].any()),
            ("may be chance", CONTEXT, not pairs["clear"].all()),
        )
        if there
    ]
    figure, (ax,) = panels(1, cell=cell, legend=legend)
    at = np.arange(len(pairs))[::-1]
    colours = [ACCENT if clear else CONTEXT for clear in pairs["clear"]]
    if len(pairs) > 1:
        ax.axvspan(found.average.low, found.average.high, color=ACCENT, alpha=0.15, linewidth=0)
    ax.axvline(0, color=MUTED, linewidth=1.0)
    ax.hlines(at, pairs["low"], pairs["high"], colors=colours, linewidth=1.3 if named else 0.8)
    sns.scatterplot(
        pairs.assign(at=at),
        x="difference",
        y="at",
        hue="clear",
        palette={True: ACCENT, False: CONTEXT},
        s=26 if named else 9,
        linewidth=0,
        legend=False,
        ax=ax,
        zorder=3,
    )
    ax.set(xlabel=AXIS, ylabel="")
    if named:
        ax.set_yticks(at, names)
        ax.set_ylim(-0.7, len(pairs) - 0.3)
    else:
        ax.set_yticks([])
        ax.set_ylabel(f"{count(len(pairs), 'setting')}, sorted")
    ax.grid(visible=named, axis="y")
    return figure


@styled
def by_knob(found: Paired) -> Figure:
    """Differences against each knob that varies among the settings both sides have."""
    pairs = found.pairs
    keys = knobs_of(pairs)[:MOST_KNOBS]
    legend = [
        marker_key("a setting", CONTEXT, "o", alpha=0.7),
        line_key("mean", ACCENT, marker="o"),
    ]
    figure, axes = panels(len(keys), columns=3, cell=Cell(left=0.88), legend=legend)
    for ax, key in zip(axes, keys, strict=True):
        _against(ax, pairs, key)
    limits = np.array([ax.get_ylim() for ax in axes])
    for ax in axes:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())
    return figure


def _against(ax: Axes, pairs: pd.DataFrame, key: str) -> None:
    of = sorted(pairs[key].unique().tolist())
    set_knob(ax, key, of)
    ax.axhline(0, color=MUTED, linewidth=1.0)
    at = places(pairs[key].tolist(), of)
    points = pd.DataFrame({"at": spread(ax.xaxis, at, 0.4), "difference": pairs["difference"]})
    style = {"s": 14, "linewidth": 0, "alpha": 0.7, "legend": False}
    sns.scatterplot(points, x="at", y="difference", color=CONTEXT, ax=ax, **style)
    means = pairs.groupby(key)["difference"].mean().reindex(of)
    line = pd.DataFrame({"at": places(of, of), "difference": means.to_numpy()})
    sns.lineplot(line, x="at", y="difference", color=ACCENT, marker="o", markersize=5, ax=ax)
    ax.set(title=knob_name(key), ylabel="B less A (accuracy)")
    set_knob(ax, key, of)


def _sorted(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.sort_values("difference", ascending=False, kind="stable").reset_index(drop=True)
