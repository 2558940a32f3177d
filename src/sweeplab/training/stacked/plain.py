"""The steps of the engine by PyTorch's operators: on a GPU, and where none are compiled.

What each does is said in :mod:`sweeplab.training.stacked.steps`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sweeplab.training.stacked.block import Block
from sweeplab.training.stacked.product import product, products
from sweeplab.training.stacked.recurrence import Factors, carry_on, weighed

VECTORS = 32  # float32 that PyTorch computes at once, in two vectors of at most 16

# e to at most this, or at least minus this, is far from the ends of float32, also summed up.
SAFE = 60.0


def gradients(scores: Tensor, kernel: Tensor, block: Block, by: Factors) -> tuple[Tensor, Tensor]:
    """The gradients by the scores of a block's batches, and their log likelihoods."""
    here, true = (each[block.seen][:, None] for each in (block.images, block.true))  # [P, 1, s * B]
    updates, size = by.updates, here.shape[2] // by.updates
    # What is left of each part of the state at the turn of each image: [P, 1, s * B].
    left = by.carry[:, :-1, 0].repeat_interleave(size, 1).unsqueeze(1).unbind(3)
    columns = here.expand(-1, scores.shape[2], -1)
    at_turn = scores[0].gather(2, columns).mul_(left[0])  # [P, C, s * B]
    if len(scores) == 2:
        at_turn.addcmul_(scores[1].gather(2, columns), left[1])
    wanted = torch.zeros_like(at_turn).scatter_(1, true, 1)
    found = torch.empty_like(at_turn)
    turns = [torch.split(each, size, 2) for each in (at_turn, wanted, found)]
    for i, (turn, target, gradient) in enumerate(zip(*turns, strict=True)):
        if i:
            # What the gradients of the block's updates before it do to the scores of a batch.
            before, after = block.images[:, : i * size], block.images[:, i * size :][:, :size]
            earlier = weighed(found[:, :, : i * size], by.gradient[:, i, :1, :i])[:, 0]
            inner = kernel[before[:, :, None], after[:, None]]  # [S, i * B, B]
            turn.add_(products(earlier, inner, block.groups))
        torch.sub(torch.softmax(turn, 1), target, out=gradient)
    likelihood = torch.log_softmax(at_turn, 1).gather(1, true)
    return found, likelihood.view(-1, updates, size).sum(2).T


def batch_gradients(scores: Tensor, true: Tensor, seen: Tensor) -> Tensor:
    """Scores become their gradients; gives the log likelihoods."""
    wanted = true[seen][:, None]  # [P, 1, B]
    likelihood = torch.log_softmax(scores, 1).gather(1, wanted).sum((1, 2))
    scores.copy_(torch.softmax(scores, 1)).scatter_add_(
        1, wanted, scores.new_tensor(-1.0).expand(wanted.shape)
    )
    return likelihood


def bring_up(scores: Tensor, lefts: Tensor, kernel: Tensor, block: Block, carry: Tensor) -> None:
    """Leave so much of scores as ``carry`` says, and add what the gradients moved them by."""
    carry_on(scores, carry)
    classes = lefts.shape[1] * lefts.shape[2]
    for images, places in zip(block.images, block.groups, strict=True):
        left = lefts[places].view(-1, lefts.shape[3])
        moved = product(left, kernel.index_select(0, images), classes)
        scores[:, places] += moved.view(-1, *lefts.shape[1:3], moved.shape[1]).transpose(0, 1)


def read_off(scores: Tensor, true: Tensor) -> Tensor:
    """The log likelihoods, and how many examples are right."""
    true = true.expand(len(scores), 1, -1)
    of_true = scores.gather(1, true)[:, 0]  # [P, n]
    highest = scores.amax(1)  # [P, n]
    right = (of_true >= highest).sum(1)
    # exp2 takes a third of the time of PyTorch's exp, and nothing need be subtracted first.
    powers, count = _room(scores), scores.shape[2]
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
