"""Small sweeps with real run folders, their numbers chosen by hand; nothing is trained."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from sweeplab.config import RunConfig, to_dict
from sweeplab.parse import from_dict
from sweeplab.results import Curves, RunResult
from sweeplab.runs.folder import RunFolder, RunIdentity
from sweeplab.runs.record import signature
from sweeplab.runs.write import write_failure, write_hydra_files, write_result
from sweeplab.sweeps.settings import METRIC

LR, WD = "optimizer.lr", "optimizer.weight_decay"
ENVIRONMENT = {"python": "3.11", "git": {"commit": "abc", "dirty": False}, "command": ["sweeplab"]}
DIGITS = {"data": {"name": "digits", "train_size": 100, "val_size": 50, "val_start": 100}}


def config(**values: Any) -> RunConfig:
    """The tutorial's configuration on digits, with dotted keys written ``optimizer__lr=0.1``."""
    tree = to_dict(from_dict(DIGITS))
    for key, value in values.items():
        *heads, last = key.split("__")
        node = tree
        for head in heads:
            node = node[head]
        node[last] = value
    return from_dict(tree)


def curves(accuracies: Sequence[float], every: int = 10, batch: int = 10) -> Curves:
    """Validation accuracies at iterations 0, ``every``, ...; training is 0.05 better."""
    last = (len(accuracies) - 1) * every
    iteration = np.arange(last + 1)
    rows = iteration % every == 0
    val = np.full(last + 1, np.nan)
    val[rows] = accuracies
    loss = np.where(rows, 2.4 - 2 * val, np.nan).astype(np.float32)
    noise = np.linspace(2.3, 0.5, last + 1, dtype=np.float32)
    return Curves(
        iteration=iteration,
        epoch=np.ceil(iteration * batch / 100).astype(np.int64),
        examples=iteration * batch,
        batch_loss=np.where(iteration == 0, np.nan, noise).astype(np.float32),
        train_loss=loss,
        train_accuracy=val + 0.05,
        val_loss=loss + np.float32(0.1),
        val_accuracy=val,
    )


def write_run(
    folder: Path,
    accuracies: Sequence[float] | None,
    *,
    diverged_at: int | None = None,
    seconds: float = 1.0,
    weight: Any = None,
    bias: Any = None,
    **values: Any,
) -> RunFolder:
    """One run's folder; without ``accuracies``, that of a failed run."""
    run = RunFolder(folder)
    chosen = config(**values)
    checksum = f"checksum of {chosen.data.name} {chosen.data.train_size}"
    identity = RunIdentity(chosen, signature(chosen, checksum, 1), checksum, 1)
    write_hydra_files(run, {"config": json.dumps(to_dict(chosen))})
    if accuracies is None:
        write_failure(run, identity, RuntimeError("a <planted> failure"), ENVIRONMENT)
        return run
    result = RunResult(
        config=chosen,
        status="completed" if diverged_at is None else "diverged",
        curves=curves(accuracies, batch=chosen.batch_size),
        weight=np.zeros((10, 64), np.float32) if weight is None else weight,
        bias=np.zeros(10, np.float32) if bias is None else bias,
        diverged_at=diverged_at,
        device="cpu",
        seconds=seconds,
        stack_runs=2,
    )
    write_result(run, identity, result, ENVIRONMENT)
    return run


def accuracy_of(values: Mapping[str, Any]) -> list[float]:
    """A made-up learning curve that depends on every knob a little."""
    peak = 0.9 - 0.1 * abs(np.log10(values["optimizer__lr"]) + 1)
    peak -= values["optimizer__weight_decay"] + values["batch_size"] / 1000
    peak += values["data__train_size"] / 2000 + values["seed"] / 100
    return [round(float(0.1 + (peak - 0.1) * step), 3) for step in (0, 0.5, 0.8, 0.95, 1)]


def write_grid(folder: Path, *, seeds: int = 2) -> Path:
    """Four knobs of two values, one run diverged, one failed, and the images beside them."""
    grid = {
        "optimizer__lr": (0.01, 0.1, 1.0),
        "optimizer__weight_decay": (0.0, 0.01),
        "batch_size": (10, 20),
        "data__train_size": (50, 100),
        "seed": tuple(range(seeds)),
    }
    combinations = [dict(zip(grid, v, strict=True)) for v in itertools.product(*grid.values())]
    for i, values in enumerate(combinations):
        if i == len(combinations) - 1:
            write_run(folder / str(i), None, **values)
        elif i == len(combinations) - 2:
            write_run(folder / str(i), [0.1, 0.2], diverged_at=14, **values)
        else:
            write_run(folder / str(i), accuracy_of(values), **values)
    write_images(folder)
    return folder


def write_images(folder: Path, name: str = "digits") -> None:
    """Random pixels with labels 0 to 9. A model of zeros calls each of them a 0: 10 % right."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    labels = np.arange(50) % 10
    save_file(
        {
            "train_images": rng.integers(0, 17, (18, 8, 8), dtype=np.uint8),
            "train_labels": np.arange(18) % 10,
            "val_images": rng.integers(0, 17, (50, 8, 8), dtype=np.uint8),
            "val_labels": labels,
        },
        folder / "images" / f"{name}.safetensors",
        metadata={"classes": json.dumps([str(i) for i in range(10)]), "brightest": "16"},
    )


def two_knobs() -> pd.DataFrame:
    """Two learning rates by two weight decays, two seeds; the last setting diverged throughout."""
    rows = [
        # lr, wd, seed, accuracy
        (0.1, 0.0, 0, 0.80),
        (0.1, 0.0, 1, 0.84),
        (0.1, 0.5, 0, 0.70),
        (0.1, 0.5, 1, 0.70),
        (1.0, 0.0, 0, 0.90),
        (1.0, 0.0, 1, np.nan),
        (1.0, 0.5, 0, np.nan),
        (1.0, 0.5, 1, np.nan),
    ]
    frame = pd.DataFrame(rows, columns=[LR, WD, "seed", METRIC])
    frame["status"] = np.where(frame[METRIC].isna(), "diverged", "completed")
    for which in ("best", "final"):
        for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
            frame[f"{which}_{name}"] = frame[METRIC] + (0.1 if "train" in name else 0)
    return frame.assign(best_iteration=10, final_iteration=20)
