"""MNIST (LeCun, Cortes and Burges) and Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017), 28 x 28."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import tempfile
from functools import partial
from pathlib import Path

from sweeplab.data.idx import read_idx
from sweeplab.data.source import RawData, Source, may_write, root_of
from sweeplab.data_keys import DataConfig
from sweeplab.errors import DataError

IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def _idx_files(name: str, config: DataConfig) -> RawData:
    root = root_of(config)
    folder = root / name / "raw"
    if not all((folder / file).is_file() for file in IDX_FILES):
        if not may_write():
            raise _elsewhere(name, config, root)
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


def _elsewhere(name: str, config: DataConfig, root: Path) -> DataError:
    words = ["sweeplab", "train", "-m", f"data={config.name}", f"data.root={root}", "--dry-run"]
    return DataError(
        f"{name} is not in {root}, which the run's folder names, and nothing is put there for it. "
        f"If it may be, `{shlex.join(words)}` downloads it; or set the variable SWEEPLAB_DATA to a "
        f"folder that has {name}/raw, where the run's configuration refers to that."
    )


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


CLOTHES = "T-shirt Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Boot"

MNIST = Source(partial(_idx_files, "MNIST"), tuple("0123456789"), box=20)
FASHION_MNIST = Source(partial(_idx_files, "FashionMNIST"), tuple(CLOTHES.split()))
