"""Whether one knob can make up for another: weight decay for a smaller training set."""

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
    compared: Comparisons,
    settings: pd.DataFrame,
    knobs: Sequence[str],
    eligible: Sequence[int],
    short: str = SIZE,
    helper: str = DECAY,
) -> pd.DataFrame:
    """The best with weight decay against the best without, for the smallest and largest set.

    Args: as of :func:`~.effects.knob_effects`, and
        short: the knob that is short, in place of the training-set size.
        helper: the one that may make up for it, in place of the weight decay.

    Returns:
        Two rows, or none where this cannot be asked: ``size``; ``without``, the smallest weight
        decay that was tried; ``with``, the best larger one; the mean accuracies of both;
        ``difference`` of these, ``low`` and ``high`` (95 %, see
        :class:`~.comparisons.Comparisons`), ``clear``.
    """
    none = pd.DataFrame(columns=COLUMNS)
    if not {short, helper} <= set(knobs):
        return none
    table = settings[settings["setting"].isin(list(eligible)) & (settings["n"] > 0)]
    least = table[helper].min()
    rows = []
    for size in sorted({table[short].min(), table[short].max()}):
        at = ranked(table[table[short] == size])
        without, with_ = at[at[helper] == least], at[at[helper] > least]
        if without.empty or with_.empty:
            return none
        plain, best = without.iloc[0], with_.iloc[0]
        change = compared.best(with_["setting"], without["setting"])
        means = plain[METRIC], best[METRIC]
        bounds = change.estimate, change.low, change.high, change.clear
        rows.append((size, least, best[helper], *means, *bounds))
    return pd.DataFrame(rows, columns=COLUMNS) if len(rows) == 2 else none
