"""All that the report says of a sweep, in sentences, from the statistics."""

from __future__ import annotations

from dataclasses import dataclass

from sweeplab.report.text.answer import answer, headline
from sweeplab.report.text.cautions import cautions
from sweeplab.report.text.importance import importance_said
from sweeplab.report.text.questions import questions
from sweeplab.statistics.analysis import Analysis
from sweeplab.sweeps.tables import Sweep


@dataclass(frozen=True)
class Verdict:
    """The answer of a sweep over one validation set."""

    lead: str  # the headline: which setting to use
    how: str  # how its number was got; may be empty
    findings: list[str]  # the rest of the answer
    cautions: list[str]  # to know before believing it
    questions: dict[str, str]  # a sentence a knob, by its key; and "data.train_size × ..."
    importance_said: list[str]  # what mattered most


def verdict(part: Sweep, analysis: Analysis) -> Verdict:
    """Say what ``statistics.analyse(part)`` found."""
    return Verdict(
        *headline(part, analysis),
        findings=answer(part, analysis),
        cautions=cautions(part, analysis),
        questions=questions(part, analysis),
        importance_said=importance_said(analysis),
    )
