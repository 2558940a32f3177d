"""How far a sweep is: ``progress.jsonl`` in its folder, a line at a time, for whoever follows it.

The command that trains only ever adds whole lines, and never reads them: no reader can disturb it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from sweeplab.errors import RunFolderError
from sweeplab.runs.files import regular

State = Literal["training", "report", "ended", "stopped"]
LARGEST = 2**22  # bytes at the end of the file that are read: twenty thousand lines
# Lines are written every second at first, and further apart as time goes on, so that a sweep of a
# day leaves a few thousand.
LEAST_SECONDS, PART_OF_ELAPSED = 1.0, 1 / 500


class Moment(msgspec.Struct):
    """A line of the file: what has been done of the runs that a command had to train."""

    at: float  # when, in seconds since 1970
    state: State
    runs: int  # to train
    done: int = 0  # of them ended and written, however they ended
    diverged: int = 0
    failed: int = 0
    iterations: int = 0  # of all runs together
    of_iterations: int = 0
    part: float = 0.0  # of the work, 0 to 1: iterations of some runs cost more than of others
    elapsed: float = 0.0  # seconds of training
    left: float | None = None  # more seconds, as far as one can tell
    at_risk: float = 0.0  # of ``elapsed`` what would be lost if it was stopped now
    best: float | None = None  # the highest validation accuracy that an evaluation has shown
    best_run: str = ""


def append(path: Path, moment: Moment) -> None:
    """Add ``moment``. A disk that is full stops no training for it."""
    # Neither waiting for who reads a pipe of that name, nor led elsewhere by a link.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(OSError), os.fdopen(os.open(path, flags, 0o666), "ab", buffering=0) as file:
        file.write(msgspec.json.encode(moment) + b"\n")


def moments(path: Path) -> list[Moment]:
    """What stands in the file; none if there is no file. Lines that are no moments are left out."""
    found: list[Moment] = []
    with suppress(OSError, RunFolderError), regular(path) as file:
        file.seek(max(0, file.seek(0, 2) - LARGEST))
        for line in file.read(LARGEST).split(b"\n")[:-1]:  # the last may not be whole yet
            with suppress(msgspec.DecodeError, msgspec.ValidationError):
                found.append(msgspec.json.decode(line, type=Moment))
    return found


def latest(known: Sequence[Moment]) -> list[Moment]:
    """Those of the last command: a sweep may be trained by several, one after another."""
    starts = [i for i in range(1, len(known)) if known[i].elapsed < known[i - 1].elapsed]
    return list(known[starts[-1] if starts else 0 :])


def enter(path: Path, state: State) -> None:
    """Note that the command which trained has come to ``state``, if it has trained."""
    if known := moments(path):
        append(path, msgspec.structs.replace(known[-1], at=time.time(), state=state, left=None))


def in_words(moment: Moment) -> str:
    """``27 of 80 runs · 12 s · about 20 s left · best so far 0.912 (run 17) · ...``."""
    words = [f"{moment.done:,} of {moment.runs:,} runs"]
    words += [f"{n:,} {how}" for n, how in bad_ends(moment) if n]
    words.append(duration(moment.elapsed))
    if moment.left is not None and moment.part < 1:
        words.append(f"about {duration(moment.left)} left")
    if moment.best is not None:
        words.append(f"best so far {moment.best:.3f} (run {moment.best_run})")
    if moment.state == "training" and moment.at_risk >= 1:
        words.append(f"Ctrl-C would lose {duration(moment.at_risk)}")
    return " · ".join(words)


def bad_ends(moment: Moment) -> list[tuple[int, str]]:
    """How many runs ended other than they should, and how."""
    return [(moment.diverged, "diverged"), (moment.failed, "failed")]


def duration(seconds: float) -> str:
    """``12 s``, ``3 min``, ``1.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
