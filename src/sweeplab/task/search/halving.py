"""Successive halving: all begin, the best part of them goes on, and so forth.

In rungs that are trained one after another (K. Jamieson and A. Talwalkar, Non-stochastic Best Arm
Identification and Hyperparameter Optimization, AISTATS 2016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hydra.plugins.launcher import Launcher

from sweeplab.config import RunConfig
from sweeplab.errors import ConfigError
from sweeplab.execute.files import Rung
from sweeplab.knobs import epochs_in
from sweeplab.runs.folder import RunFolder, goes_on, read_curves, read_record
from sweeplab.runs.write import end_stopped
from sweeplab.task.search.axes import SearchSpace
from sweeplab.training.schedule import is_evaluated, iterations_per_epoch
from sweeplab.words import listed

KEY = "hydra.sweeper.halving"
NAMES = ("from", "factor")
EPOCH_LENGTH = {"batch_size", "data.train_size"}  # what the iterations of an epoch follow from


@dataclass(frozen=True)
class Halving:
    """``hydra.sweeper.halving``: one of ``factor`` settings goes on, and that much longer."""

    begin: int  # epochs of the first rung
    factor: int

    def ends(self, epochs: int) -> list[int]:
        """The epochs after which each rung ends, the last after all: at least so much longer."""
        found, end = [], self.begin
        while end * self.factor <= epochs:
            found.append(end)
            end *= self.factor
        return [*found, epochs]

    def rungs(self, epochs: int) -> list[Rung]:
        """The same as what is trained in each."""
        ends = self.ends(epochs)
        rungs = [Rung(*of) for of in zip([0, *ends[:-1]], ends, strict=True)]
        return [*rungs[:-1], Rung(rungs[-1].begin)]

    def kept(self, settings: int) -> int:
        """How many of so many settings go on."""
        return max(1, settings // self.factor)

    def fewest(self, epochs: int) -> int:
        """The settings that must begin for one to be left by choice at the end."""
        return int(self.factor ** (len(self.ends(epochs)) - 1))


def parse_halving(given: Any) -> Halving | None:
    """The value of :data:`KEY`; None for null.

    Raises:
        ConfigError: it is something else than two whole numbers.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) - set(NAMES):
        raise ConfigError(
            f"{KEY} must be {{from: EPOCHS, factor: NUMBER}}, or null for none, but is "
            f"{_shown(given)}."
        )
    begin, factor = (given.get(name, usual) for name, usual in zip(NAMES, (1, 3), strict=True))
    for name, value, least in (("from", begin, 1), ("factor", factor, 2)):
        if type(value) is not int or value < least:
            raise ConfigError(
                f"{KEY}.{name} must be a whole number of at least {least}, but is {value!r:.60}."
            )
    return Halving(begin, factor)


def _shown(given: Any) -> str:
    if isinstance(given, Mapping):
        return "{" + ", ".join(f"{key}: {value}" for key, value in given.items()) + "}"
    return f"{given!r:.60}"


def refuse_halving(halving: Halving, config: RunConfig, space: SearchSpace, who: Launcher) -> None:
    """Make sure that runs can be stopped.

    Raises:
        ConfigError: epochs vary, are too few, or end where nothing is measured; or the launcher
            trains runs whole.
    """
    if any(axis.key == "epochs" for axis in space.axes):
        raise ConfigError(
            f"epochs cannot be searched for with {KEY}, which stops runs by their epochs. Give it "
            "one value, or take halving away."
        )
    if not getattr(who, "plans", False):
        raise ConfigError(
            f"{KEY} needs hydra/launcher=stacked: other launchers train each run to its end."
        )
    if halving.begin * halving.factor > config.epochs:
        raise ConfigError(
            f"{KEY}.from times factor must be at most epochs, {config.epochs}, or no run would "
            f"be stopped, but from is {halving.begin} and factor {halving.factor}. Train for more "
            "epochs, or begin with fewer."
        )
    every, each = config.eval_every, iterations_per_epoch(config)
    # Where an epoch has as many iterations as a setting wants, iterations cannot tell its end.
    varies = any(axis.key in EPOCH_LENGTH for axis in space.axes)
    in_epochs = isinstance(every, str) and epochs_in(every) % 1 == 0
    ends = halving.ends(config.epochs)
    if not all(is_evaluated(end * each, config) for end in ends) or (varies and not in_epochs):
        raise ConfigError(
            f"{KEY} judges runs after {listed([str(end) for end in ends])} epochs, and with "
            f"eval_every={every} they are not evaluated there: set eval_every=epoch."
        )


def measured(folder: RunFolder, metric: str, end: int) -> float | None:
    """A metric of a run as it was after ``end`` epochs; None if it diverged before.

    Args:
        metric: as ``hydra.sweeper.metric``.

    Raises:
        RunFolderError: the folder is damaged.
    """
    config, curves = read_record(folder).config, read_curves(folder)
    row = end * iterations_per_epoch(config)
    which, _, name = metric.partition("_")
    if row >= len(curves) or not np.isfinite(curves.val_loss[row]):
        return None
    if which == "best":
        rows = curves.evaluated[curves.evaluated <= row]
        row = int(rows[np.argmax(curves.val_accuracy[rows])])
    return float(getattr(curves, name)[row])


def let_be(folders: Sequence[RunFolder]) -> None:
    """Remove what it would take to go on with those of these runs that were stopped."""
    runs = [(folder, read_record(folder)) for folder in folders]
    end_stopped([(folder, record) for folder, record in runs if goes_on(folder, record)])
