"""What Hydra does around each job, for jobs that are trained in stacks: its log and callbacks."""

from __future__ import annotations

import math
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from sweeplab.runs.folder import RunFolder
from sweeplab.runs.record import RunRecord
from sweeplab.task.compose import Job
from sweeplab.task.job_log import JobLog


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
        self.log.write(job, number, run, record)
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


def job_return(job: Job, record: RunRecord | None, error: Exception | None) -> JobReturn:
    """Hydra's view of a job that ended. Its trees are left out: ten thousand fill a memory."""
    result = JobReturn(overrides=job.overrides, working_dir=str(Path.cwd()))
    result.status = JobStatus.FAILED if error else JobStatus.COMPLETED
    final = record.final if record else None
    result.return_value = error or (final.val_accuracy if final else math.nan)
    return result
