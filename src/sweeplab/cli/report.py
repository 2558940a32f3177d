"""``sweeplab report``."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from sweeplab.report.build import build_report
from sweeplab.terminal import say, shown

FORMATS = ("svg", "png", "pdf")


def report(folders: list[Path], *, open_browser: bool, formats: str) -> None:
    """Build the report and say where it is."""
    wanted = tuple(part.strip() for part in formats.split(","))
    for unknown in set(wanted) - set(FORMATS):
        raise click.UsageError(
            f"--format takes a list of {', '.join(FORMATS)}, but '{unknown}' is none of them."
        )
    page = build_report(folders, formats=wanted)
    say(f"Report: {shown(page)}")
    if open_browser:
        webbrowser.open(page.absolute().as_uri())
