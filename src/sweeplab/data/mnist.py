"""MNIST and data sets in its format, 28 x 28, grey.

MNIST (LeCun, Cortes and Burges); Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017); Kuzushiji-MNIST
(Clanuwat et al., 2018); the letters of EMNIST (Cohen et al., 2017).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from sweeplab.data.download import damaged, fetch
from sweeplab.data.idx import read_idx
from sweeplab.data.source import RawData, Source, root_of
from sweeplab.data_keys import DataConfig

IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
LETTER_FILES = tuple(f"emnist-letters-{file.replace('t10k', 'test')}" for file in IDX_FILES)


def _idx_files(name: str, config: DataConfig) -> RawData:
    return _read(name, IDX_FILES, config)


def _letters(config: DataConfig) -> RawData:
    """Each image lies on its side, mirrored; letters are numbered from 1."""
    return _read("EMNIST", LETTER_FILES, config, first=1, classes=26, turned=True, split="letters")


def _read(
    name: str,
    files: tuple[str, ...],
    config: DataConfig,
    *,
    first: int = 0,
    classes: int = 10,
    turned: bool = False,
    **split: str,
) -> RawData:
    root = root_of(config)
    folder = root / name / "raw"
    if not all((folder / file).is_file() for file in files):
        fetch(config, f"{name}/raw", files, partial(_download, name, split))
    try:
        images, labels, test_images, test_labels = (
            read_idx(folder / file, 3 if "images" in file else 1) for file in files
        )
        for shown, named in ((images, labels), (test_images, test_labels)):
            sound = shown.shape == (len(named), 28, 28) and len(named)
            if not sound or int(named.min()) < first or int(named.max()) >= first + classes:
                raise ValueError("images and labels do not fit together")
    except (ValueError, OSError) as error:
        raise damaged(name, folder, str(error)) from error
    if turned:
        images, test_images = (part.transpose(1, 2).contiguous() for part in (images, test_images))
    return RawData(images, labels.long() - first, test_images, test_labels.long() - first, 255)


def _download(name: str, split: dict[str, Any], beside: Path) -> None:
    from torchvision import datasets  # it knows mirrors and checksums

    getattr(datasets, name)(str(beside), train=True, download=True, **split)


CLOTHES = "T-shirt Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Boot"

MNIST = Source(partial(_idx_files, "MNIST"), tuple("0123456789"), box=20)
FASHION_MNIST = Source(partial(_idx_files, "FashionMNIST"), tuple(CLOTHES.split()))
KMNIST = Source(
    partial(_idx_files, "KMNIST"),
    ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
)
# "Padded with a 2 pixel border": Cohen et al., EMNIST, 2017, section II.B.
EMNIST_LETTERS = Source(_letters, tuple(ascii_uppercase), box=24)
