"""Linear probes: heads of many learning rates on frozen features, against what one writes by hand.

The features are synthetic, since only their sizes matter: Gaussian clusters of 20,000 x 768 in 100
classes, as of a ViT-B, and one of MNIST's shape. The hand-written loop is that of the repositories
of self-supervised learning: an ``nn.Linear`` for each learning rate, all fed the same batch, one
SGD with a parameter group for each head. scikit-learn's ``LogisticRegression`` is given the L2
strength that suits the data best of five, and as few iterations as reach the stack's accuracy.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from process import timed
from torch import Tensor

import sweeplab
from sweeplab.config import RunConfig
from sweeplab.data import load, resolve
from sweeplab.data.arrays import hand_over
from sweeplab.training import train_stack

BATCH, MOMENTUM = 128, 0.9
RATES = [float(rate) for rate in np.logspace(-4, -0.5, 16)]
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def clusters(
    examples: int, features: int, classes: int, spread: float
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features ``[N, D]`` around a centre for each class, and the classes ``[N]``."""
    make = np.random.default_rng(0)
    centres = make.standard_normal((classes, features), dtype=np.float32) * np.float32(spread)
    labels = make.integers(0, classes, examples)
    return make.standard_normal((examples, features), dtype=np.float32) + centres[labels], labels


def measure(*, quick: bool = False) -> dict[str, Any]:
    """Seconds of each way, accuracies, and the share of the machine's product rate."""
    train, val, classes = (2000, 500, 20) if quick else (20_000, 4000, 100)
    images, labels = clusters(train + val, 768, classes, 0.11)
    data = {
        "X": images[:train],
        "y": labels[:train],
        "X_val": images[train:],
        "y_val": labels[train:],
    }
    config = sweeplab.data_config("arrays")
    config.path = hand_over(data)
    config.scale, config.order, config.test_share = "none", "file", 0.0
    config = resolve(config)
    configs = [
        RunConfig(
            data=config,
            batch_size=BATCH,
            epochs=1,
            eval_every="epoch",
            eval_train=1000,
            optimizer=sweeplab.OptimizerConfig(rate, momentum=MOMENTUM),
        )
        for rate in RATES
    ]

    dataset = load(configs[0].data)

    def stack() -> list[float]:
        return [float(r.curves.val_accuracy[-1]) for r in train_stack(configs, dataset)]

    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    ways = {"stack": stack, "loop": lambda: by_hand(x, y, train, classes)}
    times: dict[str, list[float]] = {name: [] for name in ways}
    best = {}
    for turn in range(2 if quick else 4):
        for name, way in ways.items():
            started = time.perf_counter()
            best[name] = max(way())
            if turn:  # the first warms up
                times[name].append(time.perf_counter() - started)
    seconds = {name: min(found) for name, found in times.items()}
    flop = 16 * (train // BATCH) * 4 * BATCH * 768 * classes
    rate = product_rate(classes)
    return {
        "train": train,
        "classes": classes,
        "threads": torch.get_num_threads(),
        "seconds": seconds,
        "accuracy": best,
        "times_faster_than_the_loop": seconds["loop"] / seconds["stack"],
        "product_gflops": rate / 1e9,
        "share_of_product_rate": flop / seconds["stack"] / rate,
        "scikit_learn": logistic(data, best["stack"]),
        "whole": None if quick else whole(),
    }


def by_hand(x: Tensor, y: Tensor, train: int, classes: int) -> list[float]:
    """The loop of the repositories: validation accuracy of each head after an epoch."""
    heads = torch.nn.ModuleList([torch.nn.Linear(x.shape[1], classes) for _ in RATES])
    groups = [
        {"params": head.parameters(), "lr": rate} for head, rate in zip(heads, RATES, strict=True)
    ]
    sgd = torch.optim.SGD(groups, lr=0.0, momentum=MOMENTUM)
    for batch in torch.randperm(train)[: train // BATCH * BATCH].view(-1, BATCH):
        seen, true = x[batch], y[batch]
        loss = sum(torch.nn.functional.cross_entropy(head(seen), true) for head in heads)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
    with torch.no_grad():
        right = [head(x[train:]).argmax(1) == y[train:] for head in heads]
    return [float(found.float().mean()) for found in right]


def logistic(data: dict[str, NDArray[Any]], accuracy: float) -> dict[str, float]:
    """scikit-learn's seconds for one model at least as accurate, of the fewest iterations."""
    from sklearn.linear_model import LogisticRegression

    found: dict[str, float] = {}
    for limit in (5, 10, 20, 40):
        for strength in STRENGTHS:
            started = time.perf_counter()
            model = LogisticRegression(C=strength, max_iter=limit)
            model.fit(data["X"], data["y"])
            seconds = time.perf_counter() - started
            score = float(model.score(data["X_val"], data["y_val"]))
            if score > found.get("accuracy", -1.0):
                found = {
                    "C": strength,
                    "iterations": limit,
                    "seconds": seconds,
                    "accuracy": score,
                }
        if found["accuracy"] >= accuracy:
            break
    return found


def product_rate(classes: int) -> float:
    """FLOP a second of the two products of an update, of 16 heads, as fast as PyTorch has them."""
    weight, batch = torch.randn(16 * classes, 768), torch.randn(BATCH, 768)
    gradient = torch.randn(16 * classes, BATCH)
    fastest = []
    for product in (lambda: weight @ batch.T, lambda: gradient @ batch):
        times = []
        for _ in range(30):
            started = time.perf_counter()
            product()
            times.append(time.perf_counter() - started)
        fastest.append(min(times))
    return 2 * 2 * 16 * classes * BATCH * 768 / sum(fastest)


def whole() -> dict[str, float]:
    """All of MNIST's shape, 64 settings, two epochs, as a command: its seconds and its memory."""
    with TemporaryDirectory(prefix="sweeplab-benchmark-") as folder:
        images, labels = clusters(70_000, 784, 10, 0.06)
        path = Path(folder, "whole.npz")
        np.savez(
            path,
            X=images[:60_000],
            y=labels[:60_000],
            X_val=images[60_000:],
            y_val=labels[60_000:],
        )
        data = images.nbytes
        del images
        words = [
            *(sys.executable, "-m", "sweeplab", "train", "-m", "data=arrays"),
            *(f"data.path={path}", "epochs=2", "eval_every=epoch"),
            "optimizer.lr=" + ",".join(f"{rate:.4g}" for rate in RATES),
            "optimizer.weight_decay=0,1e-4,1e-3,1e-2",
            *(f"hydra.sweep.dir={folder}/sweep", "hydra.sweeper.report=false"),
        ]
        seconds, peak = timed(words)
    return {"seconds": seconds, "peak_bytes": peak, "data_bytes": data, "settings": 64}
