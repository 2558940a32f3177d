"""Sweeps with planted truths, for the tests of the statistics; and what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.statistics import Replicates

BASE = {
    "data.name": "mnist",
    "data.train_size": 2000,
    "data.val_size": 500,
    "data.val_start": 2000,
    "batch_size": 64,
    "epochs": 10,
    "optimizer.lr": 0.01,
    "optimizer.weight_decay": 0.0,
}


def answers(
    rng: np.random.Generator,
    level: np.ndarray,
    seeds: int,
    images: int,
    own: float | np.ndarray = 0.0,
    shared: float = 0.0,
    apart: float = 0.7,
    flip: float = 0.5,
) -> np.ndarray:
    """Whether each image is classified rightly, ``[K, S, M]``, from a latent ease of each image.

    Args:
        level: ``[K]``, how good each setting is; equal levels are equally good.
        own: standard deviation of seed effects that each setting has of its own; 0.1 moves an
            accuracy by 1.3 points. One, or ``[K, 1, 1]``.
        shared: the same, of effects that all settings share.
        apart: how differently settings see the images.
        flip: how differently seeds see them.
    """
    k = len(level)
    ease = rng.normal(1.8, 2.0, images)
    latent = ease + level[:, None, None] + rng.normal(0, apart, (k, 1, images))
    latent = latent + rng.normal(0, own, (k, seeds, 1)) + rng.normal(0, shared, (seeds, 1))
    return latent + rng.normal(0, flip, (k, seeds, images)) > 0


def as_replicates(right: np.ndarray, predictions: bool = True) -> Replicates:
    """``[K, S, M]`` answers as the statistics take them."""
    k, s, m = right.shape
    flat = right.reshape(k * s, m)
    return Replicates(
        settings=k,
        setting=np.repeat(np.arange(k), s),
        seed=np.tile(np.arange(s), k),
        accuracy=flat.mean(axis=1),
        correct=flat if predictions else None,
        images=m,
    )


def make_sweep(
    grid: Mapping[str, Sequence[Any]],
    level: Callable[[dict[str, Any]], float],
    seeds: int = 3,
    images: int = 500,
    seed: int = 0,
    apart: float = 0.3,
    own: float = 0.0,
) -> tuple[pd.DataFrame, pd.DataFrame, list[str], list[np.ndarray | None]]:
    """``runs``, ``curves``, ``knobs`` and ``correct`` of a complete grid."""
    rng = np.random.default_rng(seed)
    combinations = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())] or [
        {}
    ]
    levels = np.array([level(setting) for setting in combinations])
    right = answers(rng, levels, seeds, images, own=own, apart=apart)
    rows, correct = [], []
    for setting, of_setting in zip(combinations, right, strict=True):
        for number, of_run in enumerate(of_setting):
            accuracy = float(of_run.mean())
            rows.append(
                {
                    **BASE,
                    "data.val_size": images,
                    **setting,
                    "run": str(len(rows)),
                    "seed": number,
                    "status": "completed",
                    "iterations": 310,
                    "final_iteration": 310,
                    "best_iteration": 250,
                    "final_val_accuracy": accuracy,
                    "best_val_accuracy": accuracy + 0.002,
                    "error": None,
                }
            )
            correct.append(of_run)
    runs = pd.DataFrame(rows)
    return runs, curves_of(runs, lambda at: np.full(len(at), 0.9)), list(grid), correct


def curves_of(
    runs: pd.DataFrame, shape: Callable[[np.ndarray], np.ndarray], noise: float = 0.003
) -> pd.DataFrame:
    """Curves of 32 evaluations, 10 iterations apart, of accuracy ``shape(share of training)``."""
    rng = np.random.default_rng(1)
    at = np.arange(0, 311, 10)
    value = shape(at / 310)
    return pd.DataFrame(
        {
            "run": np.repeat(runs["run"].to_numpy(), len(at)),
            "iteration": np.tile(at, len(runs)),
            "val_accuracy": np.tile(value, len(runs)) + rng.normal(0, noise, len(at) * len(runs)),
        }
    )


def fail(runs: pd.DataFrame, rows: Any, status: str) -> None:
    """Let ``rows`` end in ``status``, without results, in place."""
    runs.loc[rows, "status"] = status
    runs.loc[rows, ["final_val_accuracy", "best_val_accuracy", "final_iteration"]] = np.nan
    if status == "failed":
        runs.loc[rows, "error"] = "RuntimeError: planted"


def test_equal_levels_are_equally_accurate() -> None:
    right = answers(np.random.default_rng(0), np.zeros(3), 2, 40_000)
    assert np.ptp(right.mean(axis=(1, 2))) < 0.01
    assert 0.7 < right.mean() < 0.9
