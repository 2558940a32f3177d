"""The report as one HTML file that needs nothing else: figures, tables, style and script inside."""

from __future__ import annotations

import base64
import gzip
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sweeplab.figures.svg import colour_rules
from sweeplab.report.page.pieces import Page

TEMPLATES = Path(__file__).parent / "templates"


def render(page: Page) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_unbroken,
    )
    template = environment.get_template("report.html.j2")
    return template.render(page=page, colours=colour_rules, text=_text, bundle=_bundle())


def _unbroken(value: Any) -> Any:
    """A sentence with every number and its percent sign on one line; anything else as it is."""
    return value.replace(" %", "\u00a0%") if type(value) is str else value


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
