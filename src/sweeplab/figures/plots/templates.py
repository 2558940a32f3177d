"""The weights of each class as an image: what the model looks for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sweeplab.figures.model import Model, find_model, need_model, need_pictures, weights_of
from sweeplab.figures.panels import Cell, bare, panels
from sweeplab.figures.plots import Analysis, Plot, series
from sweeplab.figures.slices import held_at
from sweeplab.figures.theme import styled
from sweeplab.sweeps.settings import REPLICATES
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import shortened, value_text

DECAY = "optimizer.weight_decay"
SIZE, GAP, TOP = 0.86, 0.06, 0.46  # inches, of a picture, around it, and above all of a model's


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """The recommended setting's model beside those of less and more weight decay."""
    model = find_model(sweep, analysis.recommended)
    if model is None or not model.images.pictures:
        return
    weights, shape = by_decay(sweep, model), model.images.val_images.shape[1:]
    seeds = len(held_at(sweep.runs, model.run.to_dict(), sweep.knobs, []))
    others = (
        "; the others differ from it in weight decay alone. Compare how large the weights are, and "
        "how smooth."
    )
    yield Plot(
        "templates",
        "What the model looks for",
        templates(sweep, analysis.recommended),
        f"The weights of each class as an image: {_colours(shape)}. "
        f"Run {model.run['run']}"
        + (", the middle one of the recommended setting's seeds" if seeds > 1 else "")
        + (others if len(weights) > 1 else "."),
        "Largest absolute weight: "
        + series(f"{title}: {np.abs(weight).max():.3g}" for title, weight in weights.items()),
    )


def _colours(shape: tuple[int, ...]) -> str:
    if len(shape) == 3:
        return "a colour that is bright speaks for the class there, and grey says nothing"
    return "red pixels speak for the class, blue ones against it"


@styled
def templates(sweep: Sweep, setting: int | None = None) -> Figure:
    """A setting's weights as images, beside those with the weakest and strongest weight decay.

    Red adds to the evidence for a class, blue takes from it.

    Raises:
        RunFolderError: the setting's model, or the images, are not there.
    """
    model = need_model(sweep, setting)
    weights, classes = by_decay(sweep, model), need_pictures(model).classes
    shape = model.images.val_images.shape[1:]
    columns = 5 if len(classes) <= 10 else 6
    rows = -(-len(classes) // columns)
    cell = Cell(
        width=columns * (SIZE + GAP) + 0.3,
        height=rows * (SIZE + 0.24) + TOP + 0.1,
        left=0.15,
        right=0.15,
        top=TOP,
        bottom=0.08,
    )
    figure, axes = panels(len(weights), columns=3, cell=cell)
    for ax, (title, weight) in zip(axes, weights.items(), strict=True):
        ax.set_axis_off()
        # One scale a model: what differs between models is said by the number in its title.
        limit = float(np.abs(weight).max()) or 1.0
        ax.set_title(f"{title}\nlargest weight {limit:.2g}", fontsize=9, pad=6)
        for k, (row, name) in enumerate(zip(weight, classes, strict=True)):
            inset = ax.inset_axes(_inset(k, rows, columns))
            inset.imshow(_shown(row.reshape(shape), limit), cmap="RdBu_r", vmin=-limit, vmax=limit)
            bare(inset)
            inset.set_title(
                shortened(name, 13), fontsize=8, pad=2, fontweight="normal", loc="center"
            )
    return figure


def _shown(weight: NDArray[np.float32], limit: float) -> NDArray[np.float32]:
    """A class's weights ``[h, w]`` as they are; of colours ``[h, w, 3]``, grey where they are 0."""
    return weight if weight.ndim == 2 else 0.5 + weight / (2 * limit)


def by_decay(sweep: Sweep, model: Model) -> dict[str, NDArray[np.float32]]:
    """The weights to show, by title: the model's, and what differs in weight decay alone."""
    run = model.run
    if DECAY not in sweep.knobs:
        return {f"run {run['run']}": model.weight}
    weights = {f"recommended, weight decay {value_text(run[DECAY])}": model.weight}
    near = held_at(sweep.runs, run.to_dict(), sweep.knobs, [DECAY])
    alike = (near[[*REPLICATES]] == run[[*REPLICATES]]).all(axis=1)
    near = near[alike & (near["status"] == "completed")]
    near = near.sort_values(DECAY, kind="stable")
    for which, other in (("weakest", near.iloc[0]), ("strongest", near.iloc[-1])):
        found = weights_of(other)
        if found is not None and other[DECAY] != run[DECAY]:
            weights[f"{which} weight decay, {value_text(other[DECAY])}"] = found[0]
    return weights


def _inset(place: int, rows: int, columns: int) -> tuple[float, float, float, float]:
    row, column = divmod(place, columns)
    width, height = 1 / columns, 1 / rows
    return (column * width + 0.03 * width, 1 - (row + 1) * height, 0.94 * width, 0.78 * height)
