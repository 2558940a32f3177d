"""The page of a comparison: one HTML file that needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from sweeplab.report.page.html import template
from sweeplab.report.page.pieces import Table
from sweeplab.report.page.plots import PagePlot
from sweeplab.report.text.compared import Compared


@dataclass(frozen=True)
class Answered:
    """What is said and shown of one validation set."""

    name: str  # of it, where there are several; else empty
    said: Compared
    plots: list[PagePlot]
    tables: list[Table]


@dataclass(frozen=True)
class ComparisonPage:
    """Everything on the page."""

    title: str
    sides: list[tuple[str, str, str]]  # A and B: the letter, the folder, and what it is
    answers: list[Answered]
    notes: list[str]  # on what cannot be compared
    differ: list[tuple[str, str, str]]  # what differs: its name, in A, in B
    same: str  # what does not, in a sentence


def render_comparison(page: ComparisonPage) -> str:
    """The page's HTML."""
    return template("comparison.html.j2", page=page)
