"""The steps of the engine that are no products: compiled where they can be, else PyTorch's.

Which of the two is in use holds for all of a process, and is recorded with every run: they agree
to rounding, not to the last bit.

Shapes: P runs, C classes, L images, n of them, s updates of a block, B images of a batch. P runs
see the batches of S seeds, each run those of the one that ``seen`` int64 ``[P]`` says.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, float64

from sweeplab import compiled
from sweeplab.training.stacked import plain
from sweeplab.training.stacked.blocks import Block
from sweeplab.training.stacked.recurrence import Factors


def gradients(
    scores: Tensor, block: Block, groups: Sequence[slice], seen: Tensor, by: Factors
) -> tuple[Tensor, Tensor]:
    """The updates of a block, of runs with scores ``[parts, P, C, L]`` before it.

    Returns:
        The gradients ``[P, C, s * B]`` of each batch's summed loss by its scores, and the log
        likelihood ``[s, P]`` of each batch, both before its update.
    """
    if (steps := _compiled(scores)) is None:
        return plain.gradients(scores, block, groups, seen, by)
    parts, runs, classes, columns = scores.shape
    whole, updates = block.images.shape[1], by.updates
    found = scores.new_empty(runs, classes, whole)
    room = scores.new_empty(classes, whole)
    likelihood = scores.new_empty(updates, runs)
    steps("gradients")(
        *(runs, classes, updates, whole // updates, columns, parts),
        *_addresses(scores, seen, block.images, block.true, block.within, by.carry, by.gradient),
        *_addresses(room, found, likelihood),
    )
    return found, likelihood


def batch_gradients(scores: Tensor, true: Tensor, seen: Tensor) -> Tensor:
    """Scores ``[P, C, B]`` become the gradients of each run's summed loss by them.

    Args:
        true: int64 ``[S, B]``, the true classes.

    Returns:
        The log likelihood ``[P]`` of each run's batch.
    """
    if (steps := _compiled(scores)) is None:
        return plain.batch_gradients(scores, true, seen)
    likelihood = scores.new_empty(len(scores))
    steps("batch_gradients")(*scores.shape, *_addresses(scores, seen, true, likelihood))
    return likelihood


def bring_up(scores: Tensor, moved: Tensor, carry: Tensor) -> None:
    """Scores ``[parts, P, C, n]`` to after a block.

    Args:
        moved: ``[P, parts, C, n]``, what is added to them.
        carry: ``[P, parts, parts]``, what is left of them before that.
    """
    if (steps := _compiled(scores)) is None:
        plain.bring_up(scores, moved, carry)
    else:
        _call(steps, scores, moved, carry)


def bring_up_and_read_off(scores: Tensor, moved: Tensor, carry: Tensor, true: Tensor) -> Tensor:
    """Both in one: :func:`bring_up`, and what :func:`read_off` gives after it."""
    if (steps := _compiled(scores)) is None:
        plain.bring_up(scores, moved, carry)
        return plain.read_off(scores[0], true)
    return _call(steps, scores, moved, carry, true)


def read_off(scores: Tensor, true: Tensor) -> Tensor:
    """The log likelihood of some images, and how many are right, ``[2, P]``, float64.

    An image is right if no class scores higher than the true one.

    Args:
        scores: ``[parts, P, C, n]``.
        true: int64 ``[n]``, the true classes.
    """
    if (steps := _compiled(scores)) is None:
        return plain.read_off(scores[0], true)
    return _call(steps, scores, true=true)


def _call(
    steps: compiled.Steps,
    scores: Tensor,
    moved: Tensor | None = None,
    carry: Tensor | None = None,
    true: Tensor | None = None,
) -> Tensor:
    parts, runs, classes, count = scores.shape
    found = scores.new_empty(2, runs, dtype=float64)
    steps("bring_up")(
        *(runs, classes, count, parts, scores.stride(0), scores.stride(1), scores.stride(2)),
        0 if moved is None else moved.stride(2),
        0 if carry is None else carry.stride(0),
        *(None if each is None else each.data_ptr() for each in (scores, moved, carry, true)),
        *_addresses(*found),
    )
    return found


def _compiled(scores: Tensor) -> compiled.Steps | None:
    return compiled.steps() if scores.device.type == "cpu" else None


def _addresses(*tensors: Tensor) -> list[int]:
    assert all(tensor.is_contiguous() for tensor in tensors)
    return [tensor.data_ptr() for tensor in tensors]
