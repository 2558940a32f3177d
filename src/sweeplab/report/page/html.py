"""The report as one HTML file that needs nothing else: figures, tables, style and script inside."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sweeplab.figures.layout import columns_of
from sweeplab.figures.plot import Plot
from sweeplab.figures.svg import (
    Key,
    cell_width,
    colour_rules,
    legend_keys,
    page_panels,
)

TEMPLATES = Path(__file__).parent / "templates"
# Pixels of an inch of figure: 9 point text is then at least 10.5 pixels high, and 9 on a phone.
PIXELS, FEWEST_PIXELS = 84.0, 70.0
WIDE = 5.0  # inches; a wider panel scrolls in its own box on a phone


@dataclass(frozen=True)
class PagePlot:
    """A figure as the page shows it."""

    name: str
    title: str
    caption: str
    alt: str
    panels: list[Markup]
    legend: list[Key]
    width: int  # pixels: the least width of a panel beside others,
    most: int  # the greatest width of all panels,
    least: int  # and the least, below which the figure scrolls
    wide: bool


@dataclass(frozen=True)
class PageSection:
    """A part of the page with a heading and figures."""

    key: str
    title: str
    plots: list[PagePlot]
    sentences: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    """What is said and shown of one data set."""

    title: str
    lead: str  # the answer, and how it was got
    how: str
    findings: list[str]
    cautions: list[str]
    sections: list[PageSection]
    opened: Sequence[str | Markup] = ()  # what the test images said, or how to ask them


@dataclass(frozen=True)
class Column:
    """A column's heading, and what it means where that is not plain."""

    title: str
    hint: str = ""


@dataclass(frozen=True)
class Row:
    """A table's row; ``mark`` is a CSS class."""

    cells: list[str | Markup]
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """A table that can be sorted and filtered."""

    key: str
    title: str
    intro: str
    columns: list[Column]
    rows: list[Row]
    order: str = "[]"  # the order at first, as DataTables takes it


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
    notes: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    @property
    def contents(self) -> Sequence[PageSection | Table]:
        """The parts to list, in order."""
        found: list[PageSection | Table] = []
        for group in self.groups:
            found += group.sections
        return [*found, *self.tables, PageSection("provenance", "Where it comes from", [])]


def page_plot(plot: Plot, svg: str, prefix: str = "") -> PagePlot:
    """``plot``, drawn as ``svg``, ready for the page; ``prefix`` tells data sets apart."""
    name = f"{prefix}{plot.name}"
    inches, columns = cell_width(plot.figure), columns_of(plot.figure)
    return PagePlot(
        name=name,
        title=plot.title,
        caption=unbroken(plot.caption),
        alt=unbroken(plot.alt),
        panels=[Markup(panel) for panel in page_panels(plot.figure, svg, name)],  # noqa: S704
        legend=legend_keys(plot.figure),
        width=round(inches * PIXELS),
        most=round(inches * PIXELS * min(1.5 * columns, columns + 0.98)),
        least=round(inches * FEWEST_PIXELS) if inches > WIDE else 0,
        wide=inches > WIDE,
    )


def render(page: Page) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Our own files and numbers, not text from a sweep.
    bundle = f"const BUNDLE = {json.dumps(_bundle())};\n"
    return environment.get_template("report.html.j2").render(
        page=page,
        light_colours=Markup(colour_rules(dark=False)),  # noqa: S704
        dark_colours=Markup(colour_rules(dark=True)),  # noqa: S704
        css=Markup(_text("report.css")),  # noqa: S704
        script=Markup(bundle + _text("report.js")),  # noqa: S704
    )


def unbroken(text: str) -> str:
    """``text`` with every number and its percent sign on one line."""
    return text.replace(" %", "\u00a0%")


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _bundle() -> dict[str, str]:
    """DataTables, as itables ships it for use without a network, compressed."""
    import itables.options

    script = Path(itables.options.dt_bundle)
    files = {"js": script, "css": script.with_suffix(".css")}
    return {
        name: base64.b64encode(gzip.compress(file.read_bytes(), mtime=0)).decode()
        for name, file in files.items()
    }
