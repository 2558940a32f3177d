"""What the report answered, in a small file, so that the terminal and ``ls`` say the same."""

from __future__ import annotations

import os

import msgspec
from msgspec import Struct

from sweeplab.errors import RunFolderError
from sweeplab.runs.files import read_typed, write_json
from sweeplab.runs.folder import RunFolder
from sweeplab.sweeps.folder import SweepFolder, read_sweep, within
from sweeplab.terminal import shown

FORMAT = 1


class OlderReportError(RunFolderError):
    """Runs have ended, or gone, since the report was made."""


class Answer(Struct):
    """What the report answers of the runs on one validation set.

    ``run`` is None where no run completed.

    Raises:
        ValueError: its run is none within the sweep's folder.
    """

    on: str  # the validation set's name, where there are several; else empty
    lead: str  # the first sentence of the answer
    setting: str  # the sentence that names one setting; empty where there was no choice
    short: str  # that setting as ``lr=0.1, weight_decay=0``; empty without knobs
    accuracy: float | None  # its mean final validation accuracy
    run: str | None  # the run that stands for it: its folder, relative to the sweep's

    def __post_init__(self) -> None:
        if not within(self.run or ""):
            raise ValueError("the run that it names is none within the sweep's folder")


class Answers(Struct):
    """The content of ``answers.json``."""

    runs: int  # that the report was made of: with another number it is older than the runs
    answers: list[Answer]
    format: int = FORMAT

    @property
    def sentences(self) -> list[str]:
        """What the report says first, for the terminal."""
        return [
            f"{f'On {each.on}: ' if each.on else ''}{each.lead} {each.setting}".rstrip()
            for each in self.answers
        ]


def write_answers(folder: SweepFolder, answers: list[Answer]) -> None:
    """Replace ``answers.json``.

    Raises:
        RunFolderError: the sweep's own record is damaged.
    """
    write_json(folder.answers, msgspec.to_builtins(Answers(ended(folder), answers)))


def ended(folder: SweepFolder) -> int:
    """How many runs of the sweep have ended, in whatever way; RunFolderError as ``read_sweep``."""
    jobs = read_sweep(folder).jobs
    return sum(os.path.exists(RunFolder(folder.path / job.folder).record) for job in jobs)


def read_answers(folder: SweepFolder) -> Answers:
    """The content of ``answers.json``.

    Raises:
        RunFolderError: there is none, it is damaged, a newer sweeplab wrote it, or runs have ended
            or gone since. The message says what to do.
    """
    build = f"`sweeplab report {shown(folder.path)}`"
    absent = f"{folder.path} has no report yet: {build} makes one."
    answers = read_typed(folder.answers, Answers, FORMAT, absent)
    if answers.runs != ended(folder):
        raise OlderReportError(f"The report of {folder.path} is older than its runs: {build} anew.")
    return answers
