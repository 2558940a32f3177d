"""The weights of a panel, and what SGD does to them.

Weights are ``[C, P, F]``. SGD is that of ``torch.optim.SGD``: the gradient g gets the weight
decay's ``decay * w`` added; without momentum ``w -= lr * g``; with it ``v = momentum * v + g``,
from v = 0, and ``w -= lr * v``; with Nesterov momentum ``w -= lr * (g + momentum * v)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sweeplab import model
from sweeplab.config import OptimizerConfig, RunConfig
from sweeplab.training.stacked.grouping import PANEL_RUNS, seed_groups
from sweeplab.training.stacked.images import CompactImages

# What of ``optimizer`` this module acts on.
OBEYED = frozenset(f"optimizer.{name}" for name in ("lr", "weight_decay", "momentum", "nesterov"))


@dataclass
class PanelWeights:
    """Weights, velocities, and the optimizers' knobs as tensors; places without a run are all 0."""

    weight: Tensor  # [C, P, F]
    velocity: Tensor | None  # the same; None without momentum
    scale: Tensor  # [P]: what the scores' gradient, summed over the batch, is multiplied with
    keep: Tensor  # [P, 1], like all below: 1 - lr * decay
    step: Tensor  # -lr
    decay: Tensor
    momentum: Tensor
    nesterov: bool


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
        # Without momentum the step is taken where it is cheapest, in the small gradient by scores.
        scale=per_run(
            [(1.0 if has_momentum else -o.lr) / configs[0].batch_size for o in optimizers]
        ),
        keep=per_run([1 - o.lr * o.weight_decay for o in optimizers])[:, None],
        step=per_run([-o.lr for o in optimizers])[:, None],
        decay=per_run([o.weight_decay for o in optimizers])[:, None],
        momentum=per_run([o.momentum for o in optimizers])[:, None],
        nesterov=optimizers[0].nesterov,
    )


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
    for per_run in (panel.scale, panel.keep, panel.step, panel.decay, panel.momentum):
        per_run[run] = 0
    panel.weight[:, run] = 0
    if panel.velocity is not None:
        panel.velocity[:, run] = 0


def unused_factor(optimizer: OptimizerConfig, updates: int) -> float:
    """What ``updates`` steps multiply a weight with whose gradient is always 0."""
    weight, velocity = 1.0, 0.0
    if not optimizer.weight_decay:
        return weight
    for _ in range(updates):
        gradient = optimizer.weight_decay * weight
        velocity = optimizer.momentum * velocity + gradient
        step = gradient + optimizer.momentum * velocity if optimizer.nesterov else velocity
        weight -= optimizer.lr * step
    return weight
