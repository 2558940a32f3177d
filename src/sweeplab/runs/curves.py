"""Curves and weights as files, exact to the bit."""

from __future__ import annotations

import io

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
    sink.write(",".join(SCHEMA.names).encode() + b"\n")
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
        table = pa.csv.read_csv(
            io.BytesIO(content),
            convert_options=pa.csv.ConvertOptions(
                column_types=SCHEMA, include_columns=SCHEMA.names, null_values=[""]
            ),
            read_options=pa.csv.ReadOptions(use_threads=False),
        )
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise RunFolderError(f"{where} is damaged: {error}") from error
    return table


def from_csv(content: bytes, where: str) -> Curves:
    """The inverse of :func:`to_csv`. Errors as :func:`read_table`."""
    table = read_table(content, where)
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
