"""What must hold of the rows of a ``curves.csv``, and between them and the run's record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sweeplab.results import ACCURACIES, METRICS, Metrics
from sweeplab.runs.record import RunRecord


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


def disagreement(record: RunRecord, table: pa.Table) -> str:
    """Where the metrics of a run's record are not those of its curves, or an empty string."""
    last = len(table) - 1
    if record.diverged_at is not None and record.diverged_at < last:
        return "they go on after the run diverged"
    columns = {name: table[name].to_numpy() for name in METRICS}
    rows = np.flatnonzero(np.isfinite(columns["val_loss"]))
    best = int(rows[np.argmax(columns["val_accuracy"][rows])])
    if record.status == "completed" and int(rows[-1]) != last:
        return "they have no evaluation at their end"
    for which, told, row in (("final", record.final, last), ("best", record.best, best)):
        if told is not None and not _same_row(told, row, columns):
            return f"the {which} metrics in run.json are not theirs"
    return ""


def _same_row(told: Metrics, row: int, columns: Mapping[str, NDArray[Any]]) -> bool:
    return told.iteration == row and all(
        getattr(told, name) == float(column[row]) for name, column in columns.items()
    )
