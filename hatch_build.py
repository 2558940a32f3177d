"""Compiles src/sweeplab/compiled/steps.c while sweeplab is installed, where there is a C compiler.

Without one sweeplab is installed all the same, and trains by PyTorch's own operators.
"""

from __future__ import annotations

import os
import platform
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path(__file__).parent / "src" / "sweeplab" / "compiled"

# The vector instructions to compile for, by PyTorch's names of them.
LEVELS: dict[str, list[str]] = {"default": []}
if platform.machine().lower() in ("x86_64", "amd64"):
    LEVELS["avx2"] = ["-march=x86-64-v3"]
    LEVELS["avx512"] = ["-march=x86-64-v4", "-mprefer-vector-width=512"]

FLAGS = ["-std=gnu11", "-O3", "-ffp-contract=fast", "-fno-trapping-math", "-shared", "-fPIC"]


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Called by hatchling before it makes a wheel or an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        made = [path for level in LEVELS if (path := compiled(level))]
        for other in {*FOLDER.glob("*.so"), *FOLDER.glob("*.part")} - {*made}:
            other.unlink()
        if made:
            build_data["artifacts"].append("/src/sweeplab/compiled/*.so")
            build_data["pure_python"], build_data["infer_tag"] = False, True


def compiled(level: str) -> Path | None:
    """The library for one level; None where it could not be made, with a line that says why."""
    library = runpy.run_path(str(FOLDER / "__init__.py"))
    path: Path = library["library_path"](level)
    part = path.with_suffix(".part")
    compiler = os.environ.get("CC") or next(filter(shutil.which, ("cc", "gcc", "clang")), "")
    command = [*shlex.split(compiler), *FLAGS, *LEVELS[level], "-o", str(part), library["SOURCE"]]
    try:
        subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{path.name} is left out: {error}\n")
        return None
    return part.replace(path)
