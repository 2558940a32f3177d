"""What SGD makes of weights, velocities and gradients over some updates, as factors of each.

SGD is linear in what it starts from and in the gradients that it gets. With ``torch.optim.SGD``'s
meaning, g the gradient of the mean loss, and lr_i the learning rate of update i::

    g' = g + weight_decay * w;   v <- momentum * v + g';   w <- w - lr_i * v

and with Nesterov momentum ``w <- w - lr_i * (g' + momentum * v)``. So weights and velocities after
some updates are sums of those before and of the gradients, each with a factor; and what holds of
weights holds of scores, which are linear in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sweeplab.config import RunConfig
from sweeplab.training.schedule import is_scheduled, lr_factors


@dataclass(frozen=True)
class Factors:
    """Of P runs after j = 0 .. s updates of batches of B, for each part of their state.

    The parts are the weights and, with momentum, the velocities.
    """

    carry: Tensor  # [P, s + 1, parts, parts]: of the parts before
    gradient: Tensor  # [P, s + 1, parts, s]: of the gradients of each batch's summed loss
    exact_carry: Tensor  # `carry` in float64, on the CPU
    steady: bool  # nothing decays

    @property
    def updates(self) -> int:
        return self.carry.shape[1] - 1


def weighed(gradients: Tensor, factors: Tensor) -> Tensor:
    """Gradients ``[P, C, i * B]`` of i batches by their factors ``[P, parts, i]``.

    Returns:
        What they add to each part of the state, ``[P, parts, C, i * B]``.
    """
    by_image = factors.repeat_interleave(gradients.shape[2] // factors.shape[2], 2)
    return gradients[:, None] * by_image[:, :, None]


def carry_on(state: Tensor, carry: Tensor) -> None:
    """Leave so much of ``state`` ``[parts, P, C, n]`` as ``carry`` ``[P, parts, parts]`` says."""
    carry = carry[:, :, :, None, None]
    old = state.clone() if len(state) > 1 else state
    for part, changed in enumerate(state):
        torch.mul(old[0], carry[:, part, 0], out=changed)
        for other in range(1, len(state)):
            changed.addcmul_(old[other], carry[:, part, other])


class Recurrence:
    """The factors of a panel's runs, block by block."""

    def __init__(self, configs: Sequence[RunConfig], device: torch.device) -> None:
        optimizers = [config.optimizer for config in configs]
        self.configs, self.device = configs, device
        self.scheduled = is_scheduled(configs[0])
        self.parts = 2 if optimizers[0].momentum else 1
        self.alive = np.ones((len(configs), 1))
        self.decay = np.array([[o.weight_decay] for o in optimizers])  # [P, 1]
        self.momentum = np.array([[o.momentum] for o in optimizers])
        self.nesterov = np.array([[o.nesterov] for o in optimizers])
        self.steady = not (self.decay.any() or self.momentum.any() or self.scheduled)
        self._kept: dict[int, Factors] = {}  # by the number of updates, where rates stay

    def silence(self, run: int) -> None:
        """From now on the weights of a run stay as they are."""
        self.alive[run] = 0
        self._kept.clear()

    def factors(self, start: int, updates: int) -> Factors:
        """Of ``updates`` updates, ``start`` of them done before."""
        if self.scheduled:
            return self._computed(start, updates)
        if updates not in self._kept:
            self._kept[updates] = self._computed(start, updates)
        return self._kept[updates]

    def _computed(self, start: int, updates: int) -> Factors:
        # In float64: a power of 1 - lr * weight_decay can leave what float32 holds.
        rates = self.alive * np.stack(
            [c.optimizer.lr * lr_factors(c, start, start + updates) for c in self.configs]
        )  # [P, s]
        rows = np.zeros((len(self.configs), updates + 1, 2, 2 + updates))
        rows[:, 0, 0, 0] = rows[:, 0, 1, 1] = 1
        with np.errstate(over="ignore", invalid="ignore"):
            for i in range(updates):
                weights, velocity = rows[:, i, 0], rows[:, i, 1]
                gradient = self.decay * weights
                gradient[:, 2 + i] += 1 / self.configs[0].batch_size
                rows[:, i + 1, 1] = velocity = self.momentum * velocity + gradient
                step = np.where(self.nesterov, gradient + self.momentum * velocity, velocity)
                rows[:, i + 1, 0] = weights - rates[:, i, None] * step
            factors = torch.from_numpy(rows.astype("f4")).to(self.device)
        carry, by_batch = factors[:, :, : self.parts, : self.parts], factors[:, :, : self.parts, 2:]
        return Factors(
            carry=carry.contiguous(),
            gradient=by_batch.contiguous(),
            exact_carry=torch.from_numpy(rows[:, :, : self.parts, : self.parts]),
            steady=self.steady,
        )
