"""What each knob does to the accuracy that can be reached."""

from __future__ import annotations

from sweeplab.report.text.knobs import knob_said
from sweeplab.statistics.analysis import Analysis
from sweeplab.sweeps.tables import Sweep


def questions(part: Sweep, analysis: Analysis) -> dict[str, str]:
    """A few sentences a knob, by its key."""
    known = set(analysis.effects["knob"])
    return {knob: " ".join(knob_said(analysis, knob)) for knob in part.knobs if knob in known}
