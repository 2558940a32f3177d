"""The training of one panel: some runs in lockstep, from the first batch to the last.

A run's numbers lie together in all tensors ``[P, ...]``, and products take care of themselves, so
neither a run's place in the panel nor its neighbours can change its bits.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sweeplab.config import RunConfig
from sweeplab.results import State
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
    state: State | None = None  # to go on from, of one that was stopped


# Called with how far runs are, and their places, one after another: each may be large.
Keep = Callable[[Iterator[tuple[int, State]]], None]

# Between two calls of it; and it may take one part in so many of the time.
KEEP_SECONDS = 10.0
KEEP_SHARE = 20


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
    keep: Keep | None = None,
) -> list[TrainedRun]:
    """Train runs that share everything but learning rate, weight decay, momentum and seed.

    Args:
        configs: with equal ``stack_key`` and one form of update, and those of one seed together.
        images: what they share, on the device to train on.
        spread: for work that other threads can do.
        stop: looked at after each block of updates.
        watch: called after each evaluation with its iteration, and the validation accuracy of
            each run that goes on, by its place in the panel.
        part: where to begin, and when to stop.
        keep: called every :data:`KEEP_SECONDS` with how far each run is that goes on.

    Raises:
        Stopped: ``stop`` was set.
    """
    shared = configs[0]
    panel, length = _begun(configs, images, spread)
    begin, final = part.begin(), part.end(shared)
    runs = _Runs(configs, panel, part, watch)
    if begin:
        panel.go_on_from([state.tensors for state in part.states if state], begin)
    else:
        runs.evaluation(0, panel.evaluated())
    keep_at = time.monotonic() + KEEP_SECONDS
    for before, likelihood in panel.advanced(_blocks(configs, images, length, begin, final)):
        if stop.is_set():
            raise Stopped
        runs.batches(before, likelihood)
        iteration = before + len(likelihood)
        found = panel.commit(evaluate=iteration == next_evaluation(before, shared))
        if found is not None:
            runs.evaluation(iteration, found)
        if len(runs.ended) == len(configs):
            break
        if keep is not None and (now := time.monotonic()) >= keep_at and iteration < final:
            keep(runs.states(iteration))
            took = time.monotonic() - now
            keep_at = now + took + max(KEEP_SECONDS, KEEP_SHARE * took)
    return runs.results(final)


class _Runs:
    """The runs of a panel: what was measured of them, and which have ended."""

    def __init__(
        self,
        configs: Sequence[RunConfig],
        panel: Scores | Weights,
        part: Part,
        watch: Callable[[int, Mapping[int, float]], None] | None,
    ) -> None:
        self.panel, self.watch, self.begin = panel, watch, part.begin()
        self.records = [CurveRecord(config, past) for config, past in part.pasts(configs)]
        device = panel.images.images.device
        shape = iterations(configs[0]) + 1, len(configs)
        self.likelihoods = torch.zeros(shape, device=device)  # [T + 1, P]
        self.evaluations: list[tuple[int, Tensor]] = []  # after some updates: [4, P]
        self.ended: dict[int, TrainedRun] = {}

    def batches(self, before: int, likelihood: Tensor) -> None:
        """Note the log likelihood ``[s, P]`` of each batch of a block, after some updates.

        Runs of whose batches one has no finite loss end there.
        """
        self.likelihoods[before + 1 : before + 1 + len(likelihood)] = likelihood
        # One number watches over all; should finite ones overflow in the sum, none ends.
        if math.isfinite(likelihood.sum().item()):
            return
        broken = ~torch.isfinite(likelihood)
        first = broken.to(torch.int8).argmax(0).tolist()
        for run in broken.any(0).nonzero()[:, 0].tolist():
            if run not in self.ended:
                updates = first[run] + 1
                self._diverged(run, before + updates, self.panel.weights(run, updates))

    def evaluation(self, iteration: int, found: Tensor) -> None:
        """Note losses and accuracies ``[4, P]``."""
        self.evaluations.append((iteration, found))
        # Only an update makes a run diverge. (Nor does train_one at 0.)
        if iteration and not math.isfinite(found.sum().item()):
            for run in (~torch.isfinite(found)).any(0).nonzero()[:, 0].tolist():
                if run not in self.ended:
                    self._diverged(run, iteration, self.panel.weights(run))
        if self.watch is not None:
            accuracies = enumerate(found[3].tolist())
            self.watch(iteration, {run: each for run, each in accuracies if run not in self.ended})

    def states(self, iteration: int) -> Iterator[tuple[int, State]]:
        """How far those are that go on."""
        going = [run for run in range(len(self.records)) if run not in self.ended]
        self._note(dict.fromkeys(going, iteration))
        for run in going:
            yield run, State(self.records[run].curves(iteration), self.panel.state(run))

    def results(self, final: int) -> list[TrainedRun]:
        """All of them, those that go on as they are after ``final`` updates."""
        whole = final == iterations(self.records[0].config)
        states = {} if whole else dict(self.states(final))
        for run, record in enumerate(self.records):
            if run not in self.ended:
                weights = self.panel.weights(run)
                self.ended[run] = TrainedRun(record, weights, final, False, states.get(run))
        self._note({run: ended.last for run, ended in self.ended.items()})
        return [self.ended[run] for run in range(len(self.records))]

    def _diverged(self, run: int, iteration: int, weights: Tensor) -> None:
        self.ended[run] = TrainedRun(self.records[run], weights, iteration, True)
        self.panel.silence(run)

    def _note(self, ends: Mapping[int, int]) -> None:
        """What was measured of some runs, by their places, up to an update."""
        losses = (self.likelihoods / -self.records[0].config.batch_size).cpu().numpy()
        when = np.array([iteration for iteration, _ in self.evaluations], dtype=np.int64)
        measured = [found.cpu().numpy() for _, found in self.evaluations]
        found = np.stack(measured) if measured else np.empty((0, 4, len(self.records)))
        for run, last in ends.items():
            rows = slice(self.begin + 1, last + 1)
            self.records[run].values["batch_loss"][rows] = losses[rows, run]
            # The update that made a run diverge leaves nothing to evaluate.
            ended = run in self.ended and self.ended[run].diverged
            sound = (when < last + (not ended)) & np.isfinite(found[:, :, run]).all(1)
            self.records[run].evaluations(when[sound], found[sound, :, run])


def _begun(
    configs: Sequence[RunConfig], images: CompactImages, spread: Spread
) -> tuple[Scores | Weights, int]:
    """The runs in the cheaper form, from their first weights, and how long its blocks are."""
    if by_scores(configs[0], images.sizes):
        return Scores(configs, images, spread), updates_of_a_block(configs[0])
    return Weights(configs, images, spread), 1


def _blocks(
    configs: Sequence[RunConfig], images: CompactImages, length: int, first: int, final: int
) -> Iterator[tuple[int, Tensor]]:
    """Blocks of at most ``length`` updates, each up to an evaluation at most.

    They begin after ``first`` updates, where a block does, and end after ``final``.

    Each is the number of updates before it, and the examples ``[s, S, B]`` that each of S seeds'
    runs see in it.
    """
    shared = configs[0]
    done, total = first, final
    epoch, within = divmod(first, iterations_per_epoch(shared))
    epochs = _epochs(configs, images, epoch)
    left = next(epochs)[within:]
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
