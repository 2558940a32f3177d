"""Which runs repeat which setting, on which validation images: the bookkeeping of the statistics.

A setting is a combination of values of the swept knobs; its runs differ in the seed, and in the
draw of their training images. Where there are several draws, a replicate is a draw, and its
answers are the mean over its seeds: draws are a random effect, and seeds are nested in them. What
a seed does to all draws alike is then not counted. On MNIST, with 100 and 500 training images and
five draws of five seeds, that was a tenth of the variance of a difference of two settings, or less,
in half of the pairs, and a fifth in nine of ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeplab.statistics.predictions import Correct
from sweeplab.sweeps.settings import DRAW, repeated, replicate_key, setting_numbers, usable

BLOCK = 128  # settings handled at once, to bound memory


@dataclass(frozen=True)
class Replicates:
    """The replicates of settings that were measured on the same M validation images.

    K settings are numbered 0 .. K - 1, as ``setting_numbers`` does; R replicates in any order.
    """

    settings: int  # K
    setting: NDArray[np.intp]  # [R]: the setting of each replicate
    seed: NDArray[np.intp]  # [R]: its seed, or its draw where there are several, from 0
    accuracy: NDArray[np.float64]  # [R]: final validation accuracy
    # [R, M]: whether each image was classified rightly; of a draw with several seeds, how often.
    correct: NDArray[np.bool_] | NDArray[np.float32] | None
    images: int | None  # M
    draws: bool = False  # whether a replicate is a draw of the training images

    @property
    def counts(self) -> NDArray[np.intp]:
        """How many replicates each setting has, ``[K]``."""
        return np.bincount(self.setting, minlength=self.settings)


def replicates(
    runs: pd.DataFrame, knobs: Sequence[str], correct: Correct | None = None
) -> Replicates:
    """The usable runs as arrays.

    Args:
        runs: one row a run, all on the same validation images, index unique.
        knobs: the swept configuration keys, without the seed.
        correct: for each row of ``runs``, whether each of M images was classified rightly, or
            None. It is used when every setting has a run with it, so that all settings are
            compared by one method; runs without it are then left out.
    """
    setting = setting_numbers(runs, knobs).to_numpy()
    keep = np.flatnonzero(usable(runs) & ~repeated(runs, knobs))
    answers = {row: correct[row] for row in keep.tolist()} if correct is not None else {}
    known = [row for row, right in answers.items() if right is not None]
    sizes = runs.get("data.val_size", pd.Series(dtype="float64")).dropna()
    images, matrix = next(map(int, sizes), None), None
    if known and set(setting[known]) == set(setting[keep]):
        keep, matrix = np.array(known), np.array([answers[row] for row in known], dtype=np.bool_)
        images = matrix.shape[1]
    chosen = runs.iloc[keep]
    key = replicate_key(chosen)
    data = Replicates(
        settings=int(setting.max(initial=-1)) + 1,
        setting=setting[keep].astype(np.intp),
        seed=pd.factorize(chosen[key])[0].astype(np.intp),
        accuracy=chosen["final_val_accuracy"].to_numpy(dtype=np.float64),
        correct=matrix,
        images=images,
        draws=key == DRAW,
    )
    return _over_seeds(data) if data.draws else data


def _over_seeds(data: Replicates) -> Replicates:
    """The same with one replicate a draw, which answers as its seeds do on average."""
    together = np.column_stack([data.setting, data.seed])
    pairs, group, runs = np.unique(together, axis=0, return_inverse=True, return_counts=True)
    if len(pairs) == len(group):
        return data
    correct = None
    if data.correct is not None:
        correct = sum_by(data.correct, group, len(pairs))
        correct /= runs[:, None]
    return replace(
        data,
        setting=pairs[:, 0],
        seed=pairs[:, 1],
        accuracy=np.bincount(group, data.accuracy) / runs,
        correct=correct,
    )


def sum_by(values: NDArray[Any], group: NDArray[np.intp], groups: int) -> NDArray[np.float32]:
    """Sums of the rows of each group, ``[groups, M]``."""
    sums = np.zeros((groups, values.shape[1]), dtype=np.float32)
    order = np.argsort(group, kind="stable")
    present, starts = np.unique(group[order], return_index=True)
    for start in range(0, len(present), BLOCK):
        first = starts[start]
        last = starts[start + BLOCK] if start + BLOCK < len(present) else len(order)
        block = values[order[first:last]].astype(np.float32)
        local = starts[start : start + BLOCK] - first
        sums[present[start : start + BLOCK]] = np.add.reduceat(block, local, axis=0)
    return sums
