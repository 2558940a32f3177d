"""Sweeps whose settings a search chose, one batch after another, from the real runs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import optuna
from bank import Bank
from drawn import Drawn
from resample import IMAGES

from sweeplab.task.search.axes import Numbers
from sweeplab.task.search.suggest import distributions, suggest

BUDGET, BATCH = 60, 12  # settings: 12 are what `hydra/sweeper=search` asks for at once
optuna.logging.set_verbosity(optuna.logging.WARNING)
AGAIN = 30  # suggestions of a setting that was tried, before any other is taken


def sweep(bank: Bank, rng: np.random.Generator, seeds: int, method: str = "tpe") -> Drawn:
    """One sweep: each setting of the grid that is tried was chosen for how others had done.

    The search knows the order of each knob's values and sees what it would see: the mean accuracy
    over the seeds, the same for every setting, on the 500 validation images.

    Args:
        bank: the runs.
        rng: the source of chance.
        seeds: how many of the bank's.
        method: of ``hydra.sweeper.method``.
    """
    some = rng.choice(bank.bits.shape[1], seeds, replace=False)
    images = np.sort(rng.choice(bank.images, IMAGES, replace=False))
    right = bank.answers(np.arange(len(bank.settings)), some, images)
    mean = right.mean(axis=(1, 2))
    axes = [Numbers(knob, 0, len(values) - 1, step=1) for knob, values in bank.grid.items()]
    places = {
        tuple(list(bank.grid[knob]).index(row[knob]) for knob in bank.grid): k
        for k, row in enumerate(bank.settings.to_dict("records"))
    }
    state = int(rng.integers(2**31))
    kinds = distributions(axes)
    told: list[Any] = []
    tried: list[int] = []
    number = 0
    while len(tried) < BUDGET:
        batch: list[tuple[dict[str, Any], int]] = []
        again = 0
        while len(batch) < min(BATCH, BUDGET - len(tried)):
            pending = [params for params, _ in batch]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                params = suggest(method, axes, state, number, told, pending, "maximize")
            number += 1
            k = places.get(tuple(params[axis.key] for axis in axes))
            if k is None or k in tried or k in [one for _, one in batch]:
                again += 1
                if again < AGAIN:
                    continue
                left = sorted(set(places.values()) - set(tried) - {one for _, one in batch})
                k = int(rng.choice(left))
                params = dict(
                    zip(bank.grid, next(at for at, one in places.items() if one == k), strict=True)
                )
            again = 0
            batch.append((params, k))
        tried += [k for _, k in batch]
        told += [
            optuna.trial.create_trial(params=params, distributions=kinds, value=float(mean[k]))
            for params, k in batch
        ]
    chosen = np.array(tried)
    table = bank.settings.iloc[chosen].reset_index(drop=True)
    spread = bank.accuracy[chosen].std(axis=1, ddof=1)
    return Drawn(table, right[chosen], bank.truth[chosen], spread)
