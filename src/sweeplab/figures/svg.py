"""Figures as files, and as panels and legend entries of the page."""

from __future__ import annotations

import io
import re
import warnings
from itertools import pairwise
from typing import IO, Any
from xml.etree import ElementTree as ET

from matplotlib.figure import Figure

from sweeplab.figures.theme import DARK, styled

DPI = 144  # of PNG files, and of what is drawn as pixels within an SVG
SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
CLIP = f"{{{SVG}}}clipPath"
TAG, LONG = re.compile(r"<[^>]*>"), re.compile(r"(\d+\.\d\d)\d+")
COLOUR = re.compile("|".join(re.escape(colour) for colour in DARK))
FONT = re.compile(r"font-family: [^;\"]*;? ?")
UNKNOWN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # to XML
ID = re.compile(r'(\bid="|url\(#|href="#)')


@styled
def to_svg(figure: Figure) -> str:
    """The text of a standalone SVG file, the same bytes for the same figure."""
    sink = io.StringIO()
    _save(figure, sink, format="svg", metadata={"Date": None, "Creator": None})
    # A hundredth of a point cannot be seen, and curves are mostly digits.
    return _in_tags(LONG, r"\1", UNKNOWN.sub("\N{REPLACEMENT CHARACTER}", sink.getvalue()))


def _in_tags(pattern: re.Pattern[str], new: Any, text: str) -> str:
    """``text`` with ``pattern`` replaced, but for what is to be read: names may hold anything."""
    return TAG.sub(lambda tag: pattern.sub(new, tag.group()), text)


@styled
def to_bytes(figure: Figure, file_format: str) -> bytes:
    """The content of an image file: ``svg``, ``png`` or ``pdf``."""
    if file_format == "svg":
        return to_svg(figure).encode()
    sink = io.BytesIO()
    nothing = {"pdf": {"CreationDate": None}, "png": {"Software": None}}
    _save(figure, sink, format=file_format, metadata=nothing.get(file_format))
    return sink.getvalue()


def _save(figure: Figure, sink: IO[Any], **how: Any) -> None:
    with warnings.catch_warnings():
        # A browser has the letters that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(sink, dpi=DPI, **how)


def page_parts(figure: Figure, svg: str, prefix: str) -> tuple[list[str], list[tuple[str, str]]]:
    """``svg``, the drawing of ``figure``, taken apart for the page.

    matplotlib draws each subfigure, and the legend, as a group of its own. A panel is such a group
    seen through a window of its subfigure's size. Colours become CSS variables; ``prefix`` keeps
    the ids of several figures apart.

    Returns:
        An ``<svg>`` element for each panel; and for each entry of the legend one, and its label.
    """
    root = _parse(svg, prefix)
    groups = {g.get("id", "").removeprefix(f"{prefix}-"): g for g in root.iter(f"{{{SVG}}}g")}
    clips = {clip.get("id"): clip for clip in root.iter(CLIP)}
    panels = []
    for i in range(len(figure.subfigs)):
        content = _text(groups[f"subfigure_{i + 1}"])
        # An id may stand once in a page; what follows the first panel that has it finds it there.
        used = dict.fromkeys(re.findall(r"url\(#([^)]+)\)", content))
        defs = "".join(_text(clips.pop(name)) for name in used if name in clips)
        panels.append(_window(_view(figure, i), f"<defs>{defs}</defs>{content}"))
    return panels, _keys(figure, groups.get("legend_1"))


def picture_parts(
    figure: Figure, svg: str, prefix: str, panel: int
) -> tuple[str, list[tuple[str, str]]]:
    """One panel of ``svg`` that needs no other part of the page, and the legend's entries.

    It is the whole drawing seen through the panel's window: what a panel draws may be defined in
    one before it.
    """
    _, keys = page_parts(figure, svg, prefix)
    root = _parse(svg, f"{prefix}-whole")
    content = [_text(defs) for defs in root.iter(f"{{{SVG}}}defs") if defs.find(CLIP) is not None]
    content += [
        _text(group)
        for group in root.iter(f"{{{SVG}}}g")
        if group.get("id", "").startswith(f"{prefix}-whole-subfigure_")
    ]
    return _window(_view(figure, panel), "".join(content)), keys


def _parse(svg: str, prefix: str) -> ET.Element:
    """The drawing, every id of it beginning with ``prefix``."""
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    root = ET.fromstring(_in_tags(ID, rf"\g<1>{prefix}-", svg))  # noqa: S314  (our own drawing)
    for image in root.iter(f"{{{SVG}}}image"):
        # matplotlib names an image by its content; equal ones would share an id.
        image.attrib.pop("id", None)
    return root


def _view(figure: Figure, panel: int) -> tuple[float, ...]:
    """The window of a panel in the drawing: left, top, width and height in points."""
    box, points = figure.subfigs[panel].bbox, 72 / figure.dpi
    top = figure.bbox.height - box.y1
    return box.x0 * points, top * points, box.width * points, box.height * points


def _keys(figure: Figure, legend: ET.Element | None) -> list[tuple[str, str]]:
    """Each entry of a drawn legend: what stands before its text, and the text."""
    if legend is None:
        return []
    keys = []
    drawn = figure.legends[0]
    size = float(drawn.get_texts()[0].get_fontsize())
    length, gap = drawn.handlelength * size, drawn.handletextpad * size
    entries = list(legend)
    for key, label in pairwise(entries):
        text = label.find(f".//{{{SVG}}}text")
        if text is not None:
            right, middle = float(text.get("x", 0)) - gap, float(text.get("y", 0)) - 0.35 * size
            view = (right - length - 1, middle - 5, length + 2, 10.0)
            more = f' width="{view[2] * 4 / 3:.0f}" height="{view[3] * 4 / 3:.0f}"'
            keys.append((_window(view, _text(key), more), text.text or ""))
    return keys


def _window(view: tuple[float, ...], content: str, more: str = "") -> str:
    box = " ".join(f"{number:.2f}".rstrip("0").rstrip(".") for number in view)
    svg = f'<svg viewBox="{box}"{more} aria-hidden="true" focusable="false">{content}</svg>'
    return _in_tags(COLOUR, lambda match: f"var({variable(match.group())})", svg)


def variable(colour: str) -> str:
    """The CSS variable that stands for a colour of :data:`theme.DARK`."""
    return f"--c{colour[1:]}"


def colour_rules(*, dark: bool) -> str:
    """CSS declarations that give every colour variable its light or its dark value."""
    return "".join(f"{variable(light)}:{DARK[light] if dark else light};" for light in DARK)


def _text(element: ET.Element) -> str:
    # HTML knows the namespaces of svg elements and of xlink by itself, and the page has a font.
    xml = ET.tostring(element, encoding="unicode").strip()
    xml = xml.replace(f' xmlns="{SVG}"', "").replace(f' xmlns:xlink="{XLINK}"', "")
    return re.sub(r">\s+<", "><", _in_tags(FONT, "", xml))
