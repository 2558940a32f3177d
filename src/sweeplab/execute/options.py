"""The options of ``hydra.launcher``, checked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeplab.errors import ConfigError

EXECUTORS = ("inline", "processes", "slurm")
FAILURE_POLICIES = ("continue", "stop")


@dataclass(frozen=True)
class Options:
    """As in ``StackedLauncherConf``, which holds the defaults."""

    on_failure: str
    dry_run: bool
    executor: str
    retries: int
    width: int | None
    workers: int | None
    partition: str | None
    time: int
    memory: str | None
    cpus: int
    gpus: int
    array_parallelism: int
    setup: Sequence[str]
    sbatch: Mapping[str, Any]

    def check(self) -> Options:
        """Return the options unchanged.

        Raises:
            ConfigError: one breaks a rule; the message lists every one.
        """
        found = [
            f"hydra.launcher.{name} must be one of {', '.join(allowed)}, but is '{value}'"
            for name, value, allowed in (
                ("on_failure", self.on_failure, FAILURE_POLICIES),
                ("executor", self.executor, EXECUTORS),
            )
            if value not in allowed
        ]
        found += [
            f"hydra.launcher.{name} must be at least {low}, but is {value}"
            for name, value, low in (
                ("retries", self.retries, 0),
                ("width", self.width, 1),
                ("workers", self.workers, 1),
                ("time", self.time, 1),
                ("cpus", self.cpus, 1),
                ("gpus", self.gpus, 0),
                ("array_parallelism", self.array_parallelism, 1),
            )
            if value is not None and value < low
        ]
        if found:
            raise ConfigError("; ".join(found) + ".")
        return self


def cpus() -> int:
    """The cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
