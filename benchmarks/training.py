"""Training alone, in one process: the tutorial's loop, ``train_one``, ``train_stack``.

The three take turns, so that a machine whose speed drifts treats them alike; ratios are taken
turn by turn. The rate of the machine's matrix products is measured on the stack's own shapes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import tutorial_loop

from sweeplab.config import OptimizerConfig, RunConfig
from sweeplab.data import Dataset
from sweeplab.training import iterations, plan_stacks, train_one, train_stack

PANEL = 16  # runs in a panel of the stacked engine
LRS = [0.001 * 1.5**i for i in range(16)]
WEIGHT_DECAYS = [0.0, *(1e-5 * 2**i for i in range(15))]


def grid(base: RunConfig, seeds: int = 1, runs: int = 256) -> list[RunConfig]:
    """``runs`` combinations of learning rate, weight decay and seed."""
    settings = [OptimizerConfig(lr, decay) for lr in LRS for decay in WEIGHT_DECAYS]
    return [
        replace(base, optimizer=optimizer, seed=seed)
        for optimizer in settings[: runs // seeds]
        for seed in range(seeds)
    ]


def measure(dataset: Dataset, base: RunConfig, turns: int = 5) -> dict[str, Any]:
    """Milliseconds a run of each, their ratios, and the share of the matrix products' rate."""
    configs = grid(base)

    def stacked() -> None:
        for stack in plan_stacks(configs):
            train_stack([configs[i] for i in stack], dataset)

    ways: dict[str, tuple[Callable[[], object], int]] = {
        "tutorial": (lambda: tutorial_loop.seconds(dataset, 4), 5),
        "train_one": (lambda: [train_one(config, dataset) for config in configs[:10]], 10),
        "train_stack": (stacked, len(configs)),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    rates = []
    for turn in range(turns + 1):
        for name, (work, runs) in ways.items():
            started = time.perf_counter()
            work()
            if turn:  # the first warms up
                found[name].append((time.perf_counter() - started) / runs * 1000)
        rates.append(_product_rate(dataset, base))
    per_run = {name: statistics.median(times) for name, times in found.items()}
    ratios = {
        name: statistics.median(
            other / stack for other, stack in zip(times, found["train_stack"], strict=True)
        )
        for name, times in found.items()
        if name != "train_stack"
    }
    flops = _flops(dataset, base)
    rate = statistics.median(rates)
    return {
        "settings": len(configs),
        "ms_a_run": per_run,
        "times_faster_than": ratios,
        "gflop_a_run": flops / 1e9,
        "product_gflops": rate / 1e9,
        "share_of_product_rate": flops / (per_run["train_stack"] / 1000) / rate,
    }


def _flops(dataset: Dataset, config: RunConfig) -> float:
    """Of the products of one run: forward and gradient each update, scores each evaluation.

    Only pixels that are not blank in every image count: the others are left out of the products.
    """
    lit = ((dataset.train_images != 0).any(0) | (dataset.val_images != 0).any(0)).sum().item()
    weights = 2 * dataset.classes * lit
    evaluations = -(-iterations(config) // config.eval_every) + 1
    images = len(dataset.train_labels) + len(dataset.val_labels)
    return weights * (2 * config.batch_size * iterations(config) + images * evaluations)


def _product_rate(dataset: Dataset, config: RunConfig) -> float:
    """FLOP a second of ``torch.mm`` on the stack's shapes, mixed as training mixes them."""
    features, rows = dataset.features, PANEL * dataset.classes
    weight = torch.randn(rows, features)
    batch = torch.randn(config.batch_size, features)
    images = torch.cat([dataset.train_images, dataset.val_images])
    gradient = torch.randn(rows, config.batch_size)
    shapes = [  # the product, and how often for each evaluation
        (lambda: weight @ batch.t(), rows * features * config.batch_size, config.eval_every),
        (lambda: gradient @ batch, rows * features * config.batch_size, config.eval_every),
        (lambda: weight @ images.t(), rows * features * len(images), 1),
    ]
    work, total = 0.0, 0.0
    for product, multiplications, often in shapes:
        times = []
        for _ in range(15):
            started = time.perf_counter()
            product()
            times.append(time.perf_counter() - started)
        work += 2 * multiplications * often
        total += statistics.median(times) * often
    return work / total
