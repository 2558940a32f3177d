"""Training by the weights of a panel of runs, as SGD is usually written.

The gradient g gets the weight decay's ``decay * w`` added; without momentum ``w -= lr * g``; with
it ``v = momentum * v + g``, from v = 0, and ``w -= lr * v``; with Nesterov momentum
``w -= lr * (g + momentum * v)``: as ``torch.optim.SGD`` does.

Shapes: P runs, C classes, F features, B examples of a batch. A run's numbers lie together, so that
no operation can mix them with its neighbours'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeplab import model
from sweeplab.config import RunConfig
from sweeplab.training.schedule import is_scheduled, iterations_per_epoch, lr_factors
from sweeplab.training.stacked import steps
from sweeplab.training.stacked.evaluate import summed_up
from sweeplab.training.stacked.grouping import seed_groups, seed_of_each
from sweeplab.training.stacked.images import CompactImages
from sweeplab.training.stacked.product import product
from sweeplab.training.stacked.spread import Spread

# What of ``optimizer`` the stacked engine acts on.
OBEYED = frozenset(
    f"optimizer.{name}"
    for name in ("lr", "weight_decay", "momentum", "nesterov", "schedule", "warmup")
)


def first_weights(seed: int, images: CompactImages) -> Tensor:
    """The initial weights ``[C, F]`` of a seed's runs."""
    weight, bias = model.initial_weights(seed, images.pixels, images.classes)
    first = torch.zeros(images.classes, images.features)
    first[:, : len(images.used)] = weight[:, images.used]
    first[:, images.bias_feature] = bias
    return first.to(images.images.device)


