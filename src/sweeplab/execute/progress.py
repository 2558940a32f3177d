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
        self.written: dict[str, Tally] = {}  # by signature
        self.parts = dict.fromkeys(range(len(runs)), 0.0)  # of the run at each position, 0 to 1
        self.best = Tally()

    def watch(self, iteration: int, accuracies: Mapping[int, float]) -> None:
        """What ``stream_stack`` calls."""
        position, accuracy = max(accuracies.items(), key=lambda item: item[1], default=(0, -1.0))
        run = self.runs[position]
        done = iteration / iterations(run.identity.config)  # of the whole run
        part = max(done - run.rung.begin / run.identity.config.epochs, 0.0) / run.share
        self.parts.update(dict.fromkeys(accuracies, part))
        if accuracy > self.best.best:
            name = self.runs[position].folder.path.name
            self.best = Tally(best=accuracy, best_run=name)

    def note(self, run: StackRun, record: RunRecord) -> None:
        """``run`` has ended, and its folder is written."""
        self.written[run.signature] = ended_tally(run, record)

    def tally(self) -> Tally:
        """All of it so far."""
        total = sum(list(self.written.values()), self.best + Tally())
        for position, run in enumerate(self.runs):
            if run.signature not in self.written and (part := self.parts[position]):
                total.work += part * work_of([run])
                total.iterations += round(part * iterations_of([run]))
        return total


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
