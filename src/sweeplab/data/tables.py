"""A table of a user's own, ``.csv`` or ``.parquet``, as arrays: a row an example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sweeplab.data.members import Members, refuse_too_large
from sweeplab.data.separated import read_separated

# Cells that say that nothing is there.
GAPS = frozenset({"na", "n/a", "nan", "null", "none", "?", "-", "."})
LABELS = ("label", "y")  # columns looked for where ``data.label`` names none


def read_table(path: Path, label: str, *, labelled: bool = True) -> Members:
    """``X [N, D]``, float64 or the columns' own type, and ``y [N]``, the column ``label``.

    A column of lists, all of one length, counts as so many columns.

    Args:
        labelled: whether there must be classes; without, all other columns are returned.

    Raises:
        ValueError: a column holds text or gaps, or the one with the classes is not there.
        OSError: the file cannot be read.
    """
    table = _read(path)
    names = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"it has two columns '{twice[0]}'")
    if "" in names or "__index_level_0__" in names:
        raise ValueError(
            "it has a column without a name, the numbers of its rows perhaps: write it without "
            "(index=False with pandas)"
        )
    column = label or next((name for name in LABELS if name in names), "")
    if labelled and column not in names:
        if sum(map(_is_number, names)) > len(names) / 2 and not all(map(str.isdecimal, names)):
            raise ValueError(
                f"its first line, '{', '.join(names[:3])}, ...', holds numbers, and must hold the "
                "names of its columns: put a line of names above it, and the one of the classes in "
                "data.label"
            )
        if len(names) == 1:
            raise ValueError(
                f"it has one column alone, '{names[0]:.60}': commas, semicolons, tabs or bars must "
                "separate its columns"
            )
        some = names if len(names) <= 10 else [*names[:7], "...", *names[-2:]]
        raise ValueError(
            f"it has no column '{column or ' or '.join(LABELS)}' for the classes. Set data.label "
            f"to one of its columns: {', '.join(some)}"
        )
    numbers = [_numbers(table[name], name) for name in names if name != column]
    if not numbers:
        raise ValueError("it has no columns beside the classes")
    kind = np.result_type(*numbers)
    if kind.kind != "f":
        kind = np.dtype(np.float64)
    found: Members = {"X": np.concatenate([part.astype(kind) for part in numbers], axis=1)}
    if column in names:
        found["y"] = _labels(table[column], column)
    return found


def _read(path: Path) -> Any:
    try:
        if path.suffix.lower() == ".csv":
            return read_separated(path)
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            about = file.metadata
            refuse_too_large(path, about.num_rows * about.num_columns * 4)
            return file.read()
    except pa.ArrowException as error:
        raise ValueError(" ".join(str(error).split())) from error


def _numbers(column: Any, name: str) -> NDArray[Any]:
    """A column ``[N, d]`` as numbers; d is 1 but for a column of lists."""
    kind = column.type
    if column.null_count:
        row = pc.index(pc.is_null(column), True).as_py() + 1
        raise ValueError(f"its column '{name}' has nothing in row {row}: fill it, or drop the row")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        lengths = pc.unique(pc.list_value_length(column)).to_pylist()
        if len(lengths) != 1:
            raise ValueError(f"its column '{name}' has lists of different lengths")
        flat = _numbers(pc.list_flatten(column), name)
        return flat.reshape(len(column), -1)
    if pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        values = column.to_pylist()
        row = next((i for i, value in enumerate(values) if not _is_number(value)), 0)
        shown = str(values[row]) if values else str(kind)
        if shown.strip().lower() in GAPS:
            raise ValueError(
                f"its column '{name}' has '{shown}', a gap, in row {row + 1}: fill it, or drop the "
                "row"
            )
        raise ValueError(
            f"its column '{name}' holds '{shown:.40}'{' as text' * _is_number(shown)}, and must "
            "hold numbers alone. Turn it into numbers, leave it out, or name it as data.label if "
            "it holds the classes"
        )
    return np.asarray(column.to_numpy())[:, None]


def _labels(column: Any, name: str) -> NDArray[Any]:
    if column.null_count:
        row = pc.index(pc.is_null(column), True).as_py() + 1
        raise ValueError(
            f"its column '{name}', the classes, has nothing in row {row}: fill it, or drop the row"
        )
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return np.array(column.to_pylist(), dtype=np.str_)
    if pa.types.is_boolean(kind):
        return np.where(np.asarray(column.to_numpy()), "true", "false")
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise ValueError(f"its column '{name}', the classes, must hold integers or text")
    return np.asarray(column.to_numpy())


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
