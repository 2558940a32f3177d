"""Data as users have them: photographs in folders, features in files, tables. All small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save_file
from sklearn.datasets import load_digits, load_wine

ANIMALS = ("cat", "dog", "eel", "fox")
WINES = np.array(["red", "rose", "white"])


def features(classes: int = 10, count: int = 400) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Random features [N, 40] of scikit-learn's digits, sorted by class, and their classes."""
    digits = load_digits()
    chosen = np.flatnonzero(digits.target < classes)[:count]
    chosen = chosen[np.argsort(digits.target[chosen], kind="stable")]
    mix = np.random.default_rng(0).normal(size=(64, 40))
    return np.tanh(digits.data[chosen] / 16 @ mix).astype(np.float32), digits.target[chosen]


def npz(path: Path, **more: NDArray[np.generic]) -> Path:
    """``X`` and ``y`` of :func:`features` in a file, and ``more``."""
    images, labels = features()
    np.savez(path, **({"X": images, "y": labels} | more))  # type: ignore[arg-type]
    return path


def safetensors(path: Path) -> Path:
    images, labels = features()
    save_file({"X": images, "y": labels}, path)
    return path


def wine() -> pd.DataFrame:
    """Thirteen measurements of wines, and two columns of classes: ``sort``, and ``number``."""
    bunch = load_wine()
    table = pd.DataFrame(bunch.data, columns=bunch.feature_names)
    return table.assign(sort=WINES[bunch.target], number=bunch.target)


def csv(path: Path) -> Path:
    wine().drop(columns="number").to_csv(path, index=False)
    return path


def parquet(path: Path) -> Path:
    wine().drop(columns="number").to_parquet(path, index=False)
    return path


def photos(folder: Path, each: int = 50, classes: tuple[str, ...] = ANIMALS) -> Path:
    """A folder for each class, with ``each`` JPEG files of a bar at a place of its own in noise."""
    random = np.random.default_rng(0)
    for n, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            pixels = random.integers(0, 120, (60, 80, 3))
            pixels[10 + n * 10 : 25 + n * 10, 20:60, n % 3] += 120
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i}.jpg", quality=90)
    return folder
