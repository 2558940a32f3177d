"""The YAML files of a run, written."""

from __future__ import annotations

from typing import Any

import yaml

# PyYAML's C library is ten times faster than its Python code, where it was built.
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def to_yaml(tree: Any) -> str:
    """``tree`` as YAML, its keys in their order and each text in one line."""
    return str(
        yaml.dump(tree, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=2**31 - 1)
    )
