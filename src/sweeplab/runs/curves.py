"""Curves and weights as files, exact to the bit."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from sweeplab.errors import RunFolderError
from sweeplab.results import Curves

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
HEADER = ",".join(SCHEMA.names).encode() + b"\n"
# Empty where there is no evaluation. A batch loss has no gaps but row 0, and may be nan or inf.
GAPS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


def to_csv(curves: Curves) -> bytes:
    """The text of ``curves.csv``: shortest decimals that read back as the same float."""
    columns = []
    for field in SCHEMA:
        values = getattr(curves, field.name)
        if field.name in GAPS:
            gaps = np.isnan(values)
        elif field.name == "batch_loss":
            gaps = curves.iteration == 0
        else:
            gaps = None
        columns.append(pa.array(values, type=field.type, mask=gaps))
    sink = io.BytesIO()
    sink.write(HEADER)
    pa.csv.write_csv(
        pa.Table.from_arrays(columns, schema=SCHEMA),
        sink,
        pa.csv.WriteOptions(include_header=False),
    )
    return sink.getvalue()


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
    return [_table_or_error(content, where) for where, content in contents.items()]


def _table_or_error(content: bytes, where: str) -> pa.Table | RunFolderError:
    try:
        return read_table(content, where)
    except RunFolderError as error:
        return error


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
