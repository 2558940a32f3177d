"""What a user sees while runs train: bars on a terminal, plain lines anywhere else, and a file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from sweeplab.execute.progress import Tally
from sweeplab.sweeps.folder import SweepFolder
from sweeplab.sweeps.progress import (
    LEAST_SECONDS,
    PART_OF_ELAPSED,
    Moment,
    State,
    append,
    enter,
    in_words,
)
from sweeplab.terminal import progress_bar, say, shown
from sweeplab.training import Watch

INTERRUPTED = 130  # the exit code that shells give to a command ended by Ctrl-C
LINE_SECONDS = 10.0  # between two plain lines; the first comes sooner
FIRST_LINE_SECONDS = 2.0
TICK_SECONDS = 0.25
LEAST_WORK = 0.01  # part of all that must be done before the time left can be told


@contextmanager
def iterations_bar(total: int, *, shown: bool) -> Iterator[Watch | None]:
    """A bar over the iterations of a single run; yields the function that sets it."""
    console = Console(stderr=True)
    if not (shown and console.is_terminal):
        yield None
        return
    with Progress(
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("iterations"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=total)

        def watch(iteration: int, accuracies: Mapping[int, float]) -> None:
            best = max(accuracies.values(), default=0.0)
            text = f"validation accuracy {best:.3f}"
            bar.update(task, completed=iteration, description=text)

        yield watch


class SweepProgress:
    """Shows how far a sweep is, a few times a second, from a thread of its own.

    Args:
        runs: how many are to be trained.
        work: what they are expected to cost, in the unit of ``tally().work``.
        iterations: of all of them.
        tally: what has been done so far.
        file: ``progress.jsonl``.
    """

    def __init__(
        self, *, runs: int, work: float, iterations: int, tally: Callable[[], Tally], file: Path
    ) -> None:
        self.runs, self.work, self.iterations = runs, work, iterations
        self.tally, self.file = tally, file
        self.started = time.monotonic()
        self.last_line = self.started - LINE_SECONDS + FIRST_LINE_SECONDS
        self.last_written = -1.0
        self.part = 0.0
        self.console = Console(stderr=True, highlight=False)
        self.bar = progress_bar(self.console, enabled=bool(runs))
        self.task = self.bar.add_task("", total=1.0)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> SweepProgress:
        if self.runs:
            with suppress(RuntimeError):  # no more threads may be started: train without a word
                self.bar.start()
                self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if not self.runs:
            return
        self.stop.set()
        if self.thread.ident is not None:
            self.thread.join()
        self.bar.stop()
        moment = self.moment("training" if kind is None else "stopped")
        append(self.file, moment)
        if self.bar.disable and kind is None:
            self.console.print(in_words(moment), soft_wrap=True)

    def moment(self, state: State = "training") -> Moment:
        """How far it is now."""
        tally, elapsed = self.tally(), time.monotonic() - self.started
        # It only grows: a stack that has just ended is for a moment in no account, and work that
        # was lost is done again.
        self.part = part = max(self.part, min(tally.work / max(self.work, 1e-9), 1.0))
        # The time left is told by what this command did, and so is what Ctrl-C would lose.
        new = part - tally.before / max(self.work, 1e-9)
        known = new > LEAST_WORK and elapsed > 1
        done, lost = tally.work - tally.before, tally.work - tally.kept
        return Moment(
            at=time.time(),
            state=state,
            runs=self.runs,
            done=tally.runs,
            diverged=tally.diverged,
            failed=tally.failed,
            iterations=tally.iterations,
            of_iterations=self.iterations,
            part=part,
            elapsed=elapsed,
            left=elapsed * (1 - part) / new if known else None,
            at_risk=elapsed * lost / done if done > 0 else 0.0,
            best=tally.best if tally.best >= 0 else None,
            best_run=tally.best_run,
        )

    def _run(self) -> None:
        while not self.stop.wait(TICK_SECONDS):
            moment = self.moment()
            if moment.elapsed - self.last_written >= max(
                LEAST_SECONDS, moment.elapsed * PART_OF_ELAPSED
            ):
                self.last_written = moment.elapsed
                append(self.file, moment)
            self.bar.update(self.task, completed=moment.part, description=in_words(moment))
            if self.bar.disable and time.monotonic() - self.last_line >= LINE_SECONDS:
                self.last_line = time.monotonic()
                self.console.print(in_words(moment), soft_wrap=True)


@contextmanager
def followed(folder: SweepFolder) -> Iterator[None]:
    """Let whoever follows the sweep know that tables and report are written meanwhile.

    Ctrl-C ends the process with a message, for every run is kept.
    """
    enter(folder.progress, "report")
    try:
        yield
    except KeyboardInterrupt:
        enter(folder.progress, "stopped")
        say(
            "\nStopped before tables and report were written. Every run is kept: "
            f"sweeplab report {shown(folder.path)}"
        )
        raise SystemExit(INTERRUPTED) from None
    except BaseException:
        enter(folder.progress, "stopped")
        raise
    enter(folder.progress, "ended")


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on a terminal, meanwhile, ``what`` is being done and for how long."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        bar.add_task(what)
        yield
