"""``hydra/sweeper=grid``: every combination, then the tables and the report.

Unlike Hydra's basic sweeper it leaves composing the jobs to the launcher, which does it once.
"""

# No `from __future__ import annotations`: see stacked_launcher.py.
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict


@dataclass
class GridSweeperConf:
    _target_: str = "hydra_plugins.sweeplab_plugins.grid_sweeper.GridSweeper"
    params: dict[str, Any] = field(default_factory=dict)  # key: values, a list or sweep syntax
    grids: list[Any] = field(default_factory=list)  # several: what each changes of params
    zip: list[Any] = field(default_factory=list)  # groups of keys that move together
    exclude: list[str] = field(default_factory=list)  # conditions: "batch_size > data.train_size"
    skip_invalid: bool = False  # true: leave out the combinations that break a rule
    question: str = ""  # which the report answers: see sweeplab.sweeps.question
    report: bool = True  # false: write the tables, and leave the report to `sweeplab report`


ConfigStore.instance().store(
    group="hydra/sweeper", name="grid", node=GridSweeperConf, provider="sweeplab"
)


class GridSweeper(Sweeper):
    """A thin door to ``sweeplab.task.sweep``; for another's task, Hydra's basic sweeper."""

    basics = {"params", "max_batch_size"}  # noqa: RUF012 - what of the space that knows

    def __init__(self, question: str = "", report: bool = True, **space: Any) -> None:
        del question  # it is kept in sweep.json, with all that was asked for
        self.space = space
        self.report = report

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.basic = None
        if not hasattr(task_function, "run_many"):
            self.basic = self._basic(hydra_context, task_function, config)
            return
        self.given: dict[str, Any] = {
            "context": hydra_context,
            "launcher": Plugins.instance().instantiate_launcher(
                hydra_context=hydra_context, task_function=task_function, config=config
            ),
            "master": config,
        }

    def _basic(self, context: HydraContext, task: TaskFunction, config: DictConfig) -> Sweeper:
        asked: Any = OmegaConf.to_container(OmegaConf.create(self.space))
        if others := [key for key, value in asked.items() if value and key not in self.basics]:
            raise HydraException(
                f"hydra.sweeper.{others[0]} is for the runs of `sweeplab train` alone; this task "
                "is another. Take it away, or set hydra/sweeper=basic."
            )
        basic = config.copy()
        with open_dict(basic):
            basic.hydra.sweeper = ConfigStore.instance().load("hydra/sweeper/basic.yaml").node
            for key in self.basics & asked.keys():
                basic.hydra.sweeper[key] = asked[key]
        return Plugins.instance().instantiate_sweeper(
            hydra_context=context, task_function=task, config=basic
        )

    def sweep(self, arguments: list[str]) -> Any:
        if self.basic is not None:
            return self.basic.sweep(arguments)
        # Imported here, because every Hydra command scans this.
        from sweeplab.task.grid import Space
        from sweeplab.task.sweep import sweep

        given: Any = OmegaConf.to_container(OmegaConf.create(self.space))
        space = Space(**given)
        return sweep(**self.given, space=space, arguments=arguments, report=self.report)
