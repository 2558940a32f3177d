"""The tutorial's two figures of a single run: loss, and training and validation accuracy."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweeplab.figures.layout import Cell, line_key, panels
from sweeplab.figures.theme import ACCENT, BAD, CONTEXT, INK, UNORDERED, styled

CELL = Cell(width=5.0, height=3.3, left=0.75, right=0.2, top=0.4, bottom=0.55)
TRAIN, VALIDATION = UNORDERED[1], ACCENT


@styled
def draw_loss(curves: pd.DataFrame, title: str, diverged_at: int | None = None) -> Figure:
    """Loss against iteration: each batch's, faint, and the whole training and validation set's."""
    keys = [
        line_key("one batch", CONTEXT),
        line_key("training set", TRAIN, (0, (5, 2))),
        line_key("validation set", VALIDATION),
    ]
    figure, (ax,) = panels(1, cell=CELL, legend=keys)
    rows = curves[curves["val_loss"].notna()]
    ax.plot(curves["iteration"], curves["batch_loss"], color=CONTEXT, linewidth=0.8, alpha=0.7)
    ax.plot(rows["iteration"], rows["train_loss"], color=TRAIN, linestyle=(0, (5, 2)))
    ax.plot(rows["iteration"], rows["val_loss"], color=VALIDATION)
    _finish(ax, title, "cross-entropy loss (nats)", diverged_at)
    return figure


@styled
def draw_accuracy(curves: pd.DataFrame, title: str, diverged_at: int | None = None) -> Figure:
    """Training and validation accuracy against iteration."""
    keys = [
        line_key("training set", TRAIN, (0, (5, 2))),
        line_key("validation set", VALIDATION),
    ]
    figure, (ax,) = panels(1, cell=CELL, legend=keys)
    rows = curves[curves["val_loss"].notna()]
    ax.plot(rows["iteration"], rows["train_accuracy"], color=TRAIN, linestyle=(0, (5, 2)))
    ax.plot(rows["iteration"], rows["val_accuracy"], color=VALIDATION)
    _finish(ax, title, "accuracy (fraction of 1)", diverged_at)
    return figure


def _finish(ax: Axes, title: str, label: str, diverged_at: int | None) -> None:
    ax.set_title(title)
    ax.set_xlabel("iteration (batches seen)")
    ax.set_ylabel(label)
    if diverged_at is not None:
        ax.axvline(diverged_at, color=BAD, linewidth=1.2)
        ax.annotate(
            f"diverged at {diverged_at}",
            (diverged_at, 0.96),
            xycoords=("data", "axes fraction"),
            xytext=(-5, 0),
            textcoords="offset points",
            ha="right",
            va="top",
            color=BAD,
        )
    ax.tick_params(colors=INK, length=3)
    ax.set_xlim(left=0)
