"""All that the report says of a sweep, in sentences, from the statistics."""

from __future__ import annotations

from dataclasses import dataclass

from sweeplab.report.text.answer import answer, how, one_setting, row_of
from sweeplab.report.text.asked import heading, picture, said
from sweeplab.report.text.cautions import cautions
from sweeplab.report.text.further import further
from sweeplab.report.text.importance import importance_said
from sweeplab.report.text.methods import Method, methods
from sweeplab.report.text.questions import questions
from sweeplab.statistics.analysis import Analysis
from sweeplab.sweeps.answers import Answer
from sweeplab.sweeps.question import question_of
from sweeplab.sweeps.settings import METRIC, typical_run
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import parts_of, value_text


@dataclass(frozen=True)
class Verdict:
    """The answer of a sweep over one validation set."""

    question: str  # what is answered, as a heading
    lead: str  # the first sentence of the answer
    setting: str  # which one to use, if one is wanted; empty where there was no choice
    picture: str  # the name of the figure that stands beside the answer; may be empty
    how: str  # how the numbers were got, said once; may be empty
    findings: list[str]  # the rest of the answer
    cautions: list[str]  # to know before believing it
    questions: dict[str, str]  # a sentence a knob, by its key; and "data.train_size × ..."
    importance_said: list[str]  # what mattered most
    further: dict[str, list[str]]  # what else the sweep shows, by the page's section
    methods: list[Method]  # what was done with the numbers, each with its source


def verdict(part: Sweep, analysis: Analysis, asked: str = "") -> Verdict:
    """Say what ``statistics.analyse(part)`` found.

    Args:
        part: the sweep, or one part of ``sweeps.comparable``.
        analysis: of it.
        asked: the experiment's ``question``, as ``sweep.json`` keeps it; told from the knobs if
            empty.
    """
    question = question_of(part.knobs, asked or ("best" if part.adaptive else ""))
    lead, *more = said(question, part, analysis)
    return Verdict(
        question=heading(question, part),
        lead=lead,
        setting=one_setting(part, analysis),
        picture=picture(question, part),
        how=how(analysis),
        findings=[*more, *answer(part, analysis)],
        cautions=cautions(part, analysis),
        questions=questions(part, analysis),
        importance_said=importance_said(analysis),
        further=further(part, analysis),
        methods=methods(analysis),
    )


def answer_of(part: Sweep, analysis: Analysis, said: Verdict, on: str) -> Answer:
    """The answer as it is kept beside the report; ``on`` as in :class:`~.sweeps.answers.Answer`."""
    run = typical_run(part.runs, part.knobs, analysis.recommended)
    if run is None:
        return Answer(on, said.lead, "", "", None, None)
    keys = [key for knob in part.knobs for key in parts_of(knob)]
    short = ", ".join(f"{key.rsplit('.', 1)[-1]}={value_text(run[key])}" for key in keys)
    accuracy = float(row_of(part, analysis.recommended or 0)[METRIC])
    return Answer(on, said.lead, said.setting, short, accuracy, str(run["run"]))
