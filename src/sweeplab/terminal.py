"""Printing for people: the terminal's console, and paths as one would type them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress

PIPE_WIDTH = 180
_CONTROLS = {
    i: "\N{REPLACEMENT CHARACTER}" for i in (*range(32), *range(127, 160)) if chr(i) not in "\t\n"
}


def console() -> Console:
    """The standard output. Made anew each time: it may have been replaced, as tests do."""
    # A file or a pipe has no width to fit: tables written there keep their lines whole.
    # Names of folders and texts of errors are printed as they are: `[/x]` is no markup, and `:x:`
    # no picture.
    return Console(
        highlight=False,
        markup=False,
        emoji=False,
        width=None if sys.stdout.isatty() else PIPE_WIDTH,
    )


def progress_bar(where: Console, *, enabled: bool = True) -> Progress:
    """A bar over parts of 1, with a line of words; nothing where ``where`` is no terminal."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.table import Column

    return Progress(
        BarColumn(bar_width=16),
        TaskProgressColumn(),
        TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis")),
        console=where,
        transient=True,
        disable=not (where.is_terminal and enabled),
    )


def say(text: str) -> None:
    """Print ``text`` as it is: no markup, no wrapping, no colours."""
    console().print(plain(text), soft_wrap=True)


def plain(text: str) -> str:
    """``text`` without what steers a terminal: a file of anyone's may hold escape sequences."""
    return text.translate(_CONTROLS)


def shown(path: Path) -> Path:
    """``path`` as a user would type it from here."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
