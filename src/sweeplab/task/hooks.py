"""What Hydra does around each job, for jobs that are trained in stacks: its log and callbacks."""

from __future__ import annotations

import logging
import logging.config
import math
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from sweeplab.runs.folder import RunFolder, RunRecord
from sweeplab.task.compose import Job
from sweeplab.task.words import outcome

log = logging.getLogger("sweeplab.run")

# What Hydra's own logging configurations interpolate. Others are resolved job by job.
_OUTPUT_DIR, _JOB_NAME = "${hydra.runtime.output_dir}", "${hydra.job.name}"


class JobHooks:
    """The log file and the callbacks of each job of a sweep."""

    def __init__(
        self, context: HydraContext, task_function: TaskFunction, master: DictConfig
    ) -> None:
        self.context = context
        self.task_function = task_function
        self.master = master
        self.has_callbacks = bool(context.callbacks.callbacks)
        self.logging: Any = OmegaConf.to_container(master.hydra.job_logging, resolve=False)

    def started(self, job: Job, number: int, run: RunFolder) -> None:
        """Call before the job trains."""
        if self.has_callbacks:
            config = self._set_config(job, number, run)
            self.context.callbacks.on_job_start(config=config, task_function=self.task_function)

    def ended(
        self,
        job: Job,
        number: int,
        run: RunFolder,
        record: RunRecord,
        error: Exception | None = None,
    ) -> None:
        """Call when the job's folder has been written."""
        self._write_log(job, number, run, record)
        if self.has_callbacks:
            config = self._set_config(job, number, run)
            result = job_return(job, record, error)
            result.hydra_cfg = config
            result.cfg = OmegaConf.create(job.values)
            self.context.callbacks.on_job_end(config=config, job_return=result)

    def close(self) -> None:
        """Give Hydra's own logging back."""
        configure_log(self.master.hydra.hydra_logging, self.master.hydra.verbose)

    def _set_config(self, job: Job, number: int, run: RunFolder) -> DictConfig:
        config = job.hydra_config(number, str(run.path))
        HydraConfig.instance().set_config(config)
        return config

    def _write_log(self, job: Job, number: int, run: RunFolder, record: RunRecord) -> None:
        """Log a run's outcome as ``hydra.job_logging`` says, but to its files alone.

        The console shows the progress of the whole sweep instead.
        """
        settings = self._log_settings(job, number, run)
        if settings is None:
            return
        logging.config.dictConfig(settings)
        for line in outcome(record):
            log.info("%s", line)
        for handler in logging.getLogger().handlers:
            handler.close()

    def _log_settings(self, job: Job, number: int, run: RunFolder) -> dict[str, Any] | None:
        values = self.logging
        files = {
            name: handler
            for name, handler in (values.get("handlers") or {}).items()
            if "filename" in handler
        }
        root = values.get("root") or {}
        wanted = [name for name in root.get("handlers") or [] if name in files]
        if not wanted:
            return None
        settings = {
            "version": 1,
            "formatters": values.get("formatters") or {},
            "handlers": {name: files[name] for name in wanted},
            "root": {**root, "handlers": wanted},
            "disable_existing_loggers": False,
        }
        name = self.master.hydra.job.name
        # Asked before the folder's own name is in it, which may look like an interpolation.
        if not _interpolates(_replaced(settings, {_OUTPUT_DIR: "", _JOB_NAME: ""})):
            known: dict[str, Any] = _replaced(
                settings, {_OUTPUT_DIR: str(run.path), _JOB_NAME: name}
            )
            return known
        config = job.hydra_config(number, str(run.path))
        with open_dict(config):
            config.hydra.job_logging = settings
        resolved: Any = OmegaConf.to_container(config.hydra.job_logging, resolve=True)
        return resolved  # type: ignore[no-any-return]


def job_return(job: Job, record: RunRecord | None, error: Exception | None) -> JobReturn:
    """Hydra's view of a job that ended. Its trees are left out: ten thousand fill a memory."""
    result = JobReturn(overrides=job.overrides, working_dir=str(Path.cwd()))
    result.status = JobStatus.FAILED if error else JobStatus.COMPLETED
    final = record.final if record else None
    result.return_value = error or (final["val_accuracy"] if final else math.nan)
    return result


def _replaced(tree: Any, texts: dict[str, str]) -> Any:
    if isinstance(tree, dict):
        return {key: _replaced(value, texts) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_replaced(value, texts) for value in tree]
    if isinstance(tree, str):
        for old, new in texts.items():
            tree = tree.replace(old, new)
    return tree


def _interpolates(tree: Any) -> bool:
    if isinstance(tree, dict):
        return any(map(_interpolates, tree.values()))
    if isinstance(tree, list):
        return any(map(_interpolates, tree))
    return isinstance(tree, str) and "${" in tree
