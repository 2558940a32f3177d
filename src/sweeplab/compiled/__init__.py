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

LEVELS = ("avx512", "avx2", "default")  # of vector instructions: a processor has those after it

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
    """Where the library for a level is, if this very source was compiled for it."""
    source = INCLUDED.read_bytes() + SOURCE.read_bytes()
    return SOURCE.with_name(f"steps-{level}-{hashlib.sha256(source).hexdigest()[:12]}.so")


def unwanted() -> bool:
    """Whether the user does without them."""
    return os.environ.get(SWITCH) == "0"


def steps() -> Steps | None:
    """Those for this processor; None where there are none."""
    return _loaded()[1]


def level() -> str:
    """Of the steps in use; "none" where there are none."""
    return _loaded()[0]


@cache
def _loaded() -> tuple[str, Steps | None]:
    for level in () if unwanted() else LEVELS[LEVELS.index(_highest()) :]:
        try:
            library = ctypes.CDLL(str(library_path(level)))
        except OSError:  # not there, or made for another system that shares the folder
            continue
        functions: dict[str, Any] = {}
        for name, arguments in _ARGUMENTS.items():
            functions[name] = getattr(library, name)
            functions[name].argtypes = arguments
            functions[name].restype = _COUNT if name == "room_to_bring_up" else None
        return level, functions.__getitem__
    return "none", None


def _highest() -> str:
    """PyTorch's own level, so that a variable that limits PyTorch limits these too."""
    import torch

    name = torch.backends.cpu.get_cpu_capability().lower()
    return name if name in LEVELS else "default"
