"""What the models of a sweep say of its validation images, from the files in its folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweeplab.errors import RunFolderError
from sweeplab.runs.folder import RunFolder, read_weights
from sweeplab.statistics.predictions import Correct, Weights, correct_of
from sweeplab.sweeps.folder import SweepFolder
from sweeplab.sweeps.tables import Sweep

TIES = 0.005  # how far an accuracy may lie from the recorded one: ties of float logits


def read_correct(part: Sweep) -> Correct | None:
    """Which of the M validation images each run classifies rightly.

    Args:
        part: runs on one validation set.

    Returns:
        For each row of ``part.runs`` bool ``[M]``, or None: it did not complete, its weights are
        absent, or its accuracy is not the recorded one (so these are not its images). None for
        all without the images.
    """
    data = _images(part)
    if data is None:
        return None
    images, labels = data
    weights: dict[int, Weights] = {}
    by_classes: dict[int, list[int]] = {}
    for row in np.flatnonzero(part.runs["status"] == "completed").tolist():
        pair = _weights(Path(part.runs["folder"].iloc[row]), images.shape[1])
        if pair is not None:
            weights[row] = pair
            by_classes.setdefault(len(pair[1]), []).append(row)
    recorded = part.runs["final_val_accuracy"].to_numpy(dtype=np.float64)
    correct: list[NDArray[np.bool_] | None] = [None] * len(part.runs)
    for rows in by_classes.values():
        matrix = correct_of([weights[row] for row in rows], images, labels)
        for row, right in zip(rows, matrix, strict=True):
            if abs(right.mean() - recorded[row]) <= max(TIES, 1.5 / len(right)):
                correct[row] = right
    return correct


def _weights(folder: Path, features: int) -> Weights | None:
    try:
        weight, bias = read_weights(RunFolder(folder))
    except RunFolderError:
        return None
    return (weight, bias) if weight.shape == (len(bias), features) else None


def _images(part: Sweep) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
    """The validation images ``[M, D]``, as models see them, and their labels ``[M]``."""
    from safetensors import SafetensorError, safe_open

    name = f"{part.runs['data.name'].iloc[0]}.safetensors"
    files = [SweepFolder(path).images / name for path in part.paths or (part.path,)]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        return None
    try:
        with safe_open(file, "numpy") as tensors:
            brightest = float((tensors.metadata() or {})["brightest"])
            images, labels = tensors.get_tensor("val_images"), tensors.get_tensor("val_labels")
    except (OSError, KeyError, ValueError, SafetensorError):
        return None
    if not brightest > 0 or images.ndim < 2 or len(images) != len(labels):
        return None
    scaled = images.reshape(len(images), -1).astype(np.float32) / np.float32(brightest)
    return scaled, labels.astype(np.int64)
