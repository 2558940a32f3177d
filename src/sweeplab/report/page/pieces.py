"""What the report's page is made of, before any of it is HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from sweeplab.report.page.plots import PagePlot

Cell = str | Markup
Record = dict[str, Any]  # a row of a frame


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading and figures."""

    key: str  # its id
    title: str
    short: str  # its name in the list of contents, where the part is known
    plots: list[PagePlot]
    sentences: list[str]


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, how a cell is made, and what it means if not plain."""

    title: str
    cell: Callable[[Record], Cell]
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """A table that can be sorted and filtered."""

    key: str
    title: str
    intro: str
    columns: list[Column]
    records: list[Record]
    mark: Callable[[Record], str]  # a row's CSS class
    short: str = ""  # as a section's

    @property
    def rows(self) -> list[tuple[str, list[Cell]]]:
        """Each row's CSS class and cells."""
        return [
            (self.mark(record), [column.cell(record) for column in self.columns])
            for record in self.records
        ]


@dataclass(frozen=True)
class Group:
    """What is said and shown of the runs that share a validation set."""

    title: str
    lead: str  # the answer,
    how: str  # and how it was got; may be empty
    findings: list[str]
    cautions: list[str]
    opened: Sequence[Cell]  # what the test images said, or how to ask them
    sections: list[Section]
    settings: Table

    @property
    def contents(self) -> list[tuple[str, str]]:
        """The id and the name of each section, and of the table."""
        sections = [(section.key, section.short) for section in self.sections]
        return [*sections, (self.settings.key, self.settings.short)]


@dataclass(frozen=True)
class Facts:
    """Names and values under a heading."""

    title: str
    entries: list[tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """Everything on the page."""

    title: str
    question: str  # the experiment's, or empty
    summary: str
    groups: list[Group]
    tables: list[Table]
    provenance: list[Facts]
    notes: list[str] = field(default_factory=list)  # on merged sweeps,
    merged: list[tuple[str, str]] = field(default_factory=list)  # and each of them in words
    skipped: list[tuple[str, str]] = field(default_factory=list)

    @property
    def contents(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """What the page holds, in order: a heading, and the ids and names of what stands under it.

        Only where there are several groups does each have a heading.
        """
        end = [(table.key, table.title) for table in self.tables]
        end += [("skipped", "Left out")] if self.skipped else []
        end += [("provenance", "Where it comes from")]
        groups = [(group.title, group.contents) for group in self.groups]
        if len(groups) > 1:
            return [*groups, ("On all of them", end)]
        return [("", [*(entry for _, entries in groups for entry in entries), *end])]
