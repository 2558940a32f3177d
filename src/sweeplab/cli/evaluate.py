"""``sweeplab evaluate`` and ``sweeplab predict``."""

from __future__ import annotations

from pathlib import Path

from rich.table import Column, Table

from sweeplab import evaluation
from sweeplab.errors import RunFolderError
from sweeplab.runs.folder import RunFolder
from sweeplab.sweeps.answers import read_answers
from sweeplab.sweeps.find import is_sweep
from sweeplab.sweeps.folder import SweepFolder
from sweeplab.terminal import console, plain, say, shown


def evaluate(run: Path) -> None:
    """Print the test accuracy and the confusion matrix, and record them.

    Of a sweep, those of the run that its report names.
    """
    if is_sweep(run):
        run = _recommended(SweepFolder(run))
        say(f"Run {shown(run)}, which the report names:")
    folder = RunFolder(run)
    record = evaluation.evaluate(folder)
    say(
        f"Test accuracy {record.accuracy:.4f} on {record.examples} images "
        f"(95 % interval {record.low:.4f} to {record.high:.4f})"
    )
    columns = [Column(name, justify="right") for name in record.classes]
    title = "Rows: true class. Columns: predicted."
    table = Table("", *columns, title=title, box=None, title_justify="left")
    for name, row in zip(record.classes, record.confusion, strict=True):
        table.add_row(name, *(str(n or ".") for n in row))
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


def predict(run: Path, images: list[Path], *, invert: bool) -> None:
    """Print each image's most probable class, and the probabilities of all."""
    probabilities, classes = evaluation.predict(RunFolder(run), images, invert=invert)
    columns = [Column(name, justify="right") for name in classes]
    table = Table("image", "class", *columns, box=None, header_style="bold")
    for path, row in zip(images, probabilities, strict=True):
        table.add_row(plain(str(path)), classes[int(row.argmax())], *(f"{p:.3f}" for p in row))
    console().print(table)
