"""Two sides of a comparison, on each validation set that both were measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sweeplab.data_keys import SHOWING, VALIDATING
from sweeplab.statistics.paired import BOTH, SIDE, Paired, paired
from sweeplab.statistics.predictions import Correct, read_correct
from sweeplab.sweeps.comparable import validation_set
from sweeplab.sweeps.images import find_images
from sweeplab.sweeps.settings import REPLICATES
from sweeplab.sweeps.sides import KEYS, Apart, Side, apart
from sweeplab.sweeps.tables import Sweep

LOOKS = set(SHOWING) - set(VALIDATING)


@dataclass(frozen=True, eq=False)
class Part:
    """The runs of both sides on one validation set."""

    name: str  # of the validation set
    differ: list[Apart]  # the keys in which the sides differ
    found: Paired | None  # None where their accuracies do not compare
    other_data: bool  # whether they ask for the same data and were trained on others


def versus(left: Side, right: Side) -> list[Part]:
    """Compare B, the right side, with A, on each validation set that both have.

    Images validate both sides where both sweeps kept the same; what a sweep did not keep is taken
    to be what its configuration says, unless the checksums of like runs differ.
    """
    runs, sweeps = _pool(left, right)
    curves = _curves(sweeps)
    labels = validation_set(runs)
    parts = []
    for name in labels.unique():
        here = (labels == name).to_numpy()
        if set(BOTH) <= set(runs.loc[here, SIDE]):
            parts.append(_part(str(name), runs[here], curves, sweeps))
    return parts


def _pool(left: Side, right: Side) -> tuple[pd.DataFrame, list[Sweep]]:
    """All runs of both sides and beside them, each with its side and the place of its sweep."""
    sweeps = [left.sweep] if left.sweep is right.sweep else [left.sweep, right.sweep]
    tables = []
    for place, sweep in enumerate(sweeps):
        side = np.full(len(sweep.runs), "", dtype=object)
        for each, name in zip((left, right), BOTH, strict=True):
            if each.sweep is sweep:
                side[each.rows] = name
        table = sweep.runs.assign(place=place, run=_names(sweep.runs, place))
        table[SIDE] = side
        tables.append(table)
    runs = pd.concat(tables, ignore_index=True)
    runs["eval_every"] = runs["eval_every"].astype(str)  # numbers and words do not sort
    return runs, sweeps


def _names(frame: pd.DataFrame, place: int) -> pd.Series[str]:
    """Of runs, by which no two of two sweeps go."""
    return f"{place}/" + frame["sweep"] + "/" + frame["run"].astype(str)


def _curves(sweeps: Sequence[Sweep]) -> pd.DataFrame:
    tables = [sweep.curves.assign(run=_names(sweep.curves, i)) for i, sweep in enumerate(sweeps)]
    return pd.concat(tables, ignore_index=True)


def _part(name: str, runs: pd.DataFrame, curves: pd.DataFrame, sweeps: Sequence[Sweep]) -> Part:
    runs = runs.reset_index(drop=True)
    sides = [runs[runs[SIDE] == side] for side in BOTH]
    differ = apart(*sides)
    planted = [each.key for each in differ if each.planted]
    other = _other_data(sides, differ)
    if not _same_images(sides, sweeps, other=other):
        return Part(name, differ, None, other)
    keys = [key for key in KEYS if runs[key].nunique() > 1]
    correct = _correct(runs, sweeps)
    return Part(name, differ, paired(runs, curves, keys, planted, correct), other)


def _correct(runs: pd.DataFrame, sweeps: Sequence[Sweep]) -> Correct | None:
    found: list[np.ndarray | None] = [None] * len(runs)
    known = False
    for place, sweep in enumerate(sweeps):
        rows = np.flatnonzero(runs["place"] == place)
        part = replace(sweep, runs=runs.iloc[rows].reset_index(drop=True))
        answers = read_correct(part)
        known |= answers is not None
        for row, answer in zip(rows.tolist(), answers or [], strict=False):
            found[row] = answer
    lengths = {len(answer) for answer in found if answer is not None}
    return found if known and len(lengths) == 1 else None


def _other_data(sides: Sequence[pd.DataFrame], differ: Sequence[Apart]) -> bool:
    """Whether like runs of both sides were trained on different examples."""
    if any(each.key.startswith("data.") for each in differ):
        return False  # then they should have been
    keys = [*(key for key in (*KEYS, *REPLICATES) if key.startswith("data.")), "data_checksum"]
    left, right = (side[keys].drop_duplicates() for side in sides)
    both = left.merge(right, on=keys[:-1], suffixes=("_a", "_b"))
    same = both["data_checksum_a"] == both["data_checksum_b"]
    return len(both) > 0 and not same.all()


def _same_images(sides: Sequence[pd.DataFrame], sweeps: Sequence[Sweep], *, other: bool) -> bool:
    rows = [side.iloc[0].to_dict() for side in sides]
    if len({row["place"] for row in rows}) == 1 and not other:
        return True
    kept = [find_images(sweeps[int(row["place"])], row) for row in rows]
    if any(images is None for images in kept):
        return not other
    left, right = kept
    assert left is not None
    assert right is not None
    if not np.array_equal(left.val_labels, right.val_labels):
        return False
    if any(rows[0][f"data.{key}"] != rows[1][f"data.{key}"] for key in LOOKS):
        return True  # the same examples look different
    return np.array_equal(left.val_images, right.val_images)
