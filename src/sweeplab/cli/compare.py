"""``sweeplab compare``."""

from __future__ import annotations

import webbrowser
from collections.abc import Sequence
from pathlib import Path

from sweeplab.report.versus import build_comparison
from sweeplab.sweeps.place import free
from sweeplab.sweeps.sides import find_sides, folder_beside
from sweeplab.terminal import say, shown


def compare(words: Sequence[str], *, output: Path | None, open_browser: bool) -> None:
    """Print what comes of it, and say where its page is."""
    left, right = find_sides(words)
    found = build_comparison(left, right, free(output or folder_beside(left, right)))
    for sentence in found.sentences:
        say(sentence)
    say(f"Page: {shown(found.page)}")
    if open_browser:
        webbrowser.open(found.page.absolute().as_uri())
