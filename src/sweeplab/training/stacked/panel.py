"""The training of one panel: some runs in lockstep, from the first batch to the last.

A run's numbers lie together in all tensors ``[P, ...]``, and products take care of themselves, so
neither a run's place in the panel nor its neighbours can change its bits.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeplab.config import RunConfig
from sweeplab.training.part import WHOLE, Part
from sweeplab.training.record import CurveRecord
from sweeplab.training.schedule import (
    batch_order,
    iterations,
    iterations_per_epoch,
    next_evaluation,
)
from sweeplab.training.stacked.forms import by_scores, updates_of_a_block
from sweeplab.training.stacked.grouping import seed_groups
from sweeplab.training.stacked.images import CompactImages
from sweeplab.training.stacked.scores import Scores
from sweeplab.training.stacked.spread import Spread
from sweeplab.training.stacked.weights import Weights


@dataclass(frozen=True)
class TrainedRun:
    """One run of a panel."""

    record: CurveRecord
    weight: Tensor  # [C, F], on the CPU
    last: int  # the iteration it ended with
    diverged: bool
    state: dict[str, NDArray[Any]] | None = None  # to go on from, of one that was stopped


class Stopped(Exception):  # noqa: N818 - not an error: the caller asked for it
    """Training was told to stop before it was done."""


@torch.inference_mode()
def train_panel(
    configs: Sequence[RunConfig],
    images: CompactImages,
    spread: Spread,
    stop: threading.Event,
    watch: Callable[[int, Mapping[int, float]], None] | None = None,
    part: Part = WHOLE,
) -> list[TrainedRun]:
    """Train runs that share everything but learning rate, weight decay, momentum and seed.

    Args:
        configs: with equal ``stack_key`` and one form of update, and those of one seed together.
        images: what they share, on the device to train on.
        spread: for work that other threads can do.
        stop: looked at before each block of updates.
        watch: called after each evaluation with its iteration, and the validation accuracy of
            each run that goes on, by its place in the panel.
        part: where to begin, and when to stop.

    Raises:
        Stopped: ``stop`` was set.
    """
    shared = configs[0]
    panel, length = _begun(configs, images, spread)
    records = [CurveRecord(config, past) for config, past in part.pasts(configs)]
    begin, final = part.iterations(shared)
    ended: dict[int, TrainedRun] = {}
    likelihoods = images.images.new_zeros(iterations(shared) + 1, len(configs))  # [T + 1, P]

    def evaluation(iteration: int, found: Tensor) -> None:
        sound = torch.isfinite(found[0]) & torch.isfinite(found[2])
        accuracies: dict[int, float] = {}
        rows = zip(found.T.tolist(), sound.tolist(), strict=True)
        for run, (row, finite) in enumerate(rows):
            if run in ended:
                continue
            if finite:
                records[run].evaluation(iteration, row)
                accuracies[run] = row[3]
            elif iteration:  # Only an update makes a run diverge. (Nor does train_one at 0.)
                ended[run] = TrainedRun(records[run], panel.weights(run), iteration, True)
                panel.silence(run)
        if watch is not None:
            watch(iteration, accuracies)

    def retire(likelihood: Tensor, before: int) -> None:
        """End the runs of whose batches in a block one has no finite loss, ``[s, P]``."""
        broken = ~torch.isfinite(likelihood)
        first = broken.to(torch.int8).argmax(0).tolist()
        for run in broken.any(0).nonzero()[:, 0].tolist():
            if run not in ended:
                updates = first[run] + 1
                ended[run] = TrainedRun(
                    records[run], panel.weights(run, updates), before + updates, True
                )
                panel.silence(run)

    if part.states:
        panel.go_on_from([state.tensors for state in part.states], begin)
    else:
        evaluation(0, panel.evaluated())
    for before, chosen in _blocks(configs, images, length, begin, final):
        if stop.is_set():
            raise Stopped
        likelihood = panel.advance(chosen)
        iteration = before + len(chosen)
        likelihoods[before + 1 : iteration + 1] = likelihood
        # One number watches over all; should finite ones overflow in the sum, none is retired.
        if not math.isfinite(likelihood.sum().item()):
            retire(likelihood, before)
        found = panel.commit(evaluate=iteration == next_evaluation(before, shared))
        if found is not None:
            evaluation(iteration, found)
        if len(ended) == len(configs):
            break

    for run, record in enumerate(records):
        if run not in ended:
            state = panel.state(run) if final < iterations(shared) else None
            ended[run] = TrainedRun(record, panel.weights(run), final, False, state)
    _note_losses([ended[run] for run in range(len(configs))], likelihoods, begin)
    return [ended[run] for run in range(len(configs))]


def _begun(
    configs: Sequence[RunConfig], images: CompactImages, spread: Spread
) -> tuple[Scores | Weights, int]:
    """The runs in the cheaper form, from their first weights, and how long its blocks are."""
    if by_scores(configs[0], images.sizes):
        return Scores(configs, images, spread), updates_of_a_block(configs[0])
    return Weights(configs, images, spread), 1


def _note_losses(runs: Sequence[TrainedRun], likelihoods: Tensor, first: int) -> None:
    """The loss of each batch after the ``first`` ones, from its log likelihood ``[T + 1, P]``."""
    losses = (likelihoods / -runs[0].record.config.batch_size).cpu().numpy()
    for place, run in enumerate(runs):
        rows = slice(first + 1, run.last + 1)
        run.record.values["batch_loss"][rows] = losses[rows, place]


def _blocks(
    configs: Sequence[RunConfig], images: CompactImages, length: int, first: int, final: int
) -> Iterator[tuple[int, Tensor]]:
    """Blocks of at most ``length`` updates, each up to an evaluation at most.

    They begin after ``first`` updates, where an epoch and a block do, and end after ``final``.

    Each is the number of updates before it, and the examples ``[s, S, B]`` that each of S seeds'
    runs see in it.
    """
    shared = configs[0]
    done, total = first, final
    epochs = _epochs(configs, images, first // iterations_per_epoch(shared))
    left = next(epochs)
    while done < total:
        updates = min(length, next_evaluation(done, shared) - done)
        while len(left) < updates:
            left = torch.cat([left, next(epochs)])
        yield done, left[:updates]
        left, done = left[updates:], done + updates
        if not len(left) and done < total:
            left = next(epochs)


def _epochs(configs: Sequence[RunConfig], images: CompactImages, first: int) -> Iterator[Tensor]:
    """The batches ``[t, S, B]`` of each epoch from ``first`` on, for each of S seeds."""
    shared, seeds = configs[0], [seed for seed, _ in seed_groups(configs)]
    size, count = shared.batch_size, iterations_per_epoch(shared)
    for epoch in range(first, shared.epochs):
        orders = [batch_order(seed, epoch, len(images.labels))[: size * count] for seed in seeds]
        batches = torch.stack(orders).view(len(seeds), count, size)
        yield batches.transpose(0, 1).to(images.images.device)
