"""The combinations of a grid: every one, those of several grids, keys that move together."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, RangeSweep

from sweeplab.errors import ConfigError
from sweeplab.task.spaced import quote_spaced, spaced, written

MOST_JOBS = 1_000_000  # of one sweep: a list of more takes gigabytes before anything is trained


@dataclass(frozen=True)
class Space:
    """What a sweep combines: the keys of ``hydra.sweeper``."""

    params: Mapping[str, Any] = field(default_factory=dict)  # key: values
    grids: Sequence[Mapping[str, Any]] = ()  # each adds its keys to params, or replaces them
    zip: Sequence[Sequence[str]] = ()  # keys of a group move together
    exclude: Sequence[str] = ()  # conditions; a combination of which one holds is left out
    skip_invalid: bool = False  # leave out what breaks a rule, instead of refusing the sweep


def expand(loader: ConfigLoader, space: Space, arguments: Sequence[str] = ()) -> list[list[str]]:
    """Every combination of values, the last key running fastest.

    Args:
        arguments: the overrides of the command line; a key in them replaces the same key of every
            grid.

    Raises:
        ConfigError: what is asked for is no grid; the message says why.
    """
    combinations: list[list[str]] = []
    for params in space.grids or [{}]:
        if not isinstance(params, Mapping):
            raise ConfigError(
                f"hydra.sweeper.grids must be a list of grids, each with keys and their values, "
                f"but one is {params!r:.100}."
            )
        lines = [line_of(key, value) for key, value in {**space.params, **params}.items()]
        choices = _choices(loader, [*lines, *arguments])
        axes = _axes(choices, space.zip)
        jobs = prod(len(axis) for axis in axes)
        if len(combinations) + jobs > MOST_JOBS:
            raise ConfigError(
                f"the sweep has {len(combinations) + jobs:,} combinations, and at most "
                f"{MOST_JOBS:,} can be planned at once: give it fewer values "
                f"({', '.join(f'{key}: {len(values):,}' for key, values in choices.items())})."
            )
        combinations += [list(itertools.chain(*parts)) for parts in itertools.product(*axes)]
    return combinations


def line_of(key: str, value: Any) -> str:
    """A key of ``params`` with its values, as Hydra's grammar writes them."""
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise ConfigError(f"hydra.sweeper.params has an empty list for {key}: give it values.")
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
    return f"{key}={','.join(texts)}"


def _choices(loader: ConfigLoader, lines: Sequence[str]) -> dict[str, list[str]]:
    """The overrides that each key can have, in the order in which the keys first appear."""
    parser = OverridesParser.create(config_loader=loader)
    choices: dict[str, list[str]] = {}
    for override in parser.parse_overrides([quote_spaced(line) for line in lines]):
        key, values = override.get_key_element(), values_of(override)
        # What sweeps over nothing stays as it was written: ~key, and key@package=value, among them.
        choices[key] = [f"{key}={value}" for value in values] or [override.input_line or ""]
    return choices


def values_of(override: Override) -> list[str]:
    """The values that ``override`` sweeps over, in Hydra's grammar; none if it has just one."""
    key, value = override.get_key_element(), override.value()
    if not override.is_sweep_override():
        return []
    if not override.is_discrete_sweep():
        raise ConfigError(
            f"{key} sweeps over an interval, and a grid needs values: list them ({key}=0.1,0.2), "
            f"step through them ({key}=range(1,10)), or let a search choose them "
            "(hydra/sweeper=search)."
        )
    if isinstance(value, RangeSweep):
        _refuse_endless(key, value)
    texts = list(override.sweep_string_iterator())
    if isinstance(value, RangeSweep) and "." in "".join(texts):
        return [written(float(text)) for text in texts]
    # Quotes and backslashes are grammar: 'logspace(1,2,3)' may come as logspace\(1\,2\,3\).
    return [one for text in texts for one in spaced(key, re.sub(r"[\\'\"]", "", text)) or [text]]


def _refuse_endless(key: str, values: RangeSweep) -> None:
    number = (values.stop or 0) - (values.start or 0)
    if abs(number / values.step) > MOST_JOBS:
        raise ConfigError(
            f"{key} has {abs(number / values.step):,.0f} values, and at most {MOST_JOBS:,} "
            "combinations can be planned at once: give it fewer."
        )


def _axes(
    choices: Mapping[str, list[str]], groups: Sequence[Sequence[str]]
) -> list[list[tuple[str, ...]]]:
    """The factors of the product: one for each key, and one for each group that moves together."""
    leader: dict[str, Sequence[str]] = {}
    for group in groups:
        if isinstance(group, str) or len(group) < 2:
            raise ConfigError(
                f"hydra.sweeper.zip must be a list of groups of two keys or more, such as "
                f"[[optimizer.lr, batch_size]], but has {group!r:.100}."
            )
        for key in group:
            if key in leader:
                raise ConfigError(f"hydra.sweeper.zip has {key} twice; a key moves once.")
            if key not in choices:
                raise ConfigError(
                    f"hydra.sweeper.zip has {key}, which the sweep gives no values: give it "
                    f"{len(choices.get(group[0], [])) or 'some'}, or take it out of the group."
                )
            leader[key] = group
        lengths = {key: len(choices[key]) for key in group}
        if len(set(lengths.values())) > 1:
            counted = ", ".join(f"{key} has {length}" for key, length in lengths.items())
            raise ConfigError(
                f"hydra.sweeper.zip: keys that move together need equally many values, but "
                f"{counted}."
            )
    axes: list[list[tuple[str, ...]]] = []
    placed: set[str] = set()
    for key in choices:
        if key not in placed:
            members = leader.get(key, [key])
            placed.update(members)
            axes.append(list(zip(*(choices[member] for member in members), strict=True)))
    return axes
