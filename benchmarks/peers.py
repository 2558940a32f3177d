"""The stacked engine against the strongest peers: JAX's and PyTorch's ``vmap`` of the same loop.

All train the same settings of one seed on the same batches and evaluate as often, in one process,
in turns, so that a machine whose speed drifts treats them alike. JAX is warm: compiled before. A
peer that is not installed is left out (``pip install sweeplab[bench]`` for JAX).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from training import grid

from sweeplab import model
from sweeplab.config import RunConfig
from sweeplab.data import Dataset
from sweeplab.training import plan_stacks, train_stack
from sweeplab.training.schedule import batches, evaluation_gap

Train = Callable[[Sequence[RunConfig]], Any]

BATCH_SIZES, RUNS = (4, 16, 64, 256), (1, 16, 64, 512)
FEW = 64  # runs at which batch sizes are compared


def measure(dataset: Dataset, base: RunConfig, turns: int = 3) -> list[dict[str, Any]]:
    """A row for each batch size, at ``FEW`` runs, and for each number of runs, at ``base``'s."""
    wanted = [(size, FEW) for size in BATCH_SIZES] + [(base.batch_size, runs) for runs in RUNS]
    return [_row(dataset, replace(base, batch_size=b), r, turns) for b, r in dict.fromkeys(wanted)]


def _row(dataset: Dataset, base: RunConfig, runs: int, turns: int) -> dict[str, Any]:
    configs = grid(base, runs=256)
    configs = (configs * 2)[:runs]

    def stacked(chosen: Sequence[RunConfig]) -> None:
        for stack in plan_stacks(chosen):
            train_stack([chosen[i] for i in stack], dataset)

    ways: dict[str, Train] = {"stacked": stacked}
    for name, make in (("jax", with_jax), ("torch_vmap", with_torch)):
        # Thousands of small steps of PyTorch's vmap take minutes.
        if name == "torch_vmap" and (base.batch_size < 64 or runs > FEW):
            continue
        try:
            ways[name] = make(dataset, base)
        except ImportError:
            print(f"{name} is not installed, and left out")
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, train in ways.items():
            started = time.perf_counter()
            train(configs)
            if turn:  # the first compiles and warms up
                found[name].append((time.perf_counter() - started) / runs * 1000)
    ratios = {
        name: statistics.median(a / b for a, b in zip(times, found["stacked"], strict=True))
        for name, times in found.items()
        if name != "stacked"
    }
    return {
        "batch_size": base.batch_size,
        "runs": runs,
        "ms_a_run": {name: statistics.median(times) for name, times in found.items()},
        "times_faster_than": ratios,
    }


def _order(config: RunConfig) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The examples ``[T, B]`` of every update."""
    return torch.stack(list(batches(config))).numpy()


def with_jax(dataset: Dataset, config: RunConfig) -> Train:
    """``vmap`` over the runs of ``scan`` over the updates, compiled as one program."""
    import jax
    import jax.numpy as jnp

    sets = [
        (jnp.asarray(images.numpy()), jnp.asarray(labels.numpy()))
        for images, labels in (
            (dataset.train_images, dataset.train_labels),
            (dataset.val_images, dataset.val_labels),
        )
    ]
    gap, order = evaluation_gap(config), _order(config)
    whole = len(order) // gap * gap
    parts = [jnp.asarray(order[:whole].reshape(-1, gap, order.shape[1]))]
    if whole < len(order):
        parts.append(jnp.asarray(order[None, whole:]))

    def loss(weights: Any, images: Any, labels: Any) -> Any:
        scores = images @ weights[0].T + weights[1]
        return -jax.nn.log_softmax(scores)[jnp.arange(len(labels)), labels].mean()

    def evaluated(weights: Any) -> Any:
        def one(images: Any, labels: Any) -> Any:
            scores = images @ weights[0].T + weights[1]
            likelihood = jax.nn.log_softmax(scores)[jnp.arange(len(labels)), labels]
            return -likelihood.mean(), (scores.argmax(1) == labels).mean()

        return [one(*each) for each in sets]

    def run(weight: Any, bias: Any, lr: Any, decay: Any) -> Any:
        def step(weights: Any, batch: Any) -> Any:
            images, labels = sets[0][0][batch], sets[0][1][batch]
            value, gradient = jax.value_and_grad(loss)(weights, images, labels)
            return [w - lr * (g + decay * w) for w, g in zip(weights, gradient, strict=True)], value

        def block(weights: Any, chosen: Any) -> Any:
            weights, losses = jax.lax.scan(step, weights, chosen)
            return weights, (losses, evaluated(weights))

        weights, curves = [weight, bias], [evaluated([weight, bias])]
        for part in parts:
            weights, curve = jax.lax.scan(block, weights, part)
            curves.append(curve)
        return weights, curves

    compiled = jax.jit(jax.vmap(run, in_axes=(None, None, 0, 0)))

    def train(configs: Sequence[RunConfig]) -> Any:
        first = model.initial_weights(config.seed, dataset.features, dataset.classes)
        lrs, decays = _knobs(configs)
        result = compiled(*(each.numpy() for each in first), lrs.numpy(), decays.numpy())
        return jax.tree.map(np.asarray, result)

    return train


def with_torch(dataset: Dataset, config: RunConfig) -> Train:
    """``torch.func.vmap`` over the runs of ``grad_and_value``, update by update."""
    from torch.func import grad_and_value, vmap
    from torch.nn.functional import cross_entropy

    order, gap = torch.from_numpy(_order(config)), evaluation_gap(config)

    def loss(weights: tuple[Any, Any], images: Any, labels: Any) -> Any:
        return cross_entropy(images @ weights[0].T + weights[1], labels)

    def evaluated(weights: tuple[Any, Any], images: Any, labels: Any) -> Any:
        scores = images @ weights[0].T + weights[1]
        return cross_entropy(scores, labels), (scores.argmax(1) == labels).float().mean()

    stepped = vmap(grad_and_value(loss), in_dims=(0, None, None))
    everyone = vmap(evaluated, in_dims=(0, None, None))

    def train(configs: Sequence[RunConfig]) -> Any:
        lrs, decays = _knobs(configs)
        first = model.initial_weights(config.seed, dataset.features, dataset.classes)
        weights = tuple(each.expand(len(configs), *each.shape).clone() for each in first)
        curves = []
        with torch.no_grad():
            for i, batch in enumerate(order, start=1):
                images, labels = dataset.train_images[batch], dataset.train_labels[batch]
                gradients, value = stepped(weights, images, labels)
                for weight, gradient in zip(weights, gradients, strict=True):
                    shape = -1, *[1] * (weight.ndim - 1)
                    weight.sub_(lrs.view(shape) * (gradient + decays.view(shape) * weight))
                curves.append(value)
                if i % gap == 0 or i == len(order):
                    for each in (
                        (dataset.train_images, dataset.train_labels),
                        (dataset.val_images, dataset.val_labels),
                    ):
                        curves += everyone(weights, *each)
        return weights, curves

    return train


def _knobs(configs: Sequence[RunConfig]) -> tuple[torch.Tensor, torch.Tensor]:
    """Learning rates and weight decays, each ``[R]``."""
    optimizers = [config.optimizer for config in configs]
    return (
        torch.tensor([each.lr for each in optimizers]),
        torch.tensor([each.weight_decay for each in optimizers]),
    )
