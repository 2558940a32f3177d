"""sweeplab: what training-set size, batch size, learning rate and weight decay do to a classifier.

The public names; everything else may change. They are imported when first used, so that
``import sweeplab`` and the light commands do not wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeplab import figures
    from sweeplab.api import data_config, train
    from sweeplab.config import DataConfig, OptimizerConfig, RunConfig
    from sweeplab.errors import SweeplabError
    from sweeplab.results import Curves, RunResult
    from sweeplab.sweeps.tables import Sweep, load_sweep
    from sweeplab.task.notebook import sweep

__all__ = [
    "Curves",
    "DataConfig",
    "OptimizerConfig",
    "RunConfig",
    "RunResult",
    "Sweep",
    "SweeplabError",
    "data_config",
    "figures",
    "load_sweep",
    "sweep",
    "train",
]

_HOMES = {
    "Curves": "results",
    "DataConfig": "config",
    "OptimizerConfig": "config",
    "RunConfig": "config",
    "RunResult": "results",
    "Sweep": "sweeps.tables",
    "SweeplabError": "errors",
    "data_config": "api",
    "load_sweep": "sweeps.tables",
    "sweep": "task.notebook",
    "train": "api",
}


def __getattr__(name: str) -> Any:
    if name == "figures":
        return import_module("sweeplab.figures")
    if name not in _HOMES:
        raise AttributeError(f"module 'sweeplab' has no attribute '{name}'")
    return getattr(import_module(f"sweeplab.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
