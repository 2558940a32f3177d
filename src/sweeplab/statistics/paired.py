"""Two sides, such as two sweeps, setting by setting, seed by seed and image by image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from sweeplab.statistics.chance import Chance
from sweeplab.statistics.comparisons import NONE, Difference, comparisons
from sweeplab.statistics.contrasts import average_errors, pair_errors
from sweeplab.statistics.design import POWER
from sweeplab.statistics.intervals import DEVIATE
from sweeplab.statistics.knob_tests import knob_tests
from sweeplab.statistics.noise import Indices, Noise, noise
from sweeplab.statistics.predictions import Correct
from sweeplab.statistics.recommend import candidates
from sweeplab.statistics.replicates import replicates
from sweeplab.statistics.steps import last_steps
from sweeplab.statistics.tied import tied_set
from sweeplab.sweeps.settings import REPLICATES, repeated, setting_numbers, summarise, usable

Mask = NDArray[np.bool_]

SIDE = "side"  # the column that says on which side a run is: A, B, or neither
BOTH = ("A", "B")
MEASURES = ("final_val_accuracy", "final_val_loss", "final_train_accuracy", "final_train_loss")
COLUMNS = ["left", "right", "seeds", "A", "B", "difference", "low", "high", "clear"]


@dataclass(frozen=True, eq=False)
class Paired:
    """B less A: what the settings that both sides have say, and the best of each side."""

    pairs: pd.DataFrame  # a row a pair of settings: COLUMNS, and the keys that vary among pairs
    average: Difference  # over the pairs, with its own 95 % interval; NaN without pairs
    detectable: float  # the least true average that is found with ``design.POWER``; NaN without
    best: Difference  # the best of B less the best of A, each of several that were compared
    reached: tuple[float, float]  # the best means of A and B
    settings: tuple[int, int]  # how many settings of A and B could be compared
    chance: Chance  # which chance the intervals cover
    seeds_shared: bool  # whether pairs have the same seeds (and draws) on both sides
    survivors: bool  # whether seeds that diverged had to be left out of a pair
    diverged: tuple[int, int, int]  # of the settings both have, runs: in A alone, B alone, in both
    unpaired: int  # settings both have of which nothing can be compared
    left_out: int  # runs of the compared sides that neither completed nor diverged
    measures: pd.DataFrame  # of the pairs the means: a row a measure, columns A and B
    same: tuple[int, int]  # pairs of runs whose curves are the same to the last bit, of how many


def paired(
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    keys: Sequence[str],
    planted: Sequence[str],
    correct: Correct | None = None,
) -> Paired:
    """Compare the runs of side B with those of side A.

    Settings are pairs where all of ``keys`` but those of ``planted`` agree. In a pair the seeds
    (and draws) count that completed on both sides; where a seed diverged on either side the pair
    is not compared, unless no other is left. How noisy settings are is learnt from all of
    ``runs``, as in a report.

    The average over the pairs has an interval of its own (:func:`~.contrasts.average_errors`).
    Those of the single pairs hold all at once, at the critical value of
    :func:`~.knob_tests.knob_tests`, for which the side is a knob.

    Args:
        runs: one row a run, all on the same images, index 0, 1, ...; with ``side``: A, B or empty.
        curves: ``run``, ``iteration`` and the metrics; ``run`` is that of no two of ``runs``.
        keys: the configuration keys that vary, seeds apart.
        planted: those of them that tell the sides apart.
        correct: as :func:`~.analysis.analyse_runs` has it.
    """
    chosen = runs[runs[SIDE].isin(BOTH)]
    lost = ~usable(chosen) & (chosen["status"] != "diverged")
    others = [key for key in keys if key not in planted]
    matched, shared = _matched(runs, [SIDE, *keys], others)
    bad = (matched[["status_a", "status_b"]] == "diverged").any(axis=1)
    both = matched.groupby(others, dropna=False)["row_a"] if others else None
    # Whether in some pair of settings no seed diverged; else the seeds that did are left out.
    steady_pair = bad.groupby(both.ngroup() if both is not None else np.zeros(len(bad))).any()
    survivors = bool(len(matched)) and bool(steady_pair.all())
    used = np.ones(len(runs), dtype=np.bool_)
    if shared:
        used = _used(runs, matched, setting_numbers(runs, [SIDE, *keys]))
        used &= ~_lone(runs, matched, used) if survivors else True
    runs, right = (
        runs[used].reset_index(drop=True),
        None if correct is None else [correct[i] for i in np.flatnonzero(used).tolist()],
    )
    knobs = [SIDE, *keys]
    numbers, settings = setting_numbers(runs, knobs), summarise(runs, knobs)
    data = replicates(runs, knobs, right)
    alone = not (data.counts > 1).any()
    model = noise(data, last_steps(runs, numbers, curves) if alone else None)
    settings["there"] = model.counts[settings["setting"]] > 0
    sides = [settings[(settings[SIDE] == side) & settings["there"]] for side in BOTH]
    pairs = (
        sides[0].merge(sides[1], on=others, how="inner", suffixes=("_a", "_b"))
        if others
        else (sides[0].merge(sides[1], how="cross", suffixes=("_a", "_b")))
    )
    steady = (pairs["diverged_a"] == 0) & (pairs["diverged_b"] == 0)
    pairs = pairs if survivors else pairs[steady]
    left, right_ = (pairs[f"setting_{side}"].to_numpy(dtype=np.intp) for side in "ab")
    table = _table(model, settings, pairs, left, right_, others)
    average, detectable = _average(model, left, right_)
    best, reached, compared = _best(model, sides)
    gone = [matched[f"status_{side}"] == "diverged" for side in "ab"]
    done = (matched["status_a"] == "completed") & (matched["status_b"] == "completed")
    same = _same(matched[done], curves)
    return Paired(
        pairs=table,
        average=average,
        detectable=detectable,
        best=best,
        reached=reached,
        settings=compared,
        chance=model.chance,
        seeds_shared=shared,
        survivors=survivors,
        diverged=(
            int((gone[0] & ~gone[1]).sum()),
            int((gone[1] & ~gone[0]).sum()),
            int((gone[0] & gone[1]).sum()),
        ),
        unpaired=len(steady_pair) - len(pairs),
        left_out=int(lost.sum()),
        measures=pd.DataFrame(
            {
                side.upper(): [float(pairs[f"{name}_{side}"].mean()) for name in MEASURES]
                for side in "ab"
            },
            index=list(MEASURES),
        ),
        same=same,
    )


def _matched(
    runs: pd.DataFrame, knobs: Sequence[str], others: Sequence[str]
) -> tuple[pd.DataFrame, bool]:
    """Pairs of runs of one setting, a row each, with ``row_a``, ``row_b``, ``run_a``, ...

    Of the same seed and draw, and True; where no two runs are, every two of one setting, and False.
    """
    once = runs[~repeated(runs, knobs)]
    kept = [*others, *REPLICATES, "run", "status"]
    parts = [once.loc[once[SIDE] == side, kept].rename_axis("row").reset_index() for side in BOTH]
    pairs = parts[0].merge(parts[1], on=[*others, *REPLICATES], suffixes=("_a", "_b"))
    if len(pairs):
        return pairs, True
    how = {"on": list(others)} if others else {"how": "cross"}
    return parts[0].merge(parts[1], suffixes=("_a", "_b"), **how), False


def _used(runs: pd.DataFrame, matched: pd.DataFrame, numbers: pd.Series[int]) -> Mask:
    """Which runs enter, where seeds are shared: with seeds that some pair has, and of a setting
    that both sides have the pairs that ended on both sides."""
    rows = np.concatenate([matched["row_a"], matched["row_b"]])
    seeds = runs[list(REPLICATES)].apply(tuple, axis=1)
    used = seeds.isin(set(seeds.iloc[rows])).to_numpy(copy=True)
    used &= ~(numbers.isin(set(numbers.iloc[rows])) & ~runs.index.isin(rows)).to_numpy()
    ended = usable(runs) | (runs["status"] == "diverged")
    one, other = matched["row_a"].to_numpy(), matched["row_b"].to_numpy()
    lost = ~(ended.to_numpy()[one] & ended.to_numpy()[other])
    used[one[lost]] = used[other[lost]] = False
    return np.asarray(used)


def _lone(runs: pd.DataFrame, matched: pd.DataFrame, used: Mask) -> Mask:
    """The runs to take away so that only seeds are left that completed on both sides."""
    good = usable(runs).to_numpy()
    one, other = matched["row_a"].to_numpy(), matched["row_b"].to_numpy()
    lone = np.zeros(len(runs), dtype=np.bool_)
    lone[one[~good[other]]] = lone[other[~good[one]]] = True
    return lone & used


def _table(
    model: Noise,
    settings: pd.DataFrame,
    pairs: pd.DataFrame,
    left: Indices,
    right: Indices,
    others: Sequence[str],
) -> pd.DataFrame:
    if not len(pairs):
        return pd.DataFrame(columns=[*COLUMNS, *others])
    difference = model.mean[right] - model.mean[left]
    critical = DEVIATE
    if len(pairs) > 1:
        of_sides = settings[settings["setting"].isin([*left, *right])]
        [test] = knob_tests(
            model, of_sides, [SIDE, *others], [*left, *right], asked=[SIDE]
        ).to_dict("records")
        critical = max(float(test["critical"]), DEVIATE)
    half = pair_errors(model, left, right, elementwise=True).half(critical)
    table = pd.DataFrame(
        {
            "left": left,
            "right": right,
            "seeds": np.minimum(model.counts[left], model.counts[right]),
            "A": model.mean[left],
            "B": model.mean[right],
            "difference": difference,
            "low": np.clip(difference - half, -1, 1),
            "high": np.clip(difference + half, -1, 1),
            "clear": np.abs(difference) > half,
        }
    )
    varying = [key for key in others if pairs[key].nunique() > 1]
    return table.join(pairs[varying].reset_index(drop=True))


def _average(model: Noise, left: Indices, right: Indices) -> tuple[Difference, float]:
    if not len(left):
        return NONE, float("nan")
    estimate = float((model.mean[right] - model.mean[left]).mean())
    errors = average_errors(model, right, left)
    half, se = float(errors.half(DEVIATE)[0]), float(errors.se[0])
    found = Difference(estimate, max(estimate - half, -1.0), min(estimate + half, 1.0))
    return found, min(half + float(ndtri(POWER)) * se, 1.0)


def _best(
    model: Noise, sides: Sequence[pd.DataFrame]
) -> tuple[Difference, tuple[float, float], tuple[int, int]]:
    """The best of B less the best of A, by the comparison that a report of both would make."""
    able = [candidates(side) for side in sides]
    sizes = (len(able[0]), len(able[1]))
    if not all(sizes):
        return NONE, (float("nan"), float("nan")), sizes
    means = tuple(float(model.mean[part].max()) for part in able)
    if sizes == (1, 1):
        return NONE, (means[0], means[1]), sizes
    compared = comparisons(model, tied_set(model, [*able[0], *able[1]]))
    return compared.best(able[1], able[0]), (means[0], means[1]), sizes


def _same(done: pd.DataFrame, curves: pd.DataFrame) -> tuple[int, int]:
    """How many of these pairs of runs have the same curves, to the last bit, and of how many."""
    if done.empty or curves.empty:
        return 0, len(done)
    columns = [name for name in curves if name not in ("run", "sweep")]
    rows = pd.util.hash_pandas_object(curves[columns], index=False)
    sums = rows.groupby(curves["run"]).sum()
    left, right = (done[f"run_{side}"].map(sums) for side in "ab")
    return int((left.to_numpy() == right.to_numpy()).sum()), len(done)
