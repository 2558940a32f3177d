"""Which classes a model confuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from sweeplab.figures.model import Model, find_model, need_model
from sweeplab.figures.panels import Cell, bare, panels, shade_cells, write_cells
from sweeplab.figures.plots import Analysis, Plot
from sweeplab.figures.theme import INK, MUTED, RULE, styled
from sweeplab.results import MANY_CLASSES, balanced, confused, top5, uneven
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, example, examples, number, shortened

WIDE = 30  # classes, beyond which a matrix cannot be read
MOST = 20  # pairs shown then
SHORT, LONG = Cell(5.0, 4.6, 0.75, 0.2), Cell(5.0, 5.3, 1.3, 0.2, bottom=1.25)


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """The confusion matrix of the recommended setting's model."""
    model = find_model(sweep, analysis.recommended)
    if model is None or not model.is_itself:
        return
    said = _said(model)
    yield Plot(
        "confusion",
        "Which classes are confused",
        confusion(sweep, analysis.recommended),
        f"Run {model.run['run']} at the end of training, on its validation {examples()}: {said}",
        f"Confusion matrix: {said}",
        notes=_notes(model),
        caution=_caution(model),
    )


@styled
def confusion(sweep: Sweep, setting: int | None = None) -> Figure:
    """Counts of true class (row) against predicted class (column); mistakes are shaded.

    Of more than ``WIDE`` classes, the pairs that are most often confused.

    Raises:
        RunFolderError: the setting's model, or its images, are not there.
    """
    model = need_model(sweep, setting)
    table, classes = _table(model), model.images.classes
    if len(classes) > WIDE:
        return _pairs(table, classes)
    classes = tuple(map(shortened, classes))
    long = max(map(len, classes)) > 3
    figure, (ax,) = panels(1, cell=LONG if long else SHORT)
    wrong = _mistakes(table).astype(float)
    # A single slip must not look like a pattern.
    scale = Normalize(0, max(float(wrong.max()) * 1.2, 6.0))
    wrong[wrong == 0] = np.nan
    colours = sns.color_palette("rocket_r", as_cmap=True)
    bare(ax)
    shade_cells(ax, wrong, colours, scale, RULE)
    write_cells(ax, wrong, np.where(table == 0, "", table.astype(str)), colours, scale)
    for i in range(len(classes)):
        ax.add_patch(Rectangle((i, i), 1, 1, facecolor="none", edgecolor=MUTED, zorder=3))
        ax.texts[i * (len(classes) + 1)].set(color=INK, fontweight="bold")
    middles = np.arange(len(classes)) + 0.5
    ax.set_xticks(middles, classes, rotation=45 if long else 0)
    ax.set_yticks(middles, classes, rotation=0)
    ax.tick_params(length=0)
    title = f"validation {examples()}: true against predicted class"
    ax.set(title=title, xlabel="predicted class", ylabel="true class")
    return figure


def _table(model: Model) -> NDArray[Any]:
    predicted = model.probabilities.argmax(axis=1)
    return count_pairs(model.images.val_labels, predicted, len(model.images.classes))


def count_pairs(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[Any]:
    """How many images of class i (row) were taken for class j (column), ``[C, C]``."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (labels, predicted), 1)
    return table


def _mistakes(table: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(table * (1 - np.eye(len(table), dtype=table.dtype)))


def _pairs(table: NDArray[Any], classes: Sequence[str]) -> Figure:
    """The most confused pairs as bars."""
    pairs = confused(table)[:MOST]
    rows = pd.DataFrame(
        {
            "pair": [f"pair {i}" for i in range(len(pairs))],  # short names may be alike
            "images": [int(table[i, j]) for i, j in pairs],
        }
    )
    cell = Cell(width=5.4, height=0.24 * max(len(rows), 2) + 0.2, left=2.6, right=0.3)
    figure, (ax,) = panels(1, cell=cell)
    sns.barplot(rows, x="images", y="pair", color=sns.color_palette()[0], ax=ax)
    ax.grid(visible=False, axis="y")
    names = [f"{shortened(classes[i])} → {shortened(classes[j])}" for i, j in pairs]
    ax.set_yticks(range(len(pairs)), names)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(title="true → predicted class", xlabel=f"validation {examples()}", ylabel="")
    return figure


def _said(model: Model) -> str:
    table, classes = _table(model), model.images.classes
    pairs = confused(table)
    right, total = int(table.trace()), int(table.sum())
    often = f"No {example()} is taken for another class."
    if pairs:
        i, j = pairs[0]
        often = (
            f"Most often {classes[i]} is taken for {classes[j]} "
            f"({count(int(table[i, j]), example())})."
        )
    return f"{right} of {total} right ({number(right / total)}). {often}"


def _notes(model: Model) -> tuple[str, ...]:
    if len(model.images.classes) < MANY_CLASSES:
        return ()
    share = number(top5(model.probabilities, model.images.val_labels))
    return (
        "The true class is among the five most probable ones of run "
        f"{model.run['run']} in {share} of the validation {examples()}.",
    )


def _caution(model: Model) -> str:
    table = _table(model)
    if not uneven(table):
        return ""
    average, plain = number(balanced(table)), number(table.trace() / table.sum())
    return (
        f"The classes are unequal: averaged over classes, the accuracy of run {model.run['run']} "
        f"is {average}, and not {plain}."
    )
