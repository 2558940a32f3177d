"""What can be declared of a key of the configuration: its rule, its names, and how it is used."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from ctypes import c_float
from dataclasses import dataclass, field
from typing import Any, Literal, get_type_hints

LARGEST_INT = 2**31 - 1
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, without the ends that are open."""

    low: float
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    why: str = ""
    single: bool = False  # training takes them in float32, which must tell them from 0 and the ends

    def broken(self, value: Any) -> str:
        """What must hold, in words, where ``value`` is outside; else nothing."""
        below = value <= self.low if self.low_open else not value >= self.low
        above = value >= self.high if self.high_open else value > self.high
        if not (below or above or math.isnan(value)):
            return self._lost(value) if self.single else ""
        low = f"{'above' if self.low_open else 'at least'} {self.low:g}"
        high = f"{'below' if self.high_open else 'at most'} {_plain(self.high)}"
        if self.high >= LARGEST_INT and isinstance(self.high, int):
            return high if above else low  # of a limit that nobody meets, nobody need hear
        return f"{low} and {high}{self.why}"

    def _lost(self, value: float) -> str:
        taken = c_float(value).value
        if value != taken and (taken == 0 or (self.high_open and taken == self.high)):
            return f"a number that float32, in which training is done, does not take for {taken:g}"
        return ""


@dataclass(frozen=True)
class OneOf:
    """One of a few words."""

    choices: tuple[str, ...]

    def broken(self, value: Any) -> str:
        """As :meth:`Range.broken`."""
        return "" if value in self.choices else f"one of {', '.join(self.choices)}"


@dataclass(frozen=True)
class Text:
    """Any text that can be a name or a path."""

    def broken(self, value: Any) -> str:
        """As :meth:`Range.broken`."""
        return "text without a NUL character" if "\0" in value else ""


@dataclass(frozen=True)
class Every:
    """A number of iterations, or of epochs in words: ``epoch``, ``0.5 epoch``, ``2 epochs``."""

    def broken(self, value: Any) -> str:
        """As :meth:`Range.broken`."""
        if isinstance(value, int):
            return Range(1, LARGEST_INT).broken(value)
        return "" if epochs_in(value) else "a number of iterations, `epoch`, or as `0.5 epoch`"


def epochs_in(text: str) -> float:
    """The epochs in words; 0 if they are none, or no more than none."""
    asked = re.fullmatch(r"(?:(\d{1,9}(?:\.\d{1,9})?) )?epochs?", text)
    return float(asked[1] or 1) if asked else 0.0


def plain_every(value: int | str) -> int | str:
    """One way to write each: ``1 epoch`` is ``epoch``, and ``"10"`` is 10."""
    if not isinstance(value, str):
        return value
    text = " ".join(value.split())
    if re.fullmatch(r"\d{1,10}", text):
        return int(text)
    epochs = epochs_in(text)
    if not epochs:
        return value
    return "epoch" if epochs == 1 else f"{epochs:g} epoch{'s' if epochs > 1 else ''}"


Rule = Range | OneOf | Text | Every
# knob: decides the result, and is compared. replicate: decides the result, and is averaged over.
# place: where a run finds its data, or is trained; no part of what identifies it.
Role = Literal["knob", "replicate", "place"]


@dataclass(frozen=True)
class Declared:
    """What is declared of a knob beside its type and default."""

    meaning: str  # in the README's table
    name: str  # in sentences
    rule: Rule | None = None  # what must hold of a value beside its type
    short: str = ""  # where room is scarce; the name if empty
    unit: str = ""
    role: Role = "knob"
    free: bool = False  # whether runs that are trained together may differ in it
    ordered: bool = False  # whether a value beyond those that were tried could be better
    zero: str = ""  # what 0 means, in sentences; empty where it is a number like others
    off: Any = None  # the value at which it does nothing, if there is one
    signed_off: bool = False  # at that value it is in the signature all the same, as 0.1.0 had it


@dataclass(frozen=True)
class Knob(Declared):
    """A key of the configuration, and all that is known of it."""

    key: str = ""  # dotted, such as ``optimizer.lr``
    type: type = object
    default: Any = None

    @property
    def floor(self) -> float | None:
        """The smallest value that it can have; None where there is none."""
        closed = isinstance(self.rule, Range) and not self.rule.low_open
        return self.rule.low if closed else None  # type: ignore[union-attr]


def knob(default: Any, meaning: str, name: str, rule: Rule | None = None, **more: Any) -> Any:
    """A field of the configuration with its declaration; ``more`` is of :class:`Declared`."""
    return field(default=default, metadata={"declared": Declared(meaning, name, rule, **more)})


def declared_in(owner: Any, prefix: str = "") -> dict[str, Knob]:
    """Every knob of a configuration's dataclass and of those in it, by dotted key, in order."""
    found: dict[str, Knob] = {}
    types = get_type_hints(owner)
    for one in dataclasses.fields(owner):
        key, kind = f"{prefix}{one.name}", types[one.name]
        if dataclasses.is_dataclass(kind):
            found |= declared_in(kind, f"{key}.")
        else:
            declared = vars(one.metadata["declared"])
            found[key] = Knob(**declared, key=key, type=kind, default=one.default)
    return found


def unknown_key(values: Mapping[str, Any], owner: Any, prefix: str = "") -> str:
    """The first key of the nested ``values`` that the dataclass ``owner`` has not; else nothing."""
    types = get_type_hints(owner)
    for key, value in values.items():
        if key not in types:
            return f"{prefix}{key}"
        if dataclasses.is_dataclass(types[key]) and isinstance(value, Mapping):
            inner = unknown_key(value, types[key], f"{prefix}{key}.")
            if inner:
                return inner
    return ""


def _plain(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.1e}"
