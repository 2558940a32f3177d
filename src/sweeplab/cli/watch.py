"""``sweeplab watch``: follow a sweep that another terminal, or another machine, is training."""

from __future__ import annotations

import time
import webbrowser
from pathlib import Path

from rich.console import Console

from sweeplab.errors import RunFolderError
from sweeplab.runs.files import write_text
from sweeplab.sweeps.folder import SweepFolder
from sweeplab.sweeps.progress import Moment, duration, in_words, latest, moments
from sweeplab.terminal import progress_bar, say, shown

LOOK_SECONDS = 1.0
LINE_SECONDS = 10.0  # between two plain lines
# Without a new line for so long, whoever trained is gone. A report takes its time.
GONE_SECONDS = {"training": 60.0, "report": 900.0}


def watch(path: Path, *, page: bool, open_browser: bool) -> int:
    """Show how far the sweep in ``path`` is, until it ends.

    Args:
        page: write ``progress.html`` there too, as long as this runs; a browser shows it anew by
            itself.

    Returns:
        The exit code: 0 when the sweep ended, 1 when it was stopped or is gone.

    Raises:
        RunFolderError: there is no sweep, or it has not begun to train.
    """
    folder = SweepFolder(path)
    known = latest(moments(folder.progress))
    if not known:
        raise RunFolderError(_nothing(folder))
    if page:
        _write_page(folder, known)
        say(f"Page: {shown(folder.progress_page)}")
        if open_browser:
            webbrowser.open(folder.progress_page.absolute().as_uri())
    console, last_line = Console(highlight=False), 0.0
    with progress_bar(console) as bar:
        task = bar.add_task("", total=1.0)
        while True:
            now = known[-1]
            bar.update(task, completed=now.part, description=_line(now))
            if bar.disable and time.monotonic() - last_line >= LINE_SECONDS:
                last_line = time.monotonic()
                say(_line(now))
            if page:
                _write_page(folder, known)
            if now.state in ("ended", "stopped") or is_gone(now):
                break
            time.sleep(LOOK_SECONDS)
            known = latest(moments(folder.progress)) or known
    say(in_words(now))
    if now.state == "ended":
        say(f"It has ended. Report: {shown(folder.report)}" if folder.report.exists() else "Ended.")
        return 0
    word = "It was stopped." if now.state == "stopped" else "Whatever trained it is gone."
    say(
        f"{word} What is done is kept: repeat its command with hydra.sweep.dir={shown(path)} "
        "to go on."
    )
    return 1


def is_gone(moment: Moment) -> bool:
    """Whether so much time has passed that another line should be there."""
    patience = GONE_SECONDS.get(moment.state, 0.0) + moment.elapsed / 100
    return time.time() - moment.at > patience


def _line(moment: Moment) -> str:
    if moment.state == "report":
        since = duration(max(0.0, time.time() - moment.at))
        return f"{moment.done:,} of {moment.runs:,} runs · writing the report, {since}"
    return in_words(moment)


def _write_page(folder: SweepFolder, known: list[Moment]) -> None:
    from sweeplab.report.page.progress import render_progress

    title = f"{folder.path.absolute().parent.name} · {folder.path.absolute().name}"
    report = folder.report.name if folder.report.exists() else ""
    gone = is_gone(known[-1])
    write_text(folder.progress_page, render_progress(title, known, gone=gone, report=report))


def _nothing(folder: SweepFolder) -> str:
    if folder.record.exists():
        return (
            f"{folder.path} has no {folder.progress.name}: nothing has been trained there yet, or "
            "an older sweeplab or another of Hydra's launchers did. `sweeplab ls` shows its state."
        )
    return (
        f"{folder.path} is not a sweep's folder: it has no {folder.record.name}. `sweeplab train` "
        "names the folder when it starts."
    )
