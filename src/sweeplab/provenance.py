"""Where and with what a run was made: code, versions, machine."""

from __future__ import annotations

import hashlib
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

from sweeplab import compiled

# Of the engine that trains; part of what identifies a run: raised whenever a change to
# `training.stacked` or `compiled` can change the bits of a result.
ENGINE_VERSION = 3

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
        "arithmetic": _arithmetic(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "git": commit and {"commit": commit, "dirty": bool(_git("status", "--porcelain"))},
    }


def _arithmetic() -> dict[str, str]:
    """What decides the last bits of sums: the vector instructions in use, and what they add up to.

    One name of a processor, as "AMD EPYC", stands for several generations; and variables of the
    environment choose among the instructions that one has. ``sums`` is a hash of a few results
    on one thread, as the engine computes: some libraries add up otherwise on several.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        sums = _sums()
    finally:
        torch.set_num_threads(threads)
    return {
        "pytorch": torch.backends.cpu.get_cpu_capability(),
        "onednn": _onednn_level(),
        "steps": compiled.level(),
        "sums": sums,
    }


def _sums() -> str:
    import torch

    random = torch.Generator().manual_seed(0)
    left, right = (torch.randn(*shape, generator=random) for shape in ((160, 785), (785, 67)))
    product = left @ right
    results = [product]
    if hasattr(torch.ops.mkldnn, "_linear_pointwise"):  # as in training.stacked.product
        product = torch.ops.mkldnn._linear_pointwise(left, right.T, None, "none", [], "")
    scores = product.view(16, 10, 67) / 9
    results += [product, scores.softmax(1), scores.logsumexp(1), product.sum(1), left.abs().log()]
    digest = hashlib.sha256()
    for result in results:
        digest.update(result.contiguous().numpy().data)
    return digest.hexdigest()[:12]


# oneDNN's levels of vector instructions, as far as they matter to float32, and the flags by which
# Linux tells of them. oneDNN's own variable may limit it to less than the processor has.
_LEVELS = {
    "SSE41": {"sse4_1"},
    "AVX": {"avx"},
    "AVX2": {"avx2"},
    "AVX512_CORE": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
}


def _onednn_level() -> str:
    flags = set(cpuinfo("flags").split())
    levels = [level for level, needed in _LEVELS.items() if needed <= flags]
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", os.environ.get("DNNL_MAX_CPU_ISA", "")).upper()
    longest_first = sorted(_LEVELS, key=len, reverse=True)
    if limit_level := next((level for level in longest_first if limit.startswith(level)), ""):
        order = list(_LEVELS)
        levels = [level for level in levels if order.index(level) <= order.index(limit_level)]
    return levels[-1] if levels else platform.machine()


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
    return cpuinfo("model name") or platform.processor() or platform.machine()


@cache
def cpuinfo(name: str) -> str:
    """What Linux says of the first processor; empty elsewhere."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(name):
                return line.split(":", 1)[1].strip()
    return ""


def arithmetic(made: Mapping[str, Any]) -> str:
    """What of an environment decides the last bits, in words; empty where it was not recorded."""
    about = made.get("arithmetic")
    if not isinstance(about, Mapping):
        return ""
    steps = f", compiled steps {about['steps']}" if "steps" in about else ""  # since version 3
    return f"{about.get('pytorch')}, oneDNN {about.get('onednn')}, sums {about.get('sums')}{steps}"


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
