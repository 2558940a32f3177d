"""Which validation images each run classifies rightly, from the weights it left in its folder.

Runs of one sweep share their validation images, so these answers are paired: two settings are
compared image by image, which is far sharper than comparing two accuracies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeplab.errors import RunFolderError
from sweeplab.runs.folder import RunFolder, read_weights

# One entry a run, in the order of the table of runs: bool [M], or None where it is not known.
Correct = Sequence[NDArray[np.bool_] | None]

BLOCK = 256  # runs in one matrix product
TIES = 0.005  # how far an accuracy may lie from the recorded one: ties of float logits


def read_images(path: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
    """The scaled validation images ``[M, D]`` and their labels ``[M]`` of a sweep.

    Args:
        path: ``images/<data name>.safetensors`` of the sweep's folder: ``val_images`` uint8
            [M, height, width], ``val_labels`` [M], and ``brightest`` in the metadata, the pixel
            value that scales to 1.

    Returns:
        None when the file is absent or damaged, or does not say its scale.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            brightest = float((file.metadata() or {})["brightest"])
            images, labels = file.get_tensor("val_images"), file.get_tensor("val_labels")
    except (OSError, KeyError, ValueError, SafetensorError):
        return None
    if not brightest > 0 or images.ndim < 2 or len(images) != len(labels):
        return None
    scaled = images.reshape(len(images), -1).astype(np.float32) / np.float32(brightest)
    return scaled, labels.astype(np.int64)


def correct_of(
    weights: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]],
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether each of R runs classifies each of M images rightly, ``[R, M]``.

    Args:
        weights: for each run ``weight [C, D]`` and ``bias [C]``.
        images: ``[M, D]``.
        labels: ``[M]``, from 0 to C - 1.
    """
    found = np.zeros((len(weights), len(images)), dtype=np.bool_)
    for start in range(0, len(weights), BLOCK):
        block = weights[start : start + BLOCK]
        weight = np.concatenate([w for w, _ in block])  # [R C, D]
        bias = np.stack([b for _, b in block])  # [R, C]
        logits = (images @ weight.T).reshape(len(images), *bias.shape) + bias  # [M, R, C]
        found[start : start + BLOCK] = (logits.argmax(axis=2) == labels[:, None]).T
    return found


def read_correct(
    folders: Sequence[Path], runs: pd.DataFrame, images: Mapping[str, Path]
) -> list[NDArray[np.bool_] | None]:
    """Which validation images each completed run classifies rightly.

    Args:
        folders: the folder of each run, in the order of ``runs``.
        runs: the table of runs (``status``, ``data.name``, ``final_val_accuracy``).
        images: for each data set's name its images file (see :func:`read_images`).

    Returns:
        For each run bool ``[M]``, or None: it did not complete, its weights or images are
        absent, or its accuracy is not the recorded one (so these are not its images).
    """
    found: list[NDArray[np.bool_] | None] = [None] * len(runs)
    status = runs["status"].to_numpy()
    recorded = runs["final_val_accuracy"].to_numpy(dtype=np.float64)
    names = runs["data.name"].to_numpy()
    for name in dict.fromkeys(names):
        data = read_images(images[name]) if name in images else None
        if data is None:
            continue
        weights: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
        for row in np.flatnonzero((names == name) & (status == "completed")).tolist():
            pair = _weights(folders[row], data[0].shape[1])
            if pair is not None:
                weights[row] = pair
        by_classes: dict[int, list[int]] = {}
        for row, (_, bias) in weights.items():
            by_classes.setdefault(len(bias), []).append(row)
        for rows in by_classes.values():
            matrix = correct_of([weights[row] for row in rows], *data)
            for number, right in zip(rows, matrix, strict=True):
                if abs(right.mean() - recorded[number]) <= max(TIES, 1.5 / len(right)):
                    found[number] = right
    return found


def _weights(folder: Path, features: int) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    try:
        weight, bias = read_weights(RunFolder(folder))
    except RunFolderError:
        return None
    return (weight, bias) if weight.shape == (len(bias), features) else None
