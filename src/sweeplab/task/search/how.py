"""How to search: the keys of ``hydra.sweeper``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sweeplab.errors import ConfigError
from sweeplab.results import METRICS
from sweeplab.task.search.halving import Halving
from sweeplab.task.search.suggest import LEARNING, METHODS, Direction

WIDE_STACK = 64  # runs that train about as fast together as they ever will
FEWEST_BATCHES = 5  # of a search that learns; with fewer it could hardly do so
MEASURES = [f"{which}_{metric}" for which in ("final", "best") for metric in METRICS]


@dataclass(frozen=True)
class Search:
    """The keys of ``hydra.sweeper``."""

    method: str = "tpe"
    budget: int = 60  # settings to try
    batch: int | None = None  # settings tried at once; None: as many as fill a wide stack
    seed: int = 0  # of the search itself
    metric: str = "final_val_accuracy"
    halving: Halving | None = None

    def check(self) -> None:
        """Raise ConfigError for what cannot be."""
        if self.method not in METHODS:
            raise _wrong("method", f"one of {', '.join(METHODS)}", self.method)
        if self.metric not in MEASURES:
            raise _wrong("metric", f"one of {', '.join(MEASURES)}", self.metric)
        if self.budget < 1:
            raise _wrong("budget", "at least 1", self.budget)
        if self.batch is not None and not 1 <= self.batch <= self.budget:
            raise _wrong("batch", f"from 1 to hydra.sweeper.budget, {self.budget}", self.batch)
        if self.seed < 0:
            raise _wrong("seed", "at least 0", self.seed)

    @property
    def direction(self) -> Direction:
        return "maximize" if self.metric.endswith("accuracy") else "minimize"


def usual_batch(how: Search, replicates: int, epochs: int) -> int:
    """The settings tried at once: as many as fill a wide stack, or as make a choice by halving."""
    if how.halving is not None and how.method not in LEARNING:
        return how.budget  # all compete with all
    batch = min(max(1, WIDE_STACK // replicates), math.ceil(how.budget / FEWEST_BATCHES))
    return min(how.budget, max(batch, how.halving.fewest(epochs) if how.halving else 1))


def _wrong(key: str, rule: str, value: Any) -> ConfigError:
    return ConfigError(f"hydra.sweeper.{key} must be {rule}, but is {value!r:.60}.")
