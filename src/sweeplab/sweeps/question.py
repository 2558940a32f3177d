"""What an experiment asks: the kind of question, and the knobs that it is about."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sweeplab.config import KNOBS
from sweeplab.errors import ConfigError
from sweeplab.words import parts_of

Kind = Literal["best", "effect", "substitute", "importance", "spread"]
ABOUT: dict[Kind, int] = {"best": 0, "effect": 1, "substitute": 2, "importance": 0, "spread": 0}
SIZE, DECAY = "data.train_size", "optimizer.weight_decay"
MANY = 3  # knobs, from which on one wonders which of them matters
SPELLINGS = f"best, importance, spread, 'effect of batch_size', or 'substitute {DECAY} for {SIZE}'"


@dataclass(frozen=True)
class Question:
    """``best``: which setting to use; ``effect``: what a knob changes; ``substitute``: whether one
    knob makes up for another; ``importance``: which matters most; ``spread``: how much depends on
    the seed."""

    kind: Kind
    knobs: tuple[str, ...] = ()  # of effect the knob; of substitute what helps, and what is short

    def __str__(self) -> str:
        between = {"effect": " of ", "substitute": " "}.get(self.kind, "")
        return f"{self.kind}{between}{' for '.join(self.knobs)}"


def parse_question(text: str) -> Question:
    """The question that is spelled ``text``, as an experiment's ``question:`` has it.

    Raises:
        ConfigError: it is none; the message says what it may be.
    """
    word, *rest = text.split() or [""]
    named = [other for other in rest if other not in ("of", "for")]
    kind = next((known for known in ABOUT if known == word), None)
    if kind is None:
        raise ConfigError(f"question must be {SPELLINGS}, but is '{text}'.")
    for knob in named:
        if knob not in KNOBS or KNOBS[knob].role != "knob":
            close = [key for key in KNOBS if key.endswith(f".{knob}")]
            close += difflib.get_close_matches(knob, KNOBS, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise ConfigError(f"question names '{knob}', which is no knob (in '{text}').{hint}")
    if len(set(named)) != ABOUT[kind] or len(named) != ABOUT[kind]:
        needs = {0: "names no knob", 1: "names one knob", 2: "names two knobs"}[ABOUT[kind]]
        raise ConfigError(
            f"A question of the kind {kind} {needs}, but this one is '{text}'. "
            f"question may be {SPELLINGS}."
        )
    return Question(kind, tuple(named))


def question_of(knobs: Sequence[str], asked: str = "") -> Question:
    """What to answer of a sweep over ``knobs``: what was ``asked``, or what they suggest.

    A question about a knob that does not vary, or one that cannot be read, is left aside: knobs
    may be fixed on the command line, and another sweeplab may ask in other words.
    """
    try:
        question = parse_question(asked)
    except ConfigError:
        return told_from(knobs)
    if question.kind == "effect":  # of knobs that move together, the effect is that of all
        whole = {part: knob for knob in knobs for part in parts_of(knob)}
        question = Question("effect", tuple(whole.get(knob, knob) for knob in question.knobs))
    fits = set(question.knobs) <= set(knobs) and (bool(knobs) or question.kind == "spread")
    if question.kind == "importance":
        fits = len(knobs) > 1
    return question if fits else told_from(knobs)


def told_from(knobs: Sequence[str]) -> Question:
    """The question that sweeping ``knobs`` suggests."""
    if not knobs:
        return Question("spread")
    if len(knobs) == 1:
        return Question("effect", tuple(knobs))
    if set(knobs) == {SIZE, DECAY}:
        return Question("substitute", (DECAY, SIZE))
    return Question("importance" if len(knobs) >= MANY else "best")
