"""Figures as the page shows them, in panels that restack, and the folder of their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from sweeplab.errors import RunFolderError
from sweeplab.figures.plots import Plot
from sweeplab.figures.svg import page_parts, picture_parts, to_bytes, to_svg
from sweeplab.runs.durable import make_folder, remove_file, write_bytes
from sweeplab.runs.files import read_json, write_json

INDEX = ".figures.json"
ENDINGS = (".svg", ".png", ".pdf")

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
    elsewhere: bool  # on a screen the explorer, or the picture beside the answer, shows it


@dataclass(frozen=True)
class Picture:
    """The one panel that stands beside the answer."""

    title: str
    caption: str  # empty where the whole figure, which has it, is below
    alt: str
    panel: Markup
    legend: list[tuple[Markup, str]]
    figure: str  # the id of the whole figure; empty where this is all of it
    width: int  # pixels, at most


class FigureFiles:
    """Writes figures in several formats, and notes their names in the folder.

    By those notes the next report knows which files an earlier one left that it has no use for;
    whatever else lies in the folder is not touched.
    """

    def __init__(self, folder: Path, formats: Sequence[str]) -> None:
        self.folder = folder
        self.formats = tuple(formats)
        self.written: list[str] = []
        make_folder(folder)

    def write(self, plot: Plot, stem: str, prefix: str, *, elsewhere: bool = False) -> PagePlot:
        """Write ``plot`` in each format, and take it apart for the page.

        ``stem`` tells the files of several data sets apart, and ``prefix`` the ids.
        """
        name, svg = f"{stem}{plot.name}", to_svg(plot.figure)
        for file_format in self.formats:
            content = svg.encode() if file_format == "svg" else to_bytes(plot.figure, file_format)
            file = f"{name}.{file_format}"
            write_bytes(self.folder / file, content)
            self.written.append(file)
        return _page_plot(f"{prefix}{plot.name}", plot, svg, elsewhere=elsewhere)

    def remove_stale(self) -> None:
        """Remove what an earlier report wrote and this one did not, and note what this one did."""
        for file in set(self._noted()) - set(self.written):
            # The notes may say anything, but only names of figures in this folder are taken.
            if Path(file).name == file and Path(file).suffix in ENDINGS:
                remove_file(self.folder / file)
        write_json(self.folder / INDEX, {"files": sorted(self.written)})

    def _noted(self) -> list[str]:
        try:
            files = read_json(self.folder / INDEX).get("files")
        except (FileNotFoundError, RunFolderError):
            return []
        return [str(file) for file in files] if isinstance(files, list) else []


def is_whole(plot: Plot) -> bool:
    """Whether one panel is all of it."""
    return len(plot.figure.subfigs) == 1


def picture(plot: Plot, prefix: str) -> Picture:
    """The panel of ``plot`` that answers."""
    panel = plot.answers % len(plot.figure.subfigs)
    name = f"{prefix}{plot.name}"
    content, keys = picture_parts(plot.figure, to_svg(plot.figure), f"picture-{name}", panel)
    inches = plot.figure.subfigs[panel].bbox.width / plot.figure.dpi
    return Picture(
        title=plot.title,
        caption=plot.caption if is_whole(plot) else "",
        alt=plot.alt,
        panel=Markup(content),  # noqa: S704  (our own drawing)
        legend=[
            (Markup(key), label)  # noqa: S704
            for key, label in keys
            if label not in plot.elsewhere
        ],
        figure="" if is_whole(plot) else f"figure-{name}",
        width=round(inches * PIXELS * 1.35),
    )


def _page_plot(name: str, plot: Plot, svg: str, *, elsewhere: bool) -> PagePlot:
    """``plot``, drawn as ``svg``, ready for the page under ``name``."""
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
        elsewhere=elsewhere,
    )
