"""Whether weight decay can make up for a smaller training set."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sweeplab.statistics.effects import compare
from sweeplab.statistics.keys import DECAY, SIZE
from sweeplab.statistics.noise import Noise
from sweeplab.sweeps.settings import METRIC, ranked

COLUMNS = ["size", "without", "with", "without_mean", "with_mean", "difference", "half", "clear"]


def size_by_decay(
    model: Noise, settings: pd.DataFrame, knobs: Sequence[str], eligible: Sequence[int]
) -> pd.DataFrame:
    """The best with weight decay against the best without, for the smallest and largest set.

    Args: as of :func:`~.effects.knob_effects`.

    Returns:
        Two rows, or none where this cannot be asked: ``size``; ``without``, the smallest weight
        decay that was tried; ``with``, the best larger one; the mean accuracies of both;
        ``difference`` of these, ``half`` (95 %, simultaneous over the two rows by Bonferroni,
        not counting that the best was picked), ``clear``.
    """
    none = pd.DataFrame(columns=COLUMNS)
    if not {SIZE, DECAY} <= set(knobs):
        return none
    table = settings[settings["setting"].isin(list(eligible)) & (settings["n"] > 0)]
    least = table[DECAY].min()
    rows = []
    for size in sorted({table[SIZE].min(), table[SIZE].max()}):
        at = ranked(table[table[SIZE] == size])
        without, with_ = at[at[DECAY] == least], at[at[DECAY] > least]
        if without.empty or with_.empty:
            return none
        plain, best = without.iloc[0], with_.iloc[0]
        change = compare(model, int(best["setting"]), int(plain["setting"]), among=2)
        means = plain[METRIC], best[METRIC]
        rows.append((size, least, best[DECAY], *means, change.estimate, change.half, change.clear))
    return pd.DataFrame(rows, columns=COLUMNS) if len(rows) == 2 else none
