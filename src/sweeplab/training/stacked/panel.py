"""The training of one panel: up to P runs in lockstep.

Shapes: P runs in a panel, C classes, F features, B examples in a batch, T updates, n rows of a
chunk. Scores are ``[B, C, P]``, the runs last: every operation treats the P numbers of an example
and a class alike, as one vector, so that neither a run's place in the panel nor its neighbours can
change its bits.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sweeplab.config import RunConfig
from sweeplab.training.record import CurveRecord
from sweeplab.training.schedule import (
    batch_order,
    is_evaluated,
    is_scheduled,
    iterations,
    iterations_per_epoch,
)
from sweeplab.training.stacked.grouping import PANEL_RUNS, seed_groups
from sweeplab.training.stacked.images import Chunk, CompactImages
from sweeplab.training.stacked.product import gradient_into, scores_into
from sweeplab.training.stacked.weights import (
    PanelWeights,
    initial_weights,
    rates,
    run_weights,
    silence,
    update,
)


@dataclass(frozen=True)
class TrainedRun:
    """One run of a panel."""

    record: CurveRecord
    weight: Tensor  # [C, F], on the CPU
    last: int  # the iteration it ended with
    diverged: bool


class Stopped(Exception):  # noqa: N818 - not an error: the caller asked for it
    """Training was told to stop before it was done."""


@torch.inference_mode()
def train_panel(
    configs: Sequence[RunConfig],
    images: CompactImages,
    stop: threading.Event,
    *,
    narrow: bool,
    watch: Callable[[int, Mapping[int, float]], None] | None = None,
) -> list[TrainedRun]:
    """Train runs that share everything but learning rate, weight decay, momentum and seed.

    Args:
        configs: at most ``PANEL_RUNS``, with equal ``stack_key`` and one form of update, and
            those of one seed together; of one seed altogether unless ``narrow``.
        images: what they share, on the device to train on.
        stop: looked at before each update.
        narrow: products may be taken for the runs of one seed alone, and need no padding. The
            bits are the same if ``narrow_is_exact``.
        watch: called after each evaluation with its iteration, and the validation accuracy of
            each run that goes on, by its place in the panel.

    Raises:
        Stopped: ``stop`` was set.
    """
    assert 0 < len(configs) <= PANEL_RUNS
    shared = configs[0]
    panel = initial_weights(configs, images)
    records = [CurveRecord(config) for config in configs]
    ended: dict[int, TrainedRun] = {}
    everyone = slice(0, len(configs) if narrow else PANEL_RUNS)
    groups = seed_groups(configs) if narrow else [(shared.seed, everyone)]
    likelihoods = images.images.new_zeros(iterations(shared) + 1, PANEL_RUNS)  # [T + 1, P]

    def retire(unsound: Tensor, iteration: int) -> None:
        for run in unsound[: len(configs)].nonzero()[:, 0].tolist():
            if run not in ended:
                ended[run] = TrainedRun(records[run], run_weights(panel, run), iteration, True)
                silence(panel, run)

    def evaluate(iteration: int) -> None:
        accuracies: dict[int, float] = {}
        train_loss, train_accuracy = _evaluated(panel, images.train, everyone)
        val_loss, val_accuracy = _evaluated(panel, images.val, everyone)  # each [P]
        sound = torch.isfinite(train_loss) & torch.isfinite(val_loss)
        values = (train_loss, train_accuracy, val_loss, val_accuracy)
        rows = torch.stack([value.double() for value in values], 1).tolist()
        for run, (record, finite) in enumerate(zip(records, sound.tolist(), strict=False)):
            if finite and run not in ended:
                record.evaluation(iteration, rows[run])
                accuracies[run] = rows[run][3]
        if watch is not None:
            watch(iteration, accuracies)
        # Not at the start: only an update makes a run diverge. (Nor does train_one.)
        if iteration:
            retire(~sound, iteration)

    evaluate(0)
    iteration = 0
    step = _stepper(panel, images, shared.batch_size, [places for _, places in groups])
    for chosen, true in _updates(panel, configs, groups, images):
        if stop.is_set():
            raise Stopped
        iteration += 1
        likelihood = likelihoods[iteration]  # [P]
        step(chosen, true, likelihood)
        # One number watches over all; should finite ones overflow in the sum, none is retired.
        if not math.isfinite(likelihood.sum().item()):
            retire(~torch.isfinite(likelihood), iteration)
        if is_evaluated(iteration, shared):
            evaluate(iteration)
        if len(ended) == len(configs):
            break

    losses = (likelihoods[1 : iteration + 1] / -shared.batch_size).cpu().numpy()  # [T, P]
    for run, record in enumerate(records):
        record.values["batch_loss"][1 : iteration + 1] = losses[:, run]
        if run not in ended:
            ended[run] = TrainedRun(record, run_weights(panel, run), iteration, False)
    return [ended[run] for run in range(len(configs))]


def _updates(
    panel: PanelWeights,
    configs: Sequence[RunConfig],
    groups: Sequence[tuple[int, slice]],
    images: CompactImages,
) -> Iterator[tuple[Tensor, Tensor]]:
    """What each update sees, as one row of :func:`_epoch`; the panel then has its rates."""
    shared = configs[0]
    count, scheduled = iterations_per_epoch(shared), is_scheduled(shared)
    for epoch in range(shared.epochs):
        if scheduled:
            ended = (panel.rates == 0).all(dim=1).all(dim=0)  # [P]
            panel.rates = rates(configs, epoch * count, (epoch + 1) * count).to(ended.device)
            panel.rates[:, :, ended] = 0
        batches, labels = _epoch(groups, images, shared, epoch)
        for i, row in enumerate(zip(batches.unbind(), labels.unbind(), strict=True)):
            panel.at = i if scheduled else 0
            yield row


def _epoch(
    groups: Sequence[tuple[int, slice]], images: CompactImages, shared: RunConfig, epoch: int
) -> tuple[Tensor, Tensor]:
    """One epoch's batches: the examples ``[t, S, B]`` of each of S seeds, and as each run sees
    them their labels ``[t, B, 1, P]``."""
    size, count, labels = shared.batch_size, iterations_per_epoch(shared), images.labels
    orders = [batch_order(seed, epoch, len(labels))[: size * count] for seed, _ in groups]
    batches = torch.stack(orders, 0).to(labels.device).view(len(groups), count, size)  # [S, t, B]
    true = labels.new_zeros(count, size, 1, PANEL_RUNS)
    for batch, (_, places) in zip(batches, groups, strict=True):
        true[..., places] = labels[batch][:, :, None, None]
    return batches.transpose(0, 1), true


def _stepper(
    panel: PanelWeights, images: CompactImages, size: int, groups: Sequence[slice]
) -> Callable[[Tensor, Tensor, Tensor], None]:
    """A function that does one update of all runs, with room for its tensors.

    It takes the examples ``[S, B]`` of each seed's batch and the labels ``[B, 1, P]``, and writes
    to the third argument, ``[P]``, the log likelihood of each run's batch before the update.
    """
    new = images.images.new_zeros
    batch = new(len(groups), size, images.features)  # [S, B, F]
    scores = new(size, images.classes, PANEL_RUNS)  # [B, C, P]
    gradient = torch.zeros_like(panel.weight)  # [C, P, F]
    minus_one = new(()).sub(1).expand(size, 1, PANEL_RUNS)
    seeds = list(zip(batch.unbind(), groups, strict=True))

    def step(chosen: Tensor, true: Tensor, likelihood: Tensor) -> None:
        nonlocal scores, gradient
        torch.index_select(images.images, 0, chosen.reshape(-1), out=batch.view(-1, batch.shape[2]))
        for images_of_seed, places in seeds:
            scores = scores_into(scores, images_of_seed, panel.weight, places)
        torch.sum(torch.log_softmax(scores, 1).gather(1, true)[:, 0], 0, out=likelihood)
        # The gradient of the mean cross-entropy by the scores is (softmax - onehot) / B (Bishop,
        # Pattern Recognition and Machine Learning, 2006, eq. 4.109).
        by_scores = torch.softmax(scores, 1).scatter_add_(1, true, minus_one).mul_(panel.scale)
        by_class = by_scores.view(size, -1).T.contiguous()  # [C * P, B]
        for images_of_seed, places in seeds:
            gradient = gradient_into(
                gradient, by_class.view(-1, PANEL_RUNS, size), images_of_seed, places
            )
        update(panel, gradient)

    return step


def _evaluated(
    panel: PanelWeights, chunks: Sequence[Chunk], places: slice
) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy and accuracy ``[P]`` over a set.

    An example counts as right if no class scores higher than the true one.
    """
    examples = sum(len(chunk.images) for chunk in chunks)
    likelihood = panel.weight.new_zeros(PANEL_RUNS)
    right = torch.zeros_like(likelihood, dtype=torch.int64)
    for chunk in chunks:
        room = likelihood.new_zeros(len(chunk.images), len(panel.weight), PANEL_RUNS)
        scores = scores_into(room, chunk.images, panel.weight, places)  # [n, C, P]
        by_class = scores.view(-1, PANEL_RUNS)  # [n * C, P]
        true_scores = by_class.index_select(0, chunk.true_rows)  # [n, P]
        right += (true_scores >= _highest(scores)).sum(0)
        log_probability = torch.log_softmax(scores, 1).view(-1, PANEL_RUNS)
        likelihood += log_probability.index_select(0, chunk.true_rows).sum(0)
    return likelihood / -examples, right.double() / examples


def _highest(scores: Tensor) -> Tensor:
    """``scores`` ``[n, C, P]``, at most over C, by halves: ``amax`` takes four times as long."""
    while (classes := scores.shape[1]) > 1:
        half = classes // 2
        folded = torch.maximum(scores[:, :half], scores[:, half : 2 * half])
        if classes % 2:
            folded[:, :1] = torch.maximum(folded[:, :1], scores[:, -1:])
        scores = folded
    return scores[:, 0]  # [n, P]
