"""Curves and weights as files, exact to the bit, and what must hold of the rows of the curves."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from sweeplab.errors import RunFolderError
from sweeplab.results import ACCURACIES, METRICS, Curves

SCHEMA = pa.schema(
    [
        ("iteration", pa.int64()),
        ("epoch", pa.int64()),
        ("examples", pa.int64()),
        ("batch_loss", pa.float32()),
        ("train_loss", pa.float32()),
        ("train_accuracy", pa.float64()),
        ("val_loss", pa.float32()),
        ("val_accuracy", pa.float64()),
    ]
)
NUMBERS = {pa.int64(): np.int64, pa.float32(): np.float32, pa.float64(): np.float64}
HEADER = ",".join(SCHEMA.names).encode() + b"\n"


def to_csv(curves: Curves) -> bytes:
    """The text of ``curves.csv``: shortest decimals that read back as the same float."""
    gaps = {name: np.isnan(getattr(curves, name)) for name in METRICS}
    gaps["batch_loss"] = curves.iteration == 0  # elsewhere it may be nan or inf
    columns = [
        _column(getattr(curves, field.name), field.type, gaps.get(field.name)) for field in SCHEMA
    ]
    sink = io.BytesIO()
    sink.write(HEADER)
    pa.csv.write_csv(
        pa.Table.from_arrays(columns, schema=SCHEMA),
        sink,
        pa.csv.WriteOptions(include_header=False),
    )
    return sink.getvalue()


def _column(values: NDArray[Any], kind: Any, gaps: NDArray[np.bool_] | None) -> Any:
    """As ``pa.array(values, kind, mask=gaps)``, which imports pandas, half a second a worker."""
    there = None if gaps is None else pa.py_buffer(np.packbits(~gaps, bitorder="little"))
    content = np.ascontiguousarray(values, NUMBERS[kind])
    return pa.Array.from_buffers(kind, len(values), [there, pa.py_buffer(content)])


def read_table(content: bytes, where: str) -> pa.Table:
    """The rows of a ``curves.csv`` as an Arrow table of :data:`SCHEMA`.

    Raises:
        RunFolderError: it is not such a file; ``where`` names it.
    """
    try:
        return _parsed(content)
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise RunFolderError(f"{where} is damaged: {error}") from error


def read_tables(contents: Mapping[str, bytes]) -> list[pa.Table | RunFolderError]:
    """As :func:`read_table`, for many files by name, and with errors for the damaged ones.

    The files are joined and parsed as one. Where that does not give each its lines, one of them
    is damaged, and each is parsed alone.
    """
    lines = [content.count(b"\n") - 1 for content in contents.values()]
    if all(
        # A quoted cell could reach into the next file.
        content.startswith(HEADER) and content.endswith(b"\n") and b'"' not in content
        for content in contents.values()
    ):
        with suppress(pa.ArrowException, KeyError, ValueError):
            bodies = (content[len(HEADER) :] for content in contents.values())
            table = _parsed(b"".join([HEADER, *bodies]))
            if len(table) == sum(lines):
                starts = itertools.accumulate(lines, initial=0)
                return [table.slice(start, n) for start, n in zip(starts, lines, strict=False)]
    tables: list[pa.Table | RunFolderError] = []
    for where, content in contents.items():
        try:
            tables.append(read_table(content, where))
        except RunFolderError as error:
            tables.append(error)
    return tables


def _parsed(content: bytes) -> pa.Table:
    return pa.csv.read_csv(
        io.BytesIO(content),
        convert_options=pa.csv.ConvertOptions(
            column_types=SCHEMA, include_columns=SCHEMA.names, null_values=[""]
        ),
        read_options=pa.csv.ReadOptions(use_threads=False),
    )


def from_table(table: pa.Table) -> Curves:
    """The curves in a table of :data:`SCHEMA`."""
    return Curves(**{name: table[name].to_numpy() for name in SCHEMA.names})


def curves_problem(table: pa.Table) -> str:
    """What is wrong with the rows of a ``curves.csv``, or an empty string."""
    return curves_problems(table, np.array([0, len(table)]))[0]


def curves_problems(table: pa.Table, bounds: NDArray[np.integer[Any]]) -> list[str]:
    """As :func:`curves_problem`, for each of R curves in one table.

    Args:
        bounds: ``[R + 1]``, rising from 0: the rows of curve r are ``bounds[r]`` to
            ``bounds[r + 1]``.
    """
    lengths = np.diff(bounds)
    found = ["" if length else "it has no rows" for length in lengths]
    curve = np.repeat(np.arange(len(lengths)), lengths)  # of each row
    since = np.arange(len(table)) - bounds[curve]  # the rows of the same curve above each
    for wrong, problem in _wrong_rows(table, since):
        for r in np.unique(curve[wrong]).tolist() if wrong.any() else ():
            found[r] = found[r] or problem
    return found


def _wrong_rows(
    table: pa.Table, since: NDArray[np.integer[Any]]
) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Which rows break each rule. Only the first rule that a curve breaks says what is wrong."""
    values = {name: table[name].to_numpy() for name in table.column_names}
    gap = {name: table[name].is_null().to_numpy() for name in table.column_names}
    first = since == 0
    for name in ("iteration", "epoch", "examples"):
        yield gap[name], f"{name} has gaps"
    yield values["iteration"] != since, "the iterations do not count from 0"
    for name in ("epoch", "examples"):
        falls = np.diff(values[name], prepend=0) < 0
        yield np.where(first, values[name] != 0, falls), f"{name} does not rise from 0"
    yield gap["batch_loss"] != first, "batch_loss has gaps"
    evaluated = ~gap["val_loss"]
    uneven = np.any([gap[name] == evaluated for name in METRICS], axis=0)
    yield uneven | (first & ~evaluated), "its evaluations are not whole"
    for name in METRICS:
        yield evaluated & ~np.isfinite(values[name]), f"{name} is not finite"
        if name in ACCURACIES:
            fraction = (values[name] >= 0) & (values[name] <= 1)
            yield evaluated & ~fraction, f"{name} is no fraction"


def weights_to_bytes(weight: NDArray[np.float32], bias: NDArray[np.float32]) -> bytes:
    """The content of ``weights.safetensors``: ``weight [C, D]`` and ``bias [C]``."""
    return save_tensors(
        {"weight": np.ascontiguousarray(weight), "bias": np.ascontiguousarray(bias)}
    )


def weights_from_bytes(
    content: bytes, where: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The inverse of :func:`weights_to_bytes`.

    Raises:
        RunFolderError: it is not such a file; ``where`` names it.
    """
    try:
        tensors = load_tensors(content)
        weight, bias = tensors["weight"], tensors["bias"]
    # safetensors raises its own exception class, a plain Exception.
    except Exception as error:
        raise RunFolderError(f"{where} is damaged: {error}") from error
    if weight.ndim != 2 or bias.shape != weight.shape[:1] or not weight.size:
        raise RunFolderError(f"{where} is damaged: it holds shapes {weight.shape}, {bias.shape}.")
    if not weight.dtype == bias.dtype == np.float32:
        raise RunFolderError(f"{where} is damaged: it holds {weight.dtype}, {bias.dtype}.")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise RunFolderError(f"{where} is damaged: its numbers are not finite.")
    return weight, bias
