"""The words and numbers of the report: what a knob is called and how its values are written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sweeplab.config import KNOBS
from sweeplab.data_keys import FEATURES

TOGETHER = "+"  # joins the keys of knobs that move together: see sweeps.together


# The data sets that sentences now speak of: all of a report or a figure is about the same ones, so
# that what an example is called is said once, as a translation's language is.
_SPOKEN_OF: ContextVar[frozenset[str]] = ContextVar("_SPOKEN_OF", default=frozenset())


@contextmanager
def speaking_of(data: Iterable[str]) -> Iterator[None]:
    """Meanwhile :func:`examples` and the names of knobs are those for the data sets named."""
    token = _SPOKEN_OF.set(frozenset(map(str, data)))
    try:
        yield
    finally:
        _SPOKEN_OF.reset(token)


def called(data: Iterable[str]) -> str:
    """What one of the examples of these data sets is called: ``image``, or else ``example``."""
    return "example" if FEATURES.intersection(data) else "image"


def example() -> str:
    """``image``; or ``example`` where one speaks of features or rows: see :func:`speaking_of`."""
    return called(_SPOKEN_OF.get())


def examples() -> str:
    """``images``, or ``examples``: see :func:`speaking_of`."""
    return f"{example()}s"


def of_data(text: str) -> str:
    """A fixed ``text`` that says "image", in the word for the data that one speaks of."""
    if example() == "image":
        return text
    return re.sub(r"\b([iI])mage(?=s?\b)", lambda m: "eE"[m[1] == "I"] + "xample", text)


def knob_name(key: str) -> str:
    """What the report calls the configuration key ``key``; of keys that move together, of all."""
    names = [KNOBS[part].name if part in KNOBS else part for part in parts_of(key)]
    return of_data(" with ".join(names))


def axis_name(key: str, *more: str) -> str:
    """The name of ``key`` with its unit and whatever else the reader of an axis must know."""
    unit = of_data(KNOBS[key].unit) if key in KNOBS else ""
    notes = [*([unit] if unit else []), *more]
    return f"{knob_name(key)} ({', '.join(notes)})" if notes else knob_name(key)


def short_name(key: str) -> str:
    """The shortest name of ``key`` that is still understood."""
    return " with ".join(
        of_data(KNOBS[part].short if part in KNOBS else "") or knob_name(part)
        for part in parts_of(key)
    )


def parts_of(key: str) -> list[str]:
    """The keys that ``key`` stands for: itself, or those that move together."""
    return key.split(TOGETHER)


def effect_name(effect: str, knobs: Sequence[str], *, draws: bool = False) -> str:
    """What explains a share of the variance: ``learning rate × batch size``, or ``effect``.

    ``draws``: what "seeds" explain is the luck of which training examples were drawn.
    """
    name = " × ".join(map(knob_name, knobs)) or effect
    return luck_name("training") if draws and name == "seeds" else name


def value_text(value: Any) -> str:
    """A value as a person writes it: ``0.001``, ``1e-05``, ``2000``, ``mnist``, ``true``."""
    if isinstance(value, str):
        return value
    if str(value) in ("True", "False"):  # NumPy's too
        return str(value).lower()
    number = float(value)
    if not math.isfinite(number):
        return str(number)
    if number == int(number) and abs(number) < 1e7:
        return str(int(number))
    return f"{number:.6g}"


def knob_value(key: str, value: Any) -> str:
    """``value`` of the knob ``key`` as :func:`value_text` has it, or the word for its zero."""
    known = KNOBS.get(key)
    return known.zero if known and known.zero and value == 0 else value_text(value)


def level_texts(values: Sequence[Any]) -> list[str]:
    """The values of a knob for an axis, with as few digits as tell them apart, at least three."""
    full = [value_text(value) for value in values]
    for digits in (3, 4, 5):
        short = [
            text if isinstance(value, str | bool) else _brief(text, float(value), digits)
            for value, text in zip(values, full, strict=True)
        ]
        if len(set(short)) == len(set(full)):
            return short
    return full


def _brief(text: str, value: float, digits: int) -> str:
    """The shorter of ``text`` and fewer digits; ``3e-4`` for 0.0003, whose zeros take room."""
    text = min(text, f"{value:.{digits}g}", key=len)
    if 0 < value < 1:
        head, tail = f"{value:.{digits - 1}e}".split("e")
        power = f"{head.rstrip('0').rstrip('.')}e{int(tail)}"
        return power if "e" in text or len(power) < len(text) - 1 else text
    return text


def setting_text(values: Mapping[Any, Any], knobs: Sequence[str], *, short: bool = False) -> str:
    """The knobs of a setting with their values: ``learning rate = 0.1, batch size = 64``."""
    name = short_name if short else knob_name
    texts = []
    for key in knobs:
        parts = [part for part in parts_of(key) if part in values] or [key]
        texts.append(
            " with ".join(f"{name(part)} = {knob_value(part, values[part])}" for part in parts)
        )
    return ", ".join(texts)


def number(value: Any, digits: int = 3) -> str:
    """``value`` with ``digits`` decimals, or a dash where there is none."""
    return "–" if _missing(value) else f"{float(value):.{digits}f}"


def numbers(*values: Any, digits: int = 3) -> list[str]:
    """Each of ``values`` as :func:`number` has it, with more digits where two would read alike.

    Numbers that differ by less than 0.00001 do read alike.
    """
    known = {round(float(value), 5) for value in values if not _missing(value)}
    while digits < 5 and len({f"{value:.{digits}f}" for value in known}) < len(known):
        digits += 1
    return [number(value, digits) for value in values]


def plus_minus(mean: Any, half_width: Any, digits: int = 3, *, signed: bool = False) -> str:
    """``0.894 ± 0.004``; the mean alone where one run gives no interval.

    ``signed`` for differences: ``+0.010 ± 0.004``. A half-width that would read 0.000 gets one
    digit more.
    """
    if _missing(mean) or _missing(half_width):
        return number(mean, digits)
    if 0 < half_width < 0.95 * 10**-digits:
        digits += 1
    rounded = round(float(mean), digits) or 0.0  # never −0.000
    text = f"{rounded:{'+' if signed and rounded else ''}.{digits}f}".replace("-", "−")
    return f"{text} ± {number(half_width, digits)}"


def change(difference: Any, low: Any, high: Any, digits: int = 3) -> str:
    """``+0.010 (+0.004 to +0.016)``: a difference with its bounds; alone where there are none.

    Bounds that are not 0 do not read 0.000: they get up to two digits more.
    """
    values = [float(value) for value in (difference, low, high)]
    bounds = [abs(value) for value in values[1:] if value]
    for more in (digits, digits + 1, digits + 2):
        digits = more
        if all(bound >= 0.5 * 10**-more for bound in bounds):
            break
    rounded = [round(value, digits) or 0.0 for value in values]  # never −0.000
    texts = [f"{value:{'+' if value else ''}.{digits}f}".replace("-", "−") for value in rounded]
    return texts[0] if _missing(low) or _missing(high) else f"{texts[0]} ({texts[1]} to {texts[2]})"


def percent(share: float, digits: int = 0) -> str:
    """``6 %``; never 0 % for what happened, nor 100 % for what did not always."""
    least = 10.0**-digits
    rounded = round(100 * share, digits)
    if rounded == 0 and share > 0:
        return f"under {least:.{digits}f} %"
    if rounded == 100 and share < 1:
        return f"over {100 - least:.{digits}f} %"
    return f"{rounded:.{digits}f} %"


def percents(*shares: float) -> list[str]:
    """Each of ``shares`` as :func:`percent` has it, with more digits where two would read alike."""
    texts: list[str] = []
    for digits in (0, 1, 2):
        texts = [percent(share, digits) for share in shares]
        if len(set(texts)) == len({round(share, 6) for share in shares}):
            break
    return texts


def count(number_of: int, one: str, many: str | None = None) -> str:
    """``1 run``, ``2 runs``, ``1,000 runs``."""
    return f"{number_of:,} {one if number_of == 1 else many or one + 's'}"


def replicates(number_of: int | str, *, draws: bool) -> str:
    """``5 seeds``, or ``5 training sets`` where draws of the training images are replicates."""
    one = "training set" if draws else "seed"
    return count(number_of, one) if isinstance(number_of, int) else f"{number_of} {one}s"


def over_training(asked: Iterable[tuple[int, int]]) -> str:
    """``over the first 1,000 of the training images``; nothing where it is all of them.

    Args:
        asked: ``eval_train`` and the training-set size of each run.
    """
    firsts = sorted({first for first, size in asked if 0 < first < size})
    if not firsts:
        return ""
    return (
        f"over the first {listed([f'{first:,}' for first in firsts])} of the training {examples()}"
    )


def luck_name(part: str, *, together: bool = False) -> str:
    """What chance a part of the variance is: ``images``, ``seeds`` or ``training``.

    ``together``: each training set had one seed, so that the two cannot be told apart.
    """
    training = f"training {examples()}{' and seeds' if together else ''}"
    return {"images": f"validation {examples()}", "seeds": "seeds", "training": training}[part]


def times(number_of: int) -> str:
    """``once``, ``twice``, ``3 times``."""
    return {1: "once", 2: "twice"}.get(number_of, f"{number_of} times")


def listed(items: Sequence[str], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def some(items: Sequence[str], most: int = 4) -> str:
    """``a; b; c``, and how many more there are: for items with commas in them."""
    more = len(items) - most
    return "; ".join(items[:most]) + (f"; and {more:,} more" if more > 0 else "")


def shortened(text: str, most: int = 18) -> str:
    """``text`` in at most so many letters: a class may have a name of any length."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def capital(text: str) -> str:
    """``text`` with a capital first letter."""
    return text[:1].upper() + text[1:]


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key that sorts ``2`` before ``10`` and ``run9`` before ``run10``."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", text)
        if part
    ]


def in_bytes(count: float) -> str:
    """A size for people, in the units of the disk makers: 1 kB is 1,000 bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _missing(value: Any) -> bool:
    # pandas' NA is no float, and NaN is not equal to itself.
    try:
        return value is None or math.isnan(float(value))
    except (TypeError, ValueError):
        return True
