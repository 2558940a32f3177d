"""Arrays of a user's own, checked, as a source: examples, labels from 0, names of classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeplab.data.source import RawData
from sweeplab.errors import DataError

ROWS = 2**22  # numbers looked at at once
MOST_CLASSES = 100_000


def raw_data(members: Mapping[str, NDArray[Any]], where: str) -> RawData:
    """``X``, ``y`` and, where they are, ``X_val``, ``y_val``, ``X_test``, ``y_test``, ``classes``.

    Raises:
        DataError: they do not fit together, or hold what is no number or no class. The message
            names ``where``.
    """
    try:
        return _raw_data(members)
    except ValueError as error:
        raise DataError(f"{where} cannot be used: {error}.") from error


def examples(array: NDArray[Any], name: str) -> NDArray[Any]:
    """``array`` ``[N, ...]``, of uint8 or floats, colours last.

    Raises:
        ValueError: it is of another type or shape, or a number in it is not finite.
    """
    array = np.asanyarray(array)
    if array.ndim < 2:
        raise ValueError(
            f"{name} must have a row for each example, [N, D], but has the shape "
            f"{list(array.shape)}"
        )
    if not array.size:
        raise ValueError(f"{name} is empty: its shape is {list(array.shape)}")
    if array.dtype.kind in "US":
        raise ValueError(f"{name} holds text, and must hold numbers")
    if array.dtype.kind in "iub" and array.dtype != np.uint8:
        array = array.astype(np.float32 if array.dtype.itemsize <= 2 else np.float64)
    if array.dtype != np.uint8 and array.dtype.newbyteorder("=") not in ("f2", "f4", "f8"):
        raise ValueError(
            f"{name} must hold numbers of uint8, float16, float32 or float64, but holds "
            f"{array.dtype}"
        )
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("="))
    if array.ndim == 4 and array.shape[3] not in (1, 3) and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)  # [N, 3, h, w], as PyTorch has images
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    _refuse_infinite(array, name)
    return array


def _raw_data(members: Mapping[str, NDArray[Any]]) -> RawData:
    for name in ("X", "y"):
        if name not in members:
            there = ", ".join(sorted(members)) or "neither X nor y"
            raise ValueError(
                f"it has no {name}. The examples are X [N, ...], their classes y [N]; it holds "
                f"{there}"
            )
    for part in ("val", "test"):
        if (f"X_{part}" in members) != (f"y_{part}" in members):
            raise ValueError(f"X_{part} and y_{part} come together, and only one is there")
    parts = [end for end in ("", "_val", "_test") if f"X{end}" in members]
    inputs = {end: examples(members[f"X{end}"], f"X{end}") for end in parts}
    targets = {
        end: _targets(members[f"y{end}"], f"y{end}", len(inputs[end]), f"X{end}") for end in parts
    }
    for end in parts:
        if inputs[end].shape[1:] != inputs[""].shape[1:]:
            raise ValueError(
                f"an example of X{end} has the shape {list(inputs[end].shape[1:])}, and one of X "
                f"{list(inputs[''].shape[1:])}"
            )
        if inputs[end].dtype != inputs[""].dtype:
            raise ValueError(
                f"X{end} holds {inputs[end].dtype}, and X {inputs[''].dtype}: save both as one type"
            )
    labels, classes = _numbered(targets, members.get("classes"))
    _refuse_absent(labels, classes)
    tensors = {end: (_tensor(inputs[end]), torch.from_numpy(labels[end])) for end in parts}
    val, test = tensors.get("_val", (None, None)), tensors.get("_test", (None, None))
    return RawData(
        images=tensors[""][0],
        labels=tensors[""][1],
        val_images=val[0],
        val_labels=val[1],
        test_images=test[0],
        test_labels=test[1],
        brightest=255 if inputs[""].dtype == np.uint8 else None,
        classes=classes,
    )


def _tensor(array: NDArray[Any]) -> Tensor:
    # PyTorch takes no memory that is read-only, or that is walked through backwards.
    sound = array.flags.writeable and min(array.strides) >= 0
    return torch.from_numpy(array if sound else array.copy())


def _targets(array: NDArray[Any], name: str, count: int, of: str) -> NDArray[Any]:
    array = np.asanyarray(array)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(
            f"{name} must have one class for each example, [N], but has the shape "
            f"{list(array.shape)}"
        )
    if len(array) != count:
        raise ValueError(
            f"{of} has {count} examples, and {name} {len(array)} classes: each example needs one"
        )
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    if array.dtype.kind == "b":
        return np.where(array, "true", "false")
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise ValueError(
                f"{name} has no class, but {array[~np.isfinite(array)][0]}, for example "
                f"{int(np.argmin(np.isfinite(array)))}, counted from 0: name it, or leave the "
                "example out"
            )
        if (array != np.rint(array)).any():
            shown = array[array != np.rint(array)][0]
            raise ValueError(f"{name} must hold integers or text, and holds fractions, as {shown}")
        array = array.astype(np.int64)
    if array.dtype.kind not in "iuU":
        raise ValueError(f"{name} must hold integers or text, but holds {array.dtype}")
    return array


def _numbered(
    targets: Mapping[str, NDArray[Any]], named: NDArray[Any] | None
) -> tuple[dict[str, NDArray[np.int64]], tuple[str, ...]]:
    """The classes as numbers from 0, and their names."""
    texts = {values.dtype.kind == "U" for values in targets.values()}
    if len(texts) > 1:
        raise ValueError("some of y, y_val and y_test hold text, and others integers")
    names = None if named is None else [str(name) for name in np.asarray(named).reshape(-1)]
    if names is not None and len(set(names)) < len(names):
        raise ValueError("classes names a class twice")
    if texts == {True}:
        if names is None:
            names = sorted(set().union(*(np.unique(v).tolist() for v in targets.values())))
        number = {name: i for i, name in enumerate(names)}
        unknown = {str(v) for values in targets.values() for v in np.unique(values)} - set(names)
        if unknown:
            raise ValueError(f"y has the class '{min(unknown)}', and classes does not name it")
        return {
            end: np.array([number[str(v)] for v in values], dtype=np.int64)
            for end, values in targets.items()
        }, tuple(names)
    low = min(int(values.min()) for values in targets.values())
    high = max(int(values.max()) for values in targets.values())
    if low != 0:
        known = np.unique(np.concatenate(list(targets.values())))
        moved = f"y - {low}" if low > 0 else f"y + {-low}"
        if len(known) != high - low + 1:
            moved = "numpy.unique(y, return_inverse=True)[1]"
        raise ValueError(
            f"its classes are numbered {_numbers(known)}, and must be numbered from 0 without "
            f"gaps: save {moved}, or names that are words, such as 'class {high}'"
        )
    if high >= (MOST_CLASSES if names is None else len(names)):
        raise ValueError(
            f"y has the class {high}, and "
            + (
                f"at most {MOST_CLASSES} classes can be"
                if names is None
                else f"classes names only {len(names)}"
            )
        )
    names = list(map(str, range(high + 1))) if names is None else names
    return {end: values.astype(np.int64) for end, values in targets.items()}, tuple(names)


def _refuse_absent(labels: Mapping[str, NDArray[np.int64]], classes: tuple[str, ...]) -> None:
    if len(classes) < 2 or len(np.unique(np.concatenate(list(labels.values())))) < 2:
        raise ValueError(f"all its examples are of one class, '{classes[int(labels[''][0])]}'")
    numbered = all(map(str.isdecimal, classes))
    for end, what in (("", "train"), ("_val", "validate")):
        if end in labels:
            there = np.bincount(labels[end], minlength=len(classes))
            if not there.all():
                absent = classes[int(np.argmin(there))]
                raise ValueError(
                    f"there is no example of the class '{absent}' to {what} on: each class needs "
                    f"some{', and they are numbered from 0 without gaps' if numbered else ''}"
                )
            if "_val" not in labels and there.min() < 2:
                raise ValueError(
                    f"there is but one example of the class '{classes[int(np.argmin(there))]}', "
                    "and it takes one to train on and another to validate on: add examples, or "
                    "leave the class out"
                )


def _numbers(known: NDArray[Any]) -> str:
    """``1 to 10``, or ``3, 7, 12, ...`` where some between are not there."""
    texts = [str(int(value)) for value in known]
    if int(known[-1]) - int(known[0]) + 1 == len(known) > 2:
        return f"{texts[0]} to {texts[-1]}"
    return ", ".join(texts[:5]) + (", ..." if len(texts) > 5 else "")


def _refuse_infinite(array: NDArray[Any], name: str) -> None:
    if array.dtype == np.uint8:
        return
    rows = max(ROWS // max(int(np.prod(array.shape[1:])), 1), 1)
    for start in range(0, len(array), rows):
        with np.errstate(over="ignore"):
            some = array[start : start + rows].astype(np.float32)
        if not np.isfinite(some).all():
            bad = np.argwhere(~np.isfinite(some))[0]
            value = array[start + bad[0]][tuple(bad[1:])]
            what = "a gap or NaN" if np.isnan(value) else f"{value}"
            if np.isfinite(value):
                what += ", beyond float32,"
            raise ValueError(
                f"{name} has {what} in example {start + int(bad[0])}, counted from 0: fill it, or "
                "leave the example out"
            )
