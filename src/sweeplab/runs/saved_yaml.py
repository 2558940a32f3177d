"""Reading a YAML file that may come from anyone.

PyYAML's safe loaders run no code, but a few hundred bytes of ``[[[[...`` end the process (the C
loader recurses without a limit), and ten lines of nested aliases fill the memory of whoever walks
the result. What sweeplab writes has neither, so both are refused before anything is built.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sweeplab.errors import RunFolderError

LARGEST = 2**20
DEEPEST = 20

# PyYAML's C library is ten times faster than its Python code, where it was built.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
