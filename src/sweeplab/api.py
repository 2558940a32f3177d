"""Training from Python, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, overload

import yaml

from sweeplab.config import DataConfig, RunConfig, check
from sweeplab.data import load, resolve
from sweeplab.data.arrays import hand_over
from sweeplab.errors import ConfigError
from sweeplab.parse import from_dict
from sweeplab.places import conf_dir
from sweeplab.results import RunResult
from sweeplab.training import plan_stacks, train_stack


def data_config(name: str) -> DataConfig:
    """What ``data=NAME`` means on the command line: ``mnist``, ``digits``, ``arrays``, ...

    Raises:
        ConfigError: there is no such data set.
    """
    path = conf_dir() / "data" / f"{name}.yaml"
    if not path.is_file():
        names = sorted(path.stem for path in path.parent.glob("*.yaml"))
        raise ConfigError(f"data must be one of {', '.join(names)}, but is '{name}'.")
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    return from_dict({"data": values}, where=str(path)).data


@overload
def train(configs: RunConfig, data: Any = None) -> RunResult: ...
@overload
def train(configs: Sequence[RunConfig], data: Any = None) -> list[RunResult]: ...
def train(
    configs: RunConfig | Sequence[RunConfig], data: Any = None
) -> RunResult | list[RunResult]:
    """Train one configuration, or many at once; nothing is written to disk.

    Args:
        data: ``(X, y)``, or a dictionary of ``X``, ``y``, ``X_val``, ``y_val`` and ``classes``:
            NumPy arrays or tensors. A configuration whose ``data`` is for another source is then
            split and scaled as ``data_config("arrays")`` says.

    Returns:
        A result for one configuration, a list of results, in order, for several.

    Raises:
        ConfigError: a configuration breaks a rule.
        DataError: the data set cannot be had.
    """
    if isinstance(configs, RunConfig):
        return train([configs], data)[0]
    if data is not None:
        path, default = hand_over(data), data_config("arrays")
        configs = [
            replace(
                config,
                data=replace(config.data if config.data.name == "arrays" else default, path=path),
            )
            for config in configs
        ]
    configs = [check(replace(config, data=resolve(config.data))) for config in map(check, configs)]
    results: dict[int, RunResult] = {}
    for stack in plan_stacks(configs):
        chosen = [configs[i] for i in stack]
        results |= zip(stack, train_stack(chosen, load(chosen[0].data)), strict=True)
    return [results[i] for i in range(len(configs))]
