"""Using a run's weights: on the test set, which is counted, and on images of one's own."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from sweeplab.config import RunConfig
from sweeplab.data import inputs_of, load_test
from sweeplab.errors import DataError, RunFolderError
from sweeplab.inputs import Inputs
from sweeplab.model import logits
from sweeplab.runs.files import sha256
from sweeplab.runs.folder import (
    RunFolder,
    damaged_files,
    edits,
    is_pruned,
    now,
    read_config,
    read_record,
    read_test,
    read_weights,
    write_test,
)
from sweeplab.runs.record import TestRecord
from sweeplab.runs.scaled import read_inputs


def evaluate(folder: RunFolder) -> TestRecord:
    """Accuracy on the test set, recorded in the run's folder with the time of asking.

    Raises:
        RunFolderError: the folder holds no complete run, or one without weights.
        DataError: the data set cannot be had.
    """
    config, inputs, weight, bias = _load(folder)
    images, labels = load_test(config.data, inputs)
    opened = _opened(folder)
    predicted = logits(weight, bias, torch.from_numpy(images)).argmax(dim=1)  # [M]
    classes = inputs.classes
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (labels.numpy(), predicted.numpy()), 1)
    correct = int(np.trace(confusion))
    low, high = wilson_interval(correct, len(labels))
    record = TestRecord(
        accuracy=correct / len(labels),
        low=low,
        high=high,
        examples=len(labels),
        confusion=confusion.tolist(),
        classes=list(classes),
        weights_sha256=sha256(folder.weights.read_bytes()),
        opened=[*opened, now()],
    )
    write_test(folder, record)
    return record


def wilson_interval(correct: int, examples: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion (Wilson 1927; Brown, Cai and DasGupta 2001)."""
    from scipy.stats import binomtest

    interval = binomtest(correct, examples).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def predict(
    folder: RunFolder, images: list[Path], *, invert: bool = False
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Class probabilities ``[len(images), C]`` of image files, and the names of the classes.

    An image is made grey and scaled to the size of the training images, keeping its proportions.

    Args:
        invert: for dark strokes on a light background; the training images are light on dark.

    Raises:
        RunFolderError: the folder holds no complete run, or one without weights.
        DataError: a file is no image.
    """
    _, inputs, weight, bias = _load(folder)
    side = math.isqrt(weight.shape[1])
    if side * side != weight.shape[1]:
        raise RunFolderError(f"{folder.weights} is not for square images.")
    pixels = torch.from_numpy(np.stack([_read_image(path, side, invert) for path in images]))
    probabilities = torch.softmax(logits(weight, bias, pixels), dim=1)
    return probabilities.numpy(), inputs.classes


def _read_image(path: Path, side: int, invert: bool) -> NDArray[np.float32]:
    try:
        with Image.open(path) as image:
            grey = image.convert("L")
    except (OSError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read as an image: {error}") from error
    grey.thumbnail((side, side), Image.Resampling.BOX)
    if max(grey.size) < side:  # thumbnail only shrinks
        scale = side / max(grey.size)
        grey = grey.resize((round(grey.width * scale), round(grey.height * scale)))
    square = Image.new("L", (side, side))
    corner = ((side - grey.width) // 2, (side - grey.height) // 2)
    square.paste(ImageOps.invert(grey) if invert else grey, corner)
    return np.asarray(square, dtype=np.float32).ravel() / np.float32(255)


def _load(folder: RunFolder) -> tuple[RunConfig, Inputs, Tensor, Tensor]:
    record = read_record(folder)
    if folder.weights.name not in record.files:
        raise RunFolderError(
            f"{folder.path} {record.status}, and has no weights to use. Choose a completed run."
        )
    if is_pruned(folder.weights, record):
        raise RunFolderError(
            f"The weights of {folder.path} were pruned. `sweeplab reproduce --restore` brings them "
            "back."
        )
    for needed in {folder.weights.name, folder.inputs.name} & {*damaged_files(folder, record)}:
        raise RunFolderError(
            f"{folder.path / needed} is not the file that the run wrote. The same command with the "
            "same sweep folder trains the run again."
        )
    weight, bias = read_weights(folder)
    config = read_config(folder)
    if edits(record, config):
        raise RunFolderError(
            f"{folder.config} is not the configuration that the run was trained with: it was "
            "changed since. Undo that; run.json has the values."
        )
    inputs = read_inputs(folder) or inputs_of(config.data)
    for kind, there, due in (
        ("classes", len(weight), len(inputs.classes)),
        ("features", weight.shape[1], inputs.features),
    ):
        if there != due:
            raise RunFolderError(
                f"{folder.weights} is damaged: it is for {there} {kind}, and {config.data.name} "
                f"has {due}."
            )
    return config, inputs, torch.from_numpy(weight), torch.from_numpy(bias)


def _opened(folder: RunFolder) -> list[str]:
    """The times of earlier looks at the test set."""
    try:
        earlier = read_test(folder)
    except RunFolderError as error:
        raise RunFolderError(
            f"{str(error).rstrip('.')}. It counts the looks at the test set. Delete it to start "
            "counting anew."
        ) from error
    return earlier.opened if earlier else []
