"""A run's folder: what is in it, when it counts as complete, and how it is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeplab import config as run_config
from sweeplab.config import RunConfig, flatten
from sweeplab.errors import RunFolderError, SweeplabError
from sweeplab.results import Curves
from sweeplab.runs.files import LARGEST, Inside, read_regular, read_typed, sha256
from sweeplab.runs.record import FORMAT, SEALED, FileRecord, RunRecord, TestRecord, signature
from sweeplab.runs.saved_config import LARGEST as LARGEST_CONFIG
from sweeplab.runs.saved_config import parse_config


@dataclass(frozen=True)
class RunFolder:
    """The names of the files in a run's folder."""

    path: Path

    record = Inside("run.json")
    curves = Inside("curves.csv")
    weights = Inside("weights.safetensors")
    inputs = Inside("inputs.safetensors")
    correct = Inside("correct.bits")  # which validation images it got right, of pruned weights
    state = Inside("state.safetensors")  # of a stopped run that may go on
    checkpoint = Inside("checkpoint")  # of a run in training: see ``execute.checkpoints``
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


def read_record(folder: RunFolder) -> RunRecord:
    """The content of ``run.json``.

    Raises:
        RunFolderError: there is none, it is damaged, it contradicts itself, or a newer sweeplab
            wrote it.
    """
    absent = f"{folder.path} is not the folder of a complete run: it has no run.json."
    record = read_typed(folder.record, RunRecord, FORMAT, absent, seal_from=SEALED)
    if record.signature != signature(record.config, record.data_checksum, record.engine_version):
        raise RunFolderError(
            f"{folder.record} contradicts itself: {_contradiction(folder, record)}."
        )
    return record


def _contradiction(folder: RunFolder, record: RunRecord) -> str:
    """What in a record is not what its signature was taken of, as far as the folder tells."""
    with suppress(SweeplabError):
        config = read_config(folder)
        for key, (told, saved) in edits(record, config).items():
            return f"its {key} is {told}, and that of the run is {saved}"
        return "its data_checksum, engine_version or signature was changed"
    return "its signature is not that of its configuration, data and engine"


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
    from sweeplab.runs import curves as curve_files  # pyarrow, which `ls` does without

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
    from sweeplab.runs import curves as curve_files

    return curve_files.weights_from_bytes(read_bytes(folder.weights), str(folder.weights))


def read_correct_bits(folder: RunFolder, examples: int) -> NDArray[np.bool_]:
    """Which of its M = ``examples`` validation images a run with pruned weights got right, ``[M]``.

    Raises:
        RunFolderError: it was not kept, or is damaged.
    """
    about, content = read_record(folder).files.get(folder.correct.name), read_bytes(folder.correct)
    if about is None or about.sha256 != sha256(content) or len(content) != -(-examples // 8):
        raise RunFolderError(f"{folder.correct} is damaged.")
    return np.unpackbits(np.frombuffer(content, np.uint8), count=examples).astype(np.bool_)


def read_config(folder: RunFolder) -> RunConfig:
    """The typed configuration saved in ``.hydra/config.yaml``.

    Raises:
        RunFolderError: it is absent or no YAML.
        ConfigError: it is YAML, but not a run's configuration.
    """
    return parse_config(read_bytes(folder.config, LARGEST_CONFIG), folder.config)


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


def read_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """The content of a file of a run, of at most ``largest`` bytes.

    Raises:
        RunFolderError: it cannot be read.
    """
    try:
        return read_regular(path, largest)
    except FileNotFoundError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}.") from error


def is_complete(folder: RunFolder, record: RunRecord, until: int | None = None) -> bool:
    """Whether every file that was written, and not pruned, is there in its whole length.

    Args:
        until: the epochs that are enough of a run that was stopped; None: none are.
    """
    after = record.stopped_after
    enough = record.status in ("completed", "diverged") or (
        after is not None and until is not None and after >= until
    )
    return enough and all(has_length(path, about) for path, about in _due(folder, record))


def damaged_files(folder: RunFolder, record: RunRecord) -> list[str]:
    """The files whose content is not what ``record`` says was written, or cannot be read."""
    return [path.name for path, about in _due(folder, record) if not _has_sum(path, about)]


def is_sound(folder: RunFolder, record: RunRecord, until: int | None = None) -> bool:
    """As :func:`is_complete`, to the last byte: what is sound is never trained again."""
    return is_complete(folder, record, until) and not damaged_files(folder, record)


def goes_on(folder: RunFolder, record: RunRecord) -> bool:
    """Whether a stopped run has kept what it takes to go on."""
    return record.status == "stopped" and folder.state.name in record.files


def is_pruned(path: Path, record: RunRecord) -> bool:
    """Whether ``sweeplab prune`` removed the file ``path``; its checksum is still in ``record``."""
    about = record.files.get(path.name)
    return about is not None and about.pruned is not None and not os.path.exists(path)


def has_length(path: Path, about: FileRecord) -> bool:
    """Whether there is a file of the length that was written; looked at before it is read."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == about.bytes


def _has_sum(path: Path, about: FileRecord) -> bool:
    try:
        return has_length(path, about) and sha256(read_bytes(path)) == about.sha256
    except RunFolderError:
        return False


def _due(folder: RunFolder, record: RunRecord) -> Iterator[tuple[Path, FileRecord]]:
    """The files that were written, and not pruned."""
    for name, about in record.files.items():
        path = folder.path / name
        if not is_pruned(path, record):
            yield path, about
