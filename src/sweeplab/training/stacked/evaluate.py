"""Loss and accuracy of all runs of a panel, read off their scores, tile by tile."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from sweeplab.training.stacked.images import VECTORS, Tile

# e to at most this, or at least minus this, is far from the ends of float32, also summed up.
SAFE = 60.0


def read_off(scores: Tensor, tile: Tile) -> Tensor:
    """The log likelihood and the examples that are right ``[2, P]``, float64, of a tile.

    ``scores`` ``[P, C, n]`` are those of its images. An example counts as right if no class scores
    higher than the true one.
    """
    count = scores.shape[2]
    true = tile.true.expand(len(scores), 1, -1)
    of_true = scores.gather(1, true)[:, 0]  # [P, n]
    highest = scores.amax(1)  # [P, n]
    right = (of_true >= highest).sum(1)
    # exp2 takes a third of the time of PyTorch's exp, and nothing need be subtracted first.
    powers = _room(scores)
    torch.mul(scores, math.log2(math.e), out=powers[:, :, :count])
    normalizer = powers.exp2_().sum(1).log_()[:, :count]  # [P, n]
    likelihood = of_true.sub_(normalizer).sum(1)
    far = highest.abs_().amax(1) > SAFE  # [P]
    for run in far.nonzero()[:, 0].tolist() if bool(far.any()) else ():
        likelihood[run] = torch.log_softmax(scores[run], 0).gather(0, true[run]).sum()
    return torch.stack([likelihood.double(), right.double()])


def _room(scores: Tensor) -> Tensor:
    """Room for numbers like ``scores`` ``[P, C, n]``, for each run in whole vectors.

    PyTorch computes what is left over of a tensor by other functions than its vectors, with other
    last bits; then the number of runs beside one could change its own.
    """
    runs, classes, count = scores.shape
    room = scores.new_empty(runs, classes, -(-count // VECTORS) * VECTORS)
    room[:, :, count:] = 0
    return room


def summed_up(found: Sequence[Tensor], tiles: Sequence[Tile]) -> Tensor:
    """Mean cross-entropy and accuracy, to train on and to validate on, ``[4, P]``."""
    rows = []
    for validates in (False, True):
        chosen = [i for i, tile in enumerate(tiles) if tile.validates == validates]
        examples = sum(tiles[i].true.numel() for i in chosen)
        likelihood, right = sum((found[i] for i in chosen[1:]), found[chosen[0]])
        rows += [likelihood / -examples, right / examples]
    return torch.stack(rows)
