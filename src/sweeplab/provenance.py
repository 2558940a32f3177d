"""Where and with what a run was made: code, versions, machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("sweeplab", "torch", "torchvision", "numpy", "hydra-core", "scikit-learn")


def environment(command: Sequence[str] = ()) -> dict[str, Any]:
    """What of this process could change a result, for a run's provenance.

    ``git`` describes the repository of the folder that the command was started in, or is None.

    Args:
        command: what was typed; the words of this process if none are given.
    """
    return {**_machine(), "command": list(command or sys.argv)}


@cache
def _machine() -> dict[str, Any]:
    import torch

    commit = _git("rev-parse", "HEAD")
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "git": commit and {"commit": commit, "dirty": bool(_git("status", "--porcelain"))},
    }


# The command line says how a run was asked for, not what made its result; where the code came
# from, and on how many cores and threads it ran, change no bit of one.
NO_MATTER = ("command", "threads", "cpus", "git")


def matters(name: str) -> bool:
    """Whether the entry ``name`` of :func:`flat` can change a result."""
    return name.split(".", maxsplit=1)[0] not in NO_MATTER


def differences(saved: dict[str, Any], current: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The entries of two environments that differ, as ``{name: (saved, current)}``.

    Those that cannot change a result are left out (:data:`NO_MATTER`).
    """
    then, now = flat(saved), flat(current)
    return {
        name: (then.get(name), now.get(name))
        for name in then | now
        if matters(name) and then.get(name) != now.get(name)
    }


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``tree`` as one level of dotted names, such as ``packages.torch``."""
    entries: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        entries |= flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return entries


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _git(*words: str) -> str | None:
    """What git says of the folder that the command was started in; None where it cannot."""
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.check_output(
            ["git", *words],  # noqa: S607
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=10,
        ).strip()
    return None
