"""Which validation images each run classifies rightly, by the weights in its folder.

Of pruned weights the folder keeps the answer.

Runs of one sweep share their validation images, so these answers are paired: two settings are
compared image by image, which is far sharper than comparing two accuracies.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweeplab.errors import RunFolderError
from sweeplab.runs.folder import RunFolder, read_correct_bits
from sweeplab.runs.scaled import read_plain_weights
from sweeplab.sweeps.images import find_images
from sweeplab.sweeps.tables import Sweep

# One entry a run, in the order of the table of runs: bool [M], or None where it is not known.
Correct = Sequence[NDArray[np.bool_] | None]
Weights = tuple[NDArray[np.float32], NDArray[np.float32]]  # [C, D], [C]

BLOCK = 256  # runs in one matrix product
WIDEST = 2**25  # numbers of its result: 128 MiB
LOOKS = ("size", "colour", "scale")  # keys by which runs see the same examples differently
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
    looks = part.runs.groupby([f"data.{name}" for name in LOOKS], sort=False).ngroup()
    recorded = part.runs["final_val_accuracy"].to_numpy(dtype=np.float64)
    correct: list[NDArray[np.bool_] | None] = [None] * len(part.runs)
    found = False
    for look in looks.unique():
        alike = looks == look
        same = part.runs[alike].iloc[0]
        kept = find_images(part, same.to_dict())
        if kept is None:
            continue
        found = True
        images = kept.scaled(l2=bool(same["data.scale"] == "l2"))
        by_classes: dict[int, dict[int, Weights]] = {}
        for row in np.flatnonzero(alike & (part.runs["status"] == "completed")).tolist():
            folder = RunFolder(Path(part.runs["folder"].iloc[row]))
            with suppress(RunFolderError):
                if not folder.weights.exists():
                    correct[row] = read_correct_bits(folder, len(kept.val_labels))
                    continue
                weight, bias = read_plain_weights(folder)
                if weight.shape == (len(bias), images.shape[1]):
                    by_classes.setdefault(len(bias), {})[row] = weight, bias
        for weights in by_classes.values():
            matrix = correct_of(list(weights.values()), images, kept.val_labels)
            for row, right in zip(weights, matrix, strict=True):
                if abs(right.mean() - recorded[row]) <= max(TIES, 1.5 / len(right)):
                    correct[row] = right
    return correct if found else None


def correct_of(
    weights: Sequence[Weights], images: NDArray[np.float32], labels: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each of R runs classifies each of M images rightly, ``[R, M]``.

    Args:
        weights: for each run ``weight [C, D]`` and ``bias [C]``.
        images: ``[M, D]``.
        labels: ``[M]``, from 0 to C - 1.
    """
    correct = np.zeros((len(weights), len(images)), dtype=np.bool_)
    classes = max(len(weights[0][1]), 1)
    runs = max(min(BLOCK, WIDEST // (classes * 64)), 1)
    rows = max(WIDEST // (runs * classes), 1)
    for start in range(0, len(weights), runs):
        block = weights[start : start + runs]
        weight = np.concatenate([w for w, _ in block])  # [R C, D]
        bias = np.stack([b for _, b in block])  # [R, C]
        for first in range(0, len(images), rows):
            some = slice(first, first + rows)
            logits = (images[some] @ weight.T).reshape(-1, *bias.shape) + bias  # [m, R, C]
            right = logits.argmax(axis=2) == labels[some, None]  # [m, R]
            correct[start : start + runs, some] = right.T
    return correct
