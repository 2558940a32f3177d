"""What a source of images is: every image that it has, and what its classes are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor


@dataclass(frozen=True)
class RawData:
    """Every image of a data set, unscaled, in the order of its source."""

    images: Tensor  # uint8 [N, height, width]: to train and validate on
    labels: Tensor  # int64 [N]
    test_images: Tensor  # uint8 [M, height, width]: opened by ``sweeplab evaluate`` alone
    test_labels: Tensor  # int64 [M]
    brightest: int  # the pixel value that scales to 1


@dataclass(frozen=True)
class Source:
    """A data set that ``data.name`` may ask for."""

    read: Callable[[Path], RawData]  # from ``data.root``
    classes: tuple[str, ...]
