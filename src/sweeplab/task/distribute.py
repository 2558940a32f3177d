"""Handing stacks to an executor and collecting what came of their runs."""

from __future__ import annotations

import hashlib
import math
import shutil
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sweeplab.errors import SweeplabError
from sweeplab.execute import Inline, Options, Processes, WorkerLostError, cpus
from sweeplab.execute.stack import (
    Stack,
    StackRun,
    Written,
    ended,
    read_stack,
    read_width,
    train_and_write,
    train_file,
    write_stack,
)
from sweeplab.provenance import command, environment
from sweeplab.runs.folder import write_failure, write_hydra_files
from sweeplab.runs.record import RunRecord
from sweeplab.task.hooks import JobHooks
from sweeplab.task.prepare import Prepared
from sweeplab.terminal import say
from sweeplab.training.stacked.grouping import PANEL_RUNS
from sweeplab.words import plural


class FailedRunError(Exception):
    """What Hydra is told of a run that failed. Its type and traceback stand in its run.json."""


@dataclass
class Outcome:
    """What became of the jobs that were trained, by position."""

    records: dict[int, RunRecord] = field(default_factory=dict)
    errors: dict[int, Exception] = field(default_factory=dict)
    states_written: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Piece:
    """A stack on its way: the positions of its jobs, and how often a worker was lost with it."""

    positions: list[int]
    lost: int = 0


def cut(stacks: Sequence[list[int]], options: Options) -> list[list[int]]:
    """``stacks``, cut into pieces of at most ``options.width``, and enough for every worker."""
    width = options.width or max(map(len, stacks), default=1)
    if options.executor == "processes" and options.width is None:
        share = sum(map(len, stacks)) / (options.workers or cpus())
        width = min(width, math.ceil(share / PANEL_RUNS) * PANEL_RUNS)
    return [
        stack[start : start + width] for stack in stacks for start in range(0, len(stack), width)
    ]


