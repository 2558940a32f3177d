"""Fetching a published data set: whole, under its published checksum, or not at all."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from sweeplab.data.source import may_write, root_of
from sweeplab.data_keys import DataConfig
from sweeplab.errors import DataError


def fetch(
    config: DataConfig, folder: str, files: Sequence[str], download: Callable[[Path], object]
) -> None:
    """Fetch files beside their place, then rename, so that no half of them is left.

    Args:
        config: whose ``data.root`` they go to.
        folder: where in it the files go, such as ``MNIST/raw``.
        download: puts them there under another root that it is given.

    Raises:
        DataError: they cannot be had, or must not be (``only_reading``).
    """
    name = folder.split("/", maxsplit=1)[0]
    root = root_of(config)
    if not may_write():
        words = ["sweeplab", "train", "-m", f"data={config.name}", f"data.root={root}", "--dry-run"]
        raise DataError(
            f"{name} is not in {root}, which the run's folder names, and nothing is put there for "
            f"it. If it may be, `{shlex.join(words)}` downloads it; or set the variable "
            f"SWEEPLAB_DATA to a folder that has {folder}, where the run's configuration refers to "
            "that."
        )
    place = root / folder
    advice = (
        f"Connect to the network for the first run, or copy the files {', '.join(files)} "
        f"to {place.absolute()}, or set data.root or the variable SWEEPLAB_DATA to a "
        f"folder that has {folder}. 'data=digits' needs no download."
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
        download(beside)
        place.mkdir(parents=True, exist_ok=True)
        for file in files:
            (beside / folder / file).replace(place / file)
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


def damaged(name: str, folder: Path, why: str) -> DataError:
    """What to say of files that are not what they should be."""
    return DataError(
        f"The {name} files in {folder.absolute()} are damaged ({why}). Delete that folder to "
        "have them downloaded again, or replace the files."
    )
