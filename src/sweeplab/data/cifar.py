"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009), 32 x 32, in colour: the binary files, no pickles.

The format, from https://www.cs.toronto.edu/~kriz/cifar.html: for each image its label, a byte (with
100 classes two, that of the superclass first), and 3,072 bytes of pixels: all red ones row by row,
then green, then blue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sweeplab.data.download import damaged, fetch
from sweeplab.data.source import RawData, Source, root_of
from sweeplab.data_keys import DataConfig

SIDE = 32
PIXELS = 3 * SIDE * SIDE


@dataclass(frozen=True)
class _Published:
    """A data set as it is published."""

    name: str
    archive: str
    md5: str
    folder: str  # in the archive
    train: tuple[str, ...]
    test: tuple[str, ...]
    label_bytes: int  # of which the last is the class
    classes: int


CIFAR_10 = _Published(
    "CIFAR10",
    "cifar-10-binary.tar.gz",
    "c32a1d4ab5d03f1284b67883e8d87530",
    "cifar-10-batches-bin",
    tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    ("test_batch.bin",),
    1,
    10,
)
CIFAR_100 = _Published(
    "CIFAR100",
    "cifar-100-binary.tar.gz",
    "03b5dce01913d631647c71ecec9e9cb8",
    "cifar-100-binary",
    ("train.bin",),
    ("test.bin",),
    2,
    100,
)


def _read(published: _Published, config: DataConfig) -> RawData:
    root, files = root_of(config), (*published.train, *published.test)
    within = f"{published.name}/{published.folder}"
    folder = root / within
    if not all((folder / file).is_file() for file in files):
        fetch(config, within, files, partial(_download, published))
    try:
        images, labels = _records(folder, published.train, published)
        test_images, test_labels = _records(folder, published.test, published)
    except (ValueError, OSError) as error:
        raise damaged(published.name, folder, str(error)) from error
    return RawData(images, labels, test_images, test_labels, 255)


def _records(folder: Path, files: Sequence[str], published: _Published) -> tuple[Tensor, Tensor]:
    """Images ``[N, 32, 32, 3]`` and labels ``[N]`` of some files."""
    length, parts = published.label_bytes + PIXELS, []
    for file in files:
        content = np.fromfile(folder / file, np.uint8)
        if not len(content) or len(content) % length:
            raise ValueError(f"{file} is not whole: it has {len(content)} bytes")
        parts.append(content.reshape(-1, length))
    records = np.concatenate(parts)
    labels = records[:, published.label_bytes - 1].astype(np.int64)
    if labels.max() >= published.classes:
        raise ValueError(f"a label is {labels.max()}")
    planes = records[:, published.label_bytes :].reshape(-1, 3, SIDE, SIDE)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    return torch.from_numpy(images), torch.from_numpy(labels)


def _download(published: _Published, beside: Path) -> None:
    from torchvision.datasets.utils import download_and_extract_archive

    download_and_extract_archive(
        f"https://www.cs.toronto.edu/~kriz/{published.archive}",
        str(beside),
        str(beside / published.name),
        md5=published.md5,
    )


OBJECTS = "airplane automobile bird cat deer dog frog horse ship truck"
THINGS = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile
cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp
lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""

CIFAR10 = Source(partial(_read, CIFAR_10), tuple(OBJECTS.split()))
CIFAR100 = Source(partial(_read, CIFAR_100), tuple(THINGS.split()))
