"""Removing what takes space and can be had again: weights, or whole runs.

A run comes back bit for bit from its configuration, where the data, the engine and the versions
are those it was trained with. What that does not hold for is removed only when told twice.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sweeplab.config import DataConfig, check
from sweeplab.data import load, only_reading
from sweeplab.errors import RunFolderError, SweeplabError
from sweeplab.provenance import differences, environment
from sweeplab.runs.durable import remove_file
from sweeplab.runs.files import EVENTS, size_in
from sweeplab.runs.folder import RunFolder, damaged_files, edits, read_config, read_record
from sweeplab.runs.record import RunRecord, signature
from sweeplab.runs.write import prune_weights
from sweeplab.sweeps.comparable import comparable
from sweeplab.sweeps.find import is_sweep, runs_in, sweep_of, sweeps_in
from sweeplab.sweeps.folder import SweepFolder, read_sweep, write_sweep
from sweeplab.sweeps.settings import ranked, setting_numbers
from sweeplab.sweeps.tables import load_sweep
from sweeplab.training import ENGINE_VERSION

PRUNED = "pruned"  # the state, in sweep.json, of a run that was removed
# Of the logs, figures and half-written files that a run leaves.
OWN_SUFFIXES = (".log", ".svg", ".png", ".pdf", ".part")


@dataclass(frozen=True)
class Rules:
    """Which runs, and what of them."""

    weights: bool = False  # the weights alone, instead of whole runs
    failed: bool = False
    diverged: bool = False
    keep_best: int | None = None  # of each validation set: settings whose runs are left alone


@dataclass(frozen=True)
class Removal:
    """One thing to remove."""

    run: RunFolder
    record: RunRecord
    what: Literal["weights", "run"]
    why: str
    bytes: int
    doubts: list[str] = field(default_factory=list)  # why it might not come back


def plan_removals(path: Path, rules: Rules) -> list[Removal]:
    """What ``rules`` remove from the sweep, or the run, in ``path``.

    Damaged runs are left alone: repeating the sweep's command trains them again.

    Raises:
        RunFolderError: no run lies in ``path``, or it lacks what ranking its settings needs.
    """
    if not path.is_dir():
        raise RunFolderError(f"There is no folder {path}.")
    return list(_removals(path, rules, _standing(sweep_of(path).path, rules)))


def remove(
    removals: Sequence[Removal], correct: Mapping[Path, NDArray[np.bool_]] | None = None
) -> None:
    """Remove them, each so that a kill in between leaves sound runs and a sound ``sweep.json``.

    Args:
        correct: see ``prune_weights``.

    Raises:
        StorageError: something cannot be removed; the rest is still there.
    """
    gone: dict[SweepFolder, set[str]] = defaultdict(set)
    for removal in removals:
        if removal.what == "run":
            gone[sweep_of(removal.run.path)].add(removal.record.signature)
    for sweep, signatures in gone.items():
        _note(sweep, signatures)
    weights = [(each.run, each.record) for each in removals if each.what == "weights"]
    prune_weights(weights, correct or {})
    for removal in removals:
        if removal.what == "run":
            remove_file(removal.run.record)  # first: what is left is no run any more
            shutil.rmtree(removal.run.path)


def places(path: Path) -> list[Path]:
    """``path`` if it is a sweep or a run, else the sweeps below it."""
    return [place for place in sweeps_in(path) if is_sweep(place)] or [path]


def _removals(path: Path, rules: Rules, standing: dict[Path, bool]) -> Iterator[Removal]:
    checksums: dict[str, tuple[str, str]] = {}  # by data set: looking for one may take long
    for run in runs_in(path):
        try:
            record = read_record(run)
        except RunFolderError:
            continue
        why = _why(record, rules, standing.get(run.path.resolve()))
        if why is None:
            continue
        if record.status == "failed":
            yield Removal(run, record, "run", why, size_in(run.path), _foreign(run))
        elif not rules.weights:
            doubts = _doubts(run, record, checksums) + _foreign(run)
            yield Removal(run, record, "run", why, size_in(run.path), doubts)
        elif run.weights.is_file() and run.weights.name in record.files:
            doubts = _doubts(run, record, checksums)
            yield Removal(run, record, "weights", why, run.weights.stat().st_size, doubts)


def _why(record: RunRecord, rules: Rules, best: bool | None) -> str | None:
    """Why a run goes, if it does; ``best`` is None where its setting was not ranked."""
    if record.status == "failed":
        return "failed" if rules.failed else None
    if record.status == "diverged" and rules.diverged:
        return "diverged"
    if record.status == "stopped" and rules.keep_best is not None:
        return "stopped early"
    return f"not of the best {rules.keep_best}" if best is False else None


def _standing(sweep: Path, rules: Rules) -> dict[Path, bool]:
    """For each completed run's folder, whether its setting is among the best.

    Settings are ranked as the report ranks them, and only what it read is judged.
    """
    if rules.keep_best is None:
        return {}
    standing: dict[Path, bool] = {}
    for part in comparable(load_sweep(sweep)).values():
        kept = ranked(part.settings).head(rules.keep_best)["setting"]
        best = setting_numbers(part.runs, part.knobs).isin(kept)
        done = part.runs["status"] == "completed"
        folders = [Path(folder).resolve() for folder in part.runs["folder"][done]]
        standing |= zip(folders, best[done], strict=True)
    return standing


def _doubts(run: RunFolder, record: RunRecord, checksums: dict[str, tuple[str, str]]) -> list[str]:
    """Why the run might not come back as it is."""
    found = [f"{name} is not the file that the run wrote" for name in damaged_files(run, record)]
    if record.engine_version != ENGINE_VERSION:
        found.append(f"version {record.engine_version} of the engine trained it")
    try:
        config = check(read_config(run))
    except SweeplabError as error:
        return [*found, str(error)]
    if edits(record, config):
        found.append("its saved configuration was changed")
    key = repr(config.data)
    if key not in checksums:
        checksums[key] = _checksum(config.data)
    current, absent = checksums[key]
    if current != record.data_checksum:
        found.append(absent or "its data is other data now")
    elif signature(config, current, record.engine_version) != record.signature and not found:
        found.append("its signature is not that of its configuration")
    if changed := differences(record.environment, environment()):
        found.append(f"it was trained with another {', '.join(sorted(changed))}")
    return found


def _checksum(data: DataConfig) -> tuple[str, str]:
    """The checksum of a data set as it is now, and, without one, why it is not at hand."""
    try:
        with only_reading():
            return load(data).checksum, ""
    except SweeplabError as error:
        return "", f"its data is not at hand: {error}"


def _foreign(run: RunFolder) -> list[str]:
    """What a whole run's folder holds that training it again does not bring back."""
    own = (run.record, run.curves, run.weights, run.correct, run.state, run.test, run.hydra)
    strange = sorted(
        path.name
        for path in run.path.iterdir()
        if path not in own
        and path.suffix not in OWN_SUFFIXES
        and not path.name.startswith(EVENTS)  # exporting brings it back
    )
    doubts = {
        "its test.json counts looks at the test set": run.test.exists(),
        f"it holds files of others: {', '.join(strange[:3])}": strange,
        "it is a link to a folder elsewhere": run.path.is_symlink(),
    }
    return [doubt for doubt, applies in doubts.items() if applies]


def _note(folder: SweepFolder, removed: set[str]) -> None:
    """Mark removed runs in ``sweep.json``; a job keeps its number."""
    if not folder.record.exists():
        return
    record = read_sweep(folder)
    for job in record.jobs:
        if job.signature in removed:
            job.state = PRUNED
    write_sweep(folder, record)
