"""What must hold of a ``run.json`` and its curves before anything believes them.

A run folder may come from anyone: a colleague, a mail, a disk that is failing. What gets past here
is of the right type and in range, so that a report is never stopped, nor led to a file elsewhere,
by one run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sweeplab.config import DataConfig, OptimizerConfig, RunConfig, problems
from sweeplab.results import ACCURACIES

STATUSES = ("completed", "diverged", "failed")
METRICS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
LONGEST_NAME = 100
LARGEST_INT = 2**63 - 1


def record_problem(values: Mapping[str, Any]) -> str:
    """What is wrong with the entries of a ``run.json``, or an empty string."""
    status = values.get("status")
    if status not in STATUSES:
        return f"its status is {status!r:.60}"
    for key in ("signature", "data_checksum", "finished"):
        if not isinstance(values.get(key), str):
            return f"its {key} is no text"
    if not _is_whole(values.get("engine_version")):
        return "its engine_version is no whole number"
    if not isinstance(values.get("environment"), dict):
        return "its environment is no mapping"
    return (
        _files_problem(values.get("files"))
        or _metrics_problem(values, status)
        or _rest_problem(values, status)
        or config_problem(values.get("config"))
    )


def config_problem(tree: Any) -> str:
    """What is wrong with a configuration as ``run.json`` holds it, or an empty string."""
    try:
        config = typed_config(tree)
    except ValueError as error:
        return str(error)
    name = config.data.name
    # It becomes part of file names.
    if not name or len(name) > LONGEST_NAME or name.startswith(".") or set(name) & set("/\\\0"):
        return "its configuration has no sound data.name"
    return next(iter(problems(config)), "")


def typed_config(tree: Any) -> RunConfig:
    """The configuration in a ``run.json``, a hundred times faster than through OmegaConf.

    A key that is absent has its default: an older sweeplab did not know it.

    Raises:
        ValueError: a value is of another type than it was written with.
    """
    nodes: dict[str, Any] = {"data": DataConfig(), "optimizer": OptimizerConfig()}
    config = RunConfig(**nodes)
    if not isinstance(tree, dict):
        raise ValueError("its configuration is no mapping")
    for owner, values in ((config, tree), *((nodes[name], tree.get(name, {})) for name in nodes)):
        if not isinstance(values, dict):
            raise ValueError("its configuration has values where keys are due")
        for key, default in vars(owner).items():
            if key in values and key not in nodes:
                value = _typed(values[key], default)
                if value is None:
                    raise ValueError(f"its configuration has no sound {key}")
                setattr(owner, key, value)
    return config


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


def disagreement(values: Mapping[str, Any], table: pa.Table) -> str:
    """Where the metrics of a run's record are not those of its curves, or an empty string.

    Args:
        values: ``status``, ``final``, ``best`` and ``diverged_at`` of the record.
    """
    last = len(table) - 1
    if values["status"] == "diverged" and values["diverged_at"] < last:
        return "they go on after the run diverged"
    columns = {name: table[name].to_numpy() for name in METRICS}
    rows = np.flatnonzero(np.isfinite(columns["val_loss"]))
    best = int(rows[np.argmax(columns["val_accuracy"][rows])])
    if values["status"] == "completed" and int(rows[-1]) != last:
        return "they have no evaluation at their end"
    for which, row in (("final", last), ("best", best)):
        told = values[which]
        if told is not None and not _same_row(told, row, columns):
            return f"the {which} metrics in run.json are not theirs"
    return ""


def _same_row(told: Mapping[str, Any], row: int, columns: Mapping[str, NDArray[Any]]) -> bool:
    return told["iteration"] == row and all(
        told[name] == float(column[row]) for name, column in columns.items()
    )


def _files_problem(files: Any) -> str:
    if not isinstance(files, dict):
        return "its files are no mapping"
    for name, about in files.items():
        # A name that leads out of the folder would let a run.json read or remove anything.
        if not name or name.startswith(".") or set(name) & set("/\\\0"):
            return "it names a file outside of its folder"
        if not isinstance(about, dict) or not (
            _is_whole(about.get("bytes")) and isinstance(about.get("sha256"), str)
        ):
            return "its files have no sound bytes and sha256"
    return ""


def _metrics_problem(values: Mapping[str, Any], status: str) -> str:
    for which, due in (("final", status == "completed"), ("best", status != "failed")):
        metrics = values.get(which)
        if metrics is None and not due:
            continue
        if not isinstance(metrics, dict) or not _is_whole(metrics.get("iteration")):
            return f"its {which} metrics are not those of a run"
        for name in METRICS:
            value: Any = metrics.get(name)
            if not _is_number(value) or (name in ACCURACIES and not 0 <= value <= 1):
                return f"its {which} {name} is no sound number"
    return ""


def _rest_problem(values: Mapping[str, Any], status: str) -> str:
    diverged_at = values.get("diverged_at")
    if not _is_whole(diverged_at) and (status == "diverged" or diverged_at is not None):
        return "its diverged_at is no iteration"
    if status != "completed" and values.get("final") is not None:
        return "it has final metrics, and did not complete"
    if not isinstance(values.get("device"), str | None):
        return "its device is no text"
    return _error_problem(values.get("error"), status) or _stack_problem(values.get("stack"))


def _error_problem(error: Any, status: str) -> str:
    if status != "failed" and error is not None:
        return "it has an error, and did not fail"
    if status == "failed" and not (
        isinstance(error, dict)
        and isinstance(error.get("message"), str)
        and isinstance(error.get("traceback"), str)
    ):
        return "its error is no text"
    return ""


def _stack_problem(stack: Any) -> str:
    if stack is not None and not (
        isinstance(stack, dict)
        and _is_number(stack.get("seconds"))
        and _is_whole(stack.get("runs"))
        and stack["runs"] > 0
    ):
        return "its stack is no stack"
    return ""


def _typed(value: Any, default: Any) -> Any:
    """``value`` in the type of ``default``; None when it is of another."""
    if isinstance(default, bool):
        return value if isinstance(value, bool) else None
    if isinstance(default, float):
        return float(value) if _is_number(value) else None
    if isinstance(default, int):
        return value if _is_whole(value) else None
    return value if isinstance(value, str) else None


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_INT


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= 1e308 and math.isfinite(value)
