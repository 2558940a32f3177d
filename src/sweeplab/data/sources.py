"""Where images come from: one function a data set, each returning every image it has.

To add a data set, write a function ``(root) -> RawData``, name it in ``SOURCES`` and its classes
in ``CLASSES``, and give it a YAML file in ``conf/data/``.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sweeplab.data.idx import read_idx
from sweeplab.errors import DataError

IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True)
class RawData:
    """Every image of a data set, unscaled, in the order of its source."""

    images: Tensor  # uint8 [N, height, width]: to train and validate on
    labels: Tensor  # int64 [N]
    test_images: Tensor  # uint8 [M, height, width]: opened by ``sweeplab evaluate`` alone
    test_labels: Tensor  # int64 [M]
    brightest: int  # the pixel value that scales to 1


def mnist(root: Path) -> RawData:
    """Handwritten digits, 28 x 28; LeCun, Cortes and Burges."""
    return _idx_files("MNIST", root)


def fashion_mnist(root: Path) -> RawData:
    """Photographs of clothes, 28 x 28; Xiao, Rasul and Vollgraf, 2017."""
    return _idx_files("FashionMNIST", root)


def digits(_root: Path) -> RawData:
    """Handwritten digits, 8 x 8, bundled with scikit-learn; Alpaydin and Kaynak, 1998.

    The last 297 images are the test set.
    """
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    images = torch.from_numpy(bunch.images).to(torch.uint8)
    labels = torch.from_numpy(bunch.target).to(torch.int64)
    known = 1500
    return RawData(
        images=images[:known],
        labels=labels[:known],
        test_images=images[known:],
        test_labels=labels[known:],
        brightest=16,
    )


SOURCES: dict[str, Callable[[Path], RawData]] = {
    "mnist": mnist,
    "fashion_mnist": fashion_mnist,
    "digits": digits,
}


_CLOTHES = "T-shirt Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Boot"
CLASSES: dict[str, tuple[str, ...]] = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": tuple(_CLOTHES.split()),
    "digits": tuple("0123456789"),
}


def _idx_files(name: str, root: Path) -> RawData:
    folder = root / name / "raw"
    if not all((folder / file).is_file() for file in IDX_FILES):
        _download(name, root)
    try:
        images, labels, test_images, test_labels = (
            read_idx(folder / file, 3 if "images" in file else 1) for file in IDX_FILES
        )
        for shown, named in ((images, labels), (test_images, test_labels)):
            if shown.shape != (len(named), 28, 28) or not len(named) or int(named.max()) > 9:
                raise ValueError("images and labels do not fit together")
    except (ValueError, OSError) as error:
        raise _damaged(name, folder, str(error)) from error
    return RawData(images, labels.long(), test_images, test_labels.long(), 255)


def _damaged(name: str, folder: Path, why: str) -> DataError:
    return DataError(
        f"The {name} files in {folder.absolute()} are damaged ({why}). Delete that folder to "
        "have them downloaded again, or replace the files."
    )


def _download(name: str, root: Path) -> None:
    """Fetch the four files beside their place, then rename, so that no half of them is left."""
    from torchvision import datasets  # it knows mirrors and checksums

    place = root / name
    advice = (
        f"Connect to the network for the first run, or copy the files {', '.join(IDX_FILES)} "
        f"to {(place / 'raw').absolute()}, or set data.root or the variable SWEEPLAB_DATA to a "
        f"folder that has {name}/raw. 'data=digits' needs no download."
    )
    made = not root.exists()
    try:
        root.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=root))
    except OSError as error:
        raise DataError(
            f"{name} is not in {root.absolute()}, and cannot be put there: {error.strerror}. "
            f"{advice}"
        ) from error
    try:
        getattr(datasets, name)(str(beside), train=True, download=True)
        (place / "raw").mkdir(parents=True, exist_ok=True)
        for file in IDX_FILES:
            (beside / name / "raw" / file).replace(place / "raw" / file)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{name} is not in {root.absolute()}, and could not be downloaded "
            f"({str(error).strip().splitlines()[0].rstrip(':')}). {advice}"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if made:
            with contextlib.suppress(OSError):  # not empty: the download came through
                root.rmdir()
