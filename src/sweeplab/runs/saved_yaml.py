"""The YAML files of a run, written fast."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import yaml

# PyYAML's C library is ten times faster than its Python code, where it was built.
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
