"""A folder of its own for each sweep, even for two that start in the same second."""

from __future__ import annotations

import itertools

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from sweeplab.sweeps.folder import SweepFolder
from sweeplab.task.words import quoted

KEY = "hydra.sweep.dir="


def claim(folder: SweepFolder, master: DictConfig) -> bool:
    """Make ``folder``, or one beside it if the clock gave its name to another sweep first.

    A folder that the user has named is left as it is: naming it again is how a sweep goes on.

    Returns:
        Whether ``hydra.sweep.dir`` in ``master`` now names another folder: ``folder``'s name with
        ``_2``, ``_3``, ...
    """
    asked = OmegaConf.to_container(master.hydra.sweep, resolve=False)
    assert isinstance(asked, dict)
    if "${now:" not in str(asked["dir"]):
        return False
    for number in itertools.count(1):
        path = folder.path if number == 1 else folder.path.with_name(f"{folder.path.name}_{number}")
        try:
            path.mkdir(parents=True)  # of two processes, one alone succeeds
        except FileExistsError:
            continue
        if number > 1:
            with read_write(master), open_dict(master):
                master.hydra.sweep.dir = str(path)
                # From these Hydra composes each job anew.
                given = [word for word in master.hydra.overrides.hydra if not word.startswith(KEY)]
                master.hydra.overrides.hydra = [*given, f"{KEY}{quoted(path)}"]
        return number > 1
    raise AssertionError
