"""The options of ``hydra.launcher``: declared, and checked, once."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import Any

from sweeplab.errors import ConfigError


def _one_of(*allowed: str) -> Any:
    return field(default=allowed[0], metadata={"allowed": allowed})


def _at_least(low: int, default: int | None) -> Any:
    return field(default=default, metadata={"low": low})


# Not frozen: OmegaConf cannot take a frozen dataclass as a schema. Nothing mutates one.
@dataclass
class Options:
    """How a sweep's stacks are trained."""

    on_failure: str = _one_of("continue", "stop")  # stop: leave the rest once a run has failed
    dry_run: bool = False  # show what would be trained, and train nothing
    executor: str = _one_of("inline", "processes", "slurm")  # where stacks are trained
    retries: int = _at_least(0, default=2)  # how often a run is tried again whose worker was killed
    width: int | None = _at_least(1, default=None)  # the most runs in a stack; null: the fastest
    # processes:
    workers: int | None = _at_least(1, default=None)  # null: one for each core
    # slurm, a job for each stack, in an array:
    partition: str | None = None  # null: the cluster's own
    time: int = _at_least(1, default=60)  # minutes for a stack
    memory: str | None = None  # for a stack, such as 4G; null: the cluster's own
    cpus: int = _at_least(1, default=1)  # for a stack
    gpus: int = _at_least(0, default=0)  # for a stack
    array_parallelism: int = _at_least(1, default=256)  # the most stacks in training at once
    setup: list[str] = field(default_factory=list)  # lines of shell before a stack is trained
    sbatch: dict[str, Any] = field(default_factory=dict)  # more options of sbatch: {account: me}

    def check(self) -> None:
        """Look whether every option keeps its rule.

        Raises:
            ConfigError: one breaks it; the message lists every one.
        """
        wrong = []
        for option in fields(self):
            key, value = f"hydra.launcher.{option.name}", getattr(self, option.name)
            match option.metadata:
                case {"allowed": allowed} if value not in allowed:
                    wrong.append(f"{key} must be one of {', '.join(allowed)}, but is '{value}'")
                case {"low": low} if value is not None and value < low:
                    wrong.append(f"{key} must be at least {low}, but is {value}")
        if wrong:
            raise ConfigError("; ".join(wrong) + ".")

    @property
    def processes(self) -> int:
        """The worker processes asked for, with ``executor=processes``."""
        return self.workers or _cores()

    @property
    def threads(self) -> int:
        """The threads of each worker."""
        return self.cpus if self.executor == "slurm" else max(1, _cores() // self.processes)


def _cores() -> int:
    """The cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
