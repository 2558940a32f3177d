"""``logspace(low, high, n)`` and ``linspace(low, high, n)``: evenly spaced values of a key."""

from __future__ import annotations

import itertools
import math
import re

from sweeplab.config import KNOBS
from sweeplab.errors import ConfigError

SPACED = re.compile(r"(lin|log)space\(([^()]*)\)")
_WITH_QUOTES = re.compile(rf"['\"]?({SPACED.pattern})['\"]?")
MOST = 10_000  # values of one key
SHORTEST = 3  # significant digits, where more are not needed to tell the values apart
EXACT = 12  # digits that the rounding of binary fractions leaves alone


def quote_spaced(word: str) -> str:
    """The override ``word`` with its ``logspace(...)`` as Hydra's grammar can take them.

    Hydra knows no such function, so each becomes a text in quotes; alone, a sweep of that one
    text, because Hydra would give any other value to every job.
    """
    key, equals, value = word.partition("=")
    if key.startswith("hydra."):
        return word
    if SPACED.fullmatch(value.strip("'\"")):
        value = f"choice({value})"
    return key + equals + _WITH_QUOTES.sub(r"'\1'", value)


def spaced(key: str, text: str) -> list[str]:
    """The values of ``text``, if it is spaced numbers; else nothing.

    They have three significant digits, or as many more as bring them within a hundredth of the
    step to the next value; the ends are as given. A key that takes integers gets the nearest ones,
    each once.

    Raises:
        ConfigError: no such numbers can be had.
    """
    match = SPACED.fullmatch(text.strip())
    if match is None:
        return []
    kind, inner = match[1], match[2]

    def refuse(reason: str) -> ConfigError:
        return ConfigError(
            f"{key}={text}: {reason}. Write {kind}space(LOW, HIGH, N), such as "
            f"{'linspace(0, 0.9, 10)' if kind == 'lin' else 'logspace(0.001, 1, 4)'}."
        )

    try:
        first, last, number = inner.split(",")
        low, high, many = float(first), float(last), int(number)
    except ValueError:
        raise refuse("it takes three numbers, the third an integer") from None
    if not 2 <= many <= MOST:
        raise refuse(f"it can give 2 to {MOST:,} values, and not {many}")
    if not (math.isfinite(low) and math.isfinite(high)) or low == high:
        raise refuse("its ends must be two different numbers")
    if kind == "log" and min(low, high) <= 0:
        raise refuse(
            "its ends are the first and the last value, not exponents, and must be above 0, since "
            "a logarithm is taken of them"
        )
    values = _places(kind, low, high, many)
    if key in KNOBS and KNOBS[key].type is int:
        return list(dict.fromkeys(str(round(value)) for value in values))
    return [written(value) for value in values]


def written(value: float) -> str:
    """``value`` without the noise of binary fractions: ``0.3``, and not ``0.30000000000000004``."""
    tidy = float(f"{value:.{EXACT}g}")
    return str(int(tidy)) if tidy == int(tidy) and abs(tidy) < 1e15 else repr(tidy)


def _places(kind: str, low: float, high: float, many: int) -> list[float]:
    shares = [i / (many - 1) for i in range(many)]
    if kind == "log":
        exact = [low * (high / low) ** share for share in shares]
    else:
        exact = [low + (high - low) * share for share in shares]
    exact[-1] = high
    steps = [abs(b - a) for a, b in itertools.pairwise(exact)]
    nearest = [min(pair) for pair in zip([steps[0], *steps], [*steps, steps[-1]], strict=True)]
    for digits in range(SHORTEST, EXACT):
        short = [float(f"{value:.{digits}g}") for value in exact]
        if all(abs(s - e) <= n / 100 for s, e, n in zip(short, exact, nearest, strict=True)):
            return [low, *short[1:-1], high]
    return exact
