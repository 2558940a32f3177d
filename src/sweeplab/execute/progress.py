"""How far stacks are: counted where they train, and read by whoever shows it.

Work is counted in seconds as expected beforehand. How fast a machine is does not matter: what is
shown is put right by the time that the work done so far has taken.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from sweeplab.config import RunConfig
from sweeplab.errors import RunFolderError, SweeplabError
from sweeplab.execute.files import StackRun
from sweeplab.runs.files import regular
from sweeplab.runs.record import RunRecord
from sweeplab.training import iterations

BEAT_SECONDS = 1.0  # between two lines that a worker writes
TAIL = 4096  # bytes at the end of a file of such lines that surely hold a whole one

NO_THREAD = (
    "The system refuses another thread: `ulimit -u` shows how many processes and threads a user "
    "may have. Raise it, or set hydra.launcher.executor=inline."
)


class Tally(msgspec.Struct):
    """What has been done of some runs."""

    runs: int = 0  # ended, and written
    diverged: int = 0
    failed: int = 0
    work: float = 0.0  # done, in expected seconds
    kept: float = 0.0  # of it what is written, and so not lost with the process
    before: float = 0.0  # of it what an earlier command did
    iterations: int = 0
    best: float = -1.0  # the highest validation accuracy that any evaluation has shown, or -1
    best_run: str = ""  # and the folder of its run

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        better = max(self, other, key=lambda tally: tally.best)
        return Tally(
            self.runs + other.runs,
            self.diverged + other.diverged,
            self.failed + other.failed,
            self.work + other.work,
            self.kept + other.kept,
            self.before + other.before,
            self.iterations + other.iterations,
            better.best,
            better.best_run,
        )


def expected_seconds(config: RunConfig) -> float:
    """What a run takes, roughly, among others: on one core of 2024, with MNIST's images.

    An update costs its share of what an update costs at all, and its products: by blocks, with all
    examples, or directly, and then the evaluations cost more. The numbers are measured ones.
    """
    examples = config.data.train_size + config.data.val_size
    by_blocks = 3e-10 * config.batch_size * examples
    directly = 3e-7 * config.batch_size + 1.6e-8 * examples
    return iterations(config) * (8e-6 + min(by_blocks, directly))


def work_of(runs: Iterable[StackRun]) -> float:
    """The expected seconds of all."""
    return sum(run.share * expected_seconds(run.identity.config) for run in runs)


def iterations_of(runs: Iterable[StackRun]) -> int:
    """The updates of all."""
    return sum(round(run.share * iterations(run.identity.config)) for run in runs)


def ended_tally(run: StackRun, record: RunRecord) -> Tally:
    """What a run comes to that has ended."""
    work = work_of([run])
    best = record.best.val_accuracy if record.best else -1.0
    return Tally(
        runs=1,
        diverged=record.status == "diverged",
        failed=record.status == "failed",
        work=work,
        kept=work,
        # A run that diverged needs no more.
        iterations=iterations_of([run]),
        best=best,
        best_run=run.folder.path.name,
    )


class Meter:
    """Counts what is done of one stack. Called from several threads, read by any."""

    def __init__(self, runs: Sequence[StackRun]) -> None:
        self.runs = runs
        self.written: dict[str, Tally] = {}
        # Which parts of the others are trained, kept on the disk, and were so before: 0 to 1.
        self.parts: dict[str, float] = {}
        self.kept: dict[str, float] = {}
        self.before: dict[str, float] = {}
        self.best = Tally()

    def watch(self, runs: Sequence[StackRun], iteration: int, found: Mapping[int, float]) -> None:
        """What ``stream_stack`` calls, with accuracies by the positions of runs in ``runs``."""
        for position in found:
            self.parts[runs[position].signature] = _part(runs[position], iteration)
        position, accuracy = max(found.items(), key=lambda item: item[1], default=(0, -1.0))
        if accuracy > self.best.best:
            self.best = Tally(best=accuracy, best_run=runs[position].folder.path.name)

    def begin(self, run: StackRun, updates: int) -> None:
        """``run`` goes on after so many updates."""
        part = _part(run, updates)
        self.parts[run.signature] = self.kept[run.signature] = part
        self.before.setdefault(run.signature, part)

    def keep(self, run: StackRun, updates: int) -> None:
        """So many updates of ``run`` are lost no more."""
        self.kept[run.signature] = _part(run, updates)

    def note(self, run: StackRun, record: RunRecord) -> None:
        """``run`` has ended, and its folder is written."""
        before = self.before.get(run.signature, 0.0) * work_of([run])
        self.written[run.signature] = ended_tally(run, record) + Tally(before=before)

    def tally(self) -> Tally:
        """All of it so far."""
        total = sum(list(self.written.values()), self.best + Tally())
        for run in self.runs:
            name = run.signature
            if name not in self.written and (part := self.parts.get(name)):
                work = work_of([run])
                total.work += part * work
                total.kept += self.kept.get(name, 0.0) * work
                total.before += self.before.get(name, 0.0) * work
                total.iterations += round(part * iterations_of([run]))
        return total


def _part(run: StackRun, updates: int) -> float:
    """Which part of what a run gets in its rung is done after so many updates, 0 to 1."""
    done = updates / iterations(run.identity.config)  # of the whole run
    return max(done - run.rung.begin / run.identity.config.epochs, 0.0) / run.share


@contextmanager
def beating(meter: Meter, path: Path) -> Iterator[None]:
    """Write a line to ``path`` every second meanwhile: ``meter``'s tally, and a sign of life.

    The file is only ever added to, so that who reads it finds whole lines.

    Raises:
        SweeplabError: the system lets this process start no more threads.
    """
    stop = threading.Event()

    def beat() -> None:
        with suppress(OSError), path.open("ab", buffering=0) as file:  # no reason to stop training
            while True:
                file.write(msgspec.json.encode(meter.tally()) + b"\n")
                if stop.wait(BEAT_SECONDS):
                    return

    thread = threading.Thread(target=beat, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise SweeplabError(NO_THREAD) from error
    try:
        yield
    finally:
        stop.set()
        thread.join()


def last_beat(path: Path) -> tuple[int, Tally]:
    """The bytes that a worker has written there, and the tally that stands last."""
    with suppress(OSError, RunFolderError, msgspec.DecodeError), regular(path) as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL))
        *_, last, _unfinished = [b"", *file.read().split(b"\n")]
        return size, msgspec.json.decode(last, type=Tally) if last else Tally()
    return 0, Tally()
