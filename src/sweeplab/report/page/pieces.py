"""What the report's page is made of."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from sweeplab.report.page.explorer import Explorer
from sweeplab.report.page.plots import PagePlot, Picture
from sweeplab.report.text.methods import Method
from sweeplab.terminal import shown

Cell = str | Markup
NARROW = 700  # pixels, of half a page


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading and figures."""

    key: str  # its id
    title: str
    short: str  # its name in the list of contents, where the part is known
    plots: list[PagePlot]
    sentences: list[str]
    tables: list[Effect]
    folded: bool  # the figures are one click behind the sentences

    @property
    def static(self) -> bool:
        """Whether all of it is shown elsewhere on a screen."""
        return not self.sentences and not self.tables and all(p.elsewhere for p in self.plots)

    @property
    def narrow(self) -> bool:
        """Whether it leaves room for another one beside it."""
        shown = [plot for plot in self.plots if not plot.elsewhere]
        return not self.tables and (self.folded or all(p.most <= NARROW for p in shown))


@dataclass(frozen=True)
class Effect:
    """What one knob does, as a small table."""

    title: str
    said: str
    rows: list[tuple[str, str, str, str]]  # value, best reached, against the best, what that means


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, what of the frame it shows, how, and what that is."""

    title: str
    name: str
    text: Callable[[Any], Cell] = str
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """A table."""

    key: str
    title: str
    intro: Cell
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
    question: str
    lead: str  # the answer,
    setting: str  # which setting to use, if one is wanted; may be empty
    picture: Picture | None  # beside it,
    how: str  # and how it was got; may be empty
    findings: list[str]
    cautions: list[str]
    opened: Sequence[Cell]  # what the test images said, or how to ask them
    explorer: Explorer | None
    sections: list[Section]
    settings: Table  # where there is no explorer, or no script
    methods: list[Method]

    @property
    def contents(self) -> list[tuple[str, str, bool]]:
        """The id and the name of each section, and whether the explorer takes its place."""
        first = [(self.explorer.key, "Explore", False)] if self.explorer else []
        sections = [(s.key, s.short, s.static) for s in self.sections]
        return [
            *first,
            *sections,
            (self.settings.key, self.settings.short, self.explorer is not None),
        ]


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
    def contents(self) -> list[tuple[str, list[tuple[str, str, bool]]]]:
        """What the page holds, in order: a heading, and the ids and names of what stands under it.

        Only where there are several groups does each have a heading.
        """
        end = [(table.key, table.title, False) for table in self.tables]
        end += [("methods", "Methods", False)] if any(g.methods for g in self.groups) else []
        end += [("skipped", "Left out", False)] if self.skipped else []
        end += [("provenance", "Where it comes from", False)]
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
