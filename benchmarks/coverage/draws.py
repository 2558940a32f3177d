"""``python benchmarks/coverage/draws.py``: do intervals over draws cover the training images?

Sweeps over draws of the training images, taken from real runs.

32 settings on MNIST with 100 and 500 training images, each trained on 24 draws with 4 seeds, in
half a minute, and kept in the user's cache folder; the truth is what all of them do on the 10,500
images that none of them trained on.
"""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
from bank import CACHE, Bank
from drawn import Drawn
from measure import Measured, seen
from table import summary

from sweeplab.config import DataConfig, OptimizerConfig, RunConfig
from sweeplab.data import load, load_test
from sweeplab.statistics.intervals import accuracy_interval
from sweeplab.statistics.predictions import correct_of
from sweeplab.training import plan_stacks, train_stack

GRID: dict[str, list[float]] = {
    "data.train_size": [100, 500],
    "batch_size": [16, 64],
    "optimizer.lr": [0.03, 0.1, 0.3, 1.0],
    "optimizer.weight_decay": [0.0, 0.01],
}
DRAWS, SEEDS = 24, 4
REPEATS = 100  # sweeps of each kind
# Draws and seeds of a sweep, and its validation images; with one draw as is done without them.
SWEEPS = [(1, 4, 500), (5, 1, 500), (5, 3, 500), (1, 4, 5000), (5, 3, 5000)]


def main() -> None:
    """Measure and print, each mean with the simulation's own standard error."""
    runs, rng = bank(), np.random.default_rng(0)
    rows = []
    for size, (draws, seeds, images) in product(GRID["data.train_size"], SWEEPS):
        swept = (sweep(runs, rng, size, draws, seeds, images) for _ in range(REPEATS))
        found = summary(map(held, swept)).set_index("measure")
        rows.append(
            {"training images": int(size), "draws": draws, "seeds": seeds, "images": images}
            | {
                name: f"{row['mean']:.3f} ± {row['error']:.3f}"
                for name, row in found.to_dict("index").items()
            }
        )
        print(".", end="", flush=True)
    print(f"\n{pd.DataFrame(rows).to_string(index=False)}")


def held(drawn: Drawn) -> Measured:
    """Whether the interval of each setting's accuracy holds the truth; whether the best is kept."""
    one = seen(drawn)
    tied = one.among
    found = [accuracy_interval(one.model, k) for k in range(len(one.settings))]
    return {
        "interval holds the truth": float(
            np.mean(
                [
                    own is not None and own.low <= truth <= own.high
                    for own, truth in zip(found, drawn.truth, strict=True)
                ]
            )
        ),
        "its width": float(np.mean([own.high - own.low for own in found if own is not None])),
        "best lost": float(not tied[int(np.argmax(drawn.truth))]),
    }


def sweep(
    bank: Bank, rng: np.random.Generator, size: float, draws: int, seeds: int, images: int
) -> Drawn:
    """A sweep of the settings with so many training images, over draws crossed with seeds."""
    rows = np.flatnonzero(bank.settings["data.train_size"] == size)
    draw = rng.choice(DRAWS, draws, replace=False)
    seed = rng.choice(SEEDS, seeds, replace=False)
    shown = np.sort(rng.choice(bank.images, images, replace=False))
    runs = (draw[:, None] * SEEDS + seed).ravel()
    return Drawn(
        settings=bank.settings.iloc[rows].reset_index(drop=True),
        right=bank.answers(rows, runs, shown),
        truth=bank.truth[rows],
        spread=bank.accuracy[rows].std(axis=1, ddof=1),
        draws=draws,
    )


def bank() -> Bank:
    """The runs, from the cache or trained now: ``[K, DRAWS * SEEDS]``, the seeds of a draw side
    by side."""
    file = CACHE / f"coverage-draws-{DRAWS}-{SEEDS}.npz"
    settings = pd.DataFrame(list(product(*GRID.values())), columns=list(GRID))
    if not file.is_file():
        bits, images = _train(settings)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, bits=bits, images=images)
    with np.load(file) as saved:
        bits, images = saved["bits"], int(saved["images"])
    return Bank(GRID, settings, bits, images, np.bitwise_count(bits).sum(axis=-1) / images)


def _train(settings: pd.DataFrame) -> tuple[np.ndarray, int]:
    root = os.environ.get("SWEEPLAB_DATA", "data")
    configs = [
        RunConfig(
            data=DataConfig(name="mnist", root=root, train_size=int(size), train_draw=draw),
            batch_size=int(batch),
            optimizer=replace(OptimizerConfig(), lr=lr, weight_decay=decay),
            seed=seed,
            eval_every=10**6,
        )
        for size, batch, lr, decay in settings.itertuples(index=False, name=None)
        for draw in range(1, DRAWS + 1)
        for seed in range(SEEDS)
    ]
    known = load(configs[0].data)
    test, labels = load_test(configs[0].data, known.inputs)
    pixels = np.concatenate([known.val_images.numpy(), test])
    true = np.concatenate([known.val_labels.numpy(), labels.numpy()])
    bits = np.zeros((len(configs), (len(true) + 7) // 8), dtype=np.uint8)
    for stack in plan_stacks(configs):
        results = train_stack([configs[i] for i in stack], load(configs[stack[0]].data))
        weights = [(result.weight, result.bias) for result in results]
        bits[stack] = np.packbits(correct_of(weights, pixels, true), axis=1)
    return bits.reshape(len(settings), DRAWS * SEEDS, -1), len(true)


if __name__ == "__main__":
    main()
