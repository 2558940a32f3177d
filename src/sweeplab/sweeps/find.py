"""Which runs and sweeps are in a folder: the one answer for every command.

Runs lie at any depth, for ``hydra.sweep.subdir`` may have slashes in it. Hidden folders hold none.
A link is followed as a folder, once; but one that leads out of a sweep, which anyone may have put
there, only to a run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sweeplab.errors import NewerFormatError, RunFolderError
from sweeplab.runs.folder import RunFolder, is_sound, read_record
from sweeplab.runs.record import RunRecord
from sweeplab.sweeps.folder import SweepFolder
from sweeplab.words import natural


def runs_in(path: Path) -> list[RunFolder]:
    """The run at ``path``, or those below it, finished or not, in the order of their numbers."""
    found = sorted(_runs(path, _Walk()), key=lambda run: natural(str(run.relative_to(path))))
    return [RunFolder(run) for run in found]


def sweeps_in(path: Path) -> list[Path]:
    """The sweep or run at ``path``, or the sweeps below it and the runs outside of them."""
    return looked_through(path)[0]


def looked_through(path: Path) -> tuple[list[Path], list[Path]]:
    """As :func:`sweeps_in`, and the folders that the system does not let be looked into."""
    walk = _Walk()
    return list(_sweeps(path, walk)), walk.closed


def is_sweep(path: Path) -> bool:
    """Whether ``path`` is the folder of a sweep."""
    return os.path.exists(SweepFolder(path).record)


def sweep_of(path: Path) -> SweepFolder:
    """The sweep that ``path`` is, or that holds the run that it is: what must be locked."""
    if _is_run(path):
        for home in (path, *path.absolute().parents):
            if is_sweep(home):
                return SweepFolder(home)
    return SweepFolder(path)


def complete_runs(
    folder: SweepFolder, until: int | None = None
) -> dict[str, tuple[RunFolder, RunRecord]]:
    """The complete runs in a sweep's folder by signature; damaged ones are left out.

    Every file is held against its checksum: what is complete here is never trained again.

    Args:
        until: the epochs that are enough of runs that were stopped; None: none are.

    Raises:
        NewerFormatError: a newer sweeplab wrote one of the runs, which must be kept.
    """
    complete: dict[str, tuple[RunFolder, RunRecord]] = {}
    for run in runs_in(folder.path):
        try:
            record = read_record(run)
        except NewerFormatError:
            raise
        except RunFolderError:
            continue
        if is_sound(run, record, until):
            complete[record.signature] = (run, record)
    return complete


@dataclass
class _Walk:
    """Where a search through folders has been."""

    seen: set[str] = field(default_factory=set)  # links resolved
    closed: list[Path] = field(default_factory=list)  # that cannot be looked into


def _runs(folder: Path, walk: _Walk, sweep: str = "") -> Iterator[Path]:
    """Args: ``sweep``: the sweep's folder, links resolved, that this is in, if it is in one."""
    if _is_run(folder):
        yield folder
        if not is_sweep(folder):
            return
    if is_sweep(folder):
        sweep = os.path.realpath(folder)
    for below in _folders_in(folder, walk):
        if not (sweep and _leads_out(below, sweep)) or _is_run(below):
            yield from _runs(below, walk, sweep)


def _leads_out(folder: Path, sweep: str) -> bool:
    return folder.is_symlink() and not os.path.realpath(folder).startswith(f"{sweep}/")


def _sweeps(folder: Path, walk: _Walk) -> Iterator[Path]:
    if is_sweep(folder) or _is_run(folder):
        yield folder
        return
    for below in _folders_in(folder, walk):
        yield from _sweeps(below, walk)


def _is_run(folder: Path) -> bool:
    """Whether ``folder`` is that of a run; one that is training, or was killed, has no record."""
    run = RunFolder(folder)
    return os.path.exists(run.record) or os.path.isdir(run.hydra)


def _folders_in(folder: Path, walk: _Walk) -> list[Path]:
    real = os.path.realpath(folder)
    if real in walk.seen:  # a link led back
        return []
    walk.seen.add(real)
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if not e.name.startswith(".") and e.is_dir()]
    except FileNotFoundError:
        return []
    except OSError:
        walk.closed.append(folder)
        return []
    return [folder / name for name in sorted(names)]
