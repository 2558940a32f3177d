"""What a search chooses from: the keys with several values, in Hydra's sweep syntax."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from sweeplab.config import KNOBS
from sweeplab.errors import ConfigError
from sweeplab.task.grid import Space, line_of, values_of
from sweeplab.task.spaced import quote_spaced, written

DIGITS = 4  # significant, of a value that is chosen: a table must be able to hold it
Params = dict[str, Any]  # a setting: the value of each axis


@dataclass(frozen=True)
class Numbers:
    """An axis of numbers from ``low`` to ``high``, both among them."""

    key: str
    low: float
    high: float
    log: bool = False
    step: int | None = None  # of integers; None for real numbers

    def at(self, share: float) -> float | int:
        """The value at a share, from 0 to below 1, of the way from ``low`` to ``high``."""
        if self.step is not None and not self.log:
            return int(self.low) + self.step * int(share * (self.places()))
        low, high = (self.low, self.high + 1) if self.step else (self.low, self.high)
        value = low * (high / low) ** share if self.log else low + (high - low) * share
        return min(math.floor(value), int(self.high)) if self.step else self.tidy(value)

    def places(self) -> int:
        assert self.step is not None
        return int(self.high - self.low) // self.step + 1

    def tidy(self, value: float) -> float | int:
        """``value`` as it is trained with: of few digits, and within the ends."""
        if self.step is not None:
            return int(value)
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    def text(self, value: float) -> str:
        """``value`` as Hydra's grammar writes it."""
        return written(value)


@dataclass(frozen=True)
class Choices:
    """An axis of values without an order."""

    key: str
    values: tuple[str, ...]  # as Hydra's grammar writes them

    def at(self, share: float) -> str:
        """As :meth:`Numbers.at`."""
        return self.values[int(share * len(self.values))]

    def tidy(self, value: str) -> str:
        """As :meth:`Numbers.tidy`."""
        return value

    def text(self, value: str) -> str:
        """As :meth:`Numbers.text`."""
        return value


Axis = Numbers | Choices


@dataclass(frozen=True)
class SearchSpace:
    """What a search chooses from, and what every one of its settings has."""

    axes: Sequence[Axis]
    replicates: Sequence[Sequence[str]]  # overrides of each run of a setting
    fixed: Sequence[str]  # overrides of all

    def jobs(self, params: Params) -> list[list[str]]:
        """The overrides of each run of a setting."""
        chosen = [f"{axis.key}={axis.text(params[axis.key])}" for axis in self.axes]
        return [[*self.fixed, *chosen, *replicate] for replicate in self.replicates]


def search_space(loader: ConfigLoader, space: Space, arguments: Sequence[str]) -> SearchSpace:
    """The axes in ``space`` and in the overrides of the command line, which come before it.

    Raises:
        ConfigError: there is nothing to choose, or something that cannot be chosen from.
    """
    lines = [line_of(key, value) for key, value in space.params.items()]
    parser = OverridesParser.create(config_loader=loader)
    overrides = parser.parse_overrides([quote_spaced(line) for line in [*lines, *arguments]])
    axes: list[Axis] = []
    replicates: list[list[str]] = [[]]
    fixed: list[str] = []
    for key, override in {one.get_key_element(): one for one in overrides}.items():
        if key in KNOBS and KNOBS[key].role == "replicate" and override.is_sweep_override():
            replicates = [
                [*one, f"{key}={value}"] for one in replicates for value in _seeds(override)
            ]
        elif override.is_sweep_override():
            axes.append(_axis(key, override))
        else:
            fixed.append(override.input_line or "")
    if not axes:
        raise ConfigError(
            "hydra/sweeper=search has nothing to choose: give a key several values, such as "
            "'optimizer.lr=tag(log,interval(0.001,1))' or 'batch_size=choice(16,64,256)'."
        )
    return SearchSpace(axes, replicates, fixed)


def _seeds(override: Override) -> list[str]:
    if not override.is_discrete_sweep():
        raise ConfigError(
            f"{override.input_line}: seeds are never searched for, since the luckiest of them "
            "tells nothing. List them; each setting is trained with all: 'seed=range(3)'."
        )
    return values_of(override)


def _axis(key: str, override: Override) -> Axis:
    value = override.value()
    whole = key in KNOBS and KNOBS[key].type is int
    if isinstance(value, IntervalSweep):
        low, high = float(value.start or 0), float(value.end or 0)
        axis = Numbers(key, low, high, log="log" in value.tags, step=1 if whole else None)
    elif isinstance(value, RangeSweep) and all(
        isinstance(number, int) for number in (value.start, value.stop, value.step)
    ):
        start, stop, step = int(value.start or 0), int(value.stop or 0), int(value.step)
        last = start + (stop - start - 1) // step * step if step > 0 else start
        axis = Numbers(key, start, last, log="log" in value.tags, step=step)
    else:
        return _choices(key, values_of(override))
    _refuse_wrong_ends(override.input_line or key, axis)
    return axis


def _choices(key: str, values: Sequence[str]) -> Choices:
    if len(set(values)) < 2:
        raise ConfigError(f"{key} has {len(set(values))} value to choose from: give it more.")
    return Choices(key, tuple(dict.fromkeys(values)))


def _refuse_wrong_ends(line: str, axis: Numbers) -> None:
    if not (math.isfinite(axis.low) and math.isfinite(axis.high) and axis.low < axis.high):
        raise ConfigError(
            f"{line}: the first end must be below the second, but they are {axis.low:g} and "
            f"{axis.high:g}."
        )
    if axis.log and axis.low <= 0:
        raise ConfigError(
            f"{line}: a logarithm is taken of its ends, so both must be above 0; the lower is "
            f"{axis.low:g}."
        )
    rule = KNOBS[axis.key].rule if axis.key in KNOBS else None
    for end in (axis.low, axis.high):
        if rule is not None and (broken := rule.broken(end)):
            raise ConfigError(f"{line}: {axis.key} must be {broken}, but an end is {end:g}.")


def params_of(axes: Sequence[Axis], values: Mapping[str, Any]) -> Params | None:
    """The values of a configuration as a search would have chosen them; None if it could not.

    Args:
        values: the configuration's values by dotted key.
    """
    params: Params = {}
    for axis in axes:
        value = values.get(axis.key)
        if isinstance(axis, Choices):
            same = [text for text in axis.values if _reads_as(text, value)]
            if not same:
                return None
            params[axis.key] = same[0]
        elif isinstance(value, int | float) and axis.low <= value <= axis.high:
            if axis.step and (value - axis.low) % axis.step:
                return None
            params[axis.key] = value
        else:
            return None
    return params


def _reads_as(text: str, value: Any) -> bool:
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, int | float):
        try:
            return float(text) == value
        except ValueError:
            return False
    return text == str(value)
