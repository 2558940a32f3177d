"""A run's folder written: whole, or so that the run does not count as complete."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from sweeplab.errors import StorageError
from sweeplab.inputs import Inputs
from sweeplab.results import RunResult, best_metrics, final_metrics
from sweeplab.runs import curves as curve_files
from sweeplab.runs import state as state_files
from sweeplab.runs.durable import (
    Together,
    make_folder,
    remove_file,
    remove_stale,
    together,
    write_bytes,
)
from sweeplab.runs.files import sealed, sha256, to_json, write_json
from sweeplab.runs.folder import RunFolder, RunIdentity
from sweeplab.runs.record import FORMAT, FileRecord, RunError, RunRecord, StackShare, TestRecord


@dataclass(frozen=True)
class Finished:
    """A run that has ended, and all that its folder is to hold."""

    folder: RunFolder
    identity: RunIdentity
    outcome: RunResult | BaseException  # the error of a run that could not be trained
    hydra_texts: Mapping[str, str] = field(default_factory=dict)  # see :func:`write_hydra_files`
    inputs: Inputs | None = None  # how examples were scaled, where the configuration says it not


def write_runs(runs: Iterable[Finished], environment: dict[str, Any]) -> list[RunRecord]:
    """Write the runs' folders, ``run.json`` the last, which makes a run complete.

    No ``run.json`` is there before the disk holds what it names, and all are on the disk when this
    returns: one wait for all the runs of a stack, for a disk takes as long to flush one.

    Raises:
        StorageError: a file cannot be written. Runs that were written before it are complete.
    """
    with together() as files:
        try:
            return [_write(files, run, environment) for run in runs]
        except BaseException:
            with suppress(StorageError):
                files.finish()
            raise


def write_result(
    folder: RunFolder,
    identity: RunIdentity,
    result: RunResult,
    environment: dict[str, Any],
    inputs: Inputs | None = None,
) -> RunRecord:
    """As :func:`write_runs`, for one that was trained."""
    return write_runs([Finished(folder, identity, result, inputs=inputs)], environment)[0]


def write_failure(
    folder: RunFolder, identity: RunIdentity, error: BaseException, environment: dict[str, Any]
) -> RunRecord:
    """As :func:`write_runs`, for one that could not be trained."""
    return write_runs([Finished(folder, identity, error)], environment)[0]


def write_hydra_files(folder: RunFolder, texts: Mapping[str, str]) -> None:
    """Make the folder and put the YAML texts (config, overrides, hydra) where Hydra would."""
    with together() as files:
        _put_hydra_files(files, folder, texts)


def write_record(folder: RunFolder, record: RunRecord) -> None:
    """Replace ``run.json``."""
    write_bytes(folder.record, _content(record))


def write_test(folder: RunFolder, record: TestRecord) -> None:
    """Replace ``test.json``."""
    write_json(folder.test, msgspec.to_builtins(record))


def prune_weights(
    runs: Sequence[tuple[RunFolder, RunRecord]], correct: Mapping[Path, NDArray[np.bool_]]
) -> None:
    """Remove their weights. Length, checksum and when they went stay in ``run.json``.

    The records come first: a kill, or a power cut, in between leaves sound runs.

    Args:
        correct: by the runs' folders, which validation images each got right, ``[M]``: what a
            report would have asked the weights for. It is kept in ``correct.bits``.
    """
    with together() as files:
        for folder, record in runs:
            noted = _noted(folder, record, now())
            if (right := correct.get(folder.path)) is not None:
                bits = np.packbits(right).tobytes()
                files.put(folder.correct, bits)
                kept = {folder.correct.name: FileRecord(len(bits), sha256(bits))}
                noted = replace(noted, files=noted.files | kept)
            files.put_last(folder.record, _content(noted))
    for folder, _ in runs:
        remove_file(folder.weights)


def restore_weights(folder: RunFolder, record: RunRecord, content: bytes) -> None:
    """Put pruned weights back; ``content`` has their checksum."""
    assert record.files[folder.weights.name].sha256 == sha256(content)
    write_bytes(folder.weights, content)
    back = _noted(folder, record, None)
    files = {name: about for name, about in back.files.items() if name != folder.correct.name}
    write_record(folder, replace(back, files=files))
    remove_file(folder.correct)


def end_stopped(runs: Sequence[tuple[RunFolder, RunRecord]]) -> None:
    """Let stopped runs be for good: what it would take to go on is removed.

    The records come first, as in :func:`prune_weights`.
    """
    with together() as files:
        for folder, record in runs:
            kept = {n: about for n, about in record.files.items() if n != folder.state.name}
            files.put_last(folder.record, _content(replace(record, files=kept)))
    for folder, _ in runs:
        remove_file(folder.state)


def now() -> str:
    """The time, as every file of a run gives it: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write(files: Together, run: Finished, environment: dict[str, Any]) -> RunRecord:
    folder, outcome = run.folder, run.outcome
    new = make_folder(folder.path)
    if not new:
        remove_stale(folder.path)
    _put_hydra_files(files, folder, run.hydra_texts)
    if isinstance(outcome, BaseException):
        record = _failed(run.identity, outcome, environment)
    else:
        contents = _contents(folder, outcome, run.inputs)
        for path, content in contents.items():
            files.put(path, content)
        optional = {folder.weights, folder.inputs, folder.correct, folder.state}
        for path in () if new else optional - contents.keys():
            remove_file(path)  # of an earlier try
        record = _ended(run.identity, outcome, environment, contents)
    files.put_last(folder.record, _content(record))
    return record


