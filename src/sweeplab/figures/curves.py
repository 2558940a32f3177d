"""Learning curves of settings: means over seeds with intervals, and what captions say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from sweeplab.errors import SweeplabError
from sweeplab.figures.panels import line_key
from sweeplab.figures.scale import CLOCKS, MOST_POINTS, ROOM, evenly
from sweeplab.figures.theme import ACCENT, colours, dashes
from sweeplab.results import METRICS
from sweeplab.sweeps.settings import METRIC, repeated, replicate_key, setting_numbers, t_half_width
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, over_training

# What a horizontal axis can count. A curve's columns bear these names, which no knob can have
# (there is a knob "epochs"), and which name the axis.
RUN = ["sweep", "run"]
FLOOR_ROOM = 0.05


def clock(sweep: Sweep, asked: str | None = None) -> str:
    """The key of :data:`CLOCKS` that was asked for, or on which the runs are best compared.

    Raises:
        SweeplabError: there is no such clock.
    """
    if asked is None:
        # An iteration of a larger batch, or an epoch of a larger set, is more work.
        return "epochs" if {"batch_size", "data.train_size"} & set(sweep.knobs) else "iteration"
    if asked not in CLOCKS:
        raise SweeplabError(f"x must be one of {', '.join(CLOCKS)}, but is {asked!r}.")
    return asked


@lru_cache(maxsize=2)  # a report draws a dozen figures from these
def evaluations(sweep: Sweep) -> pd.DataFrame:
    """Every evaluation of every run, each seed and draw of a setting once.

    Columns: ``sweep``, ``run``, ``status``, ``setting``, ``replicate`` (its seed or draw), the
    knobs, the metrics, and the columns of :data:`CLOCKS`, of which epochs count the passes over
    the run's own training set, a fraction included.
    """
    wanted = list(dict.fromkeys([*RUN, "status", "data.train_size", *sweep.knobs]))
    replicate = sweep.runs[replicate_key(sweep.runs)]
    numbers = setting_numbers(sweep.runs, sweep.knobs)
    runs = sweep.runs[wanted].assign(setting=numbers, replicate=replicate)
    curves = sweep.curves.loc[
        sweep.curves["val_loss"].notna(), [*RUN, "iteration", "examples", *METRICS]
    ]
    points = curves.merge(runs[~repeated(sweep.runs, sweep.knobs)], on=RUN, sort=False)
    points[CLOCKS["epochs"]] = points["examples"] / points["data.train_size"]
    return points.rename(columns={key: CLOCKS[key] for key in ("iteration", "examples")})


def over_seeds(points: pd.DataFrame, groups: Sequence[str], x: str) -> pd.DataFrame:
    """The mean over replicates of each metric at each ``x``, with its 95 % t interval.

    seaborn would call Python for each group, point and metric, which takes it ten times as long.

    Args:
        points: as :func:`evaluations` gives them; only completed runs enter.
        groups: the columns whose values make a setting. Each group must hold runs of one setting.
        x: the column of the horizontal axis.

    Returns:
        ``groups``, ``x``, ``n``, and for each metric ``<metric>``, ``<metric>_low`` and
        ``<metric>_high``, which equal the mean where n is 1.
    """
    done = points[points["status"] == "completed"]
    metrics = [metric for metric in METRICS if metric in points]
    keys = [*groups, x, "replicate"]
    if "replicate" in done and done.duplicated(keys).any():  # the seeds of a draw
        done = done.groupby(keys, sort=False, dropna=False)[metrics].mean().reset_index()
    grouped = done.groupby([*groups, x], sort=True, dropna=False)[metrics]
    mean, sd, n = grouped.mean(), grouped.std(ddof=1), grouped.size()
    table = pd.DataFrame({"n": n}).join(mean)
    for metric in metrics:
        half = np.nan_to_num(t_half_width(sd[metric].to_numpy(), n.to_numpy()), nan=0.0)
        table[f"{metric}_low"] = mean[metric] - half
        table[f"{metric}_high"] = mean[metric] + half
    return table.reset_index()


def t_interval(values: pd.Series[float]) -> tuple[float, float]:
    """The 95 % t interval of a mean, as seaborn's ``errorbar`` takes it; NaN for one value."""
    half = float(t_half_width(np.array(values.std(ddof=1)), np.array(len(values))))
    return float(values.mean()) - half, float(values.mean()) + half


