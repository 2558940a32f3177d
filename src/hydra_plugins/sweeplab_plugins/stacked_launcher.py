"""``hydra/launcher=stacked``: every job of a multirun at once, where the task function can."""

# No `from __future__ import annotations`: with it, Hydra's scan of plugins cannot read the
# dataclass below. Heavy modules are imported in `launch`, because every Hydra command scans this.
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from sweeplab.execute.options import Options


@dataclass
class StackedLauncherConf(Options):
    _target_: str = "hydra_plugins.sweeplab_plugins.stacked_launcher.StackedLauncher"


ConfigStore.instance().store(
    group="hydra/launcher", name="stacked", node=StackedLauncherConf, provider="sweeplab"
)


class StackedLauncher(Launcher):
    """Hands a whole batch to the task function's ``run_many``; without one, runs job by job.

    Args:
        options: the fields of ``Options``.
    """

    def __init__(self, **options: Any) -> None:
        self.options = Options(**options)
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
            master=self.config,
            options=self.options,
            job_overrides=job_overrides,
            first=initial_job_idx,
        )
        return result
