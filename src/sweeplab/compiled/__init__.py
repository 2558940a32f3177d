"""The engine's steps that are written in C, where they were compiled when sweeplab was installed.

Without them the engine takes PyTorch's own operators: the same steps to rounding, more slowly.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("steps.c")
INCLUDED = Path(__file__).with_name("numbers.h")

# Set to 0, the environment variable does without them, to repeat what was trained so.
SWITCH = "SWEEPLAB_COMPILED"

Steps = Callable[[str], Callable[..., int]]  # by name

_COUNT, _FROM = ctypes.c_int64, ctypes.c_void_p
_ARGUMENTS = {  # of each function: counts, then addresses
    "gradients": [*[_COUNT] * 6, *[_FROM] * 11],
    "batch_gradients": [*[_COUNT] * 3, *[_FROM] * 4],
    "read_off": [*[_COUNT] * 5, *[_FROM] * 4],
    "bring_up": [*[_COUNT] * 10, *[_FROM] * 11],
    "room_to_bring_up": [_COUNT] * 2,
}


def library_path(level: str) -> Path:
    """Where the library for a level of vector instructions is, if this very source was compiled."""
    source = INCLUDED.read_bytes() + SOURCE.read_bytes()
    return SOURCE.with_name(f"steps-{level}-{hashlib.sha256(source).hexdigest()[:12]}.so")


@cache
def steps() -> Steps | None:
    """Those for this processor; None where there are none."""
    if (found := _library()) is None:
        return None
    functions: dict[str, Any] = {}
    for name, arguments in _ARGUMENTS.items():
        functions[name] = getattr(found, name)
        functions[name].argtypes = arguments
        functions[name].restype = _COUNT if name == "room_to_bring_up" else None
    return functions.__getitem__


def level() -> str:
    """The vector instructions of the steps in use: "avx512", "avx2" or "default"; or "none"."""
    return "none" if steps() is None else _level()


def _library() -> ctypes.CDLL | None:
    path = library_path(_level())
    if os.environ.get(SWITCH) == "0" or not path.is_file():
        return None
    try:
        return ctypes.CDLL(str(path))
    except OSError:  # made for another system, in a folder that two of them share
        return None


def _level() -> str:
    """PyTorch's own, so that a variable that limits PyTorch limits these too."""
    import torch

    name = torch.backends.cpu.get_cpu_capability().lower()
    return name if name in ("avx512", "avx2") else "default"
