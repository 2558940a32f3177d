"""One stack, the unit that is handed to a worker: trained, and its runs' folders written.

The same code runs in this process, in a local worker and on a cluster's node. A worker elsewhere
gets its stack as a JSON file in the sweep's folder, and its results are the run folders: nothing
that another process wrote is ever unpickled here, and whoever looks into the folders later sees
what the workers have finished.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweeplab.data import Dataset, load
from sweeplab.errors import DataError, NewerFormatError, RunFolderError
from sweeplab.execute.files import Note, Stack, StackFiles, StackRun
from sweeplab.provenance import environment
from sweeplab.results import RunResult
from sweeplab.runs.folder import (
    RunIdentity,
    is_sound,
    read_record,
    write_failure,
    write_hydra_files,
    write_result,
)
from sweeplab.runs.record import RunRecord, signature
from sweeplab.training import ENGINE_VERSION, train_stack

# What PyTorch and Python say, as a plain RuntimeError, when there is no memory left.
NO_MEMORY = re.compile(
    "not enough memory|out of memory|can(no|')t allocate memory|can't start new thread", re.I
)


@dataclass
class Written:
    """What :func:`train_and_write` left."""

    records: dict[str, RunRecord] = field(default_factory=dict)  # by signature
    width: int | None = None  # the runs that were trained at once, if the stack had to be halved


def train_and_write(stack: Stack) -> Written:
    """Train the runs of ``stack`` that are not complete yet, and write each one's folder.

    An error of a run is recorded in its folder. A stack too wide for the memory is halved until
    it fits.

    Raises:
        OSError: a folder cannot be written.
    """
    written = Written()
    left = []
    for run in stack.runs:
        if record := ended(run, failed=False):
            written.records[run.signature] = record
        else:
            left.append(run)
    made = environment(stack.command)
    for run in left:
        write_hydra_files(run.folder, run.hydra_texts)
        # The record of an earlier failure must not be taken for the outcome of this attempt.
        run.folder.record.unlink(missing_ok=True)
    for run, result in _trained(left, written):
        write: Any = write_failure if isinstance(result, Exception) else write_result
        written.records[run.signature] = write(run.folder, run.identity, result, made)
    return written


def _trained(
    runs: Sequence[StackRun], written: Written
) -> Iterator[tuple[StackRun, RunResult | Exception]]:
    """What came of each run, as many trained at once as memory holds."""
    if not runs:
        return
    try:
        dataset = _dataset(runs[0].identity)
    except Exception as error:
        yield from ((run, error) for run in runs)
        return
    width = len(runs)
    while runs:
        now = runs[:width]
        results = _train(now, dataset)
        if results is None:
            width = written.width = (len(now) + 1) // 2
        else:
            yield from zip(now, results, strict=True)
            runs = runs[width:]


def ended(run: StackRun, *, failed: bool) -> RunRecord | None:
    """The record of this run if its folder holds it whole, or, with ``failed``, its failure.

    Raises:
        NewerFormatError: a newer sweeplab wrote the record, so it must be kept.
    """
    try:
        record = read_record(run.folder)
    except NewerFormatError:
        raise
    except RunFolderError:
        return None
    if record.signature != run.signature:
        return None
    sound = is_sound(run.folder, record) or (failed and record.status == "failed")
    return record if sound else None


def train_file(path: str, threads: int) -> None:
    """What a worker process does: :func:`train_and_write` for the stack in the file ``path``.

    Beside it, ``NAME.done`` says that the stack has ended, and at which width.
    """
    import torch

    torch.set_num_threads(threads)
    files = StackFiles(Path(path))
    Note(train_and_write(files.read()).width).write(files.done)


def out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory could not be had."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, RuntimeError):
        return NO_MEMORY.search(str(error)) is not None
    return isinstance(error, MemoryError)


def _train(runs: Sequence[StackRun], dataset: Dataset) -> list[RunResult | Exception] | None:
    """What came of each run; None if they need more memory than there is, and can be halved."""
    try:
        return list(train_stack([run.identity.config for run in runs], dataset))
    except Exception as error:
        if len(runs) == 1:
            return [error]
        if out_of_memory(error):
            return None
    # One of them is to blame: trained alone, it fails alone, and the others come out with the
    # bits that they would have had in the stack.
    return [result for run in runs for result in _train([run], dataset) or ()]


def _dataset(identity: RunIdentity) -> Dataset:
    """The images of a stack, if they are still those that the sweep was planned with.

    A worker may start long after the sweep was asked for, and with a sweeplab installed since.
    """
    dataset = load(identity.config.data)
    if dataset.checksum != identity.data_checksum:
        raise DataError(
            f"the images of {identity.config.data.name} in {identity.config.data.root} have "
            f"changed since the sweep started: their checksum was {identity.data_checksum[:12]}... "
            f"and is {dataset.checksum[:12]}.... Restore the files, or train with the new ones in "
            "a new sweep folder."
        )
    if signature(identity.config, dataset.checksum, ENGINE_VERSION) != identity.signature:
        raise RunFolderError(
            f"this sweeplab has engine version {ENGINE_VERSION}, and the sweep was planned with "
            f"version {identity.engine_version}. Repeat the command."
        )
    return dataset
