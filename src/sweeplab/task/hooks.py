"""What Hydra does around each job, for jobs that are trained in stacks: its log and callbacks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from sweeplab.runs.record import RunRecord
from sweeplab.task.compose import saved
from sweeplab.task.job_log import JobLog
from sweeplab.task.prepare import Asked


class JobHooks:
    """The log file and the callbacks of each job of a sweep."""

    def __init__(
        self, context: HydraContext, task_function: TaskFunction, master: DictConfig
    ) -> None:
        self.context = context
        self.task_function = task_function
        self.master = master
        self.has_callbacks = bool(context.callbacks.callbacks)
        self.log = JobLog(master)

    def started(self, asked: Asked) -> None:
        """Call before the job trains."""
        if self.has_callbacks:
            config = self._set_config(asked)
            self.context.callbacks.on_job_start(config=config, task_function=self.task_function)

    def ended(self, asked: Asked, record: RunRecord) -> None:
        """Call when the job's folder has been written."""
        self.log.write(asked, record)
        if self.has_callbacks:
            config = self._set_config(asked)
            result = job_return(asked.job.overrides, record)
            result.hydra_cfg = config
            result.cfg = OmegaConf.create(saved(asked.job.config, asked.job.root))
            self.context.callbacks.on_job_end(config=config, job_return=result)

    def close(self) -> None:
        """Give Hydra's own logging back."""
        configure_log(self.master.hydra.hydra_logging, self.master.hydra.verbose)

    def _set_config(self, asked: Asked) -> DictConfig:
        config = asked.hydra_config()
        HydraConfig.instance().set_config(config)
        return config


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
