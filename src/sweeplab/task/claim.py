"""The folder of a sweep: its own, even for two that start in the same second, and locked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from sweeplab.runs.files import write_text
from sweeplab.sweeps.folder import SweepFolder, locked, write_sweep
from sweeplab.task.compose import quoted
from sweeplab.task.prepare import Prepared, Request, prepare, sweep_folder

KEY = "hydra.sweep.dir="


@contextmanager
def opened(request: Request) -> Iterator[Prepared]:
    """``request`` held against its folder, which no other process can work in meanwhile.

    What was asked stands in the folder by then, and nothing is trained yet.

    Raises:
        ConfigError, DataError: as :func:`prepare`, before anything is written.
        SweeplabError: another process is working in the folder.
        StorageError: the folder cannot be written to.
    """
    prepared = prepare(request)
    claim(prepared.folder, request.master)
    folder = sweep_folder(request.master)
    with locked(folder):
        # Before it was locked another process may have taken numbers and folders that were free.
        if folder != prepared.folder or folder.stamp() != prepared.stamp:
            prepared = prepare(request)
        write_text(folder.asked, OmegaConf.to_yaml(request.master))
        write_sweep(folder, prepared.record)
        yield prepared


def claim(folder: SweepFolder, master: DictConfig) -> None:
    """Make ``folder``, or one beside it if the clock gave its name to another sweep first.

    ``hydra.sweep.dir`` in ``master`` names the other then: ``folder``'s name with ``_2``, ``_3``,
    ... A folder that the user has named is left as it is: naming it again is how a sweep goes on.
    """
    asked: Any = OmegaConf.to_container(master.hydra.sweep, resolve=False)
    if "${now:" not in str(asked["dir"]):
        return
    for number in itertools.count(1):
        path = folder.path if number == 1 else folder.path.with_name(f"{folder.path.name}_{number}")
        try:
            path.mkdir(parents=True)  # of two processes, one alone succeeds
        except FileExistsError:
            continue
        if number > 1:
            name_folder(master, path)
        return


def name_folder(master: DictConfig, path: Path) -> None:
    """Let ``hydra.sweep.dir`` be ``path``, whatever the clock says by now."""
    with read_write(master), open_dict(master):
        master.hydra.sweep.dir = str(path)
        # From these Hydra composes each job anew.
        given = [word for word in master.hydra.overrides.hydra if not word.startswith(KEY)]
        master.hydra.overrides.hydra = [*given, f"{KEY}{quoted(path)}"]
