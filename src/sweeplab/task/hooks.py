"""What Hydra does around each job, for jobs that are trained in stacks: its log and callbacks."""

from __future__ import annotations

import logging
import logging.config
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from sweeplab.runs.record import RunRecord
from sweeplab.task.compose import saved
from sweeplab.task.prepare import Asked
from sweeplab.task.words import outcome

log = logging.getLogger("sweeplab.run")

# What Hydra's own logging configurations interpolate: filled in as text, because resolving a whole
# tree for each job takes longer than training it can. Others are resolved.
_OUTPUT_DIR, _JOB_NAME = "${hydra.runtime.output_dir}", "${hydra.job.name}"


class JobHooks:
    """The log file and the callbacks of each job of a sweep."""

    def __init__(
        self, context: HydraContext, task_function: TaskFunction, master: DictConfig
    ) -> None:
        self.callbacks = context.callbacks if context.callbacks.callbacks else None
        self.task_function = task_function
        self.hydra = master.hydra
        settings: Any = OmegaConf.to_container(master.hydra.job_logging, resolve=False)
        self.logging = _filled(_to_files(settings), _JOB_NAME, str(master.hydra.job.name))
        self.handlers: list[logging.Handler] = []  # that this has made
        # Asked before a folder's own name is in it, which may look like an interpolation.
        self.resolves = "${" in str(_filled(self.logging, _OUTPUT_DIR, ""))

    def started(self, asked: Asked) -> None:
        """Call before the job trains."""
        if self.callbacks:
            config = asked.job.hydra_config(*asked.place)
            HydraConfig.instance().set_config(config)
            self.callbacks.on_job_start(config=config, task_function=self.task_function)

    def ended(self, asked: Asked, record: RunRecord) -> None:
        """Call when the job's folder has been written."""
        if self.logging:
            self._log(asked, record)
        if self.callbacks:
            config = asked.job.hydra_config(*asked.place)
            HydraConfig.instance().set_config(config)
            result = job_return(asked.job.overrides, record)
            result.hydra_cfg = config
            result.cfg = OmegaConf.create(saved(asked.job.config, asked.job.root))
            self.callbacks.on_job_end(config=config, job_return=result)

    def close(self) -> None:
        """Give Hydra's own logging back."""
        configure_log(self.hydra.hydra_logging, self.hydra.verbose)

    def _log(self, asked: Asked, record: RunRecord) -> None:
        """Log how a job ended to its file alone; the console shows the whole sweep instead."""
        settings: Any = _filled(self.logging, _OUTPUT_DIR, str(asked.run.path))
        if self.resolves:
            config = asked.job.hydra_config(*asked.place)
            with open_dict(config):
                config.hydra.job_logging = self.logging
            settings = OmegaConf.to_container(config.hydra.job_logging, resolve=True)
        # To configure logging takes longer than all else that a job's log does.
        if self.resolves or not self._moved_to(settings):
            logging.config.dictConfig(settings)
            self.handlers = list(log.handlers)
        for line in outcome(record):
            log.info("%s", line)
        for handler in log.handlers:
            handler.close()

    def _moved_to(self, settings: dict[str, Any]) -> bool:
        """Whether the handlers of the last job, which are closed, could be given files of this."""
        files = [handler["filename"] for handler in settings["handlers"].values()]
        plain = [
            handler
            for handler in self.handlers
            # One without delay makes its file at once, though no line may come.
            if type(handler) is logging.FileHandler and handler.mode == "a" and handler.delay
        ]
        if log.handlers != plain or len(plain) != len(files):
            return False
        for handler, file in zip(plain, files, strict=True):
            handler.baseFilename = str(Path(file).absolute())  # opened at the next line
        return True


def _to_files(settings: dict[str, Any]) -> dict[str, Any]:
    """What of a logging configuration goes to files, for our own logger; empty if nothing does."""
    handlers, root = settings.get("handlers") or {}, settings.get("root") or {}
    wanted = [name for name in root.get("handlers") or [] if "filename" in handlers.get(name, {})]
    if not wanted:
        return {}
    return {
        "version": 1,
        "formatters": settings.get("formatters") or {},
        "filters": settings.get("filters") or {},
        "handlers": {name: handlers[name] for name in wanted},
        "loggers": {log.name: {**root, "handlers": wanted, "propagate": False}},
        "disable_existing_loggers": False,
    }


def _filled(tree: Any, old: str, new: str) -> Any:
    """``tree`` with ``new`` for ``old`` in each of its texts."""
    if isinstance(tree, dict):
        return {key: _filled(value, old, new) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_filled(value, old, new) for value in tree]
    return tree.replace(old, new) if isinstance(tree, str) else tree


class FailedRunError(Exception):
    """What Hydra is told of a run that failed. Its type and traceback stand in its run.json."""


def job_return(overrides: Sequence[str], record: RunRecord | None) -> JobReturn:
    """Hydra's view of a job that ended; one that was left untrained has no record.

    The value is the final validation accuracy. Hydra's trees are left out: ten thousand fill a
    memory.
    """
    result = JobReturn(overrides=overrides, working_dir=str(Path.cwd()))
    if record and record.error:
        result.status = JobStatus.FAILED
        result.return_value = FailedRunError(record.error.message)
    else:
        result.status = JobStatus.COMPLETED
        result.return_value = record.final.val_accuracy if record and record.final else math.nan
    return result
