"""The tutorial's two figures of a single run: loss, and training and validation accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from sweeplab.config import RunConfig, flatten
from sweeplab.errors import SweeplabError
from sweeplab.figures.panels import Cell, line_key, note, panels
from sweeplab.figures.plots import Plot
from sweeplab.figures.scale import CLOCKS, evenly, within_accuracy
from sweeplab.figures.svg import to_bytes
from sweeplab.figures.theme import ACCENT, BAD, CONTEXT, UNORDERED, styled
from sweeplab.results import LOSSES, Curves
from sweeplab.runs.durable import write_bytes
from sweeplab.words import number, over_training, setting_text

# What a command that trains one run draws: it needs neither pandas nor seaborn, which take a
# second to import.
if TYPE_CHECKING:
    from sweeplab.figures.plots import Analysis
    from sweeplab.sweeps.tables import Sweep

Columns = Mapping[str, NDArray[Any]]  # of the curves of one run

FORMATS = ("png", "svg")
CELL = Cell(width=5.0, height=3.3, left=0.75, right=0.25, top=0.4, bottom=0.55)
SETS = {"train": ("training set", UNORDERED[1], (5, 2)), "val": ("validation set", ACCENT, "")}
TITLED = ("batch_size", "optimizer.lr")


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:  # noqa: ARG001
    """Loss and accuracy, where there is one run."""
    if len(sweep.runs) != 1 or not len(sweep.curves):
        return
    run = sweep.runs.iloc[0]
    over = over_training([(run["eval_train"], run["data.train_size"])])
    sets = "whole training and validation set"
    if over:
        sets = f"whole validation set, and {over.removeprefix('over ')},"
    captions = {
        "loss": f"The loss of each batch, faint, and of the {sets}.",
        "accuracy": f"Accuracy on the {sets} during training.",
    }
    for metric, caption in captions.items():
        yield Plot(
            metric,
            metric.capitalize(),
            _draw(metric, *_of_run(sweep, None)),
            caption,
            f"Validation {metric} at the end: {number(run[f'final_val_{metric}'])}; training "
            f"{metric}: {number(run[f'final_train_{metric}'])}.",
        )


def loss(sweep: Sweep, run: str | None = None) -> Figure:
    """A run's loss against iteration: each batch's, faint, and the whole sets'.

    Args:
        sweep: as ``load_sweep`` gives it.
        run: the run's name in ``sweep.runs``; needed where there are several.

    Raises:
        SweeplabError: there is no such run, or several, or it failed.
    """
    return _draw("loss", *_of_run(sweep, run))


def accuracy(sweep: Sweep, run: str | None = None) -> Figure:
    """A run's training and validation accuracy against iteration; see :func:`loss`."""
    return _draw("accuracy", *_of_run(sweep, run))


def write_training_curves(
    folder: Path, curves: Curves, config: RunConfig, diverged_at: int | None = None
) -> list[Path]:
    """Write ``loss`` and ``accuracy`` as PNG and SVG into a run's folder; the files' paths."""
    about = setting_text(flatten(config), TITLED)
    written = []
    for metric in ("loss", "accuracy"):
        figure = _draw(metric, vars(curves), about, diverged_at)
        for file_format in FORMATS:
            path = folder / f"{metric}.{file_format}"
            write_bytes(path, to_bytes(figure, file_format))
            written.append(path)
    return written


@styled
def _draw(metric: str, curves: Columns, about: str, diverged_at: int | None) -> Figure:
    is_loss = metric == "loss"
    batches = [line_key("one batch", CONTEXT)] if is_loss else []
    sets = [line_key(label, colour, (0, dash or None)) for label, colour, dash in SETS.values()]
    figure, (ax,) = panels(1, cell=CELL, legend=[*batches, *sets])
    if is_loss:
        batch = curves["iteration"], curves["batch_loss"]
        ax.plot(*batch, color=CONTEXT, linewidth=0.8, alpha=0.7)
    evaluated = np.flatnonzero(np.isfinite(curves["val_loss"]))
    rows = evaluated[evenly(len(evaluated))]
    for name, (_, colour, dash) in SETS.items():
        line: Any = {"color": colour, "linestyle": (0, dash or None)}
        ax.plot(curves["iteration"][rows], curves[f"{name}_{metric}"][rows], **line)
    if is_loss:
        # Losses on their way to divergence would flatten all that came before.
        first = float(curves["val_loss"][0])
        losses = (curves[name] for name in LOSSES)
        high = max(float(np.nanmax(loss.astype(np.float64))) for loss in losses)
        ax.set_ylim(0, 3 * first if diverged_at is not None else 1.03 * high)
    else:
        within_accuracy(ax)
    ax.set(
        title=f"{metric.capitalize()} ({about})",
        xlabel=CLOCKS["iteration"],
        ylabel="cross-entropy loss (nats)" if is_loss else "accuracy",
        xlim=(0, float(curves["iteration"].max()) * 1.02 or 1),
    )
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if diverged_at is not None:
        ax.axvline(diverged_at, color=BAD, linewidth=1.2)
        top: Any = {"xycoords": ("data", "axes fraction"), "va": "top"}
        text = f"diverged at {diverged_at}"
        note(ax, text, (diverged_at, 0.96), (-5, 0), fontsize=9, color=BAD, **top)
    return figure


def _of_run(sweep: Sweep, run: str | None) -> tuple[Columns, str, int | None]:
    """A run's curves, what to call it, and where it diverged."""
    rows = sweep.runs if run is None else sweep.runs[sweep.runs["run"] == str(run)]
    if len(rows) != 1 or rows["status"].iloc[0] == "failed":
        raise SweeplabError(
            f"run must name one run in sweep.runs['run'] that did not fail, but is {run!r}."
        )
    row = rows.iloc[0]
    mine = (sweep.curves["sweep"] == row["sweep"]) & (sweep.curves["run"] == row["run"])
    stopped = int(row["diverged_at"]) if row["status"] == "diverged" else None
    curves = {name: column.to_numpy() for name, column in sweep.curves[mine].items()}
    return curves, setting_text(row.to_dict(), TITLED), stopped
