"""The images that a sweep keeps of its data sets: the report reads no data, and may run elsewhere.

``images/NAME.safetensors`` holds uint8 ``train_images`` [E, h, w] (the first few) and
``val_images`` [M, h, w] (all), int64 ``train_labels`` [E] and ``val_labels`` [M], and in its
metadata the names of the classes, as JSON, the brightest pixel value and ``val_start``. Runs that
were validated on other images of it have those in ``images/NAME-VAL_SIZE-VAL_START.safetensors``.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sweeplab.errors import RunFolderError
from sweeplab.runs.files import make_folder, write_bytes
from sweeplab.sweeps.folder import SweepFolder

if TYPE_CHECKING:
    from sweeplab.sweeps.tables import Sweep

TENSORS = ("train_images", "train_labels", "val_images", "val_labels")


@dataclass(frozen=True)
class Images:
    """Pixels and labels of the first E training images and of all M validation images."""

    train_images: NDArray[np.uint8]  # [E, h, w]
    train_labels: NDArray[np.int64]  # [E]
    val_images: NDArray[np.uint8]  # [M, h, w]
    val_labels: NDArray[np.int64]  # [M]
    classes: tuple[str, ...]
    brightest: int  # the pixel value that the model sees as 1
    val_start: int | None  # the first validation image; None in what 0.1.0 wrote

    def scaled(self) -> NDArray[np.float32]:
        """The validation images ``[M, D]`` as models see them."""
        pixels = self.val_images.reshape(len(self.val_images), -1).astype(np.float32)
        return pixels / np.float32(self.brightest)


def write_images(path: Path, images: Images) -> None:
    """Put ``images`` at ``path``: whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    make_folder(path.parent)
    tensors = {name: np.ascontiguousarray(getattr(images, name)) for name in TENSORS}
    about = {
        "classes": json.dumps(images.classes),
        "brightest": str(images.brightest),
        "val_start": str(images.val_start),
    }
    write_bytes(path, save(tensors, metadata=about))


def read_images(path: Path) -> Images:
    """The inverse of :func:`write_images`. Every label has a class.

    Raises:
        RunFolderError: it is absent or damaged.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            images = Images(
                **{name: file.get_tensor(name) for name in TENSORS},
                classes=tuple(map(str, json.loads(about["classes"]))),
                brightest=int(about["brightest"]),
                val_start=int(about["val_start"]) if "val_start" in about else None,
            )
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
    if not _sound(images):
        raise RunFolderError(f"{path} is damaged: images, labels and classes do not fit together.")
    return images


def find_images(sweep: Sweep) -> Images | None:
    """The images kept of the one validation set of ``sweep``; None without sound ones."""
    keys = ("data.name", "data.val_size", "data.val_start")
    name, val_size, val_start = sweep.runs[list(keys)].iloc[0]
    for path in sweep.paths or (sweep.path,):
        for home in map(SweepFolder, (path, path.parent)):  # of a sweep, and of a run in it
            for file in (home.images_of(name, val_size, val_start), home.images_of(name)):
                with suppress(RunFolderError):
                    images = read_images(file)
                    if len(images.val_labels) == val_size and images.val_start in (None, val_start):
                        return images
    return None


def _sound(images: Images) -> bool:
    pairs = (
        (images.train_images, images.train_labels),
        (images.val_images, images.val_labels),
    )
    return images.brightest > 0 and all(
        pixels.ndim == 3
        and pixels.dtype == np.uint8
        and pixels.size > 0
        and pixels.shape[1:] == images.val_images.shape[1:]
        and labels.dtype.kind in "iu"
        and labels.shape == pixels.shape[:1]
        and 0 <= int(labels.min()) <= int(labels.max()) < len(images.classes)
        for pixels, labels in pairs
    )
