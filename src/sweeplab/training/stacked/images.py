"""A data set as the stacked engine reads it: without the pixels that are always 0."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sweeplab.data import Dataset

# Rows evaluated at once. Scores of 512 images and 16 runs (330 kB) stay in a core's cache
# between the product and what is read off it.
CHUNK = 512

# Feature counts are rounded up to this many float32, one 64-byte line, so that rows are aligned.
LINE = 16


@dataclass(frozen=True)
class Chunk:
    """Some rows of a set, to be evaluated together."""

    images: Tensor  # [n, F]
    true_rows: Tensor  # int64 [n]: where the true class stands in scores seen as [n * C, P]


@dataclass(frozen=True)
class CompactImages:
    """Both sets with F features: the pixels ever used, a constant 1 for the bias, zero padding.

    A pixel that is 0 in every image has no gradient: its weights only decay, which
    :func:`sweeplab.training.stacked.weights.unused_factor` follows without any image. MNIST's
    2,500 images use 644 of the 784 pixels, so a sixth of the arithmetic falls away. The constant
    feature makes the bias one more weight, which is what it is to SGD.
    """

    images: Tensor  # [N, F], to train on
    labels: Tensor  # int64 [N]
    train: list[Chunk]
    val: list[Chunk]
    used: Tensor  # int64 [U], on the CPU: the pixels that stand in the first U features
    pixels: int  # D
    classes: int  # C

    @property
    def features(self) -> int:
        return self.images.shape[1]

    @property
    def bias_feature(self) -> int:
        return len(self.used)


def compact(dataset: Dataset, device: torch.device) -> CompactImages:
    """``dataset`` on ``device``, without the pixels that are 0 throughout."""
    ever = (dataset.train_images != 0).any(dim=0) | (dataset.val_images != 0).any(dim=0)  # [D]
    used = ever.nonzero()[:, 0]  # [U]
    train = _with_constant(dataset.train_images, used).to(device)
    val = _with_constant(dataset.val_images, used).to(device)
    train_labels, val_labels = dataset.train_labels.to(device), dataset.val_labels.to(device)
    return CompactImages(
        images=train,
        labels=train_labels,
        train=_chunks(train, train_labels, dataset.classes),
        val=_chunks(val, val_labels, dataset.classes),
        used=used,
        pixels=dataset.features,
        classes=dataset.classes,
    )


def _with_constant(images: Tensor, used: Tensor) -> Tensor:
    count, needed = len(images), len(used) + 1
    padded = images.new_zeros(count, -(-needed // LINE) * LINE)  # [N, F]
    padded[:, : len(used)] = images[:, used]
    padded[:, len(used)] = 1
    return padded


def _chunks(images: Tensor, labels: Tensor, classes: int) -> list[Chunk]:
    return [
        Chunk(part, torch.arange(len(part), device=part.device) * classes + true)
        for part, true in zip(torch.split(images, CHUNK), torch.split(labels, CHUNK), strict=True)
    ]
