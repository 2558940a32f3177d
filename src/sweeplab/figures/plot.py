"""A figure with the words that go with it."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plot:
    """One figure of the report."""

    name: str  # the file's stem
    title: str
    figure: Figure
    caption: str  # what to see, and how bands and points were made
    alt: str  # what it shows, with the numbers, for who cannot see it
