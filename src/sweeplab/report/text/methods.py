"""The methods behind the numbers: what each does, which chance it covers, and who described it."""

from __future__ import annotations

from dataclasses import dataclass

from sweeplab.statistics.analysis import Analysis
from sweeplab.sweeps.tables import Sweep


@dataclass(frozen=True)
class Method:
    """One method, for the box "Methods and assumptions"."""

    name: str
    what: str  # it answers or does
    covers: str  # which chance its result counts in
    not_covered: str  # and which not
    source: str  # who described it


def methods(part: Sweep, analysis: Analysis) -> list[Method]:
    """The methods that this report used, in the order of the page."""
    del part, analysis
    return []
