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

WHOLE = 64  # columns that the compiled steps take at once, and two of PyTorch's vectors

KERNEL_ROWS = 500  # of the kernel, computed at once


@dataclass(frozen=True)
class Tile:
    """Some images of one set, that loss and accuracy are taken over."""

    columns: slice  # among all images, those to train on first
    true: Tensor  # int64 [n]: the true classes
    validates: bool


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
    sets: tuple[Tile, Tile]  # what is evaluated of each
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
    def unread(self) -> slice:
        """The images to train on that are not evaluated."""
        return slice(self.sets[0].columns.stop, len(self.labels))

    @cached_property
    def tiles(self) -> list[Tile]:
        """What is evaluated, in pieces whose scores stay in a core's cache."""
        return [tile for each in self.sets for tile in _tiles(each, self.classes)]

    @cached_property
    def by_feature(self) -> list[Tensor]:
        """The images of each tile, ``[F, n]``: a product for few runs reads them faster this way.

        Of many images there is no second copy.
        """
        turned = [self.images[tile.columns].T for tile in self.tiles]
        many = 4 * self.images.numel() > LARGEST_COPY
        return turned if many else [each.contiguous() for each in turned]

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
        sets=(
            Tile(slice(0, evaluated), train[:evaluated], validates=False),
            Tile(slice(count, len(images)), val, validates=True),
        ),
        used=used,
        pixels=dataset.features,
        classes=dataset.classes,
    )


def _tiles(whole: Tile, classes: int) -> list[Tile]:
    """A set in tiles of nearly equal size."""
    largest = min(max(TILE_SCORES // classes, SMALLEST_TILE), LARGEST_TILE)
    tiles, first = [], whole.columns.start
    size = -(-len(whole.true) // -(-len(whole.true) // largest))
    for true in torch.split(whole.true, -(-size // WHOLE) * WHOLE):
        tiles.append(Tile(slice(first, first + len(true)), true, whole.validates))
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
