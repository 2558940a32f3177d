"""What early evaluations say of the end, and what stopping early would gain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata, t

from sweeplab.statistics.intervals import DEVIATE
from sweeplab.sweeps.settings import METRIC, replicate_key

SHARES = (0.1, 0.25, 0.5)  # of training
FEWEST = 5  # settings that have an order
FEWEST_POINTS = 4  # evaluations after the first update, to choose an iteration from
COLUMNS = ["share", "settings", "correlation", "low", "high", "place"]


@dataclass(frozen=True)
class Stopping:
    """What stopping one setting at its best iteration gains, ``gain ± half`` (95 %)."""

    gain: float  # on replicates that had no part in choosing the iteration
    half: float
    seen: float  # what the best of each curve shows, its luck included
    iteration: int  # the middle one of those that were chosen
    last: int  # the end of training
    replicates: int

    @property
    def clear(self) -> bool:
        """Whether it gains more than chance explains."""
        return self.gain > self.half

    @property
    def loses(self) -> bool:
        """Whether it loses more than chance explains."""
        return self.gain < -self.half


def early_means(runs: pd.DataFrame, numbers: pd.Series[int], curves: pd.DataFrame) -> pd.DataFrame:
    """Each setting's mean validation accuracy early in training and at the end.

    Args:
        runs: usable runs without repeats, with ``run`` and ``final_iteration``.
        numbers: the setting of each.
        curves: ``run``, ``iteration``, ``val_accuracy`` (NaN where not evaluated).

    Returns:
        A row a setting, by number: ``end``, and a column for each of :data:`SHARES` with the last
        evaluation up to there; NaN where a run has none in the second half of that stretch.
    """
    known = pd.DataFrame(
        {"setting": numbers, "run": runs["run"], "last": runs["final_iteration"].astype(float)}
    )
    points = curves.loc[curves["val_accuracy"].notna(), ["run", "iteration", "val_accuracy"]]
    points = points.merge(known, on="run").sort_values(["run", "iteration"], kind="stable")
    share = (points["iteration"] / points["last"]).to_numpy()
    # Of a run's evaluations the last one up to there: the next is beyond it, or another run's.
    following = pd.Series(share).shift(-1).to_numpy(copy=True)
    run = points["run"].reset_index(drop=True)
    following[(run != run.shift(-1)).to_numpy()] = np.inf
    means = {"end": runs[METRIC].groupby(numbers).mean()}
    size = numbers.value_counts()
    for wanted in SHARES:
        at = points[(share <= wanted + 1e-9) & (following > wanted + 1e-9) & (share > wanted / 2)]
        by_setting = at.groupby("setting")["val_accuracy"]
        whole = by_setting.size() == size.reindex(by_setting.size().index)
        means[str(wanted)] = by_setting.mean()[whole]
    return pd.DataFrame(means)


def early(means: pd.DataFrame, chosen: int | None) -> pd.DataFrame:
    """How well the order of settings early in training agrees with that at the end.

    Spearman's rank correlation, with the interval of D. G. Bonett and T. A. Wright (Sample size
    requirements for estimating Pearson, Kendall and Spearman correlations, Psychometrika 65,
    2000): of Fisher's z, whose variance is ``(1 + r² / 2) / (K - 3)``. It is for other settings
    like these; both ends share images and seeds, whose chance is in both.

    Args:
        means: as :func:`early_means` gives it, of settings that ran to the end.
        chosen: the recommended setting.

    Returns:
        One row a share of training with five settings or more: ``share``, ``settings``,
        ``correlation``, ``low``, ``high``, ``place`` (the rank that the recommended setting had
        then, from 1; NaN without one).
    """
    rows = []
    for wanted in SHARES:
        both = means[["end", str(wanted)]].dropna()
        k = len(both)
        if k < FEWEST or (both.nunique() < 2).any():
            continue
        then, end = (rankdata(both[name]) for name in (str(wanted), "end"))
        r = float(np.corrcoef(then, end)[0, 1])
        # Of equal orders the next alike is taken, two neighbours the other way round: a correlation
        # of 1 has no spread of its own, but another sample may have.
        most = 1 - 12 / (k**3 - k)
        z = np.arctanh(np.clip(r, -most, most))
        half = DEVIATE * np.sqrt((1 + r**2 / 2) / (k - 3))
        place = np.nan
        if chosen in both.index:
            place = 1 + int((then > then[both.index.get_loc(chosen)]).sum())
        low, high = np.tanh(z - half), np.tanh(z + half)
        rows.append((wanted, k, r, min(float(low), r), max(float(high), r), place))
    return pd.DataFrame(rows, columns=COLUMNS)


def stopping(runs: pd.DataFrame, curves: pd.DataFrame) -> Stopping | None:
    """What stopping one setting early gains, without the luck of the iteration chosen.

    The iteration of the highest mean over all replicates but one is scored on that one, each in
    turn (leave-one-out cross-validation; M. Stone, J. R. Stat. Soc. B 36, 1974), against the end
    of the same curve. What was chosen is nearly the same in each turn, so the variance of the mean
    is raised from ``1 / n`` to ``1 / n + 1 / (n - 1)`` of one's (C. Nadeau and Y. Bengio, Inference
    for the generalization error, Machine Learning 52, 2003). Replicates share their validation
    images, so the luck of these stays in it.

    Args:
        runs: the setting's usable runs without repeats.
        curves: as :func:`early_means` takes them.

    Returns:
        None with one replicate, or too few evaluations to choose from.
    """
    mine = runs[["run"]].assign(replicate=runs[replicate_key(runs)] if len(runs) else 0)
    points = curves[curves["run"].isin(mine["run"]) & curves["val_accuracy"].notna()]
    points = points[points["iteration"] > 0].merge(mine, on="run")
    table = points.pivot_table(index="replicate", columns="iteration", values="val_accuracy")
    table = table.dropna(axis=1)
    n, evaluations = table.shape
    if n < 2 or evaluations < FEWEST_POINTS:
        return None
    accuracy = table.to_numpy()  # [n, T]
    others = (accuracy.sum(axis=0) - accuracy) / (n - 1)
    best = others.argmax(axis=1)
    gains = accuracy[np.arange(n), best] - accuracy[:, -1]
    half = float(t.ppf(0.975, n - 1) * gains.std(ddof=1) * np.sqrt(1 / n + 1 / (n - 1)))
    iterations = table.columns.to_numpy()
    return Stopping(
        gain=float(gains.mean()),
        half=half,
        seen=float((accuracy.max(axis=1) - accuracy[:, -1]).mean()),
        iteration=int(np.sort(iterations[best])[(n - 1) // 2]),
        last=int(iterations[-1]),
        replicates=n,
    )
