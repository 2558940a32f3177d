"""A run's weights on examples of one's own: images, or rows of a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sweeplab.config import RunConfig
from sweeplab.data import SOURCES
from sweeplab.data.arrays import KINDS, read_rows
from sweeplab.data.pictures import fitted, read_picture
from sweeplab.data.strokes import as_drawn, as_the_set
from sweeplab.errors import DataError
from sweeplab.evaluation import load_run
from sweeplab.inputs import Inputs
from sweeplab.model import logits
from sweeplab.runs.folder import RunFolder


@dataclass(frozen=True)
class Prediction:
    """What a run says of one example."""

    name: str  # the file's, and of one that holds several examples its row from 0
    probabilities: NDArray[np.float32]  # [C]


def predict(
    folder: RunFolder, files: list[Path], *, invert: bool = False, as_is: bool = False
) -> tuple[list[Prediction], tuple[str, ...]]:
    """Class probabilities of examples in files, and the names of the classes.

    An image is brought to what the run was trained on: a drawn digit is cut out, scaled and centred
    as MNIST's were; a photograph as ``data=images`` does it. Other files are those that
    ``data=arrays`` takes, with ``X`` or with the columns of the run's table.

    Args:
        invert: what is drawn is dark on light. Otherwise the border of the image tells.
        as_is: do no more than scale an image to fit, in grey; then only ``invert`` makes it light
            on dark.

    Raises:
        RunFolderError: the folder holds no complete run, or one without weights.
        DataError: a file is neither, or its examples are not like those of the run.
    """
    config, inputs, weight, bias = load_run(folder)
    found = []
    for path in files:
        table = path.suffix.lower() in KINDS
        if table:
            raw = read_rows(path, config.data.label)
        else:
            raw = _image(path, config, inputs, invert=invert, as_is=as_is)[None]
        if raw[0].size != inputs.features:
            raise DataError(
                f"{path} has examples of {raw[0].size} numbers, and the run was trained on "
                f"examples of {inputs.features}."
            )
        seen = torch.from_numpy(inputs.apply(raw))
        shares = torch.softmax(logits(weight, bias, seen), dim=1).numpy()
        names = [f"{path}:{row}" for row in range(len(raw))] if table else [str(path)]
        found += [Prediction(name, share) for name, share in zip(names, shares, strict=True)]
    return found, inputs.classes


def _image(
    path: Path, config: RunConfig, inputs: Inputs, *, invert: bool, as_is: bool
) -> NDArray[Any]:
    if not path.is_file():
        raise DataError(f"{path} cannot be read as an image: there is no such file.")
    if not inputs.pictures:
        raise DataError(
            f"The run was trained on {inputs.features} features, and no image can be turned into "
            f"them: give it a file of them ({', '.join(KINDS)})."
        )
    source, colour = SOURCES[config.data.name], len(inputs.shape) == 3
    height, width = inputs.shape[:2]
    try:
        if source.own or colour or height != width:
            image = read_picture(path, size=max(height, width))
            if height != width:
                mode = "RGB" if colour else "L"
                return np.asarray(image.convert(mode).resize((width, height)))
            return fitted(image, height, "rgb" if colour else "grey")
        image = read_picture(path)
        if as_is or not source.box:
            pixels = as_drawn(image, height, invert=invert)
        else:
            pixels = as_the_set(image, height, source.box, dark=True if invert else None)
    except ValueError as error:
        raise DataError(f"{path} cannot be read as an image: {error}.") from error
    if inputs.brightest in (None, 255):
        return pixels
    return pixels * np.float32((inputs.brightest or 1) / 255)
