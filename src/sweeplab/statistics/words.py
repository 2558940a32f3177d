"""Findings, and the settings and numbers in their sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sweeplab.words import setting_text

LISTED = 4  # settings named in one sentence

Severity = Literal["problem", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """Something to know about a sweep before believing it."""

    kind: str  # edge, longer, shorter, rising, no_effect, diverged, failed, few_seeds, ...
    text: str  # one or two sentences
    severity: Severity


def setting(values: Mapping[Any, Any], knobs: Sequence[str]) -> str:
    """``learning rate = 0.1, batch size = 64``; without knobs "the one setting that ran"."""
    return setting_text(values, knobs) or "the one setting that ran"


def accuracy(number: float) -> str:
    """An accuracy as a fraction, to a thousandth."""
    return f"{number:.3f}"


def plus_minus(number: float, half: float, signed: bool = False) -> str:
    """``0.894 ± 0.004``; ``signed`` for differences. A half-width below 0.001 gets more digits."""
    digits = 3 if not 0 < half < 0.0095 else 4 if half < 0.00095 else 3
    rounded = round(number, digits) or 0.0  # never −0.000
    text = f"{rounded:+.{digits}f}" if signed and rounded else f"{rounded:.{digits}f}"
    text = text.replace("-", "−")
    return f"{text} ± {half:.{digits}f}" if np.isfinite(half) else text


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
