"""The weights of a panel, and what SGD does to them.

Weights are ``[C, P, F]``. SGD is that of ``torch.optim.SGD``: the gradient g gets the weight
decay's ``decay * w`` added; without momentum ``w -= lr * g``; with it ``v = momentum * v + g``,
from v = 0, and ``w -= lr * v``; with Nesterov momentum ``w -= lr * (g + momentum * v)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sweeplab import model
from sweeplab.config import RunConfig
from sweeplab.training.schedule import lr_factors
from sweeplab.training.stacked.grouping import PANEL_RUNS, seed_groups
from sweeplab.training.stacked.images import CompactImages

# What of ``optimizer`` this module acts on.
OBEYED = frozenset(
    f"optimizer.{name}"
    for name in ("lr", "weight_decay", "momentum", "nesterov", "schedule", "warmup")
)


@dataclass
class PanelWeights:
    """Weights, velocities, and the optimizers' knobs as tensors; places without a run are all 0."""

    weight: Tensor  # [C, P, F]
    velocity: Tensor | None  # the same; None without momentum
    rates: Tensor  # [t, 3, P]: `scale`, `keep` and `step` for each of t updates
    decay: Tensor  # [P, 1]
    momentum: Tensor  # [P, 1]
    nesterov: bool
    at: int = 0  # the update whose rates hold

    @property
    def scale(self) -> Tensor:
        """What the scores' gradient, summed over the batch, is multiplied with, ``[P]``."""
        return self.rates[self.at, 0]

    @property
    def keep(self) -> Tensor:
        """1 - lr * decay, ``[P, 1]``."""
        return self.rates[self.at, 1, :, None]

    @property
    def step(self) -> Tensor:
        """-lr, ``[P, 1]``."""
        return self.rates[self.at, 2, :, None]


def initial_weights(configs: Sequence[RunConfig], images: CompactImages) -> PanelWeights:
    """A panel before its first update, on the device of ``images``."""
    device = images.images.device
    optimizers = [config.optimizer for config in configs]
    has_momentum = optimizers[0].momentum > 0
    weight = torch.zeros(images.classes, PANEL_RUNS, images.features)
    for seed, places in seed_groups(configs):
        first, bias = model.initial_weights(seed, images.pixels, images.classes)
        weight[:, places, : len(images.used)] = first[:, None, images.used]
        weight[:, places, images.bias_feature] = bias[:, None]

    def per_run(values: list[float]) -> Tensor:
        padding = [0.0] * (PANEL_RUNS - len(values))
        return torch.tensor(values + padding, dtype=torch.float32, device=device)  # [P]

    weight = weight.to(device)
    return PanelWeights(
        weight=weight,
        velocity=torch.zeros_like(weight) if has_momentum else None,
        rates=rates(configs, 0, 1).to(device),
        decay=per_run([o.weight_decay for o in optimizers])[:, None],
        momentum=per_run([o.momentum for o in optimizers])[:, None],
        nesterov=optimizers[0].nesterov,
    )


def rates(configs: Sequence[RunConfig], start: int, stop: int) -> Tensor:
    """``PanelWeights.rates`` of the updates ``start`` to ``stop - 1``, on the CPU."""
    found = np.zeros((stop - start, 3, PANEL_RUNS))
    for place, config in enumerate(configs):
        lr = config.optimizer.lr * lr_factors(config, start, stop)
        # Without momentum the step is taken where it is cheapest, in the small gradient by scores.
        found[:, 0, place] = (1.0 if config.optimizer.momentum else -lr) / config.batch_size
        found[:, 1, place] = 1 - lr * config.optimizer.weight_decay
        found[:, 2, place] = -lr
    return torch.from_numpy(found).float()


def update(panel: PanelWeights, gradient: Tensor) -> None:
    """One step of SGD.

    ``gradient`` ``[C, P, F]`` has been multiplied with ``panel.scale``, and is written over.
    """
    if panel.velocity is None:
        torch.addcmul(gradient, panel.weight, panel.keep, out=panel.weight)
    elif panel.nesterov:
        gradient.addcmul_(panel.weight, panel.decay)
        panel.velocity.mul_(panel.momentum).add_(gradient)
        panel.weight.addcmul_(gradient.addcmul_(panel.velocity, panel.momentum), panel.step)
    else:
        panel.velocity.mul_(panel.momentum).add_(gradient).addcmul_(panel.weight, panel.decay)
        panel.weight.addcmul_(panel.velocity, panel.step)


def run_weights(panel: PanelWeights, run: int) -> Tensor:
    """A copy ``[C, F]``, on the CPU, of the weights of the run at one place of the panel."""
    return panel.weight[:, run].cpu().clone()


def silence(panel: PanelWeights, run: int) -> None:
    """Turn a run into padding: its weights are 0 and stay so."""
    panel.rates[:, :, run] = 0
    for per_run in (panel.decay, panel.momentum):
        per_run[run] = 0
    panel.weight[:, run] = 0
    if panel.velocity is not None:
        panel.velocity[:, run] = 0


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
