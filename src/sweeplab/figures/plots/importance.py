"""How much each knob, or pair of knobs, mattered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from sweeplab.errors import SweeplabError
from sweeplab.figures.panels import Cell, note, panels
from sweeplab.figures.plots import Analysis, Plot, series
from sweeplab.figures.theme import ACCENT, INK, styled
from sweeplab.statistics.analysis import analyse
from sweeplab.statistics.importance import EXACT, HIGHER, SEEDS
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import effect_name, listed, luck_name, percent, percents, setting_text

MOST = 14
ROW = 0.44  # inches, for a bar with its name above


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """How much each knob mattered, where that is known."""
    table = analysis.importance
    if analysis.recommended is None or table.empty:
        return
    yield Plot(
        "importance",
        "Shares of the differences between runs",
        importance(sweep, analysis),
        caption(table, draws=analysis.chance.draws),
        series(
            f"{_name(row, analysis)}: {_share(row)}"
            for row in table.sort_values("share", ascending=False).to_dict("records")
        ),
    )


def _name(row: Mapping[Any, Any], analysis: Analysis) -> str:
    return effect_name(row["effect"], row["knobs"], draws=analysis.chance.draws)


def _share(row: Mapping[Any, Any]) -> str:
    """``41 % (33 % to 50 %)``."""
    if not row["low"] >= 0:
        return percent(row["share"])
    share, low, high = percents(row["share"], row["low"], row["high"])
    return f"{share} ({low} to {high})"


@styled
def importance(sweep: Sweep, analysis: Analysis | None = None) -> Figure:
    """The share of each knob, or pair, in the variance of validation accuracy, with intervals.

    The largest is on top; of many only the :data:`MOST` largest are drawn.

    Args:
        sweep: runs that share a validation set.
        analysis: what ``statistics.analyse`` says of it, where that is at hand.

    Raises:
        SweeplabError: there is no effect to show.
    """
    found = analysis or analyse(sweep)
    rows = found.importance.nlargest(MOST, "share")
    if rows.empty:
        raise SweeplabError("No knob's importance is known: too little varies in this sweep.")
    names = [_name(row, found) for row in rows.to_dict("records")]
    rows = rows.assign(name=names, at=range(len(rows)))
    cell = Cell(width=5.0, height=0.75 + ROW * len(rows), left=0.45, right=0.3, top=0.1)
    figure, (ax,) = panels(1, cell=cell)
    sns.barplot(
        rows, x="share", y="name", errorbar=None, width=0.4, color=ACCENT, saturation=1, ax=ax
    )
    sure = rows[rows["low"].notna()]
    reach = sure[["share", "high"]].sub(sure[["low", "share"]].to_numpy()).clip(lower=0)
    bars: Any = {"fmt": "none", "ecolor": INK, "elinewidth": 1.2, "capsize": 3}
    ax.errorbar(sure["share"], sure["at"], xerr=reach.to_numpy().T, **bars)
    ends = rows[["share", "high"]].max(axis=1)
    for i, name, share, end in zip(rows["at"], rows["name"], rows["share"], ends, strict=True):
        note(ax, name, (0, i), (2, 0.38 * ROW * 72), va="center", fontsize=8.5)
        note(ax, percent(share), (end, i), (6, 0), fontsize=8.5)
    ax.set_yticks([])
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.set(ylim=(len(rows) - 0.6, -0.65), xlim=(0, max(0.05, float(ends.max())) * 1.15))
    ax.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    ax.set_xlabel("share of the variance of validation accuracy")
    # Of three bars or fewer the axis is shorter than its name; seaborn would write the column's.
    ax.set_ylabel("what differed between runs" if len(rows) > 3 else "")
    return figure


def caption(importance: pd.DataFrame, *, draws: bool = False) -> str:
    """What the shares are of, how they were computed, and what they depend on."""
    effects = set(importance["effect"])
    parts = {
        "each knob": True,
        "each pair of knobs beyond its two": (importance["order"] == 2).any(),
        "three or more together (higher order)": HIGHER in effects,
        f"the {luck_name('training') if draws else 'seeds'}": SEEDS in effects,
    }
    those = [part for part, is_there in parts.items() if is_there]
    exact = importance["method"].iloc[0] == EXACT
    bars = "; bars carry 95 % intervals" if exact and importance["low"].notna().any() else ""
    without = "; ".join(setting_text({k: v}, [k]) for k, v in importance["without"].iloc[0])
    method = (
        f"exact, complete grid{' without ' if without else ''}{without}"
        if exact
        else "model-based (random forest): the grid is incomplete, and the interval is the spread "
        "of groups of trees"
    )
    return (
        f"The share of {listed(those)} in the variance of final validation accuracy over the "
        f"sweep{bars}. Method: {method}. It depends on the values that were tried: a wider range "
        "makes a knob matter more."
    )
