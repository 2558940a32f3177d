"""``data=arrays``: a file of features, or a table, of the user's own; or arrays from Python."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeplab.data.labelled import examples, raw_data
from sweeplab.data.members import (
    NAMES,
    Members,
    read_npy,
    read_npz,
    read_safetensors,
    refuse_too_large,
)
from sweeplab.data.source import RawData, Source, path_of
from sweeplab.data.tables import read_table
from sweeplab.data_keys import DataConfig
from sweeplab.errors import DataError

READERS: dict[str, Callable[..., Members]] = {
    ".npz": read_npz,
    ".npy": read_npy,
    ".safetensors": read_safetensors,
}
TABLES = (".csv", ".parquet")
KINDS = (*READERS, *TABLES)

GIVEN = "python:"  # how a data.path begins that stands for arrays in this process
_given: dict[str, RawData] = {}


def hand_over(data: Any) -> str:
    """Take arrays that stay in memory; the result stands for them as ``data.path``.

    Args:
        data: ``(X, y)``, or a mapping of ``X``, ``y`` and, if they are wanted, ``X_val``,
            ``y_val``, ``X_test``, ``y_test`` and ``classes``: NumPy arrays, tensors or lists.

    Raises:
        DataError: they do not fit together.
    """
    if not isinstance(data, Mapping):
        try:
            images, labels = data
        except (TypeError, ValueError):
            raise DataError(
                "data must be (X, y), or a dictionary of X, y, X_val, y_val, X_test and y_test."
            ) from None
        data = {"X": images, "y": labels}
    if other := [str(name) for name in data if name not in NAMES]:
        raise DataError(f"data may hold {', '.join(NAMES)}, but holds {other[0]}.")
    if absent := [str(name) for name, values in data.items() if values is None]:
        raise DataError(f"data must hold arrays, but its {absent[0]} is None.")
    members = {str(name): _array(values) for name, values in data.items()}
    raw = raw_data(members, "data")
    digest = hashlib.sha256()
    for name, array in sorted(members.items()):
        digest.update(f"{name} {array.dtype} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    path = f"{GIVEN}{digest.hexdigest()[:16]}"
    _given[path] = raw
    return path


def read_rows(path: Path, label: str) -> NDArray[Any]:
    """Examples ``[N, ...]`` to predict, from any file that ``data=arrays`` takes.

    Raises:
        DataError: it is none.
    """
    try:
        if path.suffix.lower() in TABLES:
            return read_table(path, label, labelled=False)["X"]
        if path.suffix.lower() == ".npy" and not path.stem.endswith("X"):
            return examples(np.load(path, mmap_mode="r", allow_pickle=False), "it")
        return examples(_members(path, label, labelled=False)["X"], "X")
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be used: {_said(error)}.") from error


def _read(config: DataConfig) -> RawData:
    if config.path.startswith(GIVEN):
        if config.path not in _given:
            raise DataError(
                "These runs were trained on arrays that were handed over in Python, which are no "
                "longer there. Hand them over again (data=(X, y)), or save them "
                "(numpy.savez('data.npz', X=X, y=y)) and give that file as data.path."
            )
        return _given[config.path]
    path = path_of(config)
    _refuse_other_files(path)
    try:
        members = _members(path, config.label)
    except (ValueError, OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(f"{path} cannot be used: {_said(error)}.") from error
    return raw_data(members, str(path))


def _members(path: Path, label: str, *, labelled: bool = True) -> Members:
    kind = path.suffix.lower()
    if kind in TABLES:
        members = read_table(path, label)
    else:
        if label:
            raise ValueError(f"data.label names a column, and a {kind} file has none: it has y")
        if not path.stat().st_size:
            raise ValueError("it is empty")
        members = READERS[kind](path, labelled=labelled)
    refuse_too_large(path, 4 * sum(a.size for name, a in members.items() if name[0] == "X"))
    return members


def _refuse_other_files(path: Path) -> None:
    if path.is_dir():
        raise DataError(
            f"data.path must be a file ({', '.join(KINDS)}) with data=arrays, but {path} is a "
            "folder. For a folder of images: data=images."
        )
    if not path.exists():
        raise DataError(f"data.path must be a file, but there is no {path}.")
    if not stat.S_ISREG(path.stat().st_mode):
        raise DataError(f"data.path must be a file, but {path} is a device or a pipe.")
    if path.suffix.lower() not in KINDS:
        raise DataError(
            f"data.path must end in one of {', '.join(KINDS)}, which says how it is read, but is "
            f"{path}."
        )


def _said(error: BaseException) -> str:
    if isinstance(error, zipfile.BadZipFile):
        return f"it is no whole .npz file ({error})"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(str(text).split()).rstrip(".")


def _array(values: Any) -> NDArray[Any]:
    if hasattr(values, "detach"):  # a tensor, perhaps on a GPU, perhaps with a gradient
        values = values.detach().cpu()
        values = values.float() if str(values.dtype) == "torch.bfloat16" else values
    array = np.asarray(values)
    if array.dtype == object:
        array = np.array([str(v) if isinstance(v, str) else v for v in array.tolist()])
        if array.dtype == object:
            raise DataError(
                "data must hold arrays of numbers, and text for classes alone. Of a sparse "
                "matrix give X.toarray()."
            )
    return array


def _stamp(config: DataConfig) -> Hashable:
    if config.path.startswith(GIVEN):
        return config.path in _given
    path = path_of(config)
    if path.suffix.lower() == ".npy" and path.parent.is_dir():
        files = sorted(path.parent.glob("*.npy"))
    else:
        files = [path]
    return tuple((f.name, f.stat().st_mtime_ns, f.stat().st_size) for f in files if f.is_file())


ARRAYS = Source(_read, keys=frozenset({"path", "label", "test_share"}), stamp=_stamp)
