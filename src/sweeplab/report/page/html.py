"""The report as one HTML file that needs nothing else: explorer, figures, style, script inside."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sweeplab.figures.svg import colour_rules
from sweeplab.report.page.pieces import Page
from sweeplab.terminal import plain

TEMPLATES = Path(__file__).parent / "templates"


def render(page: Page) -> str:
    """The page's HTML."""
    return template("report.html.j2", page=page, modules=_modules())


def template(name: str, **values: Any) -> str:
    """The template ``name`` with ``values`` in it."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_unbroken,
    )
    found = environment.get_template(name)
    text = found.render(colours=colour_rules, text=_text, **values)
    return plain(text)  # names of anyone's may hold what no page can


def _unbroken(value: Any) -> Any:
    """A sentence with every number and its percent sign on one line; anything else as it is."""
    return value.replace(" %", "\u00a0%") if type(value) is str else value


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _modules() -> dict[str, str]:
    """The explorer's modules by name, as a browser imports them from within the page."""
    return {
        file.stem: "data:text/javascript;base64," + base64.b64encode(file.read_bytes()).decode()
        for file in sorted((TEMPLATES / "explorer").glob("*.js"))
    }
