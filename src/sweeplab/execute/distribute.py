"""Handing stacks to an executor and collecting what came of their runs."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sweeplab.errors import RunFolderError, WorkerLostError
from sweeplab.execute.files import Stack, StackRun, StacksFolder, read_note
from sweeplab.execute.handed import Handed, Piece
from sweeplab.execute.options import Options
from sweeplab.execute.processes import Processes
from sweeplab.execute.progress import Meter, Tally, ended_tally
from sweeplab.execute.slurm import Slurm
from sweeplab.execute.stack import ended, train_and_write, train_file
from sweeplab.provenance import environment
from sweeplab.runs.record import RunRecord
from sweeplab.runs.write import Finished, write_runs
from sweeplab.terminal import say
from sweeplab.training.stacked.grouping import FEW
from sweeplab.words import count

T = TypeVar("T")
LOOK_SECONDS = 1.0  # between two looks for workers that hang
Ended = tuple[StackRun, RunRecord]


def cut(stacks: Sequence[Sequence[T]], options: Options) -> list[Sequence[T]]:
    """``stacks``, cut into pieces of at most ``options.width``, and enough for every worker."""
    width = options.width or max(map(len, stacks), default=1)
    if options.executor == "processes" and options.width is None:
        share = sum(map(len, stacks)) / options.processes
        width = min(width, math.ceil(share / FEW) * FEW)
    return [
        stack[start : start + width] for stack in stacks for start in range(0, len(stack), width)
    ]


class Inline(nullcontext["Inline"]):
    """Trains stacks in this process, one after another. Ctrl-C passes through it."""

    room: float = 1  # stacks to hand over before the first has ended

    def __enter__(self) -> Inline:
        return self

    def train(self, future: Future[Any], *request: Any) -> None:
        """Fill ``future`` with what ``train_and_write`` returns, or raises."""
        try:
            future.set_result(train_and_write(*request))
        except Exception as error:
            future.set_exception(error)


@dataclass
class Distribution:
    """The stacks of one sweep on their way through an executor."""

    folder: StacksFolder  # where the stacks' files go
    options: Options
    command: Sequence[str]  # what was typed, for the runs' provenance
    on_start: Callable[[Sequence[StackRun]], None]  # with those of each stack handed over, once
    on_end: Callable[[Sequence[Ended]], None]  # with runs that have ended, and their records

    waiting: deque[Piece] = field(default_factory=deque)
    running: dict[Future[Any], Handed] = field(default_factory=dict)
    ended: Tally = field(default_factory=Tally)  # of the stacks that have ended
    started: float = field(default_factory=time.monotonic)
    width: float = math.inf  # the most runs that were seen to fit in memory
    failed: bool = False
    keep_logs: bool = False

    def train(self, stacks: Sequence[Sequence[StackRun]]) -> None:
        """Train all, or until a run fails if ``options.on_failure`` is "stop".

        Raises:
            SweeplabError: the executor cannot work.
            OSError: a folder cannot be written.
        """
        self.waiting.extend(map(Piece, stacks))
        self.started = looked = time.monotonic()
        try:
            with self._executor() as executor:
                while self.waiting or self.running:
                    while self.waiting and len(self.running) < executor.room:
                        self._submit(executor, self.waiting.popleft())
                    done = wait(self.running, LOOK_SECONDS, FIRST_COMPLETED).done
                    for future in done:
                        self._collect(future, self.running.pop(future))
                    if self.failed and self.options.on_failure == "stop":
                        break
                    now = time.monotonic()
                    if isinstance(executor, Processes) and now - looked >= LOOK_SECONDS:
                        # However long this process itself was stopped, as by Ctrl-Z.
                        self._lose_hanging(executor, min(now - looked, 2 * LOOK_SECONDS))
                        looked = now
        except KeyboardInterrupt:
            self._keep_what_is_written()
            raise
        finally:
            # Jobs of an earlier command go on, and need their files.
            if self.options.executor == "slurm" or not self.folder.submitted():
                self.folder.remove(keep_logs=self.keep_logs)

    def _executor(self) -> Inline | Processes | Slurm:
        earlier = self.folder.submitted()
        if self.options.executor == "slurm" and (self.waiting or earlier):
            return self._slurm()
        if earlier:
            say(
                "SLURM jobs of an earlier command may still be training runs of this folder. "
                "What they finish is kept too; hydra.launcher.executor=slurm waits for them."
            )
        if self.options.executor == "processes" and self.waiting:
            return Processes(min(self.options.processes, len(self.waiting)))
        return Inline()

    def _slurm(self) -> Slurm:
        executor = Slurm(self.folder, self.options)
        wanted = {run.signature: run for piece in self.waiting for run in piece.runs}
        for files, future in executor.adopted.items():
            try:
                signatures = [run.signature for run in files.read().runs]
            except RunFolderError:
                continue  # damaged: its job fails too, and its runs are lined up anew
            piece = Piece([wanted.pop(name) for name in signatures if name in wanted])
            self.on_start(piece.runs)
            self.running[future] = Handed(piece, files, Meter(piece.runs))
        if executor.adopted:
            left = ([r for r in piece.runs if r.signature in wanted] for piece in self.waiting)
            self.waiting = deque(map(Piece, filter(None, left)))
            runs = sum(len(handed.piece.runs) for handed in self.running.values())
            jobs = count(len(executor.adopted), "SLURM job")
            verb = "is" if len(executor.adopted) == 1 else "are"
            say(f"{jobs} of an earlier command {verb} still training {runs} of them: waiting.")
        for files in self.folder.handed_over():
            if files not in executor.adopted:
                files.remove()
        return executor

    def _submit(self, executor: Inline | Processes | Slurm, piece: Piece) -> None:
        if len(piece.runs) > self.width:
            width = int(self.width)
            self.waiting.appendleft(Piece(piece.runs[width:], piece.lost))
            piece = Piece(piece.runs[:width], piece.lost)
        if not piece.lost:
            self.on_start(piece.runs)
        stack = Stack(piece.runs, self.command)
        meter = Meter(piece.runs)
        if isinstance(executor, Inline):
            future: Future[Any] = Future()
            self.running[future] = Handed(piece, None, meter)
            executor.train(future, stack, self._told, meter)
            return
        files = self.folder.of(stack, piece.lost)
        files.write(stack)
        future = executor.submit(train_file, str(files.path), self.options.threads)
        self.running[future] = Handed(piece, files, meter)

    def tally(self) -> Tally:
        """What has been done so far. Asked by another thread."""
        return sum((handed.tally() for handed in list(self.running.values())), self.ended)

    def _told(self, run: StackRun, record: RunRecord) -> None:
        self.on_end([(run, record)])

    def _lose_hanging(self, executor: Processes, seconds: float) -> None:
        """Give up workers that show no life, or get no further."""
        work = self.tally().work
        pace = (time.monotonic() - self.started) * self.options.processes / work if work else 1.0
        for future, handed in self.running.items():
            if executor.at_work(future) and (why := handed.hangs(seconds, pace)):
                executor.lose(future, why)

    def _keep_what_is_written(self) -> None:
        """Tell of the runs that were written in stacks that other processes were still training."""
        for handed in self.running.values():
            self.ended += handed.tally()  # whose file goes
            done = [(run, ended(run, failed=False)) for run in handed.piece.runs if handed.files]
            self.on_end([(run, record) for run, record in done if record])
        self.running.clear()

    def _collect(self, future: Future[Any], handed: Handed) -> None:
        piece, files = handed.piece, handed.files
        lost = future.exception()
        if lost is not None and not isinstance(lost, WorkerLostError):
            raise lost
        if files:  # What others wrote is read from the folders.
            width = read_note(files.done).width
            # A failure recorded by a worker that was lost later belongs to the attempt that is.
            records = {run.signature: ended(run, failed=lost is None) for run in piece.runs}
            files.remove()
        else:
            width, records = future.result().width, future.result().records
        if width is not None and width < self.width:
            self.width = width
            say(
                f"Memory does not hold a stack of {len(piece.runs)} runs here, but one of "
                f"{width}: the rest is trained so. hydra.launcher.width={width} starts with it."
            )
        left = [run for run in piece.runs if not records[run.signature]]
        if left:
            self.keep_logs = True
            lost = lost or WorkerLostError("its worker left no result")
            records |= self._again(Piece(left, piece.lost + 1), lost)
        done = [(run, record) for run in piece.runs if (record := records[run.signature])]
        self.failed |= any(record.status == "failed" for _, record in done)
        self.ended = sum((ended_tally(run, record) for run, record in done), self.ended)
        if done and files:
            self.on_end(done)

    def _again(self, piece: Piece, lost: WorkerLostError) -> dict[str, RunRecord]:
        """Line up what a lost worker left, or record it as failed once it had its tries."""
        runs = piece.runs
        counted = count(len(runs), "run")
        if piece.lost <= self.options.retries or (lost.memory and len(runs) > 1):
            say(f"Trying {counted} again ({piece.lost} of {self.options.retries}): {lost}.")
            # By halves: should the stack need too much memory, or one run crash its worker, the
            # next loss costs fewer.
            middle = (len(runs) + 1) // 2
            halves = (runs[:middle], runs[middle:])
            self.waiting.extend(Piece(half, piece.lost) for half in halves if half)
            return {}
        error = WorkerLostError(
            f"{lost}. It was tried {count(piece.lost, 'time')}, among {counted}"
        )
        failed = [Finished(run.folder, run.identity, error, run.hydra_texts) for run in runs]
        records = write_runs(failed, environment(self.command))
        return dict(zip((run.signature for run in runs), records, strict=True))
