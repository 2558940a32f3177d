"""One stack, the unit that is handed to a worker: trained, and its runs' folders written.

The same code runs in this process, in a local worker and on a cluster's node. A worker elsewhere
gets its stack as a JSON file in the sweep's folder, and its results are the run folders: nothing
that another process wrote is ever unpickled here, and whoever looks into the folders later sees
what the workers have finished.
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sweeplab.data import Dataset, load
from sweeplab.errors import DataError, NewerFormatError, RunFolderError
from sweeplab.execute.checkpoints import read_checkpoint, write_checkpoints
from sweeplab.execute.files import Note, Stack, StackFiles, StackRun
from sweeplab.execute.progress import Meter, beating
from sweeplab.inputs import Inputs
from sweeplab.provenance import environment
from sweeplab.results import RunResult, State
from sweeplab.runs.durable import remove_file
from sweeplab.runs.folder import RunIdentity, damaged_files, goes_on, is_sound, read_record
from sweeplab.runs.record import RunRecord, signature
from sweeplab.runs.state import read_state
from sweeplab.runs.write import Finished, write_runs
from sweeplab.training import ENGINE_VERSION, Part, stream_stack

# What PyTorch and Python say, as a plain RuntimeError, when there is no memory left.
NO_MEMORY = re.compile(
    "not enough memory|out of memory|can(no|')t allocate memory|can't start new thread", re.I
)


WRITE_SECONDS = 0.5  # at least, between two waits for the disk


@dataclass
class Written:
    """What :func:`train_and_write` left."""

    records: dict[str, RunRecord] = field(default_factory=dict)  # by signature
    width: int | None = None  # the runs that were trained at once, if the stack had to be halved


def train_and_write(
    stack: Stack,
    on_written: Callable[[StackRun, RunRecord], None] = lambda *_: None,
    meter: Meter | None = None,
) -> Written:
    """Train the runs of ``stack`` that are not complete yet, and write each one's folder.

    A run's folder is written within a moment of its end, while others of its stack train on, and
    every ten seconds how far those in training are: whoever stops this loses seconds. An error of
    a run is recorded in its folder. A stack too wide for the memory is halved until it fits.

    Args:
        on_written: called with each run that has ended, and its record.
        meter: is told what is done, of this stack.

    Raises:
        OSError: a folder cannot be written.
    """
    written = Written()
    meter = meter or Meter(stack.runs)

    def note(run: StackRun, record: RunRecord) -> None:
        written.records[run.signature] = record
        meter.note(run, record)
        on_written(run, record)

    left, pending = {}, _Pending(environment(stack.command), note)
    for position, run in enumerate(stack.runs):
        if record := ended(run, failed=False):
            run.folder.checkpoint.unlink(missing_ok=True)
            note(run, record)
        else:
            left[position] = run
            if not _stopped(run):
                # An earlier failure's record must not be taken for the outcome of this attempt.
                run.folder.record.unlink(missing_ok=True)
    with closing(_trained(left, written, meter)) as results:
        try:
            for run, result, inputs in results:
                pending.add(run, result, inputs)
        finally:
            pending.write()
    return written


@dataclass
class _Pending:
    """Runs that have ended and are not written yet: those of a moment wait for the disk once."""

    made: dict[str, Any]  # the environment
    note: Callable[[StackRun, RunRecord], None]
    runs: list[tuple[StackRun, Finished]] = field(default_factory=list)
    panel: int = 0  # of these, in the panel that is coming in
    since: float = field(default_factory=time.monotonic)  # the last were written

    def add(self, run: StackRun, result: RunResult | Exception, inputs: Inputs | None) -> None:
        finished = Finished(run.folder, run.identity, result, run.hydra_texts, inputs)
        self.runs.append((run, finished))
        self.panel += 1
        # The runs of a panel end together.
        if isinstance(result, Exception) or self.panel >= result.stack_runs:
            self.panel = 0
            if time.monotonic() - self.since >= WRITE_SECONDS:
                self.write()

    def write(self) -> None:
        runs, self.runs = self.runs, []
        records = write_runs((finished for _, finished in runs), self.made)
        for (run, _), record in zip(runs, records, strict=True):
            remove_file(run.folder.checkpoint)
            self.note(run, record)
        self.since = time.monotonic()


def _trained(
    left: dict[int, StackRun], written: Written, meter: Meter
) -> Generator[tuple[StackRun, RunResult | Exception, Inputs | None], None, None]:
    """What came of each run, and what it must keep; as many trained at once as memory holds.

    Args:
        left: the runs by their positions in the stack. Those that have ended are taken out.
    """
    if not left:
        return
    try:
        dataset = _dataset(next(iter(left.values())).identity)
    except Exception as error:
        yield from ((run, error, None) for run in left.values())
        return
    inputs = dataset.inputs if dataset.kept else None
    width = len(left)
    while left:
        now = [*left][:width]
        runs = [left[position] for position in now]
        configs = [run.identity.config for run in runs]
        try:
            states = [begun(run) for run in runs]
            for run, state in zip(runs, states, strict=True):
                if state:
                    meter.begin(run, state.updates)
            part = Part(states, runs[0].rung.end)
            watch = partial(meter.watch, runs)
            keep = partial(write_checkpoints, runs, meter.keep)
            with closing(stream_stack(configs, dataset, watch, part, keep)) as results:
                for place, result in results:
                    yield left.pop(now[place]), result, inputs
        except Exception as error:
            if len(now) == 1:
                yield left.pop(now[0]), error, None
            elif out_of_memory(error):
                width = written.width = (len(now) + 1) // 2
            else:
                # One of them is to blame: trained alone, it fails alone, and the others come out
                # with the bits that they would have had in the stack.
                width = 1


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
    sound = is_sound(run.folder, record, run.rung.end) or (failed and record.status == "failed")
    return record if sound else None


def begun(run: StackRun) -> State | None:
    """How far an earlier try came with a run, or an earlier rung; None if it begins anew."""
    record, end = _stopped(run), Part(until=run.rung.end).end(run.identity.config)
    found = [read_checkpoint(run), read_state(run.folder, record) if record else None]
    sound = [state for state in found if state and state.updates < end]
    return max(sound, key=lambda state: state.updates, default=None)


def _stopped(run: StackRun) -> RunRecord | None:
    """The record of a run that was stopped and can go on."""
    try:
        record = read_record(run.folder)
    except RunFolderError:
        return None
    same = record.signature == run.signature and goes_on(run.folder, record)
    return record if same and not damaged_files(run.folder, record) else None


def train_file(path: str, threads: int) -> None:
    """What a worker process does: :func:`train_and_write` for the stack in the file ``path``.

    Beside it, ``NAME.beats`` grows meanwhile, and ``NAME.done`` says that the stack has ended, and
    at which width.
    """
    import torch

    torch.set_num_threads(threads)
    files = StackFiles(Path(path))
    stack = files.read()
    meter = Meter(stack.runs)
    with beating(meter, files.beats):
        written = train_and_write(stack, meter=meter)
    Note(written.width).write(files.done)


def out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory could not be had."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, RuntimeError):
        return NO_MEMORY.search(str(error)) is not None
    return isinstance(error, MemoryError)


def _dataset(identity: RunIdentity) -> Dataset:
    """The images of a stack, if they are still those that the sweep was planned with.

    A worker may start long after the sweep was asked for, and with a sweeplab installed since.
    """
    dataset = load(identity.config.data)
    if dataset.checksum != identity.data_checksum:
        raise DataError(
            f"the examples of {identity.config.data.name} in {identity.config.data.root} have "
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
