"""The examples that a sweep keeps of its data: the report reads no data, and may run elsewhere.

``images/NAME.safetensors`` holds ``train_images`` [E, ...] (the first few) and ``val_images``
[M, ...] (all), as their source has them: images [h, w] or [h, w, 3] of bytes, or features [D];
int64 ``train_labels`` [E] and ``val_labels`` [M]; and in its metadata the names of the classes, as
JSON, the brightest pixel value (0: none), ``val_start``, and how many may train. Runs that were
validated on other examples have those in ``images/NAME-VAL_SIZE-VAL_START.safetensors``, or with
a name that further keys decide: see :func:`choice`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sweeplab.config import KNOBS
from sweeplab.data_keys import SHOWING
from sweeplab.errors import RunFolderError
from sweeplab.inputs import is_picture, plain
from sweeplab.runs.durable import make_folder, write_bytes
from sweeplab.runs.files import regular
from sweeplab.sweeps.folder import SweepFolder

if TYPE_CHECKING:
    from sweeplab.sweeps.tables import Sweep

TENSORS = ("train_images", "train_labels", "val_images", "val_labels")


@dataclass(frozen=True)
class Images:
    """The first E training examples and all M validation examples, as their source has them.

    Each is an image ``[h, w]`` or ``[h, w, 3]``, or features ``[D]``.
    """

    train_images: NDArray[Any]  # [E, ...], uint8 or floats
    train_labels: NDArray[np.int64]  # [E]
    val_images: NDArray[Any]  # [M, ...]
    val_labels: NDArray[np.int64]  # [M]
    classes: tuple[str, ...]
    brightest: int | None  # of bytes: what the model sees as 1; None for other numbers
    val_start: int | None  # the first validation image; None in what 0.1.0 wrote
    choice: dict[str, Any] | None = None  # as :func:`choice`; None in what 0.1.0 wrote
    may_train: int | None = None  # examples that training sets are drawn from; None if not known

    def scaled(self, *, l2: bool = False) -> NDArray[np.float32]:
        """The validation examples ``[M, D]`` for weights of ``runs.read_plain_weights``.

        Args:
            l2: for runs whose ``data.scale`` is that.
        """
        return plain(self.val_images, self.brightest, l2=l2)

    @property
    def pictures(self) -> bool:
        """Whether examples can be shown."""
        return is_picture(self.val_images.shape[1:])


def choice(run: Mapping[Hashable, Any]) -> dict[str, Any]:
    """What chooses the validation examples of a run, a row of the table, and how they look."""
    keys = {name: run[f"data.{name}"] for name in SHOWING}
    plain_values = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in keys.items()
    }
    return {
        name: value
        for name, value in plain_values.items()
        if name in ("name", "val_size", "val_start") or value != KNOBS[f"data.{name}"].off
    }


def image_file(folder: SweepFolder, chosen: Mapping[str, Any], *, first: bool) -> Path:
    """Where the examples of a :func:`choice` are kept; ``first``: of the data set's choices."""
    if first:
        return folder.images_of(chosen["name"])
    rest = {key: v for key, v in chosen.items() if key not in ("name", "val_size", "val_start")}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:8]
    further = [digest] if rest else []
    return folder.images_of(chosen["name"], chosen["val_size"], chosen["val_start"], *further)


def write_images(path: Path, images: Images) -> None:
    """Put ``images`` at ``path``: whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    make_folder(path.parent)
    tensors = {name: np.ascontiguousarray(getattr(images, name)) for name in TENSORS}
    about = {
        "classes": json.dumps(images.classes),
        "brightest": str(images.brightest or 0),
        "val_start": str(images.val_start),
        "choice": json.dumps(images.choice),
        "may_train": str(images.may_train or 0),
    }
    write_bytes(path, _ordered(save(tensors, metadata=about)))


def _ordered(content: bytes) -> bytes:
    """A safetensors file with its header in order: safetensors writes metadata in one of chance."""
    size = int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8 : 8 + size]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)  # tensors begin at a multiple of 8 bytes
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def read_images(path: Path) -> Images:
    """The inverse of :func:`write_images`. Every label has a class.

    Raises:
        RunFolderError: it is absent or damaged.
    """
    try:
        with regular(path), safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            images = Images(
                **{name: file.get_tensor(name) for name in TENSORS},
                classes=tuple(map(str, json.loads(about["classes"]))),
                brightest=int(about["brightest"]) or None,
                val_start=int(about["val_start"]) if "val_start" in about else None,
                choice=json.loads(about.get("choice", "null")),
                may_train=int(about.get("may_train", 0)) or None,
            )
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
    if not _sound(images):
        raise RunFolderError(f"{path} is damaged: images, labels and classes do not fit together.")
    return images


def find_images(sweep: Sweep, run: Mapping[Hashable, Any] | None = None) -> Images | None:
    """The examples kept that validated ``run``, the first of ``sweep`` if None.

    None without sound ones.
    """
    chosen = choice(sweep.runs.iloc[0].to_dict() if run is None else run)
    for path in sweep.paths or (sweep.path,):
        for home in map(SweepFolder, (path, path.parent)):  # of a sweep, and of a run in it
            for first in (False, True):
                with suppress(RunFolderError):
                    images = read_images(image_file(home, chosen, first=first))
                    if _fits(images, chosen):
                        return images
    return None


def _fits(images: Images, chosen: Mapping[str, Any]) -> bool:
    if len(images.val_labels) != chosen["val_size"]:
        return False
    if images.choice is not None:
        return images.choice == chosen
    return images.val_start in (None, chosen["val_start"])


def _sound(images: Images) -> bool:
    pairs = (
        (images.train_images, images.train_labels),
        (images.val_images, images.val_labels),
    )
    bytes_ = images.val_images.dtype == np.uint8
    return (images.brightest or 0) >= bytes_ and all(
        numbers.ndim >= 2
        and (bytes_ or numbers.dtype.kind == "f")
        and numbers.dtype == images.val_images.dtype
        and numbers.size > 0
        and numbers.shape[1:] == images.val_images.shape[1:]
        and labels.dtype.kind in "iu"
        and labels.shape == numbers.shape[:1]
        and 0 <= int(labels.min()) <= int(labels.max()) < len(images.classes)
        for numbers, labels in pairs
    )
