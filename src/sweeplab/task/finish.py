"""When a sweep has ended: its images, tables and report, and a summary on the terminal."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sweeplab.data import Dataset, load
from sweeplab.data_keys import SHOWING, DataConfig
from sweeplab.errors import BusyError, SweeplabError
from sweeplab.report.apart import built
from sweeplab.sweeps.answers import read_answers
from sweeplab.sweeps.folder import SweepFolder, at_work, locked, read_sweep, write_sweep
from sweeplab.sweeps.images import Images, choice, image_file, write_images
from sweeplab.task.progress import followed, waiting
from sweeplab.task.words import failures, summary
from sweeplab.terminal import say, shown

if TYPE_CHECKING:
    import pandas as pd

    from sweeplab.sweeps.tables import Sweep

EXAMPLES = 18  # the first training images, which the report shows


def finish(folder: SweepFolder, *, report: bool) -> int:
    """Write tables and report, print the summary.

    Returns:
        The exit code: 1 when a run failed, else 0.

    Raises:
        RunFolderError: no run has ended.
    """
    with followed(folder):
        return _finish(folder, report=report)


def _finish(folder: SweepFolder, *, report: bool) -> int:
    sweep = _loaded(folder)
    summary(sweep)
    failed = sweep.runs[sweep.runs["status"] == "failed"]
    if len(failed):
        failures(failed)
    say(f"\nTables: {shown(folder.runs_table)}")
    if report:
        with waiting("writing the report"):
            page = built(folder.path)
            if page is None:
                # Matplotlib takes a second to import, unlike what is imported above.
                from sweeplab.report.build import build_report

                page = build_report(sweep)
        for sentence in read_answers(folder).sentences:
            say(sentence)
        say(f"Report: {shown(page)}")
    return 1 if len(failed) else 0


def _loaded(folder: SweepFolder) -> Sweep:
    """The sweep, its images and tables written, and its states noted.

    What is loaded before another command has ended in the folder must not be written after it.
    """
    # Pandas takes a quarter of a second to import, while nothing has been trained.
    from sweeplab.sweeps.tables import load_sweep, write_tables

    while True:
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(folder))
                alone = True
            except BusyError:
                alone = (
                    False  # the other notes the states of all, and writes the tables, at its end
                )
            sweep = load_sweep(folder.path)
            if alone:
                _note_states(folder, sweep.runs)
            _write_images(folder, sweep.runs)
            write_tables(sweep)
        if alone or at_work(folder):
            return sweep


def _note_states(folder: SweepFolder, runs: pd.DataFrame) -> None:
    """Bring ``sweep.json`` up to date with the run folders."""
    sweep = read_sweep(folder)
    states = dict(zip(runs["folder"], runs["status"], strict=True))
    for entry in sweep.jobs:
        entry.state = states.get(str(folder.path / entry.folder), entry.state)
    write_sweep(folder, sweep)


def _write_images(folder: SweepFolder, runs: pd.DataFrame) -> None:
    """Keep the examples that the report shows, for it reads no data and may run elsewhere."""
    largest = runs.sort_values("data.train_size", ascending=False, kind="stable")
    written: set[str] = set()
    for run in largest.drop_duplicates([f"data.{name}" for name in SHOWING]).to_dict("records"):
        chosen = choice(run)
        data = DataConfig(**{key: run[f"data.{key}"] for key in vars(DataConfig())})
        file = image_file(folder, chosen, first=data.name not in written)
        written.add(data.name)
        try:
            images = _images(load(data), chosen)
        except SweeplabError as error:  # the data went away meanwhile: the report does without
            say(f"The report shows no examples of {data.name}: {error}")
        else:
            write_images(file, images)


def _images(dataset: Dataset, chosen: dict[str, Any]) -> Images:
    assert dataset.raw_first is not None
    assert dataset.raw_val is not None
    first = dataset.raw_first[:EXAMPLES]

    def narrow(raw: Tensor) -> NDArray[Any]:
        numbers = raw.numpy()
        return numbers.astype(np.float32) if numbers.dtype == np.float64 else numbers

    return Images(
        narrow(first),
        dataset.train_labels[: len(first)].numpy(),
        narrow(dataset.raw_val),
        dataset.val_labels.numpy(),
        classes=dataset.class_names,
        brightest=dataset.brightest,
        val_start=chosen["val_start"],
        choice=chosen,
        may_train=dataset.there,
    )
