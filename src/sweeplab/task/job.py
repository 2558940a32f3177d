"""``TrainTask``: one job, as Hydra runs it. Launchers other than ours train through it too."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from sweeplab.config import check
from sweeplab.data import load, resolve
from sweeplab.errors import RunFolderError, SweeplabError, shown_as_messages
from sweeplab.execute.files import WHOLE, Rung
from sweeplab.execute.options import Options
from sweeplab.provenance import environment
from sweeplab.runs.folder import RunFolder, RunIdentity, is_sound, read_record
from sweeplab.runs.record import RunRecord
from sweeplab.runs.saved_config import to_yaml
from sweeplab.runs.write import write_failure, write_hydra_files, write_result
from sweeplab.task.compose import from_hydra, saved, saved_root
from sweeplab.task.prepare import Request, identify
from sweeplab.task.progress import iterations_bar
from sweeplab.task.words import outcome
from sweeplab.terminal import shown
from sweeplab.training import iterations, stream_stack

log = logging.getLogger("sweeplab")


@dataclass(frozen=True)
class TrainTask:
    """The function that Hydra is given.

    Args:
        command: what was typed: ``sweeplab train ...``. Hydra is handed other words.
        tracebacks: whether the user asked for them.
    """

    command: Sequence[str]
    tracebacks: bool = False

    def __call__(self, cfg: DictConfig) -> float:
        """Train the run that ``cfg`` describes and fill ``hydra.runtime.output_dir``.

        Returns:
            The final validation accuracy, for sweepers that search; NaN when the run diverged.

        An error in training is recorded in the run's folder before it is raised.
        """
        hydra: Any = HydraConfig.get()
        alone = hydra.mode != RunMode.MULTIRUN
        # Alone, the process ends here: Hydra would put a line of its own before the message.
        with shown_as_messages(self.tracebacks) if alone else nullcontext():
            try:
                record = _train(cfg, hydra, self.command, alone=alone)
            except SweeplabError:
                # Hydra made the folder, which may hold an earlier run, or the user's own files.
                with suppress(OSError):
                    Path(hydra.runtime.output_dir).rmdir()
                raise
        return float(record.final.val_accuracy) if record.final else math.nan

    def run_many(
        self,
        context: HydraContext,
        master: DictConfig,
        options: Options,
        job_overrides: Sequence[Sequence[str]],
        first: int,
        rung: Rung = WHOLE,
    ) -> list[JobReturn]:
        """What ``hydra/launcher=stacked`` looks for: the way to train many jobs at once."""
        from sweeplab.task.hooks import JobHooks
        from sweeplab.task.launch import launch

        request = Request(context.config_loader, master, job_overrides, first, rung)
        return launch(request, options, JobHooks(context, self, master), self.command)


def _train(cfg: DictConfig, hydra: Any, command: Sequence[str], *, alone: bool) -> RunRecord:
    config = check(from_hydra(cfg))
    config = check(replace(config, data=resolve(config.data)))
    dataset = load(config.data)
    identity = identify(config, dataset.checksum)
    folder = RunFolder(Path(hydra.runtime.output_dir))
    if complete := _already(folder, identity):
        log.info("Complete already: %s", folder.path)
        return complete
    write_hydra_files(
        folder,
        {
            "config": to_yaml(saved(config, saved_root(config, cfg))),
            "overrides": to_yaml(list(hydra.overrides.task)),
            "hydra": to_yaml({"hydra": OmegaConf.to_container(hydra, enum_to_str=True)}),
        },
    )
    try:
        with iterations_bar(iterations(config), shown=alone) as watch:
            ((_, result),) = stream_stack([config], dataset, watch)
    except Exception as error:
        write_failure(folder, identity, error, environment(command))
        raise
    inputs = dataset.inputs if dataset.kept else None
    record = write_result(folder, identity, result, environment(command), inputs)
    if alone:
        # Seaborn takes a second to import, which the jobs of a sweep do not need.
        from sweeplab.figures.plots.training import write_training_curves

        write_training_curves(folder.path, result.curves, config, result.diverged_at)
    for line in outcome(record) + ([f"Run folder: {shown(folder.path)}"] if alone else []):
        log.info("%s", line)
    return record


def _already(folder: RunFolder, identity: RunIdentity) -> RunRecord | None:
    """The record of the same run if the folder holds it whole."""
    if not folder.record.exists():
        return None
    record = read_record(folder)
    if record.signature != identity.signature:
        raise RunFolderError(
            f"{folder.path} holds another run, which is kept. Give this one a folder of its own: "
            "hydra.run.dir=FOLDER, or hydra.sweep.dir=FOLDER in a sweep."
        )
    return record if is_sound(folder, record) else None