class Weights:
    """A panel of runs in training, by their weights."""

    def __init__(self, configs: Sequence[RunConfig], images: CompactImages, spread: Spread) -> None:
        self.configs, self.images, self.spread = configs, images, spread
        optimizers = [config.optimizer for config in configs]
        groups = seed_groups(configs)
        self.groups = [places for _, places in groups]
        self.seen = torch.tensor(seed_of_each(self.groups), device=images.images.device)  # [P]
        new = images.images.new_zeros
        self.weight = new(len(configs), images.classes, images.features)
        for seed, places in groups:
            self.weight[places] = first_weights(seed, images)
        self.gradient = torch.empty_like(self.weight)
        self.velocity = torch.zeros_like(self.weight) if optimizers[0].momentum else None
        self.nesterov = optimizers[0].nesterov
        self.alive = new(len(configs)) + 1
        self.decay, self.momentum = (
            torch.tensor(values, device=images.images.device)[:, None, None]  # [P, 1, 1]
            for values in zip(*((o.weight_decay, o.momentum) for o in optimizers), strict=True)
        )
        self.done = 0
        self.rates_from, self.rates = 0, self._rates(0)

    def advanced(self, chosen: Iterable[tuple[int, Tensor]]) -> Iterator[tuple[int, Tensor]]:
        """As of :class:`Scores`, in blocks of one update."""
        for before, batches in chosen:
            yield before, self._advance(batches)

    def _advance(self, chosen: Tensor) -> Tensor:
        """One update, of batches ``[1, S, B]``, those of S seeds.

        Returns:
            The log likelihood ``[1, P]`` of each batch before it.
        """
        scale, keep, step = self._rates_now()
        classes = self.images.classes
        batches = [self.images.images.index_select(0, batch) for batch in chosen[0]]
        scores = self._scores([batch.T for batch in batches])  # [P, C, B]
        likelihood = steps.batch_gradients(scores, self.images.labels[chosen[0]], self.seen)[None]
        by_scores = scores.mul_(scale)
        for batch, places in zip(batches, self.groups, strict=True):
            left = by_scores[places].flatten(0, 1)
            gradient = product(left, batch, classes).view(-1, classes, batch.shape[1])
            if len(self.groups) == 1:
                self._update(gradient, keep, step)
            else:
                self.gradient[places] = gradient
        if len(self.groups) > 1:
            self._update(self.gradient, keep, step)
        self.done += 1
        return likelihood

    def commit(self, *, evaluate: bool) -> Tensor | None:
        """Evaluate, if it is time: losses and accuracies ``[4, P]``."""
        return self.evaluated() if evaluate else None

    def evaluated(self) -> Tensor:
        """Losses and accuracies ``[4, P]`` as they are now."""
        tiles = self.images.tiles
        return summed_up(
            self.spread(
                lambda i: steps.read_off(
                    self._scores([self.images.by_feature[i]] * len(self.groups)),
                    tiles[i].true,
                ),
                range(len(tiles)),
            ),
            tiles,
        )

    def weights(self, run: int, updates: int | None = None) -> Tensor:  # noqa: ARG002
        """A copy ``[C, F]``, on the CPU, of those of a run as they are now."""
        return self.weight[run].cpu().clone()

    def state(self, run: int) -> dict[str, NDArray[np.float32]]:
        """What training goes on from: weights and, with momentum, velocities, ``[C, F]``."""
        kept = {"weight": self.weight, "velocity": self.velocity}
        return {name: t[run].cpu().numpy().copy() for name, t in kept.items() if t is not None}

    def go_on_from(self, states: Sequence[Mapping[str, NDArray[np.float32]]], done: int) -> None:
        """Be where the runs were when their states were taken, ``done`` updates from the start."""
        for run, state in enumerate(states):
            self.weight[run] = torch.from_numpy(state["weight"])
            if self.velocity is not None:
                self.velocity[run] = torch.from_numpy(state["velocity"])
        self.done, self.rates_from = done, done - done % len(self.rates)
        self.rates = self._rates(self.rates_from)

    def silence(self, run: int) -> None:
        """Turn a run into padding: its weights are 0 and stay so."""
        self.alive[run] = 0
        self.rates[:, :, run] = 0
        self.decay[run] = self.momentum[run] = 0
        self.weight[run] = 0
        if self.velocity is not None:
            self.velocity[run] = 0

    def _scores(self, images: Sequence[Tensor]) -> Tensor:
        """Scores ``[P, C, n]`` of the images ``[F, n]`` that each seed's runs see."""
        classes = self.images.classes
        if all(each is images[0] for each in images):
            rows = self.weight.flatten(0, 1)
            return product(rows, images[0], classes).view(-1, classes, images[0].shape[1])
        return torch.cat(
            [
                product(self.weight[places].flatten(0, 1), each, classes)
                for each, places in zip(images, self.groups, strict=True)
            ]
        ).view(-1, classes, images[0].shape[1])

    def _rates_now(self) -> tuple[Tensor, Tensor, Tensor]:
        """For this update, each ``[P, 1, 1]``: what the gradient by the scores, summed over the
        batch, is multiplied with; 1 - lr * decay; and -lr."""
        if is_scheduled(self.configs[0]) and self.done == self.rates_from + len(self.rates):
            self.rates_from, self.rates = self.done, self._rates(self.done) * self.alive
        scale, keep, step = self.rates[(self.done - self.rates_from) % len(self.rates)]
        return scale[:, None, None], keep[:, None, None], step[:, None, None]

    def _rates(self, start: int) -> Tensor:
        """Those of :meth:`_rates_now` for an epoch ``[t, 3, P]``; for one update if they stay."""
        shared = self.configs[0]
        updates = iterations_per_epoch(shared) if is_scheduled(shared) else 1
        found = np.zeros((updates, 3, len(self.configs)))
        for place, config in enumerate(self.configs):
            lr = config.optimizer.lr * lr_factors(config, start, start + updates)
            # Without momentum the step is taken where it is cheapest, in the small gradient.
            found[:, 0, place] = (1.0 if config.optimizer.momentum else -lr) / config.batch_size
            found[:, 1, place] = 1 - lr * config.optimizer.weight_decay
            found[:, 2, place] = -lr
        return torch.from_numpy(found).float().to(self.weight.device)

    def _update(self, gradient: Tensor, keep: Tensor, step: Tensor) -> None:
        """One step of SGD; ``gradient`` is written over."""
        if self.velocity is None:
            torch.addcmul(gradient, self.weight, keep, out=self.weight)
        elif self.nesterov:
            gradient.addcmul_(self.weight, self.decay)
            self.velocity.mul_(self.momentum).add_(gradient)
            self.weight.addcmul_(gradient.addcmul_(self.velocity, self.momentum), step)
        else:
            self.velocity.mul_(self.momentum).add_(gradient).addcmul_(self.weight, self.decay)
            self.weight.addcmul_(self.velocity, step)


def unused_factor(config: RunConfig, updates: int) -> float:
    """What ``updates`` steps multiply a weight with whose gradient is always 0."""
    weight, velocity, optimizer = 1.0, 0.0, config.optimizer
    if not optimizer.weight_decay:
        return weight
    for factor in lr_factors(config, 0, updates).tolist():
        gradient = optimizer.weight_decay * weight
        velocity = optimizer.momentum * velocity + gradient
        step = gradient + optimizer.momentum * velocity if optimizer.nesterov else velocity
        weight -= optimizer.lr * factor * step
    return weight
