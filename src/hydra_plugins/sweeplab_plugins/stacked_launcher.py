"""``hydra/launcher=stacked``: every job of a multirun at once, where the task function can."""

# No `from __future__ import annotations`: with it, Hydra's scan of plugins cannot read the
# dataclass below. Every Hydra command scans this, so it imports nothing heavy.
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra._internal.core_plugins import basic_launcher
from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn

from sweeplab.execute.options import Options


@dataclass
class StackedLauncherConf(Options):
    _target_: str = "hydra_plugins.sweeplab_plugins.stacked_launcher.StackedLauncher"


ConfigStore.instance().store(
    group="hydra/launcher", name="stacked", node=StackedLauncherConf, provider="sweeplab"
)


class StackedLauncher(basic_launcher.BasicLauncher):
    """Hands a whole batch to the task function's ``run_many``; without one, runs job by job.

    Args:
        options: the fields of ``Options``.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = Options(**options)

    @property
    def plans(self) -> bool:
        """Whether it skips by itself what is complete."""
        return hasattr(self.task_function, "run_many")

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        if not self.plans:
            return super().launch(job_overrides, initial_job_idx)
        task: Any = self.task_function
        result: Sequence[JobReturn] = task.run_many(
            self.hydra_context, self.config, self.options, job_overrides, initial_job_idx
        )
        return result
