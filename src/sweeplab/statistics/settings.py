"""Each setting's mean over seeds with its t interval, and what the validation set can resolve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from sweeplab.statistics.replicates import usable
from sweeplab.sweeps.settings import repeated, setting_numbers

LEVEL = 0.95


def noise_floor(accuracy: float, images: int) -> float:
    """The binomial standard error of an accuracy on ``images`` images: sqrt(p (1 - p) / n).

    It is the chance of *which* images were held out, for one model; no difference between two
    accuracies can be read more finely unless both are compared on the same images.
    """
    return float(np.sqrt(accuracy * (1 - accuracy) / images)) if images > 0 else float("nan")


def settings(runs: pd.DataFrame, knobs: Sequence[str], level: float = LEVEL) -> pd.DataFrame:
    """One row a setting: mean over its seeds, with the interval m ± t(n - 1) sd / sqrt(n).

    The t interval (Student, 1908) covers the chance of seeds alone: on these images, with other
    initial weights and batch orders. ``se_images`` is what the choice of the images adds to it
    (:func:`noise_floor`).

    Args:
        runs: one row a run, all on the same validation images, index unique.
        knobs: the swept configuration keys, without the seed.
        level: the intervals' confidence.

    Returns:
        ``setting`` (its number, see ``setting_numbers``), the knobs, ``n_runs``, ``n``
        (the runs with a result, which the means are over), ``n_diverged``, ``n_failed``; for
        ``final`` (after the last iteration) and ``best`` (at the run's best iteration, which is
        optimistic): ``mean_*``, ``sd_*`` (n - 1), ``low_*``, ``high_*`` (NaN when n < 2);
        ``se_images``; ``stable`` (no seed diverged); ``note`` (what to know of this row, or "").
    """
    # Numbered before repeats are left out, as everywhere else.
    setting = setting_numbers(runs, knobs)
    first = runs.groupby(setting)[list(knobs)].head(1) if knobs else pd.DataFrame(index=[0])
    frame = first.reset_index(drop=True).rename_axis(index=None)
    frame.insert(0, "setting", range(len(frame)))
    if runs.empty:
        frame = frame.iloc[:0]
    once = ~repeated(runs, knobs)
    runs, setting = runs[once], setting[once]
    ok = usable(runs)
    by = setting.to_numpy()
    frame["n_runs"] = np.bincount(by, minlength=len(frame))
    frame["n"] = np.bincount(by[ok.to_numpy()], minlength=len(frame))
    diverged = (runs["status"] == "diverged").to_numpy()
    frame["n_diverged"] = np.bincount(by[diverged], minlength=len(frame))
    frame["n_failed"] = frame["n_runs"] - frame["n"] - frame["n_diverged"]
    for kind in ("final", "best"):
        values = runs.loc[ok, f"{kind}_val_accuracy"].astype("float64")
        grouped = values.groupby(setting[ok])
        mean = grouped.mean().reindex(frame["setting"]).to_numpy()
        sd = grouped.std(ddof=1).reindex(frame["setting"]).to_numpy()
        n = frame["n"].to_numpy(dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            half = stats.t.ppf((1 + level) / 2, n - 1) * sd / np.sqrt(n)
        frame[f"mean_{kind}"], frame[f"sd_{kind}"] = mean, sd
        frame[f"low_{kind}"], frame[f"high_{kind}"] = mean - half, mean + half
    p = frame["mean_final"]
    if "data.val_size" in runs:
        images = runs.groupby(setting)["data.val_size"].first().reindex(frame["setting"])
        frame["se_images"] = np.sqrt(p * (1 - p) / images.to_numpy(dtype=np.float64))
    else:
        frame["se_images"] = np.nan
    frame["stable"] = frame["n_diverged"] == 0
    counts = frame[["n_runs", "n", "n_diverged", "n_failed"]].to_numpy()
    frame["note"] = [_note(*map(int, row)) for row in counts]
    return frame


def _note(n_runs: int, n: int, n_diverged: int, n_failed: int) -> str:
    parts = []
    if n_diverged:
        rest = f"; the mean is over the {n} that did not" if n else ""
        parts.append(f"{n_diverged} of {n_runs} seeds diverged{rest}")
    if n_failed:
        parts.append(f"{n_failed} of {n_runs} seeds failed")
    if n == 1:
        parts.append("one seed: no interval")
    return ", ".join(parts)
