"""The question that a report answers, as its heading, and the figure that shows the answer."""

from __future__ import annotations

from sweeplab.sweeps.question import Question
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import knob_name


def heading(question: Question) -> str:
    """The question in words: ``What does the batch size change?``."""
    names = [knob_name(knob) for knob in question.knobs]
    match question.kind:
        case "effect":
            return f"What does the {names[0]} change?"
        case "substitute":
            return f"Can the {names[0]} make up for a worse {names[1]}?"
        case "importance":
            return "Which matters most?"
        case "spread":
            return "How much does it depend on the seed?"
    return "Which setting is best?"


def picture(question: Question, part: Sweep) -> str:
    """The figure beside the answer, by its name in ``figures.catalogue``."""
    match question.kind:
        case "effect":
            return f"knob-{question.knobs[0].replace('.', '-')}"
        case "substitute":
            return "train-size"
        case "importance":
            return "importance"
        case "spread":
            return "curves-setting" if len(part.runs) > 1 else "accuracy"
    return "pairs"