def sparse(table: pd.DataFrame) -> pd.DataFrame:
    """At most :data:`MOST_POINTS` rows, evenly spaced, the first and the last among them."""
    return table.iloc[evenly(len(table))]


def draw_curves(
    ax: Axes,
    table: pd.DataFrame,
    x: str,
    metric: str,
    hue: str,
    values: Sequence[Any],
    *,
    patterns: Mapping[Any, Any] | None = None,
    top: float = np.inf,
    band: bool = True,
    **line: Any,
) -> None:
    """A line for each of the ``values`` of ``hue``, and its interval as a band, up to ``top``.

    Beyond the axis a wide interval would reach back in as a stripe without its line.
    """
    parts = [sparse(part) for _, part in table.groupby(hue, sort=False)]
    if not parts:
        return
    palette = colours(values)
    ax.set(xlabel=x, ylabel=metric)  # without names seaborn would lay out all ticks to set them
    sns.lineplot(
        pd.concat(parts),
        x=x,
        y=metric,
        hue=hue,
        hue_order=values,
        palette=palette,
        style=hue,
        style_order=values,
        dashes=patterns or dashes(values),
        estimator=None,
        legend=False,
        ax=ax,
        **line,
    )
    for part in parts:
        if band and part["n"].max() > 1:
            ax.fill_between(
                part[x],
                part[f"{metric}_low"],
                part[f"{metric}_high"],
                where=(part[metric] <= top).to_numpy(),
                color=palette[part[hue].iloc[0]],
                alpha=0.2,
                linewidth=0,
            )


def draw_metric(
    ax: Axes,
    points: pd.DataFrame,
    table: pd.DataFrame,
    x: str,
    metric: str,
    hue: str,
    values: Sequence[Any],
) -> None:
    """A panel of one metric of ``table``; a loss is cut where ``points`` begin."""
    is_loss = metric.endswith("loss")
    top = loss_limit(points, metric, x) if is_loss else np.inf
    draw_curves(ax, table, x, metric, hue, values, top=top)
    finish_curves(ax, points, x, METRICS[metric], "loss (nats)" if is_loss else "accuracy")
    if is_loss:
        ax.set_ylim(0, top)


def finish_curves(ax: Axes, points: pd.DataFrame, x: str, title: str, unit: str) -> None:
    """Title, names and horizontal limits of a panel of curves."""
    ax.set(title=title, xlabel=x, ylabel=unit, xlim=(0, float(points[x].max()) * 1.02 or 1))
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))


def draw_means(ax: Axes, seeds: pd.DataFrame, x: str, **line: Any) -> None:
    """The mean final accuracy over ``seeds`` at each ``x``, with its interval as a bar."""
    sns.lineplot(
        seeds,
        x=x,
        y=METRIC,
        errorbar=t_interval,
        err_style="bars",
        marker="o",
        markersize=6,
        markeredgewidth=0,
        linewidth=1.4,
        color=ACCENT,
        ax=ax,
        **line,
    )


def line_keys(labels: Mapping[Any, str]) -> list[Line2D]:
    """The legend of :func:`draw_curves`, by the value of ``hue``."""
    palette, patterns = colours([*labels]), dashes([*labels])
    return [
        line_key(label, palette[value], (0, patterns[value] or None))
        for value, label in labels.items()
    ]


