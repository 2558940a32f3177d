"""Which settings to try next: a function of the seed, the number and what is known, alone.

So a search that was killed goes on with the settings that it would have tried anyway.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.trial import FrozenTrial
from scipy.stats import qmc

from sweeplab.task.search.axes import Axis, Choices, Params

LEARNING = ("tpe", "gp")  # from results
METHODS = ("random", "sobol", *LEARNING)
Direction = Literal["maximize", "minimize"]


def distributions(axes: Sequence[Axis]) -> dict[str, BaseDistribution]:
    """The axes in Optuna's words."""
    return {axis.key: _distribution(axis) for axis in axes}


def suggest(
    method: str,
    axes: Sequence[Axis],
    seed: int,
    number: int,
    told: Sequence[FrozenTrial],
    pending: Sequence[Params],
    direction: Direction,
) -> Params:
    """The setting to try as the ``number``-th.

    Without anything told, ``tpe`` and ``gp`` start with the points of ``sobol``: Sobol's sequence,
    scrambled by ``seed`` (Owen 1998), which fills a space more evenly than chance.

    Args:
        method: one of :data:`METHODS`.
        told: the settings whose result is known.
        pending: those of the same batch that are tried beside this one.
        direction: of what was told, whether more or less of it is better.
    """
    if method == "random":
        shares = np.random.default_rng([seed, number]).random(len(axes))
    elif method == "sobol" or not told:
        points = qmc.Sobol(len(axes), rng=np.random.default_rng(seed))
        if number:  # SciPy cannot forward by nothing
            points.fast_forward(number)
        shares = points.random(1)[0]
    else:
        return _fitted(method, axes, [seed, number], told, pending, direction)
    return {axis.key: axis.at(float(share)) for axis, share in zip(axes, shares, strict=True)}


def _fitted(
    method: str,
    axes: Sequence[Axis],
    seed: Sequence[int],
    told: Sequence[FrozenTrial],
    pending: Sequence[Params],
    direction: Direction,
) -> Params:
    """What Optuna's sampler asks for, given what is known, in a study of the moment."""
    study = optuna.create_study(direction=direction, sampler=_sampler(method, seed))
    choices = distributions(axes)
    study.add_trials(list(told))
    for params in pending:  # these it takes for running, and keeps away from
        study.enqueue_trial(params)
        study.ask(choices)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the Gaussian process warns of its own numerics
        asked: dict[str, Any] = study.ask(choices).params
    return {axis.key: axis.tidy(asked[axis.key]) for axis in axes}


def _sampler(method: str, seed: Sequence[int]) -> BaseSampler:
    state = int(np.random.SeedSequence(list(seed)).generate_state(1)[0])
    if method == "tpe":
        return TPESampler(multivariate=True, n_startup_trials=1, seed=state)
    return GPSampler(n_startup_trials=1, seed=state)


def _distribution(axis: Axis) -> BaseDistribution:
    if isinstance(axis, Choices):
        return CategoricalDistribution(axis.values)
    if axis.step is None:
        return FloatDistribution(axis.low, axis.high, log=axis.log)
    step = 1 if axis.log else axis.step
    return IntDistribution(int(axis.low), int(axis.high), log=axis.log, step=step)
