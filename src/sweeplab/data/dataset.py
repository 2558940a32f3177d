"""The training and validation images of one run, nested and fixed as the configuration says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sweeplab.config import DataConfig
from sweeplab.data.source import RawData
from sweeplab.data.sources import SOURCES
from sweeplab.errors import ConfigError


@dataclass(frozen=True, eq=False)
class Dataset:
    """What one run trains and validates on. N examples, M for validation, D features."""

    train_images: Tensor  # float32 [N, D], scaled to 0..1 as torchvision's ToTensor does
    train_labels: Tensor  # int64 [N]
    val_images: Tensor  # float32 [M, D]
    val_labels: Tensor  # int64 [M]
    image_shape: tuple[int, int]  # height, width; D is their product
    brightest: int  # the raw pixel value that was scaled to 1
    class_names: tuple[str, ...]
    checksum: str  # SHA-256 of the raw pixels and labels above, in hexadecimal

    @property
    def features(self) -> int:
        return self.train_images.shape[1]

    @property
    def classes(self) -> int:
        return len(self.class_names)


def load(config: DataConfig) -> Dataset:
    """The images that ``config`` chooses. Equal configurations share one object in memory.

    Raises:
        ConfigError: the data set is unknown, or too small for ``train_size`` or ``val_size``.
        DataError: its files are absent and cannot be had, or are damaged.
    """
    root = str(Path(config.root).absolute())
    data = config.name, root, config.train_size, config.val_size, config.val_start
    return _load(*data, config.train_draw)


def load_test(config: DataConfig) -> tuple[Tensor, Tensor]:
    """The test images ``[M, D]``, scaled, and their labels ``[M]``. Errors as :func:`load`."""
    raw = _raw(config.name, str(Path(config.root).absolute()))
    return _scaled(raw.test_images, raw.brightest), raw.test_labels


@lru_cache(maxsize=4)
def _raw(name: str, root: str) -> RawData:
    if name not in SOURCES:
        raise ConfigError(f"data.name must be one of {', '.join(SOURCES)}, but is '{name}'.")
    return SOURCES[name].read(Path(root))


@lru_cache(maxsize=32)
def _load(
    name: str, root: str, train_size: int, val_size: int, val_start: int, train_draw: int
) -> Dataset:
    raw = _raw(name, root)
    there = len(raw.labels)
    val_end = val_start + val_size
    if val_end > there:
        raise ConfigError(
            f"data.val_start + data.val_size must not exceed the {there} images of {name} in "
            f"{root}, but is {val_start} + {val_size}."
        )
    if train_size > there - val_size:
        raise ConfigError(
            f"data.train_size must not exceed {there - val_size} ({there} images of {name} in "
            f"{root}, less data.val_size = {val_size}), but is {train_size}."
        )
    others = torch.cat([torch.arange(val_start), torch.arange(val_end, there)])
    train = others[_order(train_draw, len(others))[:train_size]]
    known = raw.images[train], raw.labels[train]
    held_out = raw.images[val_start:val_end], raw.labels[val_start:val_end]
    return Dataset(
        train_images=_scaled(known[0], raw.brightest),
        train_labels=known[1],
        val_images=_scaled(held_out[0], raw.brightest),
        val_labels=held_out[1],
        brightest=raw.brightest,
        image_shape=(raw.images.shape[1], raw.images.shape[2]),
        class_names=SOURCES[name].classes,
        checksum=_checksum(known, held_out),
    )


def _order(draw: int, examples: int) -> Tensor:
    """The order ``[examples]`` in which a draw takes them: for 0 as they come, else at random.

    The third number of the seed keeps it unrelated to the order of batches in training.
    """
    if draw == 0:
        return torch.arange(examples)
    mixed = int(np.random.SeedSequence((draw, 0, 1)).generate_state(1, np.uint64)[0])
    return torch.randperm(examples, generator=torch.Generator().manual_seed(mixed))


def _scaled(images: Tensor, brightest: int) -> Tensor:
    return images.reshape(len(images), -1).to(torch.float32).div(brightest)


def _checksum(*parts: tuple[Tensor, Tensor]) -> str:
    digest = hashlib.sha256()
    for images, labels in parts:
        # The counts keep (train 2, val 1) apart from (train 1, val 2) of the same images.
        digest.update(f"{list(images.shape)};".encode())
        digest.update(images.numpy().data)
        digest.update(labels.numpy().data)
    return digest.hexdigest()
