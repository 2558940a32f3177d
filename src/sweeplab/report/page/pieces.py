"""What the report's page is made of."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from sweeplab.report.page.plots import PagePlot
from sweeplab.terminal import shown

Cell = str | Markup


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
    """A column of a table: its heading, what of the frame it shows, how, and what that is."""

    title: str
    name: str
    text: Callable[[Any], Cell] = str
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """A table that can be sorted and filtered."""

    key: str
    title: str
    intro: str
    columns: list[Column]
    frame: pd.DataFrame
    mark: str  # the frame's column that gives a row's CSS class
    short: str = ""  # as a section's

    @property
    def rows(self) -> Iterable[tuple[str, Sequence[Cell]]]:
        """Each row's CSS class and cells."""
        cells = [[column.text(v) for v in self.frame[column.name]] for column in self.columns]
        return zip(self.frame[self.mark], zip(*cells, strict=True), strict=True)


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
class Page:
    """Everything on the page."""

    title: str
    question: str  # the experiment's, or empty
    summary: str
    groups: list[Group]
    tables: list[Table]
    provenance: dict[str, list[tuple[str, str]]]  # by heading: names and values
    notes: list[str]  # on merged sweeps,
    merged: list[tuple[str, str]]  # and each of them in words
    skipped: list[tuple[str, str]]

    @property
    def contents(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """What the page holds, in order: a heading, and the ids and names of what stands under it.

        Only where there are several groups does each have a heading.
        """
        end = [(table.key, table.title) for table in self.tables]
        end += [("skipped", "Left out")] if self.skipped else []
        end += [("provenance", "Where it comes from")]
        if len(self.groups) > 1:
            groups = [(group.title, group.contents) for group in self.groups]
            return [*groups, ("On all of them", end)]
        return [("", [*self.groups[0].contents, *end])]


def command(folder: str, verb: str = "reproduce", *, brief: bool = False) -> Markup:
    """``sweeplab VERB FOLDER``, the folder as one would type it from here, and a copy button.

    ``brief`` shows the button alone, with the command as its tooltip, where there is no room.
    """
    line = f"sweeplab {verb} {shlex.quote(str(shown(Path(folder))))}"
    return Markup(
        '<code{}>{}</code><button class="copy" type="button" title="{}">copy</button>'
    ).format(Markup(' class="unseen"') if brief else "", line, line)
