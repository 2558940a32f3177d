"""Numbers, knobs and settings as a reader meets them in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

NAMES = {
    "optimizer.lr": "learning rate",
    "optimizer.weight_decay": "weight decay",
    "optimizer.momentum": "momentum",
    "data.train_size": "training-set size",
    "data.name": "data set",
    "data.val_size": "number of validation images",
    "batch_size": "batch size",
    "epochs": "number of epochs",
    "eval_every": "evaluation interval",
}
SHORT = {"optimizer.lr": "lr", "data.train_size": "train size", "epochs": "epochs"}
LISTED = 4  # settings named in one sentence

Severity = Literal["problem", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """Something to know about a sweep before believing it."""

    kind: str  # edge, longer, shorter, rising, no_effect, diverged, failed, few_seeds, ...
    text: str  # one or two sentences
    severity: Severity


def name(knob: str) -> str:
    """The knob in words: ``optimizer.lr`` is the learning rate."""
    return NAMES.get(knob, knob.rsplit(".", 1)[-1].replace("_", " "))


def value(number: Any) -> str:
    """A knob's value, as short as it can be said: 0.001, 1000, mnist."""
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, (int, float, np.number)):
        return str(number)
    return f"{float(number):,.6g}" if abs(float(number)) < 1e6 else f"{float(number):.3g}"


def setting(values: Mapping[str, Any], knobs: Sequence[str]) -> str:
    """``lr = 0.1, weight decay = 0.001``, or "the one setting that ran" without knobs."""
    if not knobs:
        return "the one setting that ran"
    return ", ".join(f"{SHORT.get(knob, name(knob))} = {value(values[knob])}" for knob in knobs)


def accuracy(number: float) -> str:
    """An accuracy as a fraction, to a thousandth."""
    return f"{number:.3f}"


def plus_minus(number: float, half: float, signed: bool = False) -> str:
    """``0.894 ± 0.004``; ``signed`` for differences. A half-width below 0.001 gets more digits."""
    digits = 3 if not 0 < half < 0.0095 else 4 if half < 0.00095 else 3
    text = f"{number:+.{digits}f}" if signed else f"{number:.{digits}f}"
    text = text.replace("-", "−")
    return f"{text} ± {half:.{digits}f}" if np.isfinite(half) else text


def percent(share: float) -> str:
    """``6 %``; never 0 % for what happened, nor 100 % for what did not always."""
    rounded = round(100 * share)
    if rounded == 0 and share > 0:
        return "under 1 %"
    if rounded == 100 and share < 1:
        return "over 99 %"
    return f"{rounded} %"


def listed(items: Sequence[str], most: int = LISTED) -> str:
    """``a; b; c``, and how many more there are."""
    text = "; ".join(items[:most])
    return text if len(items) <= most else f"{text}; and {len(items) - most} more"


def counted(number: int, thing: str) -> str:
    """``1 seed``, ``5 seeds``."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def capital(text: str) -> str:
    """With a capital first letter."""
    return text[:1].upper() + text[1:]
