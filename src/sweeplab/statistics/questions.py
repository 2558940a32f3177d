"""One sentence for each knob: what it does to the accuracy that can be reached."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweeplab import words
from sweeplab.statistics.effects import compare
from sweeplab.statistics.noise import Noise
from sweeplab.statistics.words import accuracy, capital, listed, plus_minus
from sweeplab.words import knob_name, value_text

SIZE, DECAY = "data.train_size", "optimizer.weight_decay"
SIZE_BY_DECAY = f"{SIZE} × {DECAY}"
SHOWN = 6  # values of a knob in one sentence


def questions(
    model: Noise,
    table: pd.DataFrame,
    effects: pd.DataFrame,
    tests: pd.DataFrame,
    knobs: Sequence[str],
    eligible: Sequence[int],
) -> dict[str, str]:
    """What each knob does, by knob; and training-set size with and without weight decay.

    Args:
        model: see :func:`~.noise.noise`.
        table: as :func:`~.settings.settings` gives it.
        effects: as :func:`~.effects.knob_effects` gives it.
        tests: as :func:`~.effects.knob_tests` gives it.
        knobs: those that vary.
        eligible: settings that never diverged.
    """
    found = {}
    for knob in knobs:
        part = effects[effects["knob"] == knob].reset_index(drop=True)
        there = part[part["best_mean"].notna()]
        if there.empty:
            continue
        test = tests[tests["knob"] == knob]
        changes = bool(test["effect"].iloc[0]) if len(test) else None
        found[knob] = _knob(model, knob, part, there, changes, [k for k in knobs if k != knob])
    if SIZE in knobs and DECAY in knobs:
        sentence = _size_by_decay(model, table, eligible)
        if sentence:
            found[SIZE_BY_DECAY] = sentence
    return found


def _knob(
    model: Noise,
    knob: str,
    part: pd.DataFrame,
    there: pd.DataFrame,
    changes: bool | None,
    others: Sequence[str],
) -> str:
    over = f"the best over {words.listed(_names(others))} at each value; " if others else ""
    choosing = ", not that the best was picked" if others else ""
    gone = part.loc[part["best_mean"].isna(), "value"]
    lost = (
        f" At {listed([value_text(v) for v in gone])} no setting ran to the end."
        if len(gone)
        else ""
    )
    top = there[there["top"].astype(bool)].iloc[0]
    reach = "the best reachable validation accuracy" if others else "validation accuracy"
    if len(there) == 1:
        return (
            f"{capital(knob_name(knob))}: only {value_text(top['value'])} ran to the end, with "
            f"{accuracy(top['best_mean'])}.{lost}"
        )
    covers = f"covering {model.chance}{choosing}"
    if len(there) == 2:
        low, high = there.iloc[0], there.iloc[1]
        change = compare(model, int(high["best"]), int(low["best"]))
        text = (
            f"from {value_text(low['value'])} to {value_text(high['value'])} {reach} changes by "
            f"{plus_minus(change.estimate, change.half, signed=True)}, from "
            f"{accuracy(low['best_mean'])} to {accuracy(high['best_mean'])} "
            f"({over}95 % interval {covers})"
        )
    else:
        against = [
            f"{plus_minus(row['difference'], row['half'], signed=True)} "
            f"at {value_text(row['value'])}"
            for row in _shown(there).to_dict("records")
            if not row["top"]
        ]
        text = (
            f"of {len(there)} values, {value_text(top['value'])} reaches the highest validation "
            f"accuracy, {accuracy(top['best_mean'])}; against it, {', '.join(against)} "
            f"({over}95 % intervals, simultaneous, {covers})"
        )
    verdict = ""
    if changes is False:
        verdict = (
            " Over all matched settings it has no measurable effect."
            if there["clear"].any()
            else " No value differs measurably from another."
        )
    if changes and not there["clear"].any() and others:
        verdict = (
            " It matters for some values of the other knobs, but the best that can be reached "
            "does not change measurably."
        )
    return f"{capital(knob_name(knob))}: {text}.{verdict}{lost}"


def _size_by_decay(model: Noise, table: pd.DataFrame, eligible: Sequence[int]) -> str | None:
    """With and without weight decay, for the smallest and the largest training set."""
    there = table[table["setting"].isin(list(eligible)) & (table["n"] > 0)]
    sizes, decays = sorted(there[SIZE].unique()), sorted(there[DECAY].unique())
    if len(sizes) < 2 or len(decays) < 2:
        return None
    parts = []
    for size in (sizes[0], sizes[-1]):
        at = there[there[SIZE] == size]
        without = at[at[DECAY] == decays[0]]
        with_ = at[at[DECAY] > decays[0]]
        if without.empty or with_.empty:
            return None
        plain = without.loc[without["mean_final"].idxmax()]
        best = with_.loc[with_["mean_final"].idxmax()]
        change = compare(model, int(best["setting"]), int(plain["setting"]), among=2)
        parts.append(
            f"with {value_text(size)} training images by "
            f"{plus_minus(change.estimate, change.half, signed=True)} "
            f"(at {value_text(best[DECAY])}, {accuracy(best['mean_final'])} "
            f"against {accuracy(plain['mean_final'])})"
        )
    base = "none" if decays[0] == 0 else value_text(decays[0])
    return (
        f"Weight decay at its best value, compared with {base}, changes the best reachable "
        f"validation accuracy {' and '.join(parts)} (95 % intervals, simultaneous over the two, "
        f"covering {model.chance}, not that the best was picked)."
    )


def _names(knobs: Sequence[str]) -> list[str]:
    return [knob_name(knob) for knob in knobs]


def _shown(there: pd.DataFrame) -> pd.DataFrame:
    """All values, or, of many, the two ends, the best one's neighbours and some between."""
    if len(there) <= SHOWN + 1:
        return there
    top = int(np.flatnonzero(there["top"].to_numpy())[0])
    rows = {0, len(there) - 1, top, max(top - 1, 0), min(top + 1, len(there) - 1)}
    return there.iloc[sorted(rows)]
