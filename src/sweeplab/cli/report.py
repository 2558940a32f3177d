"""``sweeplab report``."""

from __future__ import annotations

import webbrowser
from contextlib import suppress
from pathlib import Path

import click

from sweeplab.errors import RunFolderError
from sweeplab.report.build import build_report
from sweeplab.report.text.merged import differences, merged
from sweeplab.sweeps.answers import read_answers
from sweeplab.sweeps.folder import SweepFolder
from sweeplab.sweeps.place import place
from sweeplab.sweeps.tables import load_sweep, write_tables
from sweeplab.terminal import say, shown
from sweeplab.words import count

FORMATS = ("svg", "png", "pdf")


def report(folders: list[Path], *, output: Path | None, open_browser: bool, formats: str) -> None:
    """Build the report and say where it is."""
    wanted = tuple(part.strip() for part in formats.split(","))
    for unknown in set(wanted) - set(FORMATS):
        raise click.UsageError(
            f"--format takes a list of {', '.join(FORMATS)}, but '{unknown}' is none of them."
        )
    sweep = load_sweep(folders)
    for sentence in differences(sweep):
        say(sentence)
    for name, text in merged(sweep):
        say(f"- {name}: {text}")
    out = place(sweep, output)
    write_tables(sweep, out)
    page = build_report(sweep, formats=wanted, out=out)
    if sweep.skipped:
        say(f"{count(len(sweep.skipped), 'run')} left out; the report says which, and why.")
    with suppress(RunFolderError):  # single runs, or several sweeps, have no answer of their own
        for sentence in read_answers(SweepFolder(page.parent)).sentences:
            say(sentence)
    say(f"Report: {shown(page)}")
    if open_browser:
        webbrowser.open(page.absolute().as_uri())
