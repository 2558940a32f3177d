"""What every tool is told of a run."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from sweeplab.config import KNOBS, flatten
from sweeplab.errors import RunFolderError, SweeplabError
from sweeplab.results import METRICS
from sweeplab.runs.folder import RunFolder
from sweeplab.runs.many import read_runs
from sweeplab.runs.record import RunRecord
from sweeplab.sweeps.find import is_sweep, runs_in

CURVES = tuple(METRICS)  # evaluated metrics


@dataclass(frozen=True)
class ExportRun:
    """A run that has ended."""

    name: str  # its folder, relative to the sweep's
    folder: RunFolder
    record: RunRecord
    table: pa.Table  # the rows of its curves; none where it failed

    @property
    def ended(self) -> float:
        """When, in seconds since 1970."""
        return datetime.fromisoformat(self.record.finished).timestamp()

    @property
    def knobs(self) -> dict[str, Any]:
        """The configuration that decides its result."""
        config = flatten(self.record.config)
        return {key: value for key, value in config.items() if KNOBS[key].role != "place"}

    @property
    def results(self) -> dict[str, float]:
        """Its metrics, at the end and at its best iteration: those of ``runs.csv``."""
        found = {"final": self.record.final, "best": self.record.best}
        return {
            f"{which}_{name}": float(getattr(metrics, name))
            for which, metrics in found.items()
            if metrics is not None
            for name in METRICS
        }

    def evaluations(self) -> Iterator[tuple[int, dict[str, float]]]:
        """The metrics at each iteration that was evaluated."""
        columns = {name: self.table[name].to_pylist() for name in ("iteration", *CURVES)}
        for row, iteration in enumerate(columns["iteration"]):
            values = {
                name: float(value)
                for name in CURVES
                if (value := columns[name][row]) is not None and value == value  # noqa: PLR0124
            }
            if values:
                yield iteration, values


def ended_runs(sweep: Path, skipped: list[str]) -> Iterator[ExportRun]:
    """The runs of a sweep that have ended, in the order of their numbers.

    Args:
        sweep: its folder.
        skipped: takes what is wrong with those that cannot be read.

    Raises:
        RunFolderError: it is no sweep's folder, or no run of it has ended.
    """
    need_sweep(sweep)
    folders = [run for run in runs_in(sweep) if run.record.exists()]
    if not folders:
        raise RunFolderError(f"No complete run lies in {sweep}.")
    for folder, read in zip(folders, read_runs(folders), strict=True):
        if isinstance(read, RunFolderError):
            skipped.append(str(read))
        else:
            yield ExportRun(folder.path.relative_to(sweep).as_posix(), folder, *read)


def need_sweep(sweep: Path) -> None:
    """Refuse any other folder, as RunFolderError."""
    if not is_sweep(sweep):
        raise RunFolderError(f"{sweep} is not a sweep's folder: it has no sweep.json.")


def need(modules: Sequence[str], extra: str) -> None:
    """Import what an extra installs.

    Raises:
        SweeplabError: it is not installed.
    """
    try:
        for module in modules:
            importlib.import_module(module)
    except ImportError as error:
        raise SweeplabError(
            f"--to {extra} needs packages that are not installed ({error}): "
            f"pip install 'sweeplab[{extra}]'."
        ) from error
