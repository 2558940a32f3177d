"""``data=images``: a folder of photographs, a folder a class, made small once and kept.

``train``, ``val`` and ``test`` may lie above the classes. The small images are kept in
``data.root/decoded``, under a checksum of the files, so that they are read once, wherever they lie.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sweeplab.data.labelled import raw_data
from sweeplab.data.pictures import fitted, read_picture
from sweeplab.data.source import RawData, Source, may_write, path_of, root_of
from sweeplab.data_keys import DataConfig
from sweeplab.errors import DataError
from sweeplab.terminal import say

SETS = {"train": "", "training": "", "val": "_val", "valid": "_val", "validation": "_val"}
SETS |= {"test": "_test", "testing": "_test"}
NAMED = 5  # broken files, before they are only counted


@dataclass(frozen=True)
class _Photo:
    path: Path
    name: str  # relative to the folder
    end: str  # of X, X_val or X_test
    label: str


def _read(config: DataConfig) -> RawData:
    folder = path_of(config)
    photos = _photos(folder)
    size = config.size or 28
    with ThreadPoolExecutor() as pool:
        sums = list(pool.map(lambda photo: _checksum(photo.path), photos))
    about = [[photo.name, checksum] for photo, checksum in zip(photos, sums, strict=True)]
    key = hashlib.sha256(
        json.dumps([1, PIL.__version__, size, config.colour, about]).encode()
    ).hexdigest()[:32]
    kept = root_of(config) / "decoded" / f"{key}.safetensors"
    members, broken = _kept(kept) or _decoded(photos, size, config.colour, kept)
    if broken and config.on_broken == "stop":
        raise DataError(
            f"{len(broken)} of {len(photos)} files in {folder} cannot be read as images: "
            f"{'; '.join(broken[:NAMED])}. Mend or remove them, or leave them out: "
            "data.on_broken=skip."
        )
    if broken:
        _tell(folder, len(photos), tuple(broken))
    for end, named in (("", "to train on"), ("_val", "to validate on"), ("_test", "to test with")):
        if any(photo.end == end for photo in photos) and f"X{end}" not in members:
            raise DataError(f"No image {named} in {folder} can be read: {broken[0]}.")
    return raw_data(members, str(folder))


def _photos(folder: Path) -> list[_Photo]:
    """Every file that by its name is an image, class by class.

    Raises:
        DataError: there is no such folder, or a class has none.
    """
    if folder.is_file():
        raise DataError(
            f"data.path must be a folder with data=images, but {folder} is a file. For a file of "
            "arrays or a table: data=arrays."
        )
    if not folder.is_dir():
        raise DataError(f"data.path must be a folder, but there is no {folder}.")
    below = _folders(folder)
    sets = [name for name in below if name.lower() in SETS]
    if not any(SETS[name.lower()] == "" for name in sets):
        if sets and sets == below and any(_folders(folder / name) for name in sets):
            raise DataError(
                f"{folder} holds {' and '.join(sets)}, and no train: the classes must lie in "
                "train, or in a folder that holds them alone."
            )
        sets = []
    photos: list[_Photo] = []
    for name in sets or [""]:
        home = folder / name
        if name and not _folders(home):
            raise DataError(f"{home} must hold a folder for each class, and holds none.")
        for label in _folders(home):
            found = _images_in(home / label)
            if not found:
                raise DataError(
                    f"The folder {home / label}, a class, holds no image ({', '.join(_COMMON)}, "
                    "...). Remove it, or fill it."
                )
            end = SETS[name.lower()] if name else ""
            photos += [
                _Photo(path, path.relative_to(folder).as_posix(), end, label) for path in found
            ]
    if not photos:
        raise DataError(
            f"{folder} must hold a folder of images for each class, and holds "
            f"{'images, but no folder' if _images_in(folder) else 'none'}: put those of a class "
            f"into a folder of its name, as {folder.name}/cat and {folder.name}/dog."
        )
    return photos


def _decoded(
    photos: Sequence[_Photo], size: int, colour: str, kept: Path
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    def one(photo: _Photo) -> NDArray[np.uint8] | str:
        try:
            return fitted(read_picture(photo.path, size=size), size, colour)
        except ValueError as error:
            return f"{photo.name} ({error})"

    with ThreadPoolExecutor() as pool:
        pixels = list(pool.map(one, photos))
    broken = [said for said in pixels if isinstance(said, str)]
    members: dict[str, NDArray[Any]] = {}
    for end in dict.fromkeys(photo.end for photo in photos):
        good = [
            (photo, image)
            for photo, image in zip(photos, pixels, strict=True)
            if photo.end == end and not isinstance(image, str)
        ]
        if good:
            members[f"X{end}"] = np.stack([image for _, image in good])
            members[f"y{end}"] = np.array([photo.label for photo, _ in good])
    _keep(kept, members, broken)
    return members, broken


def _keep(path: Path, members: dict[str, NDArray[Any]], broken: list[str]) -> None:
    """Write what was decoded beside its place, and rename; a place that is read-only has none."""
    if not may_write():
        return
    about = {
        "broken": broken,
        "labels": {name: values.tolist() for name, values in members.items() if name[0] == "y"},
    }
    tensors = {name: values for name, values in members.items() if name[0] == "X"}
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("wb") as file:
                file.write(save(tensors, metadata={"about": json.dumps(about)}))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def _kept(path: Path) -> tuple[dict[str, NDArray[Any]], list[str]] | None:
    """What :func:`_keep` left; None where there is nothing, or it is damaged."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads(file.metadata()["about"])
            members = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for name, labels in about["labels"].items():
            members[str(name)] = np.array([str(label) for label in labels])
        return members, [str(said) for said in about["broken"]]
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@cache
def _tell(folder: Path, files: int, broken: tuple[str, ...]) -> None:
    """Once in a process, however often the folder is loaded."""
    more = f"; and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
    say(
        f"{len(broken)} of {files} files in {folder} cannot be read as images, and are left out: "
        f"{'; '.join(broken[:NAMED])}{more}."
    )


def _folders(folder: Path) -> list[str]:
    return sorted(
        entry.name for entry in os.scandir(folder) if entry.is_dir() and entry.name[0] != "."
    )


def _images_in(folder: Path) -> list[Path]:
    """The files in ``folder``, at any depth, that are images by their names, in order."""
    endings = _endings()
    found: list[Path] = []
    for home, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if name[0] != ".")
        paths = [Path(home, name) for name in sorted(names) if name[0] != "."]
        found += [path for path in paths if path.suffix.lower() in endings and path.is_file()]
    return found


_COMMON = (".jpg", ".png")


@cache
def _endings() -> frozenset[str]:
    Image.init()
    readable = {ending for ending, kind in Image.EXTENSION.items() if kind in Image.OPEN}
    # Documents, videos and the like, which Pillow reads a first page of or hands to programs.
    return frozenset(readable - {".pdf", ".ps", ".eps", ".mpg", ".mpeg", ".h5", ".hdf"})


def _checksum(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _stamp(config: DataConfig) -> Hashable:
    folder = path_of(config)
    found = []
    for home, below, names in os.walk(folder):
        below.sort()
        for name in sorted(names):
            with suppress(OSError):
                about = Path(home, name).stat()
                found.append((name, about.st_mtime_ns, about.st_size))
        found.append((os.path.relpath(home, folder), 0, 0))
    return hash(tuple(found))


IMAGES = Source(_read, keys=frozenset({"path", "test_share", "size", "colour"}), stamp=_stamp)
