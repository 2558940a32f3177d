"""A typed configuration from plain values, such as a YAML file holds."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from sweeplab.config import RunConfig, flatten
from sweeplab.errors import ConfigError
from sweeplab.knobs import plain_every, unknown_key

# The one reference that a saved configuration may hold: data lie elsewhere on another machine.
ENVIRONMENT = re.compile(r"\$\{oc\.env:\s*(\w+)\s*(?:,(.*))?\}")


def from_dict(values: Mapping[str, Any], where: str = "the configuration") -> RunConfig:
    """The typed configuration in ``values``, nested as :func:`to_dict` gives it.

    Types are converted where nothing is lost (``1`` to ``1.0``, ``"1e-1"`` to ``0.1``). A key that
    is absent has its default. ``data.root`` may name a variable of the environment, as
    ``${oc.env:NAME}`` or ``${oc.env:NAME,default}``.

    Raises:
        ConfigError: a key is unknown, or a value has the wrong type; ``where`` names the source.
    """
    if unknown := unknown_key(values, RunConfig):
        raise ConfigError(f"{where} is not a run's configuration: {unknown} is no key of it.")
    data = values.get("data")
    if isinstance(data, Mapping) and isinstance(data.get("root"), str):
        values = {**values, "data": {**data, "root": _from_environment(data["root"], where)}}
    try:
        config = msgspec.convert(values, RunConfig, strict=False)
        config = dataclasses.replace(config, eval_every=plain_every(config.eval_every))
    except msgspec.ValidationError as error:
        said, _, path = str(error).replace("`", "").partition(" - at $.")
        key = f"{path}: " if path else ""
        raise ConfigError(f"{where} is not a run's configuration: {key}{said}.") from error
    for key, value in flatten(config).items():
        # Beyond 4,300 digits Python does not even print it.
        if isinstance(value, int) and abs(value) >= 2**63:
            raise ConfigError(f"{where} is not a run's configuration: {key} exceeds 64 bits.")
    return config


def _from_environment(text: str, where: str) -> str:
    asked = ENVIRONMENT.fullmatch(text)
    if asked is None:
        return text
    name, default = asked.groups()
    value = os.environ.get(name, default)
    if value is None:
        raise ConfigError(
            f"{where}: data.root is the variable {name}, which is not set. Set it to the folder "
            "that holds the data."
        )
    return value.strip()
