"""The answer to the question that was asked: its heading, first sentence, and what follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sweeplab.config import KNOBS
from sweeplab.report.text.answer import could_be_best, row_of
from sweeplab.report.text.importance import importance_said
from sweeplab.report.text.knobs import at, knob_said
from sweeplab.statistics.analysis import Analysis
from sweeplab.statistics.keys import DECAY, LR, SIZE
from sweeplab.statistics.size_by_decay import size_by_decay
from sweeplab.sweeps.question import Question
from sweeplab.sweeps.settings import DRAW, METRIC, per_replicate, repeated, replicate_key, usable
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import change, count, knob_name, number, numbers, value_text

MOST_CELLS = 12  # values of two knobs, beyond which a heat map of them is empty


def heading(question: Question, part: Sweep) -> str:
    """The question in words: ``What does the batch size change?``."""
    names = [knob_name(knob) for knob in question.knobs] or [""]
    if question.knobs == (DECAY, SIZE):
        return "Can weight decay make up for a smaller training set?"
    if question.kind == "spread" and part.runs[replicate_key(part.runs)].nunique() == 1:
        return "How good is it?"
    return {
        "best": "Which setting is best?",
        "effect": f"What does the {names[0]} change?",
        "substitute": f"Can the {' make up for the '.join(names)}?",
        "importance": "Which knob matters most?",
        "spread": f"How much does it depend on the {_replicate(part)}?",
    }[question.kind]


def picture(question: Question, part: Sweep) -> str:
    """The figure beside the answer, by its name in ``figures.catalogue``."""
    match question.kind:
        case "effect":
            return f"knob-{question.knobs[0].replace('.', '-')}"
        case "substitute" if question.knobs == (DECAY, SIZE):
            return "train-size"
        case "importance":
            return "importance"
        case "spread" if not part.knobs:
            return "curves-setting" if len(part.runs) > 1 else "accuracy"
    many = [knob for knob in part.knobs if part.runs[knob].nunique() > MOST_CELLS]
    if len(part.knobs) > 1 and len(many) < 2:
        return "pairs"
    knob = LR if LR in part.knobs else part.knobs[0]
    return f"knob-{knob.replace('.', '-')}"


def said(question: Question, part: Sweep, analysis: Analysis) -> list[str]:
    """The answer: a first sentence of at most 25 words, and those that belong to it."""
    if analysis.recommended is None:
        return ["No run ran to its end with a result, so there is nothing to compare."]
    best = [sentence for sentence in [could_be_best(analysis)] if sentence]
    match question.kind:
        case "effect":
            return [*knob_said(analysis, question.knobs[0]), *best]
        case "substitute":
            return [*_substitute(question.knobs, part, analysis), *best]
        case "importance":
            return [*(importance_said(analysis) or [NO_IMPORTANCE]), *best]
        case "spread":
            return [*_spread(part, analysis), *best]
    return best or [_accuracy(part, analysis)]


NO_IMPORTANCE = "Which knob matters most cannot be told from these settings."


def _accuracy(part: Sweep, analysis: Analysis) -> str:
    row = row_of(part, analysis.recommended or 0)
    runs = part.runs[usable(part.runs)]
    end = count(int(runs["final_iteration"].max()), "iteration")
    return f"The validation accuracy is {number(row[METRIC])} after {end}."


def _spread(part: Sweep, analysis: Analysis) -> list[str]:
    """How far seeds are apart, and what training came to."""
    row = row_of(part, analysis.recommended or 0)
    if row["n"] < 2:
        return [_accuracy(part, analysis), *_losses(row)]
    sd = part.settings.loc[part.settings["n"] > 1, "sd"]
    mean = number(row[METRIC])
    one = _replicate(part)
    start = f"From {one} to {one} the accuracy varies by {number(row['sd'])} (standard deviation)"
    if len(part.settings) > 1:
        low, high = numbers(sd.min(), sd.max())
        spread = f"; over all settings by {low} to {high}" if len(sd) > 1 else ""
        return [f"{start} at the best setting{spread}."]
    accuracies = per_replicate(_counted(part), part.knobs)[METRIC]
    low, high = numbers(accuracies.min(), accuracies.max())
    return [
        f"{start} around {mean}: the worst of {row['n']} {one}s reaches {low}, the best {high}.",
        *_losses(row),
    ]


def _counted(part: Sweep) -> pd.DataFrame:
    return part.runs[usable(part.runs) & ~repeated(part.runs, part.knobs)]


def _replicate(part: Sweep) -> str:
    return "training set" if replicate_key(part.runs) == DRAW else "seed"


def _losses(row: Mapping[Any, Any]) -> list[str]:
    """Loss and accuracy of the one setting that ran, on both sets."""
    sets = [
        f"{name} loss {number(row[f'final_{key}_loss'])} and accuracy "
        f"{number(row[f'final_{key}_accuracy'])}"
        for name, key in (("training", "train"), ("validation", "val"))
        if pd.notna(row[f"final_{key}_loss"])
    ]
    return [f"At the end: {'; '.join(sets)}."] if sets else []


def _substitute(knobs: Sequence[str], part: Sweep, analysis: Analysis) -> list[str]:
    """What the first knob adds where the second is short, beside what the second adds."""
    one, other = knobs
    eligible = analysis.tied["setting"].astype(int).tolist()
    table = size_by_decay(
        analysis.comparisons, part.settings, part.knobs, eligible, short=other, helper=one
    )
    if table.empty:
        return [
            f"The runs do not tell: too few settings with both values of the {knob_name(other)} "
            "ran to the end."
        ]
    rows = table.sort_values("without_mean").to_dict("records")
    short, full = rows
    gap = full["without_mean"] - short["without_mean"]
    added = f"{at(other, full['size'])} add {number(gap)}" if other == SIZE else ""
    added = added or f"{at(other, full['size'])} adds {number(gap)}"
    name = knob_name(one)
    helps = f"with {at(other, short['size'])}, {name} adds {number(short['difference'])}"
    if not short["clear"] or short["difference"] <= 0:
        first = (
            f"No sign of it: with {at(other, short['size'])}, {name} adds nothing clear; {added}."
        )
    elif short["difference"] >= gap:
        first = f"Yes: {helps}, as much as {at(other, full['size'])}."
    else:
        first = f"In part: {helps}, while {added}."
    return [first, *(_helps(one, other, row) for row in rows)]


def _helps(one: str, other: str, row: Mapping[Any, Any]) -> str:
    off = one in KNOBS and row["without"] == KNOBS[one].off
    without = f"without {knob_name(one)}" if off else f"at {value_text(row['without'])}"
    chance = "" if row["clear"] else "; that may be chance"
    by = change(row["difference"], row["low"], row["high"])
    return (
        f"With {at(other, row['size'])}, the best {knob_name(one)} ({value_text(row['with'])}) "
        f"changes the accuracy reached {without} by {by}{chance}."
    )
