"""The two sides of a comparison: which runs each has, and what sets them apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeplab.config import KNOBS
from sweeplab.errors import RunFolderError
from sweeplab.runs.folder import RunFolder
from sweeplab.sweeps.find import is_sweep, runs_in, sweep_of
from sweeplab.sweeps.place import beside, names_of
from sweeplab.sweeps.settings import setting_numbers
from sweeplab.sweeps.tables import Sweep, load_sweep

KEYS = [key for key, known in KNOBS.items() if known.role == "knob"]
JOINT = "-vs-"


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two: a sweep, or one setting of it."""

    name: str
    sweep: Sweep  # all that was trained beside it
    rows: NDArray[np.bool_]  # those of ``sweep.runs`` that are compared
    run: str = ""  # that stands for the setting, where it is one

    @property
    def runs(self) -> pd.DataFrame:
        """The runs that are compared."""
        return self.sweep.runs[self.rows]


@dataclass(frozen=True)
class Apart:
    """A key of the configuration in which the sides differ."""

    key: str
    left: list[Any]  # its values in A,
    right: list[Any]  # and in B

    @property
    def planted(self) -> bool:
        """Whether each side has one value, so that settings can be paired in spite of it."""
        return len(self.left) == len(self.right) == 1

    @property
    def common(self) -> bool:
        """Whether some value is on both sides."""
        return bool(set(self.left) & set(self.right))


def find_sides(words: Sequence[str]) -> tuple[Side, Side]:
    """Two sweeps or runs by their folders; or a sweep's folder, and two runs in it.

    A run stands for its setting: for the runs of its sweep that differ from it in the seed alone.

    Raises:
        RunFolderError: they are no such things, or the same thing twice.
    """
    paths = [Path(word) for word in words]
    if len(paths) == 3 and is_sweep(paths[0]):
        paths = [_run_of(paths[0], word) for word in words[1:]]
    if len(paths) != 2:
        raise RunFolderError(
            "compare takes two sweeps, or two runs, or a sweep and the numbers of two of its runs: "
            "`sweeplab compare A B`, or `sweeplab compare SWEEP 12 40`."
        )
    homes: dict[Path, Sweep] = {}
    names = names_of(paths)
    left, right = (_side(path, name, homes) for path, name in zip(paths, names, strict=True))
    if set(left.runs["folder"]) & set(right.runs["folder"]):
        if left.run and right.run and left.run != right.run:
            raise RunFolderError(
                f"Runs {left.run} and {right.run} are of one setting and differ in the seed alone: "
                "their sweep's report says how far seeds are apart."
            )
        raise RunFolderError(
            f"{paths[0]} and {paths[1]} have runs in common: there is nothing to compare them with."
        )
    return left, right


def folder_beside(left: Side, right: Side) -> Path:
    """The folder for what is made of both, beside the first, never in one of them."""
    homes = [side.sweep.path for side in (left, right)]
    if homes[0].resolve() == homes[1].resolve():
        parts = [f"{homes[0].resolve().name}-{left.run}", right.run]
    else:
        names = zip(names_of(homes), (left.run, right.run), strict=True)
        parts = [f"{name}-{run}" if run else name for name, run in names]
    return beside(homes, JOINT, parts)


def apart(left: pd.DataFrame, right: pd.DataFrame) -> list[Apart]:
    """The keys in which the runs of two sides differ, in configuration order, seeds aside."""
    found = []
    for key in KEYS:
        values = [_values(side[key]) for side in (left, right)]
        if set(values[0]) != set(values[1]):
            found.append(Apart(key, *values))
    return found


def _values(column: pd.Series[Any]) -> list[Any]:
    values = column.unique().tolist()
    return sorted(values, key=lambda value: (isinstance(value, str), value))


def _run_of(sweep: Path, word: str) -> Path:
    """The folder of a run of ``sweep`` that is named by its number, or by its folder."""
    found = sweep / word
    if RunFolder(found).record.exists():
        return found
    if RunFolder(Path(word)).record.exists():
        return Path(word)
    there = [run.path.relative_to(sweep).as_posix() for run in runs_in(sweep)]
    few = f"{there[0]} to {there[-1]}" if len(there) > 1 else ", ".join(there)
    raise RunFolderError(f"{sweep} has no run {word}: its runs are {few}.")


def _side(path: Path, name: str, homes: dict[Path, Sweep]) -> Side:
    home = sweep_of(path).path
    # A run in the folder of no sweep is compared alone; a sweep's own folder may be a run's, too.
    alone = is_sweep(path) or not RunFolder(path).record.exists() or not is_sweep(home)
    if alone:
        home = path
    if home.resolve() not in homes:
        homes[home.resolve()] = load_sweep(home)
    sweep = homes[home.resolve()]
    if alone:
        return Side(name, sweep, np.ones(len(sweep.runs), dtype=np.bool_))
    folders = sweep.runs["folder"].map(lambda folder: Path(folder).resolve())
    here = (folders == path.resolve()).to_numpy()
    if not here.any():
        why = dict(sweep.skipped)
        reason = next((why[one] for one in why if Path(one).resolve() == path.resolve()), "")
        raise RunFolderError(reason or f"{path} is no run of the sweep {home}.")
    numbers = setting_numbers(sweep.runs, KEYS).to_numpy()
    run = re.sub(r"^\./", "", str(sweep.runs["run"][here].iloc[0]))
    return Side(name, sweep, numbers == numbers[here][0], run)
