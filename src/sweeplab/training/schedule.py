"""When things happen in a run: the batch order, the number of iterations, the evaluations.

Both engines take all of it from here, so that they see the same examples at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeplab.config import RunConfig
from sweeplab.knobs import epochs_in


def batch_order(seed: int, epoch: int, examples: int) -> Tensor:
    """The order ``[examples]`` in which epoch ``epoch`` (from 0) visits the training examples.

    The generator is seeded through ``numpy.random.SeedSequence``, whose mixing keeps
    (seed 0, epoch 1) and (seed 1, epoch 0) unrelated, and unrelated to the initial weights.
    """
    mixed = int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0])
    generator = torch.Generator().manual_seed(mixed)
    return torch.randperm(examples, generator=generator)


def batches(config: RunConfig) -> Iterator[Tensor]:
    """The training examples ``[B]`` that each update sees, update by update."""
    size = config.batch_size
    for epoch in range(config.epochs):
        order = batch_order(config.seed, epoch, config.data.train_size)
        yield from torch.split(order, size)[: iterations_per_epoch(config)]


def iterations_per_epoch(config: RunConfig) -> int:
    """Whole batches in one pass; a partial batch at the end is dropped."""
    return config.data.train_size // config.batch_size


def iterations(config: RunConfig) -> int:
    """Updates in the whole run."""
    return iterations_per_epoch(config) * config.epochs


def evaluation_gap(config: RunConfig) -> int:
    """Updates between two evaluations: ``eval_every``, epochs among them in whole updates."""
    every = config.eval_every
    if isinstance(every, str):
        return max(round(epochs_in(every) * iterations_per_epoch(config)), 1)
    return every


def evaluated_of(config: RunConfig) -> int:
    """How many of the training examples, the first, loss and accuracy are taken over.

    Training sets nest, so those of several sizes are asked about the same examples.
    """
    return min(config.eval_train or config.data.train_size, config.data.train_size)


def next_evaluation(iteration: int, config: RunConfig) -> int:
    """After how many updates accuracy is next taken, ``iteration`` of them done."""
    every = evaluation_gap(config)
    return min((iteration // every + 1) * every, iterations(config))


def is_evaluated(iteration: int, config: RunConfig) -> bool:
    """Whether accuracy is taken after this many updates: every ``eval_every``, and at the end."""
    return next_evaluation(iteration - 1, config) == iteration


def is_scheduled(config: RunConfig) -> bool:
    """Whether the learning rate changes during training."""
    return config.optimizer.schedule != "constant" or config.optimizer.warmup > 0


def lr_factors(config: RunConfig, start: int, stop: int) -> NDArray[np.float64]:
    """What the learning rate is multiplied with in updates ``start`` to ``stop - 1``, from 0.

    As PyTorch's schedulers, stepped once an iteration, set it: over the W iterations of warmup
    ``LinearLR`` from 1 / W to 1, then ``CosineAnnealingLR`` or ``LinearLR`` from 1 to 0 over the
    T - W that are left.
    """
    update = np.arange(start, stop)
    warmup = round(config.optimizer.warmup * iterations_per_epoch(config))
    done = (update - warmup) / max(iterations(config) - warmup, 1)
    falling = {
        "constant": np.ones(len(update)),
        "cosine": (1 + np.cos(np.pi * done)) / 2,
        "linear": 1 - done,
    }[config.optimizer.schedule]
    return np.where(update < warmup, (update + 1) / max(warmup, 1), falling)
