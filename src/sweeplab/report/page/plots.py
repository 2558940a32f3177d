"""A figure as the page shows it: panels that restack, a legend, and its words."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from sweeplab.figures.plots import Plot
from sweeplab.figures.svg import page_parts

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
    legend: list[tuple[Markup, str]]  # what stands for an entry, and the entry
    width: int  # pixels: the least width of a panel beside others,
    most: int  # the greatest width of all panels,
    least: int  # and the least, below which the figure scrolls
    wide: bool


def page_plot(plot: Plot, svg: str, prefix: str = "") -> PagePlot:
    """``plot``, drawn as ``svg``, ready for the page; ``prefix`` tells data sets apart."""
    name = f"{prefix}{plot.name}"
    panels, keys = page_parts(plot.figure, svg, name)
    boxes = [part.bbox for part in plot.figure.subfigs]
    inches = boxes[0].width / plot.figure.dpi
    columns = len({round(box.x0) for box in boxes})
    return PagePlot(
        name=name,
        title=plot.title,
        caption=plot.caption,
        alt=plot.alt,
        panels=[Markup(panel) for panel in panels],  # noqa: S704  (our own drawing)
        legend=[(Markup(key), label) for key, label in keys],  # noqa: S704
        width=round(inches * PIXELS),
        most=round(inches * PIXELS * min(1.5 * columns, columns + 0.98)),
        least=round(inches * FEWEST_PIXELS) if inches > WIDE else 0,
        wide=inches > WIDE,
    )
