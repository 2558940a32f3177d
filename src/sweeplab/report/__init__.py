"""The report of a sweep: tables, statistics, figures, and the page that shows them.

``tables`` reads run folders, ``build`` makes the whole report, ``figures`` draws. Nothing here
imports torch. For notebooks: ``build_report`` (the whole page), ``analysis`` (every statistic of a
sweep, in frames), ``importance_table`` (how much each knob mattered, as it is drawn).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {"analysis": "text.verdict", "build_report": "build", "importance_table": "text.verdict"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
