"""What a user sees while runs train: bars on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sweeplab.runs.record import RunRecord
from sweeplab.training import Watch

LINE_SECONDS = 10.0  # between two plain lines


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
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=total)
        yield lambda iteration, _: bar.update(task, completed=iteration)


class SweepProgress:
    """Runs done and left, the best so far, and the time left, over a whole sweep."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.best: tuple[float, str] | None = None
        self.started = self.last_line = time.monotonic()
        self.console = Console(stderr=True, highlight=False)
        self.bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("runs  {task.description}"),
            console=self.console,
            transient=True,
            disable=not (self.console.is_terminal and total),
        )
        self.task = self.bar.add_task("", total=total)

    def __enter__(self) -> SweepProgress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def finished(self, records: list[tuple[str, RunRecord]]) -> None:
        """Note runs that ended, as (folder's name, record)."""
        first = self.done == 0
        self.done += len(records)
        for name, record in records:
            if record.final and (self.best is None or record.final.val_accuracy > self.best[0]):
                self.best = record.final.val_accuracy, name
        state = self._state()
        self.bar.update(self.task, completed=self.done, description=state)
        now = time.monotonic()
        due = first or self.done == self.total or now - self.last_line >= LINE_SECONDS
        if due and self.bar.disable:
            self.last_line = now
            self.console.print(f"{self.done} of {self.total} runs done  {state}")

    def _state(self) -> str:
        elapsed = time.monotonic() - self.started
        left = _duration(elapsed / self.done * (self.total - self.done))
        if self.best is None:
            return f"{left} left"
        accuracy, run = self.best
        return f"best validation accuracy {accuracy:.3f} (run {run}), {left} left"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
