"""One sentence for each knob: what it does to the accuracy that can be reached."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweeplab.report.text.answer import covered
from sweeplab.statistics.analysis import Analysis
from sweeplab.statistics.keys import DECAY, SIZE
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import capital, change, knob_name, listed, number, value_text

SIZE_BY_DECAY = f"{SIZE} × {DECAY}"
SHOWN = 6  # values of a knob in one sentence


def questions(part: Sweep, analysis: Analysis) -> dict[str, str]:
    """What each knob does, by its key; and training-set size with and without weight decay."""
    chance, effect = covered(analysis.chance), analysis.tests.set_index("knob")["effect"]
    said = {}
    for knob, values in analysis.effects.groupby("knob", sort=False):
        others = [other for other in part.knobs if other != knob]
        said[str(knob)] = _knob(str(knob), values, effect.get(knob), others, chance)
    if len(analysis.size_by_decay):
        said[SIZE_BY_DECAY] = _size_by_decay(analysis.size_by_decay, chance)
    return said


def _knob(
    knob: str, values: pd.DataFrame, effect: bool | None, others: Sequence[str], chance: str
) -> str:
    ran = values[values["best_mean"].notna()]
    if len(ran) == 1:
        [only] = ran.to_dict("records")
        best, reached = value_text(only["value"]), number(only["best_mean"])
        said = f"only {best} ran to the end, with {reached}."
    else:
        over = f"the best over {listed([knob_name(k) for k in others])} at each value; "
        method = (
            f"({over if others else ''}95 % interval{'s, simultaneous,' if len(ran) > 2 else ''} "
            f"covering {chance})"
        )
        reachable = "the best reachable " if others else ""
        against = _change(ran, reachable) if len(ran) == 2 else _against_the_best(ran)
        said = f"{against} {method}."
        clear = ran["clear"].any()
        if effect is not None and not effect:
            said += (
                " Over all matched settings it has no measurable effect."
                if clear
                else " No value differs measurably from another."
            )
        elif effect and others and not clear:
            said += (
                " It matters for some values of the other knobs, but the best that can be reached "
                "does not change measurably."
            )
    lost = [value_text(value) for value in values.loc[values["best_mean"].isna(), "value"]]
    if lost:
        said += f" At {listed(lost)} no setting ran to the end."
    return f"{capital(knob_name(knob))}: {said}"


def _against_the_best(ran: pd.DataFrame) -> str:
    [top] = ran[ran["top"].astype(bool)].to_dict("records")
    against = [
        f"{change(row['difference'], row['low'], row['high'])} at {value_text(row['value'])}"
        for row in _shown(ran).to_dict("records")
        if not row["top"]
    ]
    return (
        f"of {len(ran)} values, {value_text(top['value'])} reaches the highest validation "
        f"accuracy, {number(top['best_mean'])}; against it, {', '.join(against)}"
    )


def _change(two: pd.DataFrame, reachable: str) -> str:
    """From the lower of two values to the higher."""
    low, high = two.to_dict("records")
    # Differences in the table are to the best value, whose own is 0.
    by = high["difference"], high["low"], high["high"]
    if high["top"]:
        by = -low["difference"], -low["high"], -low["low"]
    return (
        f"from {value_text(low['value'])} to {value_text(high['value'])} {reachable}validation "
        f"accuracy changes by {change(*by)}, from "
        f"{number(low['best_mean'])} to {number(high['best_mean'])}"
    )


def _size_by_decay(rows: pd.DataFrame, chance: str) -> str:
    changes = [
        f"with {value_text(row['size'])} training images by "
        f"{change(row['difference'], row['low'], row['high'])} "
        f"(at {value_text(row['with'])}, {number(row['with_mean'])} against "
        f"{number(row['without_mean'])})"
        for row in rows.to_dict("records")
    ]
    least = rows["without"].iloc[0]
    return (
        f"Weight decay at its best value, compared with "
        f"{'none' if least == 0 else value_text(least)}, changes the best reachable validation "
        f"accuracy {' and '.join(changes)} (95 % intervals, simultaneous over the two, covering "
        f"{chance})."
    )


def _shown(values: pd.DataFrame) -> pd.DataFrame:
    """All values, or, of many, the two ends, and the best one with its neighbours."""
    last = len(values) - 1
    if last <= SHOWN:
        return values
    top = int(np.flatnonzero(values["top"].to_numpy())[0])
    return values.iloc[sorted({0, last, top, max(top - 1, 0), min(top + 1, last)})]