class Distribution:
    """The stacks of one sweep on their way through an executor.

    Args:
        ended: called with the positions of jobs that have ended, whose records are in
            ``outcome`` by then.
    """

    def __init__(
        self,
        prepared: Prepared,
        options: Options,
        hooks: JobHooks,
        outcome: Outcome,
        ended: Callable[[list[int]], None],
    ) -> None:
        self.prepared = prepared
        self.options = options
        self.hooks = hooks
        self.outcome = outcome
        self.ended = ended
        self.folder = prepared.folder.path / ".stacks"
        self.waiting: deque[Piece] = deque()
        self.running: dict[Future[Any], tuple[Piece, Path | None]] = {}
        self.width = math.inf  # the most runs that were seen to fit in memory
        self.keep_logs = False

    def train(self, stacks: Sequence[list[int]]) -> None:
        """Train all, or until a run fails if ``options.on_failure`` is "stop".

        Raises:
            SweeplabError: the executor cannot work.
            OSError: a folder cannot be written.
        """
        self.waiting.extend(map(Piece, stacks))
        executor: Any = None
        try:
            executor = self._executor()
            while self.waiting or self.running:
                while self.waiting and len(self.running) < executor.room:
                    self._submit(executor, self.waiting.popleft())
                for future in wait(self.running, return_when=FIRST_COMPLETED).done:
                    self._collect(future, *self.running.pop(future))
                if self.outcome.errors and self.options.on_failure == "stop":
                    break
        finally:
            if executor is not None:
                executor.shutdown(cancel_futures=True)
            self._tidy()

    def _executor(self) -> Any:
        earlier = next(self.folder.glob("*.job"), None)
        if self.options.executor == "slurm" and (self.waiting or earlier):
            return self._slurm()
        if earlier:
            say(
                "SLURM jobs of an earlier command may still be training runs of this folder. "
                "What they finish is kept too; hydra.launcher.executor=slurm waits for them."
            )
        if self.options.executor == "processes" and self.waiting:
            return Processes(min(self._workers(), len(self.waiting)))
        return Inline()

    def _slurm(self) -> Any:
        from sweeplab.execute.slurm import Slurm

        self.folder.mkdir(parents=True, exist_ok=True)
        executor = Slurm(self.folder, self.options, say)
        wanted = {
            self.prepared.identities[i].signature: i
            for piece in self.waiting
            for i in piece.positions
        }
        adopted = executor.adopt()
        for path, future in adopted.items():
            try:
                signatures = [run.identity.signature for run in read_stack(path).runs]
            except (SweeplabError, ValueError, KeyError, TypeError):
                continue  # damaged: its job fails too, and its runs are lined up anew
            piece = Piece([wanted.pop(name) for name in signatures if name in wanted])
            self._started(piece)
            self.running[future] = piece, path
        if adopted:
            left = set(wanted.values())
            pieces = [[i for i in piece.positions if i in left] for piece in self.waiting]
            self.waiting = deque(Piece(positions) for positions in pieces if positions)
            count = sum(len(piece.positions) for piece, _ in self.running.values())
            say(
                f"{len(adopted)} SLURM {plural('job', len(adopted))} of an earlier command "
                f"{'is' if len(adopted) == 1 else 'are'} still training {count} of them: waiting."
            )
        for path in self.folder.glob("*.json"):
            if path not in adopted:
                _remove(path)
        return executor

    def _workers(self) -> int:
        return self.options.workers or cpus()

    def _submit(self, executor: Any, piece: Piece) -> None:
        if len(piece.positions) > self.width:
            middle = min(int(self.width), len(piece.positions))
            self.waiting.appendleft(replace(piece, positions=piece.positions[middle:]))
            piece = replace(piece, positions=piece.positions[:middle])
        if not piece.lost:
            self._started(piece)
        stack = Stack([self._describe(i) for i in piece.positions], command())
        if isinstance(executor, Inline):
            self.running[executor.submit(train_and_write, stack)] = piece, None
            return
        names = "".join(run.identity.signature for run in stack.runs)
        name = f"{hashlib.sha256(names.encode()).hexdigest()[:12]}-{piece.lost}"
        path = self.folder / f"{name}.json"
        self.folder.mkdir(exist_ok=True)
        _remove(path)
        write_stack(path, stack)
        threads = (
            self.options.cpus
            if self.options.executor == "slurm"
            else max(1, cpus() // self._workers())
        )
        self.running[executor.submit(train_file, str(path), threads)] = piece, path

    def _describe(self, i: int) -> StackRun:
        job, run = self.prepared.jobs[i], self.prepared.runs[i]
        texts = job.hydra_texts(self.prepared.plan.numbers[i], str(run.path))
        return StackRun(run, self.prepared.identities[i], texts)

    def _started(self, piece: Piece) -> None:
        for i in piece.positions:
            self.hooks.started(
                self.prepared.jobs[i], self.prepared.plan.numbers[i], self.prepared.runs[i]
            )

    def _collect(self, future: Future[Any], piece: Piece, path: Path | None) -> None:
        error = future.exception()
        lost = error if isinstance(error, WorkerLostError) else None
        if error is not None and lost is None:
            raise error
        # This process knows what it wrote itself. What others wrote is read from the folders.
        here: Written | None = None if path else future.result()
        fitted = read_width(path) if path else future.result().width
        if fitted is not None and fitted < self.width:
            self.width = fitted
            say(
                f"Memory does not hold a stack of {len(piece.positions)} runs here, but one of "
                f"{fitted}: the rest is trained so. hydra.launcher.width={fitted} starts with it."
            )
        if path is not None:
            _remove(path)
        found = {
            i: record
            for i in piece.positions
            if (record := self._record(i, here, failed=lost is None))
        }
        left = [i for i in piece.positions if i not in found]
        if left:
            lost = lost or WorkerLostError("its worker left no result")
            self.keep_logs = True
            found |= self._again(replace(piece, positions=left, lost=piece.lost + 1), lost)
        self._note(found)

    def _record(self, i: int, here: Written | None, failed: bool) -> RunRecord | None:
        run, identity = self.prepared.runs[i], self.prepared.identities[i]
        if here is not None:
            return here.records[identity.signature]
        # A failure recorded by a worker that was lost later belongs to the attempt that is lost.
        return ended(run, identity, failed=failed)

    def _again(self, piece: Piece, lost: WorkerLostError) -> dict[int, RunRecord]:
        """Line up what a lost worker left, or record it as failed once it had its tries."""
        runs = piece.positions
        counted = f"{len(runs)} {plural('run', len(runs))}"
        halves = _halves(runs)
        if piece.lost <= self.options.retries or (lost.memory and len(halves) > 1):
            say(f"Trying {counted} again ({piece.lost} of {self.options.retries}): {lost}.")
            # By halves: should the stack need too much memory, or one run crash its worker, the
            # next loss costs fewer.
            self.waiting.extend(replace(piece, positions=half) for half in halves)
            return {}
        error = WorkerLostError(
            f"{lost}. It was tried {piece.lost} {plural('time', piece.lost)}, among {counted}"
        )
        found = {}
        for i in runs:
            described = self._describe(i)
            write_hydra_files(described.folder, described.hydra_texts)
            found[i] = write_failure(described.folder, described.identity, error, environment())
        return found

    def _note(self, found: dict[int, RunRecord]) -> None:
        for i, record in found.items():
            error = FailedRunError(record.error.message) if record.error else None
            if error is not None:
                self.outcome.errors[i] = error
            self.outcome.records[i] = record
            self.hooks.ended(
                self.prepared.jobs[i],
                self.prepared.plan.numbers[i],
                self.prepared.runs[i],
                record,
                error,
            )
        if found:
            self.ended(list(found))

    def _tidy(self) -> None:
        """Remove the stacks' files. Logs of jobs that were lost stay."""
        if self.options.executor != "slurm" and next(self.folder.glob("*.job"), None):
            return
        for path in self.folder.glob("*.json"):
            _remove(path)
        if not self.keep_logs:
            shutil.rmtree(self.folder / "jobs", ignore_errors=True)
        with suppress(OSError):
            self.folder.rmdir()


def _halves(positions: list[int]) -> list[list[int]]:
    middle = (len(positions) + 1) // 2
    return [half for half in (positions[:middle], positions[middle:]) if half]


def _remove(path: Path) -> None:
    for suffix in (".json", ".done", ".job"):
        path.with_suffix(suffix).unlink(missing_ok=True)
