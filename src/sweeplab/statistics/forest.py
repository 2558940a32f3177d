"""A random forest that fills in the cells of an incomplete grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

GROUPS = 20
TREES = 10  # in a group
LEVELS = 8  # of a knob, at most: values between them say little more
FEWEST = 8  # settings, and two for each knob


def predicted_cells(
    table: pd.DataFrame, knobs: Sequence[str], seed: int
) -> tuple[NDArray[np.float64] | None, list[int], list[str]]:
    """What groups of trees predict for every cell of the complete grid.

    Trees see the rank of a knob's value, so scales do not matter. The idea is functional anova
    on a forest (Hutter, Hoos and Leyton-Brown, ICML 2014, section 4).

    Args:
        table: settings with ``final_val_accuracy`` and ``n``.
        knobs: those that vary.
        seed: of the forest.

    Returns:
        predictions ``[groups, cells]`` in row-major order, or None with too few settings; the
        grid's shape; the knobs in the order of its axes.
    """
    kept = [knob for knob in knobs if table[knob].nunique(dropna=False) > 1]
    if len(table) < max(FEWEST, 2 * len(kept)) or not kept:
        return None, [], kept
    from sklearn.ensemble import RandomForestRegressor

    codes = [pd.factorize(table[knob], sort=True)[0] for knob in kept]
    lasts = [int(ranks.max()) for ranks in codes]
    levels = [np.unique(np.linspace(0, last, min(last + 1, LEVELS)).round()) for last in lasts]
    forest = RandomForestRegressor(
        n_estimators=GROUPS * TREES, min_samples_leaf=2, random_state=seed, n_jobs=1
    )
    forest.fit(
        np.column_stack(codes).astype(np.float32),
        table["final_val_accuracy"].to_numpy(dtype=np.float64),
        sample_weight=table["n"].to_numpy(dtype=np.float64),
    )
    grid = np.stack(np.meshgrid(*levels, indexing="ij"), axis=-1)
    cells = grid.reshape(-1, len(kept)).astype(np.float32)
    each = np.array([tree.predict(cells) for tree in forest.estimators_])  # [trees, cells]
    return each.reshape(GROUPS, TREES, -1).mean(axis=1), [len(level) for level in levels], kept
