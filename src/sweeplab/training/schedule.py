"""When things happen in a run: the batch order, the number of iterations, the evaluations.

Both engines take all of it from here, so that they see the same examples at the same time.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sweeplab.config import RunConfig


def batch_order(seed: int, epoch: int, examples: int) -> Tensor:
    """The order ``[examples]`` in which epoch ``epoch`` (from 0) visits the training examples.

    The generator is seeded through ``numpy.random.SeedSequence``, whose mixing keeps
    (seed 0, epoch 1) and (seed 1, epoch 0) unrelated, and unrelated to the initial weights.
    """
    mixed = int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0])
    generator = torch.Generator().manual_seed(mixed)
    return torch.randperm(examples, generator=generator)


def iterations_per_epoch(config: RunConfig) -> int:
    """Whole batches in one pass; a partial batch at the end is dropped."""
    return config.data.train_size // config.batch_size


def iterations(config: RunConfig) -> int:
    """Updates in the whole run."""
    return iterations_per_epoch(config) * config.epochs


def is_evaluated(iteration: int, config: RunConfig) -> bool:
    """Whether accuracy is taken after this many updates: every ``eval_every``, and at the end."""
    return iteration % config.eval_every == 0 or iteration == iterations(config)
