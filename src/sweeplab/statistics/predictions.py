"""Which validation images each run classifies rightly.

Runs of one sweep share their validation images, so these answers are paired: two settings are
compared image by image, which is far sharper than comparing two accuracies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# One entry a run, in the order of the table of runs: bool [M], or None where it is not known.
Correct = Sequence[NDArray[np.bool_] | None]
Weights = tuple[NDArray[np.float32], NDArray[np.float32]]  # [C, D], [C]

BLOCK = 256  # runs in one matrix product


def correct_of(
    weights: Sequence[Weights],
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether each of R runs classifies each of M images rightly, ``[R, M]``.

    Args:
        weights: for each run ``weight [C, D]`` and ``bias [C]``.
        images: ``[M, D]``.
        labels: ``[M]``, from 0 to C - 1.
    """
    correct = np.zeros((len(weights), len(images)), dtype=np.bool_)
    for start in range(0, len(weights), BLOCK):
        block = weights[start : start + BLOCK]
        weight = np.concatenate([w for w, _ in block])  # [R C, D]
        bias = np.stack([b for _, b in block])  # [R, C]
        logits = (images @ weight.T).reshape(len(images), *bias.shape) + bias  # [M, R, C]
        correct[start : start + BLOCK] = (logits.argmax(axis=2) == labels[:, None]).T
    return correct
