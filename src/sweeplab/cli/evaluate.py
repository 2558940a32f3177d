"""``sweeplab evaluate`` and ``sweeplab predict``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.table import Column, Table

from sweeplab import evaluation, prediction
from sweeplab.errors import RunFolderError
from sweeplab.results import balanced, confused, uneven
from sweeplab.runs.folder import RunFolder, read_record
from sweeplab.sweeps.answers import read_answers
from sweeplab.sweeps.find import is_sweep
from sweeplab.sweeps.folder import SweepFolder
from sweeplab.terminal import console, plain, say, shown
from sweeplab.words import called

WIDE = 30  # classes, beyond which no table shows all of them, wide as a terminal may be


def evaluate(run: Path) -> None:
    """Print the test accuracy and the confusion matrix, and record them.

    Of a sweep, those of the run that its report names.
    """
    if is_sweep(run):
        run = _recommended(SweepFolder(run))
        say(f"Run {shown(run)}, which the report names:")
    folder = RunFolder(run)
    record = evaluation.evaluate(folder)
    many = f"{called([read_record(folder).config.data.name])}s"
    say(
        f"Test accuracy {record.accuracy:.4f} on {record.examples} {many} "
        f"(95 % interval {record.low:.4f} to {record.high:.4f})"
    )
    counts = np.array(record.confusion)
    if record.top5 is not None:
        say(f"The true class is among the five most probable ones in {record.top5:.4f} of them.")
    if uneven(counts):
        say(f"The classes are unequal: averaged over classes, accuracy is {balanced(counts):.4f}.")
    if _fits(record.classes, max(map(len, record.classes))):
        columns = [Column(plain(name), justify="right") for name in record.classes]
        say("Rows: true class. Columns: predicted.")
        table = Table("", *columns, box=None)
        for name, row in zip(record.classes, record.confusion, strict=True):
            table.add_row(plain(name), *(str(n or ".") for n in row))
    else:
        table = Table("true class", "taken for", many, box=None, title_justify="left",
                      title="Most often confused.")  # fmt: skip
        for i, j in confused(counts)[:WIDE]:
            table.add_row(plain(record.classes[i]), plain(record.classes[j]), str(counts[i, j]))
    console().print(table)
    times = len(record.opened)
    opened = "once" if times == 1 else f"{times} times"
    say(f"Recorded in {shown(folder.test)}: the test set was opened for this run {opened}.")
    sweep = run.absolute().parent
    if SweepFolder(sweep).report.is_file():
        say(f"`sweeplab report {shown(sweep)}` adds it to the report.")
    if times > 1:
        say("Choosing by test accuracy makes it optimistic: choose by validation accuracy.")


def _recommended(folder: SweepFolder) -> Path:
    """The run that the sweep's report names."""
    named = [answer.run for answer in read_answers(folder).answers if answer.run]
    if not named:
        raise RunFolderError(f"The report of {folder.path} names no run: none completed.")
    if len(named) > 1:
        runs = " or ".join(str(shown(folder.path / run)) for run in named)
        raise RunFolderError(
            f"The report of {folder.path} names a run for each validation set. Choose one: {runs}."
        )
    return folder.path / named[0]


def _fits(classes: Sequence[str], beside: int) -> bool:
    """Whether a column for each class fits the terminal, with ``beside`` letters before them."""
    width = beside + sum(max(len(name), len("0.123")) + 2 for name in classes) + 4
    return len(classes) <= WIDE and width <= console().width


def predict(run: Path, files: list[Path], *, invert: bool, as_is: bool) -> None:
    """Print each example's most probable class, and the probabilities of all classes, or of a few
    where there are many."""
    found, classes = prediction.predict(RunFolder(run), files, invert=invert, as_is=as_is)
    if _fits(classes, max(len(one.name) for one in found) + max(map(len, classes))):
        columns = [Column(plain(name), justify="right") for name in classes]
        table = Table("example", "class", *columns, box=None, header_style="bold")
        for one in found:
            shares = [f"{p:.3f}" for p in one.probabilities]
            table.add_row(plain(one.name), plain(classes[int(one.probabilities.argmax())]), *shares)
    else:
        table = Table("example", "class", "probability", "next", box=None, header_style="bold")
        for one in found:
            first, *others = np.argsort(-one.probabilities, kind="stable")[:4]
            rest = ", ".join(f"{classes[k]} {one.probabilities[k]:.3f}" for k in others)
            share = f"{one.probabilities[first]:.3f}"
            table.add_row(plain(one.name), plain(classes[first]), share, plain(rest))
    console().print(table)
