"""What the models of a sweep say of its validation images, from the files in its folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweeplab.errors import RunFolderError
from sweeplab.runs.folder import RunFolder, read_weights
from sweeplab.statistics.predictions import Correct, Weights, correct_of
from sweeplab.sweeps.images import find_images
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
    kept = find_images(part)
    if kept is None:
        return None
    images = kept.scaled()
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
        matrix = correct_of([weights[row] for row in rows], images, kept.val_labels)
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
