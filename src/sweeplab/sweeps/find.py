"""Which runs and sweeps are in a folder: the one answer for every command.

Runs lie at any depth, for ``hydra.sweep.subdir`` may have slashes in it. Hidden folders hold none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sweeplab.errors import NewerFormatError, RunFolderError
from sweeplab.runs.folder import RunFolder, is_sound, read_record
from sweeplab.runs.record import RunRecord
from sweeplab.sweeps.folder import SweepFolder
from sweeplab.words import natural


def runs_in(path: Path) -> list[RunFolder]:
    """The run at ``path``, or those below it, finished or not, in the order of their numbers."""
    found = sorted(_runs(path, set()), key=lambda run: natural(str(run.relative_to(path))))
    return [RunFolder(run) for run in found]


def sweeps_in(path: Path) -> list[Path]:
    """The sweep or run at ``path``, or the sweeps below it and the runs outside of them."""
    return list(_sweeps(path, set()))


def is_sweep(path: Path) -> bool:
    """Whether ``path`` is the folder of a sweep."""
    return SweepFolder(path).record.exists()


def sweep_of(path: Path) -> SweepFolder:
    """The sweep that ``path`` is, or that holds the run that it is: what must be locked."""
    if _is_run(path):
        for home in (path, *path.absolute().parents):
            if is_sweep(home):
                return SweepFolder(home)
    return SweepFolder(path)


def complete_runs(folder: SweepFolder) -> dict[str, tuple[RunFolder, RunRecord]]:
    """The complete runs in a sweep's folder by signature; damaged ones are left out.

    Every file is held against its checksum: what is complete here is never trained again.

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
        if is_sound(run, record):
            complete[record.signature] = (run, record)
    return complete


def _runs(folder: Path, seen: set[str]) -> Iterator[Path]:
    if _is_run(folder):
        yield folder
        if not is_sweep(folder):
            return
    for below in _folders_in(folder, seen):
        yield from _runs(below, seen)


def _sweeps(folder: Path, seen: set[str]) -> Iterator[Path]:
    if is_sweep(folder) or _is_run(folder):
        yield folder
        return
    for below in _folders_in(folder, seen):
        yield from _sweeps(below, seen)


def _is_run(folder: Path) -> bool:
    """Whether ``folder`` is that of a run; one that is training, or was killed, has no record."""
    run = RunFolder(folder)
    return run.record.exists() or run.hydra.is_dir()


def _folders_in(folder: Path, seen: set[str]) -> list[Path]:
    real = os.path.realpath(folder)
    if real in seen:  # a link led back
        return []
    seen.add(real)
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if not e.name.startswith(".") and e.is_dir()]
    except OSError:  # it is not there, or not ours to read
        return []
    return [folder / name for name in sorted(names)]
