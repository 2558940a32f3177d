"""A run's folder: what is in it, when it counts as complete, and how it is written and read."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from sweeplab import config as run_config
from sweeplab.config import RunConfig, flatten
from sweeplab.errors import RunFolderError
from sweeplab.inputs import Inputs
from sweeplab.results import Curves, RunResult, best_metrics, final_metrics
from sweeplab.runs import curves as curve_files
from sweeplab.runs.files import (
    Inside,
    make_folder,
    read_typed,
    remove_file,
    sha256,
    write_bytes,
    write_json,
    write_text,
)
from sweeplab.runs.record import FORMAT, FileRecord, RunError, RunRecord, StackShare, TestRecord
from sweeplab.runs.saved_config import parse_config


@dataclass(frozen=True)
class RunFolder:
    """The names of the files in a run's folder."""

    path: Path

    record = Inside("run.json")
    curves = Inside("curves.csv")
    weights = Inside("weights.safetensors")
    inputs = Inside("inputs.safetensors")
    test = Inside("test.json")
    hydra = Inside(".hydra")
    config = Inside(".hydra/config.yaml")


@dataclass(frozen=True)
class RunIdentity:
    """What tells a run from others, known before it is trained."""

    config: RunConfig
    signature: str
    data_checksum: str
    engine_version: int


def write_hydra_files(folder: RunFolder, texts: Mapping[str, str]) -> None:
    """Make the folder and put the YAML texts (config, overrides, hydra) where Hydra would."""
    make_folder(folder.hydra)
    for name, text in texts.items():
        write_text(folder.hydra / f"{name}.yaml", text)


def write_result(
    folder: RunFolder,
    identity: RunIdentity,
    result: RunResult,
    environment: dict[str, Any],
    inputs: Inputs | None = None,
) -> RunRecord:
    """Write curves, weights, and then ``run.json``, which makes the run complete.

    Args:
        inputs: how examples were scaled, where the configuration does not say it.
    """
    remove_file(folder.record)
    for half in folder.path.iterdir():
        if half.name.startswith(".") and half.suffix == ".part":  # of a process that was killed
            remove_file(half)
    contents = {folder.curves: curve_files.to_csv(result.curves)}
    if np.isfinite(result.weight).all() and np.isfinite(result.bias).all():
        contents[folder.weights] = curve_files.weights_to_bytes(result.weight, result.bias)
    else:
        remove_file(folder.weights)
    if inputs is not None:
        contents[folder.inputs] = inputs.to_bytes()
    else:
        remove_file(folder.inputs)
    for path, content in contents.items():
        write_bytes(path, content)
    record = RunRecord(
        **vars(identity),
        environment=environment,
        finished=now(),
        status=result.status,
        final=final_metrics(result.curves) if result.status == "completed" else None,
        best=best_metrics(result.curves),
        diverged_at=result.diverged_at,
        device=result.device,
        stack=StackShare(result.seconds, result.stack_runs),
        files={
            path.name: FileRecord(len(content), sha256(content))
            for path, content in contents.items()
        },
    )
    write_record(folder, record)
    return record


def write_failure(
    folder: RunFolder, identity: RunIdentity, error: BaseException, environment: dict[str, Any]
) -> RunRecord:
    """Record that the run could not be trained, with the error's text and traceback."""
    make_folder(folder.path)
    record = RunRecord(
        **vars(identity),
        environment=environment,
        finished=now(),
        status="failed",
        error=RunError(
            f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error))
        ),
    )
    write_record(folder, record)
    return record


def write_record(folder: RunFolder, record: RunRecord) -> None:
    """Replace ``run.json``."""
    write_json(folder.record, msgspec.to_builtins(record))


def read_record(folder: RunFolder) -> RunRecord:
    """The content of ``run.json``.

    Raises:
        RunFolderError: there is none, it is damaged, or a newer sweeplab wrote it.
    """
    absent = f"{folder.path} is not the folder of a complete run: it has no run.json."
    return read_typed(folder.record, RunRecord, FORMAT, absent)


def write_test(folder: RunFolder, record: TestRecord) -> None:
    """Replace ``test.json``."""
    write_json(folder.test, msgspec.to_builtins(record))


