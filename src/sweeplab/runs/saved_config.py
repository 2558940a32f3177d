"""A run's YAML files written, and its ``.hydra/config.yaml`` read as what may come from anyone.

PyYAML's safe loaders run no code, but a few hundred bytes of ``[[[[...`` end the process (the C
loader recurses without a limit), and ten lines of nested aliases fill the memory of whoever walks
the result. What sweeplab writes has neither, so both are refused before anything is built.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from sweeplab.config import RunConfig
from sweeplab.errors import RunFolderError
from sweeplab.parse import from_dict

LARGEST = 2**20
DEEPEST = 20

# PyYAML's C library is ten times faster than its Python code, where it was built.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_OTHER_KEY = re.compile(r"\$\{\s*([\w.]+)\s*\}")
_ESCAPED = re.compile(r"(\\+)\$\{")


def to_yaml(tree: Any) -> str:
    """``tree`` as YAML, its keys in their order and each text in one line."""
    return str(
        yaml.dump(tree, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=2**31 - 1)
    )


def parse_config(content: bytes, path: Path) -> RunConfig:
    """The configuration in ``content``, which was read from ``path``.

    Raises:
        RunFolderError: it holds something else than YAML, or more than a saved configuration can.
        ConfigError: it is YAML, but not a run's configuration.
    """
    if len(content) > LARGEST:
        raise RunFolderError(f"{path} is damaged: it is larger than any that sweeplab writes.")
    try:
        _refuse_bombs(content)
        values = yaml.load(content, Loader=_LOADER)  # noqa: S506
    # Beside its own errors PyYAML lets through those of its constructors: a ValueError for a date
    # like 2001-99-99, a KeyError for `!!bool x`, an AttributeError for `!!timestamp x`.
    except Exception as error:
        text = " ".join(str(error).split())
        raise RunFolderError(f"{path} is damaged: {text:.300}") from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise RunFolderError(f"{path} is damaged: it holds no mapping.")
    return from_dict(_resolved(values, values), where=str(path))


def _resolved(tree: Any, values: dict[str, Any]) -> Any:
    """``tree`` without ``${key}``, which stands for another of ``values``: 0.1.0 saved it so.

    Nothing else is resolved but, by ``from_dict``, the environment's variable in ``data.root``: a
    value with another ``${...}`` is text, or of the wrong type.
    """
    if isinstance(tree, dict):
        return {key: _resolved(value, values) for key, value in tree.items()}
    if isinstance(tree, str) and (asked := _OTHER_KEY.fullmatch(tree)):
        other: Any = values
        for name in asked[1].split("."):
            other = other.get(name) if isinstance(other, dict) else None
        # One that refers on, perhaps in circles, stays as it is.
        refers = isinstance(other, str) and _OTHER_KEY.fullmatch(other)
        tree = tree if refers or isinstance(other, dict | list | None) else other
    if isinstance(tree, str):
        # OmegaConf writes a mark that is a part of a name as ``\\${``.
        return _ESCAPED.sub(lambda mark: mark[1][: len(mark[1]) // 2] + "${", tree)
    return tree


def _refuse_bombs(content: bytes) -> None:
    depth = 0
    for event in yaml.parse(content, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("it uses an alias, which sweeplab never writes")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
