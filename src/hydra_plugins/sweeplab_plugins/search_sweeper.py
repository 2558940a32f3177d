"""``hydra/sweeper=search``: settings suggested a batch at a time, each batch trained at once."""

# No `from __future__ import annotations`: see stacked_launcher.py.
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from hydra.plugins.sweeper import Sweeper
from omegaconf import OmegaConf

from hydra_plugins.sweeplab_plugins.grid_sweeper import GridSweeper


@dataclass
class SearchSweeperConf:
    _target_: str = "hydra_plugins.sweeplab_plugins.search_sweeper.SearchSweeper"
    params: dict[str, Any] = field(default_factory=dict)  # key: values, or an interval of them
    exclude: list[str] = field(default_factory=list)  # conditions: "batch_size > data.train_size"
    method: str = "tpe"  # or gp, sobol, random
    budget: int = 60  # settings to try, each with every seed
    batch: int | None = None  # settings tried at once; null: as many as fill a wide stack
    seed: int = 0  # of the search
    halving: Any = None  # {from: 1, factor: 3}: of three settings one goes on after one epoch
    metric: str = "final_val_accuracy"  # whose mean over the seeds is to be best
    question: str = ""  # which the report answers: see sweeplab.sweeps.question
    report: bool = True  # false: write the tables, and leave the report to `sweeplab report`


ConfigStore.instance().store(
    group="hydra/sweeper", name="search", node=SearchSweeperConf, provider="sweeplab"
)


class SearchSweeper(GridSweeper):
    """A thin door to ``sweeplab.task.search``."""

    def __init__(
        self,
        params: Any = None,
        exclude: Any = (),
        question: str = "",
        report: bool = True,
        halving: Any = None,
        **how: Any,
    ) -> None:
        super().__init__(question, report, params=params or {}, exclude=exclude)
        self.how, self.halving = how, halving

    def _basic(self, *_: Any) -> Sweeper:
        raise HydraException(
            "hydra/sweeper=search searches the settings of `sweeplab train`, and this task is "
            "another. Use a sweeper that knows it, such as hydra/sweeper=basic."
        )

    def sweep(self, arguments: list[str]) -> Any:
        # Imported here, because every Hydra command scans this.
        try:
            from sweeplab.task.search.halving import parse_halving
            from sweeplab.task.search.how import Search
            from sweeplab.task.search.loop import search
        except ModuleNotFoundError as error:
            from sweeplab.errors import ConfigError

            if error.name != "optuna":
                raise
            raise ConfigError(
                "hydra/sweeper=search needs Optuna: pip install 'sweeplab[search]'."
            ) from None
        from sweeplab.task.grid import Space

        given: Any = OmegaConf.to_container(OmegaConf.create(self.space))
        halving: Any = OmegaConf.to_container(OmegaConf.create({"as": self.halving}))
        return search(
            **self.given,
            space=Space(**given),
            how=Search(**self.how, halving=parse_halving(halving["as"])),
            arguments=arguments,
            report=self.report,
        )
