"""A run's folder: what is in it, when it counts as complete, and how it is written and read."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeplab.config import RunConfig, to_dict
from sweeplab.errors import RunFolderError
from sweeplab.parse import from_dict
from sweeplab.results import Curves, RunResult, best_metrics, final_metrics
from sweeplab.runs import curves as curve_files
from sweeplab.runs.checks import curves_problem, record_problem
from sweeplab.runs.files import (
    make_folder,
    read_versioned,
    remove_file,
    sha256,
    write_bytes,
    write_json,
    write_text,
)
from sweeplab.runs.saved_yaml import read_mapping

FORMAT = 1


@dataclass(frozen=True)
class RunFolder:
    """The names of the files in a run's folder."""

    path: Path

    @property
    def record(self) -> Path:
        return self.path / "run.json"

    @property
    def curves(self) -> Path:
        return self.path / "curves.csv"

    @property
    def weights(self) -> Path:
        return self.path / "weights.safetensors"

    @property
    def test(self) -> Path:
        return self.path / "test.json"

    @property
    def hydra(self) -> Path:
        return self.path / ".hydra"

    @property
    def config(self) -> Path:
        return self.hydra / "config.yaml"


@dataclass(frozen=True)
class RunRecord:
    """The content of ``run.json``."""

    status: str  # completed, diverged or failed
    signature: str
    config: dict[str, Any]  # nested, as sweeplab.config.to_dict gives it
    data_checksum: str
    engine_version: int
    final: dict[str, Any] | None  # a Metrics; None when the run failed
    best: dict[str, Any] | None
    diverged_at: int | None
    error: dict[str, str] | None  # message and traceback of a failed run
    finished: str  # ISO 8601, UTC
    device: str | None
    stack: dict[str, Any] | None  # seconds, and the number of runs that shared them
    environment: dict[str, Any]
    files: dict[str, dict[str, Any]]  # name: bytes, sha256, and when it was pruned, if it was
    format: int = FORMAT


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
    folder: RunFolder, identity: RunIdentity, result: RunResult, environment: dict[str, Any]
) -> RunRecord:
    """Write curves, weights, and then ``run.json``, which makes the run complete."""
    remove_file(folder.record)
    for half in folder.path.iterdir():
        if half.name.startswith(".") and half.suffix == ".part":  # of a process that was killed
            remove_file(half)
    contents = {folder.curves: curve_files.to_csv(result.curves)}
    if np.isfinite(result.weight).all() and np.isfinite(result.bias).all():
        contents[folder.weights] = curve_files.weights_to_bytes(result.weight, result.bias)
    else:
        remove_file(folder.weights)
    for path, content in contents.items():
        write_bytes(path, content)
    record = RunRecord(
        status=result.status,
        signature=identity.signature,
        config=to_dict(identity.config),
        data_checksum=identity.data_checksum,
        engine_version=identity.engine_version,
        final=vars(final_metrics(result.curves)) if result.status == "completed" else None,
        best=vars(best_metrics(result.curves)),
        diverged_at=result.diverged_at,
        error=None,
        finished=_now(),
        device=result.device,
        stack={"seconds": result.seconds, "runs": result.stack_runs},
        environment=environment,
        files={
            path.name: {"bytes": len(content), "sha256": sha256(content)}
            for path, content in contents.items()
        },
    )
    write_json(folder.record, vars(record))
    return record


def write_failure(
    folder: RunFolder, identity: RunIdentity, error: BaseException, environment: dict[str, Any]
) -> RunRecord:
    """Record that the run could not be trained, with the error's text and traceback."""
    make_folder(folder.path)
    record = RunRecord(
        status="failed",
        signature=identity.signature,
        config=to_dict(identity.config),
        data_checksum=identity.data_checksum,
        engine_version=identity.engine_version,
        final=None,
        best=None,
        diverged_at=None,
        error={
            "message": f"{type(error).__name__}: {error}",
            "traceback": "".join(traceback.format_exception(error)),
        },
        finished=_now(),
        device=None,
        stack=None,
        environment=environment,
        files={},
    )
    write_json(folder.record, vars(record))
    return record


def read_record(folder: RunFolder) -> RunRecord:
    """The content of ``run.json``.

    Raises:
        RunFolderError: there is none, it is damaged, or a newer sweeplab wrote it.
    """
    absent = f"{folder.path} is not the folder of a complete run: it has no run.json."
    values = read_versioned(folder.record, FORMAT, absent)
    try:
        record = RunRecord(**values)
        problem = record_problem(values)
    except TypeError as error:
        problem = str(error)
    if problem:
        raise RunFolderError(f"{folder.record} is damaged: {problem}.")
    return record


def read_curves(folder: RunFolder) -> Curves:
    """The content of ``curves.csv``.

    Raises:
        RunFolderError: it is absent or damaged.
    """
    table = curve_files.read_table(read_bytes(folder.curves), str(folder.curves))
    problem = curves_problem(table)
    if problem:
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
    return from_dict(
        read_mapping(folder.config, read_bytes(folder.config)), where=str(folder.config)
    )


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
        _length(folder.path / name) == about["bytes"]
        for name, about in record.files.items()
        if not is_pruned(folder, record, name)
    )


def damaged_files(folder: RunFolder, record: RunRecord) -> list[str]:
    """The files whose content is not what ``record`` says was written."""
    return [
        name
        for name, about in record.files.items()
        if not is_pruned(folder, record, name) and _checksum(folder.path / name) != about["sha256"]
    ]


def is_sound(folder: RunFolder, record: RunRecord) -> bool:
    """Whether the run is complete, to the last byte: what is sound is never trained again."""
    return is_complete(folder, record) and not damaged_files(folder, record)


def is_pruned(folder: RunFolder, record: RunRecord, name: str) -> bool:
    """Whether ``sweeplab prune`` removed the file ``name``; its checksum is still in ``record``."""
    return "pruned" in record.files.get(name, {}) and not (folder.path / name).exists()


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _checksum(path: Path) -> str:
    return sha256(read_bytes(path)) if path.is_file() else ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
