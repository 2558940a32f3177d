"""Curves of settings: the mean over seeds and its interval, point by point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from sweeplab.sweeps.settings import t_half_width

# An interval may reach beyond what an accuracy can be; the axis does not.
ROOM = 0.02
FLOOR_ROOM = 0.05
# Points of a curve that can be told apart in a panel; more would only make the page heavy.
MOST_POINTS = 200
KEYS = ["sweep", "run"]
EVALUATED = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


def evaluations(
    runs: pd.DataFrame, curves: pd.DataFrame, columns: Sequence[str] = ()
) -> pd.DataFrame:
    """The evaluated rows of ``curves`` for the runs in ``runs``, with ``columns`` of the latter.

    ``epochs`` is added: the passes over the run's training set so far, a fraction included.
    """
    wanted = list(dict.fromkeys([*KEYS, "status", "data.train_size", *columns]))
    rows = curves[curves["val_loss"].notna()]
    merged = rows.merge(runs[wanted], on=KEYS, how="inner", sort=False)
    merged["epochs"] = merged["examples"] / merged["data.train_size"]
    return merged


def seed_bands(
    points: pd.DataFrame, groups: Sequence[str], x: str, metrics: Sequence[str]
) -> pd.DataFrame:
    """The mean over seeds of each metric at each ``x``, with its 95 % t interval.

    Args:
        points: as :func:`evaluations` gives them; only completed runs enter.
        groups: the columns whose values make a setting. Each group must hold replicates only.
        x: the column of the horizontal axis.
        metrics: the columns to average.

    Returns:
        ``groups``, ``x``, ``n``, and for each metric ``<metric>``, ``<metric>_low`` and
        ``<metric>_high``, which equal the mean where n is 1.
    """
    done = points[points["status"] == "completed"]
    columns = [*groups, x]
    grouped = done.groupby(columns, sort=True, dropna=False)[list(metrics)]
    mean, sd = grouped.mean(), grouped.std(ddof=1)
    n = grouped.size()
    table = pd.DataFrame({"n": n}).join(mean)
    for metric in metrics:
        half = np.nan_to_num(t_half_width(sd[metric].to_numpy(), n.to_numpy()), nan=0.0)
        table[f"{metric}_low"] = mean[metric] - half
        table[f"{metric}_high"] = mean[metric] + half
    return table.reset_index()


def sparse(table: pd.DataFrame) -> pd.DataFrame:
    """At most about :data:`MOST_POINTS` rows, evenly spaced, the first and the last among them."""
    if len(table) <= MOST_POINTS:
        return table
    kept = np.linspace(0, len(table) - 1, MOST_POINTS).round().astype(int)
    return table.iloc[kept]


def draw_band(
    ax: Axes,
    table: pd.DataFrame,
    x: str,
    metric: str,
    *,
    colour: str,
    top: float = np.inf,
    **line: Any,
) -> None:
    """One group's mean as a line and its interval as a band, which is left out above ``top``.

    Beyond the axis a wide interval would reach back in as a stripe without its line.
    """
    table = sparse(table)
    ax.plot(table[x], table[metric], color=colour, **line)
    if table["n"].max() > 1:
        ax.fill_between(
            table[x].to_numpy(dtype=float),
            table[f"{metric}_low"].to_numpy(dtype=float),
            table[f"{metric}_high"].to_numpy(dtype=float),
            where=(table[metric] <= top).to_numpy(),
            color=colour,
            alpha=0.2,
            linewidth=0,
        )


def accuracy_limits(axes: Sequence[Axes], floor: float = 0.0) -> None:
    """One vertical scale for several panels of accuracy, within ``floor`` and 1."""
    limits = [ax.get_ylim() for ax in axes]
    low, high = min(low for low, _ in limits), max(high for _, high in limits)
    # A panel of values close together left little room, and may be the highest or lowest here.
    room = 0.03 * (high - low)
    for ax in axes:
        ax.set_ylim(max(low - room, floor or -ROOM), min(high + room, 1 + ROOM))


def accuracy_floor(bands: pd.DataFrame, groups: Sequence[str], x: str) -> float:
    """Where the accuracy axis of learning curves may begin: a tenth below all their ends.

    All curves begin near chance; an axis that shows this squeezes what differs between them.
    """
    ends = bands.sort_values(x).groupby(list(groups), sort=False).last()
    lowest = float(ends[["val_accuracy"]].min().min()) - FLOOR_ROOM
    return max(np.floor(10 * lowest) / 10, 0.0) if np.isfinite(lowest) else 0.0
