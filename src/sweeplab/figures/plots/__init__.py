"""The report's figures, one a file: its data, its drawing, its caption and description.

Each file has a public function that draws for a notebook, and ``plots(sweep, analysis)``, which
yields what a report shows: nothing where a sweep has nothing to show.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sweeplab.statistics.analysis import Analysis

__all__ = ["Analysis", "Plot", "series"]


@dataclass(frozen=True)
class Plot:
    """One figure of the report, with the words that go with it."""

    name: str  # the file's stem
    title: str
    figure: Figure
    caption: str  # what to see, and how bands and points were made
    alt: str  # what it shows, with the numbers, for who cannot see it
    answers: int = -1  # the panel that stands beside the answer: of panels of one kind the first
    elsewhere: tuple[str, ...] = ()  # entries of the legend that this panel has not
    notes: tuple[str, ...] = ()  # what is said in its section, also where the explorer draws it
    caution: str = ""  # what to know of it before one relies on the answer


def series(parts: Iterable[str]) -> str:
    """The numbers of a figure, as the end of its description."""
    return "; ".join(parts) + "."


def __getattr__(name: str) -> Any:
    # Imported when asked for: a single run's figures need no statistics, which import SciPy.
    if name != "Analysis":
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from sweeplab.statistics.analysis import Analysis

    return Analysis
