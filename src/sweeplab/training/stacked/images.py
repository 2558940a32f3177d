"""A data set as the stacked engine reads it: without the pixels that are always 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from sweeplab.data import Dataset
from sweeplab.data.arranged import laid_out
from sweeplab.training.stacked.forms import Sizes
from sweeplab.training.stacked.product import shared_product
from sweeplab.training.stacked.spread import Spread

# Numbers of scores of one run that are evaluated at once: those of 16 runs then stay in a core's
# cache between the product and what is read off it.
TILE_SCORES = 10_240
LARGEST_TILE, SMALLEST_TILE = 1024, 64  # in columns, each an image

LARGEST_COPY = 2**27  # bytes

VECTORS = 32  # float32 that PyTorch computes at once, in two vectors of at most 16

KERNEL_ROWS = 500  # of the kernel, computed at once


@dataclass(frozen=True)
class Tile:
    """Some images of one set, evaluated together."""

    columns: slice  # among all images, those to train on first
    true: Tensor  # int64 [1, 1, n]: the true classes
    validates: bool
    evaluated: bool  # whether loss and accuracy are taken over them

    @property
    def width(self) -> int:
        return self.true.shape[2]


@dataclass(frozen=True, eq=False)
class CompactImages:
    """Both sets with F features: the pixels ever used, a constant 1 for the bias, zero padding.

    A pixel that is 0 in every image has no gradient: its weights only decay, which
    :func:`sweeplab.training.stacked.weights.unused_factor` follows without any image. MNIST's
    2,500 images use 644 of the 784 pixels, so a sixth of the arithmetic falls away. The constant
    feature makes the bias one more weight, which is what it is to SGD.
    """

    images: Tensor  # [L, F]: N to train on, then M to validate on
    labels: Tensor  # int64 [N], of those to train on
    tiles: tuple[Tile, ...]
    used: Tensor  # int64 [U], on the CPU: the pixels that stand in the first U features
    pixels: int  # D
    classes: int  # C

    @property
    def features(self) -> int:
        return self.images.shape[1]

    @property
    def sizes(self) -> Sizes:
        train = len(self.labels)
        return Sizes(train, len(self.images) - train, self.features, self.classes)

    @property
    def bias_feature(self) -> int:
        return len(self.used)

    @cached_property
    def by_feature(self) -> list[Tensor]:
        """Their images, ``[F, n]`` each: a product for few runs reads them faster this way.

        Of many images there is no second copy.
        """
        turned = [self.images[tile.columns].T for tile in self.evaluated]
        many = 4 * self.images.numel() > LARGEST_COPY
        return turned if many else [each.contiguous() for each in turned]

    @cached_property
    def evaluated(self) -> list[Tile]:
        """The tiles that loss and accuracy are taken over."""
        return [tile for tile in self.tiles if tile.evaluated]

    def kernel(self, spread: Spread) -> Tensor:
        """Inner products ``[N, L]`` of the images to train on with all; kept for the next time."""
        if (found := self.__dict__.get("_kernel")) is None:
            found = self.__dict__["_kernel"] = _kernel(self.images, len(self.labels), spread)
        return found


@lru_cache(maxsize=1)  # the stacks of one data set come one after the other
def compact(dataset: Dataset, device: torch.device, evaluated: int) -> CompactImages:
    """``dataset`` on ``device``, without the pixels that are 0 throughout.

    Args:
        evaluated: the first so many images to train on are those that loss is taken over.
    """
    ever = (dataset.train_images != 0).any(dim=0) | (dataset.val_images != 0).any(dim=0)  # [D]
    used = ever.nonzero()[:, 0]  # [U]
    count = len(dataset.train_images)
    images = dataset.whole  # [L, F]
    if images is None or len(used) < dataset.features:
        images = laid_out(count + len(dataset.val_images), len(used))
        images[:count, : len(used)] = dataset.train_images[:, used]
        images[count:, : len(used)] = dataset.val_images[:, used]
    train, val = dataset.train_labels.to(device), dataset.val_labels.to(device)
    return CompactImages(
        images=images.to(device),
        labels=train,
        tiles=(
            *_tiles(0, train[:evaluated], dataset.classes),
            *_tiles(evaluated, train[evaluated:], dataset.classes, evaluated=False),
            *_tiles(count, val, dataset.classes, validates=True),
        ),
        used=used,
        pixels=dataset.features,
        classes=dataset.classes,
    )


def _tiles(
    first: int, labels: Tensor, classes: int, *, validates: bool = False, evaluated: bool = True
) -> list[Tile]:
    """A set's images from number ``first`` on, in tiles of nearly equal size."""
    if not len(labels):
        return []
    largest = min(max(TILE_SCORES // classes, SMALLEST_TILE), LARGEST_TILE)
    tiles = []
    size = -(-len(labels) // -(-len(labels) // largest))
    for true in torch.split(labels, -(-size // VECTORS) * VECTORS):
        columns = slice(first, first + len(true))
        tiles.append(Tile(columns, true[None, None], validates, evaluated))
        first += len(true)
    return tiles


def _kernel(images: Tensor, train: int, spread: Spread) -> Tensor:
    kernel = images.new_empty(train, len(images))

    def fill(start: int) -> None:
        """Some rows from the diagonal on, and as columns what mirrors them."""
        stop = min(start + KERNEL_ROWS, train)
        kernel[start:stop, start:] = shared_product(images[start:stop], images[start:].T)
        kernel[stop:, start:stop] = kernel[start:stop, stop:train].T

    starts: Sequence[int] = range(0, train, KERNEL_ROWS)
    spread(fill, starts)
    return kernel
