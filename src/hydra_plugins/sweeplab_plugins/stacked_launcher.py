"""``hydra/launcher=stacked``: every job of a multirun at once, where the task function can."""

# No `from __future__ import annotations`: with it, Hydra's scan of plugins cannot read the
# dataclass below. Heavy modules are imported in `launch`, because every Hydra command scans this.
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class StackedLauncherConf:
    _target_: str = "hydra_plugins.sweeplab_plugins.stacked_launcher.StackedLauncher"
    on_failure: str = "continue"  # or stop: leave the rest untrained once a run has failed
    dry_run: bool = False  # show what would be trained, and train nothing
    executor: str = "inline"  # where stacks are trained: inline, processes or slurm
    retries: int = 2  # how often a run is tried again whose worker was killed
    width: int | None = None  # the most runs in a stack; null: as many as are fastest
    # processes:
    workers: int | None = None  # null: one for each core
    # slurm, a job for each stack, in an array:
    partition: str | None = None  # null: the cluster's own
    time: int = 60  # minutes for a stack
    memory: str | None = None  # for a stack, such as 4G; null: the cluster's own
    cpus: int = 1  # for a stack
    gpus: int = 0  # for a stack
    array_parallelism: int = 256  # the most stacks in training at once
    setup: list[str] = field(default_factory=list)  # lines of shell before a stack is trained
    sbatch: dict[str, Any] = field(default_factory=dict)  # more options of sbatch: {account: me}


ConfigStore.instance().store(
    group="hydra/launcher", name="stacked", node=StackedLauncherConf, provider="sweeplab"
)


class StackedLauncher(Launcher):
    """Hands a whole batch to the task function's ``run_many``; without one, runs job by job."""

    def __init__(self, **options: Any) -> None:
        self.options = options  # of StackedLauncherConf
        self.plans = False

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config
        self.run_many: Any = getattr(task_function, "run_many", None)
        self.plans = self.run_many is not None  # it skips what is complete by itself

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        from hydra_plugins.sweeplab_plugins._one_by_one import launch_one_by_one

        if self.run_many is None:
            return launch_one_by_one(self, job_overrides, initial_job_idx)
        result: Sequence[JobReturn] = self.run_many(
            context=self.hydra_context,
            task_function=self.task_function,
            master=self.config,
            options=self.options,
            job_overrides=job_overrides,
            first=initial_job_idx,
        )
        return result
