"""Sweeps drawn from the real runs: some settings, a few of the seeds, 500 of the images."""

from __future__ import annotations

import numpy as np
import pandas as pd
from bank import Bank, Grid
from drawn import INVENTED, Drawn

# How many values of each knob: training-set size, batch size, learning rate, weight decay.
SIZES = {10: (1, 1, 5, 2), 48: (1, 3, 4, 4), 240: (3, 4, 5, 4)}
IMAGES = 500


def sweep(
    bank: Bank, rng: np.random.Generator, settings: int, seeds: int, invented: bool = False
) -> Drawn:
    """One sweep.

    Args:
        bank: the runs.
        rng: the source of chance.
        settings: a key of ``SIZES``: the sub-grid of so many settings is drawn at random.
        seeds: how many of the bank's, the same for every setting.
        invented: each setting twice, with other seeds, told apart by a knob that does nothing;
            half as many settings are drawn then where that is possible.
    """
    rows = np.ones(len(bank.settings), dtype=np.bool_)
    sizes = SIZES[settings]
    for (knob, values), size in zip(bank.grid.items(), sizes, strict=True):
        number = -(-size // 2) if invented and knob == _halved(bank.grid, sizes) else size
        rows &= bank.settings[knob].isin(rng.choice(values, number, replace=False)).to_numpy()
    chosen = np.flatnonzero(rows)
    table = bank.settings.iloc[chosen].reset_index(drop=True)
    some = rng.choice(bank.bits.shape[1], 2 * seeds if invented else seeds, replace=False)
    images = np.sort(rng.choice(bank.images, IMAGES, replace=False))
    if invented:
        table = pd.concat([table.assign(**{INVENTED: label}) for label in (0, 1)])
        table = table.reset_index(drop=True)
        parts = [bank.answers(chosen, half, images) for half in np.split(some, 2)]
        right, chosen = np.concatenate(parts), np.tile(chosen, 2)
    else:
        right = bank.answers(chosen, some, images)
    spread = bank.accuracy[chosen].std(axis=1, ddof=1)
    return Drawn(table, right, bank.truth[chosen], spread)


def _halved(grid: Grid, sizes: tuple[int, ...]) -> str:
    """The knob with the most values, of which an invented knob takes the place of half."""
    return list(grid)[int(np.argmax(sizes))]
