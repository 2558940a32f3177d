"""Real runs to draw sweeps from: two grids on MNIST with many seeds, and the truth.

Which of 13,000 images that no run trained on each run classifies rightly is kept, so that a
sweep can be drawn with seeds and validation images of its own, and held against what all
seeds do on all images. Trained once, in minutes, and kept in the user's cache folder.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sweeplab.config import DataConfig, OptimizerConfig, RunConfig
from sweeplab.data import load
from sweeplab.data.sources import SOURCES
from sweeplab.statistics.predictions import correct_of
from sweeplab.training import plan_stacks, train_stack

Grid = dict[str, list[float]]

# experiments/grid.yaml, which the constants of the statistics were chosen on.
SHIPPED: Grid = {
    "data.train_size": [250, 700, 2000],
    "batch_size": [4, 16, 64, 250],
    "optimizer.lr": [0.01, 0.03, 0.1, 0.3, 1.0],
    "optimizer.weight_decay": [0.0, 0.001, 0.01, 0.1],
}
# Other values with momentum, on which nothing was chosen.
HELD_OUT: Grid = {
    "data.train_size": [400, 1000, 1500],
    "batch_size": [8, 32, 100, 200],
    "optimizer.lr": [0.003, 0.02, 0.05, 0.2, 0.5],
    "optimizer.weight_decay": [0.0, 0.0003, 0.003, 0.03],
}
MOMENTUM = {"shipped": 0.0, "held-out": 0.8}
GRIDS = {"shipped": SHIPPED, "held-out": HELD_OUT}
SEEDS = 48
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sweeplab"


@dataclass(frozen=True)
class Bank:
    """K settings of the grid, each with S seeds, none of which diverged."""

    grid: Grid
    settings: pd.DataFrame  # [K] rows, a column a knob
    bits: NDArray[np.uint8]  # [K, S, M / 8]: whether each image is classified rightly
    images: int  # M
    accuracy: NDArray[np.float64]  # [K, S], on all M

    @property
    def truth(self) -> NDArray[np.float64]:
        """What each setting reaches on average over seeds and images, ``[K]``."""
        return self.accuracy.mean(axis=1)

    def answers(
        self, settings: NDArray[np.intp], seeds: NDArray[np.intp], images: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """``[k, s, m]`` for some of the settings, seeds (``[s]`` or ``[k, s]``) and images."""
        seeds = np.broadcast_to(seeds, (len(settings), seeds.shape[-1]))
        bits = self.bits[settings[:, None], seeds]
        return np.unpackbits(bits, axis=-1, count=self.images)[..., images].astype(np.bool_)


def file_of(name: str, seeds: int = SEEDS) -> Path:
    """Where the runs of a grid are kept."""
    return CACHE / f"coverage-{'' if name == 'shipped' else f'{name}-'}{seeds}.npz"


def bank(name: str = "shipped", seeds: int = SEEDS) -> Bank:
    """The bank of a grid in ``GRIDS`` from the cache, or trained now."""
    grid = GRIDS[name]
    file = file_of(name, seeds)
    if not file.is_file():
        _train(file, grid, MOMENTUM[name], seeds)
    with np.load(file) as saved:
        bits, stable = saved["bits"], saved["stable"]
        images = int(saved["images"])
    settings = pd.DataFrame(list(product(*grid.values())), columns=list(grid))
    settings = settings.astype({"data.train_size": int, "batch_size": int})
    accuracy = np.bitwise_count(bits).sum(axis=-1) / images
    return Bank(
        grid, settings[stable].reset_index(drop=True), bits[stable], images, accuracy[stable]
    )


def _train(file: Path, grid: Grid, momentum: float, seeds: int) -> None:
    root = os.environ.get("SWEEPLAB_DATA", "data")
    raw = SOURCES["mnist"].read(DataConfig("mnist", root))
    start, size = 2000, 500  # validation images come first among the unseen
    unseen = torch.cat([raw.images[start:], raw.test_images])
    labels = torch.cat([raw.labels[start:], raw.test_labels]).numpy().astype(np.int64)
    pixels = unseen.reshape(len(unseen), -1).numpy().astype(np.float32) / np.float32(raw.brightest)
    combinations = list(product(*grid.values()))
    configs = [
        RunConfig(
            data=DataConfig("mnist", root, int(train_size), size, start),
            batch_size=int(batch),
            optimizer=OptimizerConfig(lr=lr, weight_decay=decay, momentum=momentum),
            seed=seed,
            eval_every=10**6,
        )
        for train_size, batch, lr, decay in combinations
        for seed in range(seeds)
    ]
    bits = np.zeros((len(configs), (len(labels) + 7) // 8), dtype=np.uint8)
    completed = np.zeros(len(configs), dtype=np.bool_)
    stacks = plan_stacks(configs)
    for number, stack in enumerate(stacks):
        print(f"\rtraining stack {number + 1} of {len(stacks)}", end="", flush=True)
        results = train_stack([configs[i] for i in stack], load(configs[stack[0]].data))
        weights = [(result.weight, result.bias) for result in results]
        bits[stack] = np.packbits(correct_of(weights, pixels, labels), axis=1)
        completed[stack] = [result.status == "completed" for result in results]
    print()
    shape = (len(combinations), seeds)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        file,
        bits=bits.reshape(*shape, -1),
        stable=completed.reshape(shape).all(axis=1),
        images=len(labels),
    )