def accuracy_limits(axes: Sequence[Axes]) -> None:
    """One vertical scale for several panels of accuracy, within what an accuracy can be."""
    limits = [ax.get_ylim() for ax in axes]
    low, high = min(low for low, _ in limits), max(high for _, high in limits)
    # A panel of values close together left little room, and may be the highest or lowest here.
    room = 0.03 * (high - low)
    for ax in axes:
        ax.set_ylim(max(low - room, -ROOM), min(high + room, 1 + ROOM))


def curve_limits(axes: Sequence[Axes], floor: float) -> None:
    """One vertical scale for several panels of accuracy during training, from ``floor`` up.

    It ends above the highest line; a wide interval of a few seeds may leave it.
    """
    high = max(float(np.nanmax(line.get_ydata())) for ax in axes for line in ax.lines)
    room = 0.12 * (high - floor)
    for ax in axes:
        ax.set_ylim(floor or -ROOM, min(high + room, 1 + ROOM))


def accuracy_floor(table: pd.DataFrame, groups: Sequence[str], x: str) -> float:
    """Where the accuracy axis of learning curves may begin: a tenth below all their ends.

    All curves begin near chance; an axis that shows this squeezes what differs between them.
    """
    ends = table.sort_values(x).groupby(list(groups), sort=False)["val_accuracy"].last()
    lowest = float(ends.min()) - FLOOR_ROOM
    return float(max(np.floor(10 * lowest) / 10, 0.0)) if np.isfinite(lowest) else 0.0


def loss_limit(points: pd.DataFrame, metric: str, x: str = CLOCKS["iteration"]) -> float:
    """The top of a loss axis: a tenth above the highest loss before training.

    Losses of runs on their way to divergence grow without bound and would flatten all others.
    """
    return 1.1 * float(points.loc[points[x] == 0, metric].max())


def bands_note(n: pd.Series[int], of: str = "seeds") -> str:
    """How lines and bands were made, with the number of replicates, ``of``, of each point."""
    if n.max() == 1:
        return f"One {of.removesuffix('s')} each, so there are no bands."
    return f"Lines are means over {of}, bands their 95 % t intervals ({_how_many(n, of)})."


def bars_note(n: pd.Series[int], of: str = "seeds") -> str:
    """As :func:`bands_note`, for bars; a part of a sentence."""
    if n.max() == 1:
        return f"; one {of.removesuffix('s')} each, so there are no intervals"
    left_out = "without the luck of the validation set, which sentences count"
    return f"; bars are 95 % t intervals over {of} alone ({_how_many(n, of)}), {left_out}"


def above_limit(points: pd.DataFrame, metric: str) -> str:
    """How many runs leave a loss panel at its top; empty if none does."""
    above = points[points[metric] > loss_limit(points, metric)].groupby(RUN).ngroups
    if not above:
        return ""
    leave = "leaves" if above == 1 else "leave"
    return f" {count(above, 'run')} {leave} the loss panel at its top, where the axis is cut."


def curves_note(table: pd.DataFrame, groups: Sequence[str], x: str) -> str:
    """Where the accuracy axes begin, if not at 0, and what of the curves is drawn, if not all."""
    floor = accuracy_floor(table, groups, x)
    longest = int(table.groupby(list(groups)).size().max())
    return (f" Accuracy axes begin at {floor:.1f}." if floor > 0 else "") + (
        f" Of the {longest} evaluations of a curve, {MOST_POINTS} at even distances are drawn."
        if longest > MOST_POINTS
        else ""
    )


def training_note(runs: pd.DataFrame) -> str:
    """Over which training images their loss and accuracy are taken, if not over all."""
    over = over_training(zip(runs["eval_train"], runs["data.train_size"], strict=True))
    return f" Training loss and accuracy are taken {over}." if over else ""


def _how_many(n: pd.Series[int], of: str) -> str:
    low, high = int(n.min()), int(n.max())
    return f"n = {low} {of}" if low == high else f"n = {low} to {high} {of}"
