"""Where tables and pages go: a sweep's into its folder, those of several beside the first."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sweeplab.errors import RunFolderError
from sweeplab.runs.folder import RunFolder
from sweeplab.sweeps.find import is_sweep, sweep_of

if TYPE_CHECKING:
    from sweeplab.sweeps.tables import Sweep

LONGEST = 100  # characters of a folder's name
TOLD = 2  # sweeps in it, where there are too many for all


def place(sweep: Sweep, output: Path | None = None) -> Path:
    """The folder that the tables and the report of ``sweep`` go to.

    Its own folder, or that which holds its sweeps; for several that were named, one beside the
    first of them. The same sweeps always have the same.

    Args:
        sweep: as ``load_sweep`` gives it.
        output: the folder that was asked for.

    Raises:
        RunFolderError: ``output`` holds another sweep, or a run: their files would be written over.
    """
    own = sweep.path.resolve()
    roots = [path.resolve() for path in sweep.paths]
    if output is not None:
        return sweep.path if output.resolve() == own and roots == [own] else free(output)
    if roots in ([own], []) or (
        not is_sweep(own) and all(root.is_relative_to(own) for root in roots)
    ):
        return sweep.path
    return free(beside(sweep.paths, "+"))


def free(output: Path) -> Path:
    """``output``, unless a sweep or a run lies in it.

    Raises:
        RunFolderError: one does.
    """
    if is_sweep(output) or RunFolder(output).record.exists():
        what = "sweep" if is_sweep(output) else "run"
        raise RunFolderError(
            f"{output} is the folder of a {what}, whose own files would be written over. Choose "
            "another: --output FOLDER."
        )
    return output


def beside(paths: Sequence[Path], joint: str, names: Sequence[str] = ()) -> Path:
    """A folder for what is made of ``paths`` together, beside the sweep that the first is in.

    Its name is ``names``, or those of the folders, with ``joint`` between them.
    """
    home = sweep_of(paths[0]).path
    told = [name.replace("/", "-") for name in names or names_of(paths)]
    name = joint.join(told)
    if len(name) > LONGEST:
        every = hashlib.sha256("\n".join([*map(str, map(Path.resolve, paths)), *told]).encode())
        more = [f"{len(told) - TOLD}-more"] if len(told) > TOLD else []
        name = joint.join([*(part[: LONGEST // 3] for part in told[:TOLD]), *more])
        name += f"-{every.hexdigest()[:6]}"
    return home.parent / name if home.name else home.resolve().parent / name


def names_of(paths: Sequence[Path]) -> list[str]:
    """The name of each folder, with as many of the folders above it as tell them apart."""
    homes = [path.resolve() for path in paths]
    for levels in itertools.count(1):
        names = ["/".join(home.parts[-levels:]) for home in homes]
        if len(set(names)) == len(set(homes)):
            return names
    raise AssertionError
