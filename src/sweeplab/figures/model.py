"""What a sweep's models see in its images: weights, probabilities, and pictures of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sweeplab.errors import RunFolderError
from sweeplab.figures.panels import Cell, bare, panels
from sweeplab.figures.slices import setting_of
from sweeplab.runs.folder import RunFolder, read_weights
from sweeplab.runs.scaled import read_plain_weights
from sweeplab.sweeps.images import Images, find_images
from sweeplab.sweeps.settings import typical_run
from sweeplab.sweeps.tables import Sweep

PIECE = 2**22  # numbers computed at once, to bound memory


@dataclass(frozen=True, eq=False)
class Model:
    """The middle one of a setting's runs, and the images it was judged on. C classes, M images."""

    run: pd.Series[float]  # a row of sweep.runs
    weight: NDArray[np.float32]  # [C, D]
    bias: NDArray[np.float32]  # [C]
    images: Images
    plain: tuple[NDArray[np.float32], NDArray[np.float32]]  # both for ``images.scaled``

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """The class probabilities of the validation images, ``[M, C]``."""
        l2 = str(self.run["data.scale"]) == "l2"
        return probabilities(*self.plain, self.images.scaled(l2=l2))

    @property
    def is_itself(self) -> bool:
        """Whether it gets as many images right as it did in training.

        Only images that give the model what it was given in training tell the truth about it.
        """
        right = (self.probabilities.argmax(axis=1) == self.images.val_labels).mean()
        off = abs(right - self.run["final_val_accuracy"])
        return bool(off <= 1.5 / len(self.images.val_labels))


def find_model(sweep: Sweep, setting: int | None) -> Model | None:
    """The model of ``setting``; None where it, its weights or its images are not there."""
    run = typical_run(sweep.runs, sweep.knobs, setting)
    if run is None:
        return None
    images, found = find_images(sweep, run.to_dict()), weights_of(run)
    if images is None or found is None or found[0].shape[1] != images.val_images[0].size:
        return None
    try:
        plain = read_plain_weights(RunFolder(Path(str(run["folder"]))))
    except RunFolderError:
        return None
    return Model(run, *found, images, plain)


def need_model(sweep: Sweep, setting: int | None) -> Model:
    """As :func:`find_model`, of the setting with the highest mean if None.

    Raises:
        RunFolderError: the model or its images are not there.
    """
    number = int(setting_of(sweep, setting)["setting"])
    model = find_model(sweep, number)
    if model is None:
        raise RunFolderError(
            f"{sweep.path} has no images, or setting {number} no weights that fit them. Weights "
            "that were pruned come back with: sweeplab reproduce."
        )
    return model


def need_pictures(model: Model) -> Images:
    """The model's examples.

    Raises:
        RunFolderError: they are no images.
    """
    if not model.images.pictures:
        raise RunFolderError(
            f"The examples of run {model.run['run']} are no images, and cannot be shown as such."
        )
    return model.images


def weights_of(run: pd.Series[float]) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """The weight ``[C, D]`` and bias ``[C]`` of a run; None where they cannot be read."""
    try:
        return read_weights(RunFolder(Path(str(run["folder"]))))
    except RunFolderError:
        return None


def probabilities(
    weight: NDArray[np.float32], bias: NDArray[np.float32], images: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The model's class probabilities for examples ``[M, D]``, ``[M, C]``."""
    found = np.empty((len(images), len(bias)))
    step = max(PIECE // len(bias), 1)
    for start in range(0, len(images), step):
        logits = (images[start : start + step] @ weight.T + bias).astype(np.float64)  # [m, C]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        found[start : start + step] = odds / odds.sum(axis=1, keepdims=True)
    return found


def draw_pictures(
    pictures: NDArray[Any], titles: Sequence[str], *, columns: int, brightest: int | None
) -> Figure:
    """Pictures ``[n, h, w]``, grey, or ``[n, h, w, 3]``, with a title each."""
    low, high = 0.0, float(brightest or 1)
    if brightest is None:  # numbers of any size
        low, high = float(pictures.min()), float(pictures.max())
    if pictures.ndim == 4:
        pictures = np.clip((pictures - low) / (high - low or 1.0), 0, 1)
    top = 0.12 + 0.15 * (1 + titles[0].count("\n"))
    cell = Cell(width=1.15, height=1.0 + top, left=0.08, right=0.08, top=top, bottom=0.06)
    figure, axes = panels(len(pictures), columns=columns, cell=cell)
    for ax, picture, title in zip(axes, pictures, titles, strict=True):
        ax.imshow(picture, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        bare(ax)
        ax.set_title(title, fontsize=8, pad=3, fontweight="normal", loc="center")
    return figure
