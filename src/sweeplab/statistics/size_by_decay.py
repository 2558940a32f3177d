"""Whether weight decay can make up for a smaller training set."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sweeplab.statistics.comparisons import Comparisons
from sweeplab.statistics.keys import DECAY, SIZE
from sweeplab.sweeps.settings import METRIC, ranked

COLUMNS = [
    "size",
    "without",
    "with",
    "without_mean",
    "with_mean",
    "difference",
    "low",
    "high",
    "clear",
]


def size_by_decay(
    compared: Comparisons, settings: pd.DataFrame, knobs: Sequence[str], eligible: Sequence[int]
) -> pd.DataFrame:
    """The best with weight decay against the best without, for the smallest and largest set.

    Args: as of :func:`~.effects.knob_effects`.

    Returns:
        Two rows, or none where this cannot be asked: ``size``; ``without``, the smallest weight
        decay that was tried; ``with``, the best larger one; the mean accuracies of both;
        ``difference`` of these, ``low`` and ``high`` (95 %, see
        :class:`~.comparisons.Comparisons`), ``clear``.
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
        change = compared.best(with_["setting"], without["setting"])
        means = plain[METRIC], best[METRIC]
        bounds = change.estimate, change.low, change.high, change.clear
        rows.append((size, least, best[DECAY], *means, *bounds))
    return pd.DataFrame(rows, columns=COLUMNS) if len(rows) == 2 else none
