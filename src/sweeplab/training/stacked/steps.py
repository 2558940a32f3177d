"""The steps of the engine: compiled where they can be, else by PyTorch's operators.

Which of the two is in use holds for all of a process, and is recorded with every run: they agree
to rounding, not to the last bit.

Shapes: P runs, C classes, N images to train on, n of some images, s updates of a block, B images of
a batch. P runs see the batches of S seeds, each those of the one that ``block.seen`` says.
"""

from __future__ import annotations

from torch import Tensor, float64

from sweeplab import compiled
from sweeplab.training.stacked import plain
from sweeplab.training.stacked.block import Block
from sweeplab.training.stacked.recurrence import Factors


def gradients(scores: Tensor, kernel: Tensor, block: Block, by: Factors) -> tuple[Tensor, Tensor]:
    """The updates of a block, of runs with scores ``[parts, P, C, L]`` before it.

    Args:
        kernel: ``[N, L]``, the inner products of images to train on with all.

    Returns:
        The gradients ``[P, C, s * B]`` of each batch's summed loss by its scores, and the log
        likelihood ``[s, P]`` of each batch, both before its update.
    """
    if (steps := _compiled(scores)) is None:
        return plain.gradients(scores, kernel, block, by)
    parts, runs, classes, columns = scores.shape
    whole, updates = block.images.shape[1], by.updates
    found = scores.new_empty(runs, classes, whole)
    likelihood = scores.new_empty(updates, runs)
    room, beginning = scores.new_empty(classes + whole, whole), block.images.new_empty(whole)
    steps("gradients")(
        *(runs, classes, updates, whole // updates, columns, parts),
        *_addresses(scores, kernel, block.seen, block.images, block.true, by.carry, by.gradient),
        *_addresses(room, beginning, found, likelihood),
    )
    return found, likelihood


def batch_gradients(scores: Tensor, true: Tensor, seen: Tensor) -> Tensor:
    """Scores ``[P, C, B]`` become the gradients of each run's summed loss by them.

    Args:
        true: int64 ``[S, B]``, the true classes.
        seen: int64 ``[P]``, the seed of each run.

    Returns:
        The log likelihood ``[P]`` of each run's batch.
    """
    if (steps := _compiled(scores)) is None:
        return plain.batch_gradients(scores, true, seen)
    likelihood = scores.new_empty(len(scores))
    steps("batch_gradients")(*scores.shape, *_addresses(scores, seen, true, likelihood))
    return likelihood


def read_off(scores: Tensor, true: Tensor) -> Tensor:
    """The log likelihood of some images, and how many are right, ``[2, P]``, float64.

    An image is right if no class scores higher than the true one.

    Args:
        scores: ``[P, C, n]``.
        true: int64 ``[n]``, the true classes.
    """
    if (steps := _compiled(scores)) is None:
        return plain.read_off(scores, true)
    found = scores.new_empty(2, len(scores), dtype=float64)
    steps("read_off")(
        *scores.shape,
        *scores.stride()[:2],
        scores.data_ptr(),
        *_addresses(true, *found),
    )
    return found


def bring_up(
    scores: Tensor, lefts: Tensor, kernel: Tensor, block: Block, carry: Tensor, true: Tensor | None
) -> Tensor | None:
    """The scores ``[parts, P, C, n]`` of some images, to after a block.

    Args:
        lefts: ``[P, parts, C, s * B]``, what its images are added to each part of the state by.
        kernel: ``[N, n]``, the inner products of images to train on with those.
        carry: ``[P, parts, parts]``, what is left of the scores before that.
        true: int64 ``[n]``; None if nothing is to be read off.

    Returns:
        What :func:`read_off` gives after it.
    """
    if (steps := _compiled(scores)) is None:
        plain.bring_up(scores, lefts, kernel, block, carry)
        return None if true is None else plain.read_off(scores[0], true)
    parts, runs, classes, count = scores.shape
    k = lefts.shape[3]
    found = scores.new_empty(2, runs, dtype=float64)
    room = scores.new_empty(steps("room_to_bring_up")(runs, k))
    beginning = block.images.new_empty(k)
    steps("bring_up")(
        *(runs, classes, count, parts, *scores.stride()[:3], kernel.stride(0), carry.stride(0), k),
        *(scores.data_ptr(), *_addresses(lefts), kernel.data_ptr()),
        *(*_addresses(block.images, block.seen), carry.data_ptr()),
        None if true is None else true.data_ptr(),
        *_addresses(room, beginning, *found),
    )
    return None if true is None else found


def _compiled(scores: Tensor) -> compiled.Steps | None:
    return compiled.steps() if scores.device.type == "cpu" else None


def _addresses(*tensors: Tensor) -> list[int]:
    assert all(tensor.is_contiguous() for tensor in tensors)
    return [tensor.data_ptr() for tensor in tensors]