def _put_hydra_files(files: Together, folder: RunFolder, texts: Mapping[str, str]) -> None:
    if texts:
        make_folder(folder.hydra)
    for name, text in texts.items():
        files.put(folder.hydra / f"{name}.yaml", text.encode())


def _contents(folder: RunFolder, result: RunResult, inputs: Inputs | None) -> dict[Path, bytes]:
    contents = {folder.curves: curve_files.to_csv(result.curves)}
    if np.isfinite(result.weight).all() and np.isfinite(result.bias).all():
        contents[folder.weights] = curve_files.weights_to_bytes(result.weight, result.bias)
    if inputs is not None:
        contents[folder.inputs] = inputs.to_bytes()
    if result.state is not None:
        contents[folder.state] = state_files.to_bytes(result.state)
    return contents


def _ended(
    identity: RunIdentity,
    result: RunResult,
    environment: dict[str, Any],
    contents: Mapping[Path, bytes],
) -> RunRecord:
    return RunRecord(
        **vars(identity),
        environment=environment,
        finished=now(),
        status=result.status,
        final=final_metrics(result.curves) if result.status == "completed" else None,
        best=best_metrics(result.curves),
        diverged_at=result.diverged_at,
        stopped_after=int(result.curves.epoch[-1]) if result.state else None,
        last=final_metrics(result.curves) if result.state else None,
        device=result.device,
        stack=StackShare(result.seconds, result.stack_runs),
        files={
            path.name: FileRecord(len(content), sha256(content))
            for path, content in contents.items()
        },
    )


def _failed(identity: RunIdentity, error: BaseException, environment: dict[str, Any]) -> RunRecord:
    return RunRecord(
        **vars(identity),
        environment=environment,
        finished=now(),
        status="failed",
        error=RunError(
            f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error))
        ),
    )


def _content(record: RunRecord) -> bytes:
    return sealed(to_json(msgspec.to_builtins(record)))


def _noted(folder: RunFolder, record: RunRecord, when: str | None) -> RunRecord:
    """``record`` with the time at which the weights were pruned."""
    name = folder.weights.name
    about = replace(record.files[name], pruned=when)
    return replace(record, files=record.files | {name: about}, format=FORMAT)
