"""The YAML files of a run: written fast, and read as what may come from anyone.

PyYAML's safe loaders run no code, but a few hundred bytes of ``[[[[...`` end the process (the C
loader recurses without a limit), and ten lines of nested aliases fill the memory of whoever walks
the result. What sweeplab writes has neither, so both are refused before anything is built.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from sweeplab.errors import RunFolderError

LARGEST = 2**20
DEEPEST = 20

# PyYAML's C library is ten times faster than its Python code, where it was built.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def to_yaml(tree: Any) -> str:
    """``tree`` as YAML, its keys in their order.

    The runs of a sweep have nearly all their entries in common, so the text of each entry is kept:
    that takes a fifth of the time of a whole ``yaml.dump``.
    """
    if isinstance(tree, dict) and tree:
        return "".join([_entry(key, value) for key, value in tree.items()])
    if isinstance(tree, list) and tree:
        return "".join([_item(value) for value in tree])
    return _dump(tree)


def indented(text: str) -> str:
    """The text of a YAML block, two columns to the right: as the value of a key."""
    return "  " + text.removesuffix("\n").replace("\n", "\n  ") + "\n"


def _entry(key: Any, value: Any) -> str:
    if isinstance(value, dict | list) and not value:
        return f"{_key(key)} {value}\n"
    if isinstance(value, dict):
        return f"{_key(key)}\n{indented(to_yaml(value))}"
    if isinstance(value, list):
        return f"{_key(key)}\n{to_yaml(value)}"
    return _scalar_entry(key, value, repr(value))


def _item(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"- {indented(to_yaml(value))[2:]}"
    return _scalar_item(value, repr(value))


# Typed, and by `repr`: 1, 1.0 and True are equal, and so are 0.0 and -0.0.
@lru_cache(maxsize=4096, typed=True)
def _scalar_entry(key: Any, value: Any, _as_written: str) -> str:
    return _dump({key: value})


@lru_cache(maxsize=4096, typed=True)
def _scalar_item(value: Any, _as_written: str) -> str:
    return _dump([value])


@lru_cache(maxsize=4096, typed=True)
def _key(key: Any) -> str:
    return _dump({key: None}).removesuffix(" null\n")


def _dump(tree: Any) -> str:
    return str(yaml.dump(tree, Dumper=_DUMPER, sort_keys=False, allow_unicode=True))


def read_mapping(path: Path, content: bytes) -> dict[str, Any]:
    """The mapping in ``content``, with keys that are text.

    Raises:
        RunFolderError: it holds something else, or more than a saved configuration can; ``path``
            is named.
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
    return values


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
