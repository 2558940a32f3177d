"""``hydra/launcher=stacked``: every job of a multirun at once, where the task function can."""

# No `from __future__ import annotations`: with it, Hydra's scan of plugins cannot read the
# dataclass below. Every Hydra command scans this, so it imports nothing heavy.
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from sweeplab.execute.options import Options


@dataclass
class StackedLauncherConf(Options):
    _target_: str = "hydra_plugins.sweeplab_plugins.stacked_launcher.StackedLauncher"


ConfigStore.instance().store(
    group="hydra/launcher", name="stacked", node=StackedLauncherConf, provider="sweeplab"
)


class StackedLauncher(Launcher):
    """Hands a whole batch to the task function's ``run_many``; without one, to Hydra's launcher.

    Args:
        options: the fields of ``Options``.
    """

    def __init__(self, **options: Any) -> None:
        self.options = Options(**options)
        self.plans = False

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.run_many: Any = getattr(task_function, "run_many", None)
        self.plans = self.run_many is not None  # it skips by itself what is complete
        self.hydra_context, self.config = hydra_context, config
        if not self.plans:
            basic = config.copy()
            with open_dict(basic):
                basic.hydra.launcher = ConfigStore.instance().load("hydra/launcher/basic.yaml").node
            self.basic = Plugins.instance().instantiate_launcher(
                hydra_context=hydra_context, task_function=task_function, config=basic
            )

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        if not self.plans:
            return self.basic.launch(job_overrides, initial_job_idx)
        return self.launch_part(job_overrides, initial_job_idx)

    def launch_part(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int, *rung: Any
    ) -> Sequence[JobReturn]:
        """As ``launch``, for some epochs of the jobs: a ``sweeplab.execute.files.Rung``."""
        result: Sequence[JobReturn] = self.run_many(
            self.hydra_context, self.config, self.options, job_overrides, initial_job_idx, *rung
        )
        return result
