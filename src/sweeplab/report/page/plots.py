"""A figure as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from sweeplab.figures.layout import columns_of
from sweeplab.figures.plot import Plot
from sweeplab.figures.svg import Key, cell_width, legend_keys, page_panels

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


def page_plot(plot: Plot, svg: str, prefix: str = "") -> PagePlot:
    """``plot``, drawn as ``svg``, ready for the page; ``prefix`` tells data sets apart."""
    name = f"{prefix}{plot.name}"
    inches, columns = cell_width(plot.figure), columns_of(plot.figure)
    return PagePlot(
        name=name,
        title=plot.title,
        caption=plot.caption,
        alt=plot.alt,
        panels=[Markup(panel) for panel in page_panels(plot.figure, svg, name)],  # noqa: S704
        legend=legend_keys(plot.figure),
        width=round(inches * PIXELS),
        most=round(inches * PIXELS * min(1.5 * columns, columns + 0.98)),
        least=round(inches * FEWEST_PIXELS) if inches > WIDE else 0,
        wide=inches > WIDE,
    )
