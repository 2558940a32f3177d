"""Runs grouped into settings: a configuration without seed and draw, which are its replicates.

Where several draws of the training images were trained, a draw with all its seeds is one
replicate: what differs from draw to draw is far more than what differs from seed to seed, and
runs that share their training images say less than as many that do not. Else a seed is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from sweeplab.config import KNOBS
from sweeplab.results import METRICS
from sweeplab.words import count, listed, parts_of

# One rule for every ranking and every figure: validation accuracy after the last iteration. The
# best iteration of each run would be chosen on the same images, and so flatter noisy runs.
METRIC = "final_val_accuracy"
METRIC_NAME = "final validation accuracy"
LEVEL = 0.95
REPLICATES = tuple(key for key, known in KNOBS.items() if known.role == "replicate")
DRAW, SEED = "data.train_draw", "seed"
# The lowest stands for equal runs.
RANK = {"completed": 0, "diverged": 1, "stopped": 2, "failed": 3}

SettingsTable = pd.DataFrame


def summarise(runs: pd.DataFrame, knobs: Sequence[str]) -> SettingsTable:
    """One row for each combination of ``knobs`` in ``runs``, numbered from 0 as they appear.

    Columns: ``setting``, the knobs, ``runs``, ``n`` (replicates, of the runs that completed with
    a finite accuracy), ``diverged``, ``stopped`` and ``failed`` (runs); and over those that ``n``
    counts, for ``best`` and ``final``: the means of training and validation accuracy and loss
    (``best_val_accuracy``, ...; NaN where ``runs`` lacks them); ``gap``, final training less
    validation accuracy; ``sd``, ``half_width``, ``low`` and ``high``, the standard deviation and
    the 95 % t interval of the mean final validation accuracy over the replicates, NaN for one.
    Repeats count once (:func:`repeated`).
    """
    frame = runs.assign(setting=setting_numbers(runs, knobs))[~repeated(runs, knobs)]
    by_setting = frame.groupby("setting", sort=True)
    means = [f"{which}_{metric}" for which in ("best", "final") for metric in METRICS]
    good = usable(frame)
    columns = ["setting", "best_iteration", *means]
    done = per_replicate(frame[good], knobs).reindex(columns=columns).groupby("setting")
    together = [part for knob in knobs for part in parts_of(knob) if part not in knobs]
    table = by_setting[[*knobs, *together]].first()
    table["runs"] = by_setting.size()
    table["n"] = done.size().reindex(table.index, fill_value=0)
    gone, early = (frame["status"] == status for status in ("diverged", "stopped"))
    for column, rows in (
        ("diverged", gone),
        ("stopped", early),
        ("failed", ~good & ~gone & ~early),
    ):
        table[column] = rows.groupby(frame["setting"]).sum().astype("int64")
    table[means] = done[means].mean()
    table["gap"] = table["final_train_accuracy"] - table["final_val_accuracy"]
    table["best_iteration"] = done["best_iteration"].median().astype("float64")
    table["sd"] = done[METRIC].std(ddof=1)
    table["half_width"] = t_half_width(table["sd"].to_numpy(), table["n"].to_numpy())
    table["low"] = table[METRIC] - table["half_width"]
    table["high"] = table[METRIC] + table["half_width"]
    return table.reset_index()


def usable(runs: pd.DataFrame) -> pd.Series[bool]:
    """Which runs completed with a finite final validation accuracy."""
    return (runs["status"] == "completed") & np.isfinite(runs[METRIC].astype("float64"))


def setting_numbers(runs: pd.DataFrame, knobs: Sequence[str]) -> pd.Series[int]:
    """The number of each run's setting, from 0, in order of first appearance."""
    if not knobs or runs.empty:
        return pd.Series(0, index=runs.index, name="setting", dtype="int64")
    return runs.groupby(list(knobs), sort=False, dropna=False).ngroup().rename("setting")


def repeated(runs: pd.DataFrame, knobs: Sequence[str]) -> pd.Series[bool]:
    """Which runs repeat the setting, seed and draw of another, and so say nothing new.

    Training is deterministic: the same configuration in two merged sweeps is one observation.
    Of equals a completed run is kept before a diverged one, and that before a failed one.
    """
    if SEED not in runs or runs.empty:
        return pd.Series(False, index=runs.index)
    rank = runs["status"].map(RANK)
    keys = runs[[key for key in REPLICATES if key in runs]]
    keys = keys.assign(setting=setting_numbers(runs, knobs))
    order = rank.argsort(kind="stable")
    return keys.iloc[order].duplicated().reindex(runs.index)


def replicate_key(runs: pd.DataFrame) -> str:
    """What tells replicates of a setting apart: the draw where draws vary, else the seed."""
    return DRAW if DRAW in runs and runs[DRAW].nunique() > 1 else SEED


def per_replicate(runs: pd.DataFrame, knobs: Sequence[str]) -> pd.DataFrame:
    """A row a replicate: the metrics of a draw are the means over the seeds it was trained with.

    All else is that of the first of these runs. Without several draws ``runs`` as they are.

    Args:
        runs: completed ones, no two of them repeats (:func:`repeated`).
        knobs: those that vary.
    """
    if replicate_key(runs) == SEED:
        return runs
    keys = [setting_numbers(runs, knobs), runs[DRAW]]
    numbers = [name for name in runs if str(name).startswith(("final_", "best_"))]
    how = {name: "mean" if name in numbers else "first" for name in runs}
    return runs.groupby(keys, sort=False).agg(how).reset_index(drop=True)


def t_half_width(sd: NDArray[np.float64], n: NDArray[Any]) -> NDArray[np.float64]:
    """Half the width of the 95 % t interval of a mean of ``n`` values; NaN where n < 2.

    Student's interval for a normal mean with unknown variance: t(0.975, n - 1) sd / sqrt(n).
    """
    several = n > 1
    degrees = np.where(several, n - 1, 1)
    width = stdtrit(degrees, (1 + LEVEL) / 2) * sd / np.sqrt(np.maximum(n, 1))
    return np.where(several, width, np.nan)


def typical_run(
    runs: pd.DataFrame, knobs: Sequence[str], setting: int | None
) -> pd.Series[Any] | None:
    """The middle one of a setting's completed runs by final validation accuracy; None without any.

    Neither the luckiest nor the unluckiest seed; of an even number the lower of the two.
    """
    here = runs[(setting_numbers(runs, knobs) == setting) & (runs["status"] == "completed")]
    order = here.sort_values([METRIC, "seed"], kind="stable")
    return order.iloc[(len(order) - 1) // 2] if len(order) else None


def ranked(settings: SettingsTable) -> SettingsTable:
    """The settings with a completed run, the highest mean first; equals stay in order."""
    there = settings[settings["n"] > 0]
    return there.sort_values(METRIC, ascending=False, kind="stable")


def count_statuses(runs: pd.DataFrame) -> str:
    """``360 runs: 336 completed, 23 diverged and 1 failed``."""
    counts = runs["status"].value_counts()
    parts = [f"{counts[status]:,} {status}" for status in RANK if status in counts]
    return f"{count(len(runs), 'run')}: {listed(parts)}"
