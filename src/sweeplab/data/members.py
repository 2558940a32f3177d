"""The arrays in a file of a user's own: ``.npz``, ``.npy``, ``.safetensors``.

Nothing is unpickled: an array of Python objects is refused. What lies in the file as it is used is
mapped into memory and not read.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from sweeplab.errors import DataError

NAMES = ("X", "y", "X_val", "y_val", "X_test", "y_test", "classes")
MOST_DEFLATED = 1032  # bytes that one byte of a zip file can stand for (zlib's technical details)
PIECE = 2**24

Members = dict[str, NDArray[Any]]


class LyingError(ValueError):
    """A file says of itself what is not so."""


def read_npz(path: Path, *, labelled: bool = True) -> Members:
    """The members of a ``.npz`` whose names are of ``NAMES``.

    Args:
        labelled: whether there must be classes.

    Raises:
        ValueError: ``X`` or ``y`` is not there; or a member is damaged, holds Python objects, or is
            not as long as it says.
        OSError: the file cannot be read.
    """
    found: Members = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        members = [info.filename.removesuffix(".npy") for info in archive.infolist()]
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name not in NAMES or info.is_dir():
                continue
            with archive.open(info) as member:
                shape, fortran, dtype, header = _header(member, name)
                _refuse_lies(name, shape, dtype, header, info)
                if info.compress_type == zipfile.ZIP_STORED and dtype.itemsize:
                    start = _start_of(file, info) + header
                    found[name] = _mapped(path, dtype, shape, start, fortran=fortran)
                else:
                    content = _read_all(member, info.file_size - header, name)
                    order: Any = "F" if fortran else "C"
                    found[name] = np.frombuffer(content, dtype).reshape(shape, order=order)
    _refuse_absent(members, "numpy.savez(FILE, X=..., y=...)", labelled=labelled)
    return found


def read_npy(path: Path, *, labelled: bool = True) -> Members:
    """``X.npy`` at ``path`` and what lies beside it under the other names of ``NAMES``.

    Errors as :func:`read_npz`.
    """
    start = path.stem.removesuffix("X")
    if start == path.stem:
        raise ValueError(
            "a .npy file holds one array: name the examples X.npy, or SOMETHING_X.npy, and put "
            "their classes beside it as y.npy, or SOMETHING_y.npy"
        )
    there = {file.stem.removeprefix(start) for file in path.parent.glob(f"{start}*.npy")}
    if labelled and "y" not in there:
        raise ValueError(
            f"there is no {start}y.npy beside it with the classes: numpy.save('{start}y.npy', y)"
        )
    found: Members = {}
    for name in NAMES:
        file = path.with_name(f"{start}{name}.npy")
        if file.is_file():
            with file.open("rb") as opened:
                shape, fortran, dtype, header = _header(opened, file.name)
            if not _length(shape, dtype) + header == file.stat().st_size:
                raise LyingError(
                    f"{file.name} says that it holds {_text(shape)} numbers of {dtype}, and is "
                    f"{file.stat().st_size} bytes long"
                )
            found[name] = _mapped(file, dtype, shape, header, fortran=fortran)
    return found


def read_safetensors(path: Path, *, labelled: bool = True) -> Members:
    """The tensors whose names are of ``NAMES``, and ``classes`` from the metadata, as JSON.

    Errors as :func:`read_npz`.
    """
    found: Members = {}
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            save = "safetensors.torch.save_file({'X': ..., 'y': ...}, FILE)"
            _refuse_absent([*file.keys()], save, labelled=labelled)
            for name in set(file.keys()) & set(NAMES):
                tensor = file.get_tensor(name)
                plain = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
                found[name] = plain.numpy()
        if "classes" in about:
            found["classes"] = np.array(_names(about["classes"]))
    except (SafetensorError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return found


def _names(text: str) -> list[str]:
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    if not isinstance(names, list):
        raise ValueError(
            f'classes in its metadata must be a list in JSON, as ["cat", "dog"], but is '
            f"'{text:.60}'"
        )
    return [str(name) for name in names]


def _refuse_absent(there: Sequence[str], save: str, *, labelled: bool) -> None:
    for name in ("X", "y") if labelled else ("X",):
        if name not in there:
            listed = ", ".join(sorted(there)[:10]) or "nothing"
            raise ValueError(
                f"it has no {name}. The examples must be X [N, ...], their classes y [N], and it "
                f"holds {listed}{', ...' if len(there) > 10 else ''}: save them by these names, "
                f"{save}"
            )


def refuse_too_large(path: Path, bytes_needed: int) -> None:
    """Refuse what cannot be held before it is read. ``bytes_needed`` is as float32."""
    import os

    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if bytes_needed > there:
        raise DataError(
            f"The examples in {path} need {bytes_needed / 1e9:.1f} GB of memory as float32, and "
            f"this machine has {there / 1e9:.1f} GB. Keep fewer of them in a file."
        )


def _header(file: Any, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether the columns come first, type, and the length of a ``.npy`` file's header."""
    try:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran, dtype = read(file)
    except KeyError:
        raise ValueError(f"{name} is in a version of the format that is not known") from None
    except (ValueError, SyntaxError, RecursionError, MemoryError, EOFError) as error:
        raise ValueError(f"{name} is no array as NumPy writes it") from error
    if dtype.hasobject:
        raise ValueError(
            f"{name} is pickled: it holds Python objects, which could run any code when read. Save "
            "text as y.astype(str), and numbers as numbers"
        )
    if dtype.names is not None or any(not isinstance(n, int) or n < 0 for n in shape):
        raise ValueError(f"{name} is no plain array of numbers or text")
    return shape, fortran, dtype, file.tell()


def _length(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return int(np.prod(shape, dtype=object)) * dtype.itemsize


def _refuse_lies(
    name: str, shape: tuple[int, ...], dtype: np.dtype[Any], header: int, info: zipfile.ZipInfo
) -> None:
    said = _length(shape, dtype) + header
    small = info.compress_size * MOST_DEFLATED < info.file_size
    if said != info.file_size or small:
        there = info.compress_size if small else info.file_size
        raise LyingError(
            f"{name} says that it holds {_text(shape)} numbers of {dtype}, {said} bytes, and there "
            f"are {there}"
        )


def _start_of(file: Any, info: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin: behind a header of its own (APPNOTE.TXT 4.3.7)."""
    file.seek(info.header_offset + 26)
    lengths = np.frombuffer(file.read(4), "<u2")
    return info.header_offset + 30 + int(lengths.sum())


def _mapped(
    path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], start: int, *, fortran: bool
) -> NDArray[Any]:
    if start + _length(shape, dtype) > path.stat().st_size:
        raise LyingError(f"{path.name} ends before its arrays do")
    if not _length(shape, dtype):
        return np.zeros(shape, dtype)
    # Private: PyTorch warns of memory that cannot be written, though nothing writes to it.
    return np.memmap(path, dtype, "c", start, shape, "F" if fortran else "C")


def _read_all(member: Any, length: int, name: str) -> bytes:
    content = bytearray()
    while len(content) <= length and (piece := member.read(PIECE)):
        content += piece
    if len(content) != length:
        raise LyingError(f"{name} ends before it should")
    return bytes(content)


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one"
