"""A run's YAML files written, and its ``.hydra/config.yaml`` read as what may come from anyone.

PyYAML's safe loaders run no code, but a few hundred bytes of ``[[[[...`` end the process (the C
loader recurses without a limit), and ten lines of nested aliases fill the memory of whoever walks
the result. What sweeplab writes has neither, so both are refused before anything is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
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
LONGEST_KEY = 100  # longer ones need a mark before them
# No other type of YAML looks like a text that begins so and has one of these marks in it.
_SURELY_PLAIN = re.compile(r"[A-Za-z/](?=.*[/=])[A-Za-z0-9_./=,+-]{0,98}[A-Za-z0-9]")
_OTHER_KEY = re.compile(r"\$\{\s*([\w.]+)\s*\}")
_ESCAPED = re.compile(r"(\\+)\$\{")


def to_yaml(tree: Any) -> str:
    """``tree`` as YAML, its keys in their order and each text in one line.

    It is what PyYAML writes, which takes a sweep of 10,000 half a minute: so PyYAML is asked for
    single values, and for each once, or for a whole that needs its care.
    """
    with suppress(_AskPyYAML):
        if tree and isinstance(tree, dict | list):
            return "".join(_lines(tree, ""))
    return _dumped(tree)


def _dumped(tree: Any) -> str:
    return str(
        yaml.dump(tree, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=2**31 - 1)
    )


class _AskPyYAML(Exception):  # noqa: N818 - no error: it writes the whole
    """A value that may be written in another way within a tree than by itself."""


def _lines(tree: dict[Any, Any] | list[Any], indent: str) -> Iterator[str]:
    """The lines of a mapping or a list that is not empty; the first has no indent of its own."""
    before = ""  # the first line goes on from what stands before it
    if isinstance(tree, list):
        for value in tree:
            yield f"{before}- "
            yield from _value(value, f"{indent}  ")
            before = indent
        return
    for key, value in tree.items():
        if value and isinstance(value, dict | list):
            # A list in a mapping stands as far to the left as its key.
            inner = indent if isinstance(value, list) else f"{indent}  "
            yield f"{before}{_scalar(key)}:\n{inner}"
            yield from _lines(value, inner)
        else:
            yield f"{before}{_scalar(key)}: "
            yield from _value(value, indent)
        before = indent


def _value(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list):
        if value:
            yield from _lines(value, indent)
        else:
            yield "{}\n" if isinstance(value, dict) else "[]\n"
    else:
        yield f"{_scalar(value)}\n"


def _scalar(value: Any) -> str:
    if type(value) is str:
        # Names of folders and overrides, of which each run has its own.
        return value if _SURELY_PLAIN.fullmatch(value) else _text_of(value)
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return _number_of(repr(value))
    if value is None or type(value) is bool:
        return {None: "null", True: "true", False: "false"}[value]
    raise _AskPyYAML


@lru_cache(maxsize=10_000)
def _text_of(value: str) -> str:
    text = _dumped(value).removesuffix("...\n").removesuffix("\n")
    if not value.isprintable() or len(text) > LONGEST_KEY:
        raise _AskPyYAML
    return text


@lru_cache(maxsize=10_000)
def _number_of(shown: str) -> str:
    return _dumped(float(shown)).split("\n")[0]


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
