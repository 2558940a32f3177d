"""Retraining runs from what they saved, and saying whether they come out the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sweeplab.config import RunConfig, check
from sweeplab.data import load, only_reading
from sweeplab.errors import RunFolderError, SweeplabError
from sweeplab.provenance import differences, environment
from sweeplab.results import RunResult
from sweeplab.runs.curves import weights_to_bytes
from sweeplab.runs.files import sha256
from sweeplab.runs.folder import (
    RunFolder,
    damaged_files,
    edits,
    is_pruned,
    read_config,
    read_curves,
    read_record,
    read_weights,
)
from sweeplab.runs.many import disagreement
from sweeplab.runs.record import RunRecord
from sweeplab.runs.write import restore_weights
from sweeplab.sameness import Comparison, Outcome, compare
from sweeplab.sweeps.find import runs_in
from sweeplab.training import ENGINE_VERSION, Part, plan_stacks, train_stack

NOT_RETRAINED = Comparison("not retrained")


@dataclass(frozen=True)
class Reproduction:
    """What came of retraining one run."""

    folder: Path
    comparison: Comparison
    reasons: list[str]  # what could explain a difference, or why it could not be retrained
    environments: dict[str, tuple[Any, Any]] = field(default_factory=dict)  # then, now
    other_engine: bool = False  # one of another version trained it, whose rounding is another

    @property
    def same(self) -> bool:
        """Bit for bit; or to rounding, where the machine, a version or the engine is another."""
        verdict = self.comparison.verdict
        return verdict == "identical" or (
            verdict == "equal within tolerance" and (bool(self.environments) or self.other_engine)
        )


@dataclass
class _Saved:
    folder: RunFolder
    record: RunRecord
    config: RunConfig
    outcome: Outcome
    reasons: list[str]


def reproduce(folders: Sequence[RunFolder], *, restore: bool = False) -> Iterator[Reproduction]:
    """Retrain the runs in ``folders``, in stacks: the bits of a run do not depend on its stack.

    A run that cannot be read or retrained is "not retrained", for the reasons given. Weights that
    were pruned are compared by the checksum that is left of them; ``restore`` writes them anew
    where they come out the same.
    """
    saved: list[_Saved] = []
    for folder in folders:
        try:
            run = _read(folder)
        except SweeplabError as error:
            yield Reproduction(folder.path, NOT_RETRAINED, [str(error)])
            continue
        if where := _other_length(run):
            yield Reproduction(folder.path, Comparison("different", where), run.reasons)
        else:
            saved.append(run)
    # A run that was stopped is trained as far as it was.
    by_length: dict[int | None, list[_Saved]] = {}
    for run in saved:
        by_length.setdefault(run.record.stopped_after, []).append(run)
    stacks = [
        (Part(until=until), [runs[i] for i in stack])
        for until, runs in by_length.items()
        for stack in plan_stacks([run.config for run in runs])
    ]
    for part, chosen in stacks:
        try:
            with only_reading():
                dataset = load(chosen[0].config.data)
            results = train_stack([run.config for run in chosen], dataset, part)
        except SweeplabError as error:
            for run in chosen:
                yield Reproduction(run.folder.path, NOT_RETRAINED, [*run.reasons, str(error)])
            continue
        for run, result in zip(chosen, results, strict=True):
            yield _compared(run, result, dataset.checksum, restore=restore)


def find_runs(path: Path, sample: int | None = None, seed: int = 0) -> list[RunFolder]:
    """The run at ``path``, or the runs below it that have a result; ``sample`` draws some.

    Raises:
        RunFolderError: there is no such folder, or no run in it.
    """
    if not path.is_dir():
        raise RunFolderError(f"There is no folder {path}.")
    folders = [run for run in runs_in(path) if run.record.exists()]
    if not folders:
        raise RunFolderError(
            f"{path} is neither a run's folder nor a sweep's: no run.json lies in it."
        )
    if sample is not None and sample < len(folders):
        chosen = sorted(random.Random(seed).sample(range(len(folders)), sample))  # noqa: S311
        folders = [folders[i] for i in chosen]
    return folders


def _read(folder: RunFolder) -> _Saved:
    record = read_record(folder)
    if record.status == "failed":
        raise RunFolderError(f"{folder.path} failed, and has no result to compare with.")
    reasons = [
        f"{name} is not the file that the run wrote" for name in damaged_files(folder, record)
    ]
    config = check(read_config(folder))
    reasons += [
        f"{key} is {saved} in .hydra/config.yaml, and was {trained} when the run was trained"
        for key, (trained, saved) in edits(record, config).items()
    ]
    kept = folder.weights.name in record.files and not is_pruned(folder.weights, record)
    weights = read_weights(folder) if kept else None
    curves = read_curves(folder)
    # Of other curves than the run wrote, the comparison says where they part.
    if not reasons and (wrong := disagreement(record, vars(curves))):
        raise RunFolderError(f"{folder.path} contradicts itself: of its curves, {wrong}")
    outcome = Outcome(record.status, curves, weights)
    return _Saved(folder, record, config, outcome, reasons)


def _other_length(run: _Saved) -> str:
    """How many iterations the saved configuration asks for, if the curves have another number.

    Said without training: an edited, or a planted, number of epochs might take for ever.
    """
    part = Part(until=run.record.stopped_after)
    saved, asked = len(run.outcome.curves) - 1, part.end(run.config)
    if run.record.status == "diverged" or saved == asked:
        return ""
    return f"it had {saved} iterations, and its saved configuration asks for {asked}"


def _compared(run: _Saved, result: RunResult, checksum: str, *, restore: bool) -> Reproduction:
    finite = np.isfinite(result.weight).all() and np.isfinite(result.bias).all()
    weights = (result.weight, result.bias) if finite else None
    pruned = is_pruned(run.folder.weights, run.record)
    new = Outcome(result.status, result.curves, None if pruned else weights)
    comparison = compare(run.outcome, new)
    same = comparison.verdict == "identical"
    if same and pruned:
        content = weights_to_bytes(*weights) if weights else b""
        same = sha256(content) == run.record.files[run.folder.weights.name].sha256
        if not same:
            comparison = Comparison(
                "equal within tolerance",
                "the curves are identical, the checksum of the pruned weights is another",
            )
        elif restore:
            restore_weights(run.folder, run.record, content)
    reasons = list(run.reasons)
    if checksum != run.record.data_checksum:
        reasons.append(
            f"the data is other data: its checksum is {checksum[:12]}..., and was "
            f"{run.record.data_checksum[:12]}..."
        )
    other_engine = run.record.engine_version != ENGINE_VERSION
    if other_engine:
        reasons.append(
            f"version {run.record.engine_version} of the engine trained it, and this is version "
            f"{ENGINE_VERSION}: the two agree to rounding, not to the last bit"
        )
    environments = {} if same else differences(run.record.environment, environment())
    return Reproduction(run.folder.path, comparison, reasons, environments, other_engine)
