"""The report of a sweep: what the statistics found in words, the figures, and the page.

Nothing here imports torch. For notebooks: ``build_report`` (the whole page), ``analysis`` (every
statistic of a sweep, in frames and records), ``verdict`` (the same in sentences),
``importance_table`` (how much each knob mattered, as it is drawn).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "analysis": "notebook",
    "build_report": "build",
    "importance_table": "text.importance",
    "verdict": "text.verdict",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
