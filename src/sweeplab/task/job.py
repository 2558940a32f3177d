"""``train_task``: one job, as Hydra runs it. Launchers other than ours train through it too."""

from __future__ import annotations

import contextlib
import logging
import math
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from sweeplab import config as run_config
from sweeplab.data import load
from sweeplab.errors import RunFolderError, SweeplabError, shown_as_messages
from sweeplab.provenance import environment
from sweeplab.runs.folder import (
    RunFolder,
    RunIdentity,
    is_sound,
    read_record,
    write_failure,
    write_hydra_files,
    write_result,
)
from sweeplab.runs.record import RunRecord
from sweeplab.runs.saved_yaml import to_yaml
from sweeplab.task.compose import from_hydra
from sweeplab.task.prepare import identify
from sweeplab.task.progress import iterations_bar
from sweeplab.task.words import outcome
from sweeplab.terminal import shown
from sweeplab.training import iterations, train_stack

log = logging.getLogger("sweeplab")


def train_task(cfg: DictConfig) -> float:
    """Train the run that ``cfg`` describes and fill its folder, ``hydra.runtime.output_dir``.

    Returns:
        The final validation accuracy, for sweepers that search; NaN when the run diverged.

    An error in training is recorded in the run's folder before it is raised.
    """
    hydra: Any = HydraConfig.get()
    alone = hydra.mode != RunMode.MULTIRUN
    # Alone, the process ends here: Hydra would put a line of its own before the message.
    with shown_as_messages() if alone else contextlib.nullcontext():
        try:
            record = _train(cfg, hydra, alone)
        except SweeplabError:
            _remove_if_empty(Path(hydra.runtime.output_dir))
            raise
    return float(record.final.val_accuracy) if record.final else math.nan


def run_many(**request: Any) -> Any:
    """What ``hydra/launcher=stacked`` looks for: the way to run many jobs at once.

    Arguments and result as ``sweeplab.task.launch.launch``.
    """
    from sweeplab.task.launch import launch

    return launch(**request)


train_task.run_many = run_many  # type: ignore[attr-defined]


def _train(cfg: DictConfig, hydra: Any, alone: bool) -> RunRecord:
    config = run_config.check(from_hydra(cfg))
    dataset = load(config.data)
    identity = identify(config, dataset.checksum)
    folder = RunFolder(Path(hydra.runtime.output_dir))
    there = _already(folder, identity)
    if there:
        log.info("Complete already: %s", folder.path)
        return there
    write_hydra_files(folder, hydra_texts(cfg, hydra))
    try:
        with iterations_bar(iterations(config), shown=alone) as watch:
            result = train_stack([config], dataset, watch=watch)[0]
    except Exception as error:
        write_failure(folder, identity, error, environment())
        raise
    record = write_result(folder, identity, result, environment())
    if alone:
        # Seaborn takes a second to import, which the jobs of a sweep do not need.
        from sweeplab.report.training_curves import write_training_curves

        write_training_curves(folder.path, result.curves, config, result.diverged_at)
    for line in outcome(record):
        log.info("%s", line)
    if alone:
        log.info("Run folder: %s", shown(folder.path))
    return record


def _remove_if_empty(folder: Path) -> None:
    """Take away the folder that Hydra made for a run whose values were refused."""
    # Not empty: it holds an earlier run, or the user's own files.
    with contextlib.suppress(OSError):
        folder.rmdir()


def hydra_texts(cfg: DictConfig, hydra: Any) -> dict[str, str]:
    """The contents of the files in ``.hydra``, for a job that Hydra itself has composed."""
    values = OmegaConf.to_container(hydra, resolve=False, enum_to_str=True)
    return {
        "config": to_yaml(OmegaConf.to_container(cfg)),
        "overrides": to_yaml(list(hydra.overrides.task)),
        "hydra": to_yaml({"hydra": values}),
    }


def _already(folder: RunFolder, identity: RunIdentity) -> RunRecord | None:
    """The record of the same run if the folder holds it whole; None if there is none yet."""
    if not folder.record.exists():
        return None
    record = read_record(folder)
    if record.signature != identity.signature:
        raise RunFolderError(
            f"{folder.path} holds another run, which is kept. Give this one a folder of its own: "
            "hydra.run.dir=FOLDER, or hydra.sweep.dir=FOLDER in a sweep."
        )
    return record if is_sound(folder, record) else None
