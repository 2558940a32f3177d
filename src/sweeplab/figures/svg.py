"""Figures as files and as parts of the page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeplab.figures.layout import LEGEND, cell_of
from sweeplab.figures.theme import DARK, styled

DPI = 144  # of PNG files, and of what is drawn as pixels within an SVG
SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
POINTS = 72
TAG, LONG = re.compile(r"<[^>]*>"), re.compile(r"(\d+\.\d\d)\d+")
COLOUR = re.compile("|".join(re.escape(colour) for colour in DARK))


@dataclass(frozen=True)
class Key:
    """One entry of a legend, as the page shows it."""

    label: str
    colour: str
    kind: str  # line, marker or band
    width: float = 1.0
    dash: str = ""  # an SVG dash array
    marker: str = ""


@styled
def to_svg(figure: Figure) -> str:
    """The text of a standalone SVG file, the same bytes for the same figure."""
    sink = io.StringIO()
    figure.savefig(sink, format="svg", dpi=DPI, metadata={"Date": None, "Creator": None})
    return _shorter(sink.getvalue())


@styled
def to_bytes(figure: Figure, file_format: str) -> bytes:
    """The content of an image file: ``svg``, ``png`` or ``pdf``."""
    if file_format == "svg":
        return to_svg(figure).encode()
    sink = io.BytesIO()
    nothing = {"pdf": {"CreationDate": None}, "png": {"Software": None}}
    figure.savefig(sink, format=file_format, dpi=DPI, metadata=nothing.get(file_format))
    return sink.getvalue()


def page_panels(figure: Figure, svg: str, prefix: str) -> list[str]:
    """The panels of ``svg``, the drawing of ``figure``, each as an ``<svg>`` element for the page.

    Colours become CSS variables, the background goes, and so does the legend, which the page
    writes itself; ``prefix`` keeps the ids of several figures apart.
    """
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    root = ET.fromstring(_own_ids(svg, prefix))  # noqa: S314  (our own drawing)
    drawing = next(g for g in root.iter(f"{{{SVG}}}g") if g.get("id") == f"{prefix}-figure_1")
    for image in drawing.iter(f"{{{SVG}}}image"):
        # matplotlib names an image by its content; equal ones would share an id.
        image.attrib.pop("id", None)
    clips = {clip.get("id"): clip for clip in root.iter(f"{{{SVG}}}clipPath")}
    groups = {g.get("id"): g for g in drawing}
    height = figure.get_size_inches()[1]
    found = []
    for ax in figure.axes:
        cell = cell_of(ax)
        if cell is None:
            continue
        content = ET.tostring(groups[f"{prefix}-{ax.get_gid()}"], encoding="unicode")
        # An id may stand once in a page; what follows the first panel that has it finds it there.
        used = dict.fromkeys(re.findall(r"url\(#([^)]+)\)", content))
        new = [clips.pop(name) for name in used if name in clips]
        defs = "".join(ET.tostring(clip, encoding="unicode") for clip in new)
        box = [
            cell.x0 * POINTS,
            (height - cell.y1) * POINTS,
            cell.width * POINTS,
            cell.height * POINTS,
        ]
        view = " ".join(f"{number:.2f}".rstrip("0").rstrip(".") for number in box)
        found.append(
            f'<svg viewBox="{view}" aria-hidden="true" focusable="false">'
            f"<defs>{_plain(defs)}</defs>{_plain(content)}</svg>"
        )
    return [COLOUR.sub(lambda match: f"var({variable(match.group())})", panel) for panel in found]


def cell_width(figure: Figure) -> float:
    """The width of the widest panel, in inches."""
    return max(float(cell.width) for ax in figure.axes if (cell := cell_of(ax)) is not None)


def legend_keys(figure: Figure) -> list[Key]:
    """The entries of the figure's legend."""
    found = []
    for legend in figure.legends:
        if legend.get_gid() != LEGEND:
            continue
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            found.append(_key(handle, text.get_text()))
    return found


def variable(colour: str) -> str:
    """The CSS variable that stands for a colour of :data:`theme.DARK`."""
    return f"--c{colour[1:]}"


def colour_rules(*, dark: bool, used: Iterable[str] = DARK) -> str:
    """CSS declarations that give every colour variable its light or its dark value."""
    return "".join(f"{variable(c)}:{DARK[c] if dark else c};" for c in used)


def _key(handle: Any, label: str) -> Key:
    if not isinstance(handle, Line2D):
        dash = handle.get_linestyle()
        return Key(
            label,
            _css(to_hex(handle.get_edgecolor())),
            "band",
            width=handle.get_linewidth(),
            dash=" ".join(f"{part:g}" for part in dash[1]) if isinstance(dash, tuple) else "",
        )
    colour = _css(to_hex(handle.get_color()))
    marker = "" if handle.get_marker() in ("", "None", None) else str(handle.get_marker())
    if handle.get_linestyle() == "None":
        return Key(label, colour, "marker", marker=marker)
    # The pattern as it was given; Line2D keeps it in multiples of the line's width.
    pattern = getattr(handle, "_unscaled_dash_pattern", (0, None))[1]
    dash = " ".join(f"{2 * part:g}" for part in pattern) if pattern else ""
    return Key(label, colour, "line", dash=dash, marker=marker)


def _css(colour: str) -> str:
    return f"var({variable(colour)})" if colour in DARK else colour


def _own_ids(svg: str, prefix: str) -> str:
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = svg.replace("url(#", f"url(#{prefix}-")
    return svg.replace('href="#', f'href="#{prefix}-')


def _plain(xml: str) -> str:
    # HTML knows the namespaces of svg elements and of xlink by itself.
    xml = xml.replace(f' xmlns="{SVG}"', "").replace(f' xmlns:xlink="{XLINK}"', "")
    xml = re.sub(r"font-family: [^;\"]*;? ?", "", xml)
    return re.sub(r">\s+<", "><", xml)


def _shorter(svg: str) -> str:
    # A hundredth of a point cannot be seen, and curves are mostly digits. Text is left alone.
    return TAG.sub(lambda tag: LONG.sub(r"\1", tag.group()), svg)