def read_test(folder: RunFolder) -> TestRecord | None:
    """The content of ``test.json``; None where the test set was never asked.

    Raises:
        RunFolderError: it is damaged.
    """
    if not folder.test.exists():
        return None
    return read_typed(folder.test, TestRecord, 1, f"{folder.test} is gone.")


def read_curves(folder: RunFolder) -> Curves:
    """The content of ``curves.csv``.

    Raises:
        RunFolderError: it is absent or damaged.
    """
    table = curve_files.read_table(read_bytes(folder.curves), str(folder.curves))
    if problem := curve_files.curves_problem(table):
        raise RunFolderError(f"{folder.curves} is damaged: {problem}.")
    return curve_files.from_table(table)


def read_weights(folder: RunFolder) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``weight [C, D]`` and ``bias [C]``.

    Raises:
        RunFolderError: they are absent (a run that failed, or diverged to weights that are not
            finite, has none) or damaged.
    """
    return curve_files.weights_from_bytes(read_bytes(folder.weights), str(folder.weights))


def read_config(folder: RunFolder) -> RunConfig:
    """The typed configuration saved in ``.hydra/config.yaml``.

    Raises:
        RunFolderError: it is absent or no YAML.
        ConfigError: it is YAML, but not a run's configuration.
    """
    return parse_config(read_bytes(folder.config), folder.config)


def edits(record: RunRecord, config: RunConfig) -> dict[str, tuple[Any, Any]]:
    """What was changed in a saved configuration since: ``{key: (as trained, as saved)}``.

    Where the data lie and on what it ran is left out: that may change.
    """
    trained, saved = run_config.identity(record.config), run_config.identity(config)
    return {
        key: (value, flatten(config)[key])
        for key, value in flatten(record.config).items()
        if trained.get(key) != saved.get(key)
    }


def read_bytes(path: Path) -> bytes:
    """The content of a file of a run.

    Raises:
        RunFolderError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}.") from error


def is_complete(folder: RunFolder, record: RunRecord) -> bool:
    """Whether every file that was written, and not pruned, is there in its whole length."""
    return record.status in ("completed", "diverged") and all(
        path.is_file() and path.stat().st_size == about.bytes
        for path, about in _due(folder, record)
    )


def damaged_files(folder: RunFolder, record: RunRecord) -> list[str]:
    """The files whose content is not what ``record`` says was written."""
    return [
        path.name
        for path, about in _due(folder, record)
        if not path.is_file() or sha256(read_bytes(path)) != about.sha256
    ]


def is_sound(folder: RunFolder, record: RunRecord) -> bool:
    """Whether the run is complete, to the last byte: what is sound is never trained again."""
    return is_complete(folder, record) and not damaged_files(folder, record)


def is_pruned(path: Path, record: RunRecord) -> bool:
    """Whether ``sweeplab prune`` removed the file ``path``; its checksum is still in ``record``."""
    about = record.files.get(path.name)
    return about is not None and about.pruned is not None and not path.exists()


def _due(folder: RunFolder, record: RunRecord) -> Iterator[tuple[Path, FileRecord]]:
    """The files that were written, and not pruned."""
    for name, about in record.files.items():
        path = folder.path / name
        if not is_pruned(path, record):
            yield path, about


def prune_weights(folder: RunFolder, record: RunRecord) -> None:
    """Remove the weights. Their length, checksum and when they went stay in ``run.json``.

    The record comes first: a kill in between leaves a sound run.
    """
    _note_pruned(folder, record, now())
    remove_file(folder.weights)


def restore_weights(folder: RunFolder, record: RunRecord, content: bytes) -> None:
    """Put pruned weights back; ``content`` has their checksum."""
    assert record.files[folder.weights.name].sha256 == sha256(content)
    write_bytes(folder.weights, content)
    _note_pruned(folder, record, None)


def _note_pruned(folder: RunFolder, record: RunRecord, when: str | None) -> None:
    name = folder.weights.name
    about = replace(record.files[name], pruned=when)
    write_record(folder, replace(record, files=record.files | {name: about}))


def now() -> str:
    """The time, as every file of a run gives it: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
