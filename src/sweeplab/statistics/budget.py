"""Where the uncertainty of the answer comes from: images, seeds, or the training sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeplab.statistics.contrasts import mean_errors, pair_errors
from sweeplab.statistics.noise import Noise
from sweeplab.sweeps.settings import DRAW, METRIC, SEED

MOST = 20  # settings that could be the best, of which the seeds' share is learnt


@dataclass(frozen=True)
class Budget:
    """The variance of an accuracy, or of a difference of two, and its parts, which add up."""

    images: float  # which validation images
    seeds: float  # initial weights and batch order; 0 where it is not known
    training: float  # which training images; 0 where it is not known

    @property
    def total(self) -> float:
        """The variance."""
        return self.images + self.seeds + self.training

    def share(self, part: str) -> float:
        """How much of the variance a part is; NaN where there is none."""
        return float(getattr(self, part)) / self.total if self.total > 0 else float("nan")

    def narrower(self, *parts: str) -> float:
        """By which share of its width an interval would shrink with twice as many of ``parts``."""
        return float(1 - np.sqrt(1 - sum(map(self.share, parts)) / 2))


@dataclass(frozen=True)
class Budgets:
    """Of the recommended setting's accuracy, and of its difference to the next best one."""

    accuracy: Budget
    difference: Budget | None
    rival: int | None  # the next best setting
    images: int | None  # M
    seeds: int  # that the recommended setting ran with, in each draw if there are several; 1: none
    draws: int  # of its training images; 1 where their chance is not known

    @property
    def together(self) -> bool:
        """Whether each draw had one seed, so that ``training`` holds the chance of both."""
        return self.draws > 1 and self.seeds < 2

    @property
    def known(self) -> list[str]:
        """The parts that are known, by their names in :class:`Budget`."""
        parts = {"images": True, "seeds": self.seeds > 1, "training": self.draws > 1}
        return [part for part, there in parts.items() if there]


def budgets(
    model: Noise,
    runs: pd.DataFrame,
    numbers: pd.Series[int],
    chosen: int | None,
    tied: pd.DataFrame,
) -> Budgets | None:
    """The parts of the variance, after the model of :mod:`~.noise`.

    Where draws of the training images were trained, the variance over draws of their means over S
    seeds is ``V_draw + V_seed / S``; the variance over seeds within draws, over S, is the seeds'
    part of it (one-way random effects; S. R. Searle, G. Casella and C. E. McCulloch, Variance
    Components, 1992, section 3.5).

    Args:
        model: see :func:`~.noise.noise`.
        runs: usable runs, without repeats, with ``seed``, the draw and the final accuracy.
        numbers: the setting of each.
        chosen: the recommended setting.
        tied: as :func:`~.tied.tied_set` gives it; the next best one is taken from it.

    Returns:
        None without a recommended setting, or where no part is known.
    """
    if chosen is None:
        return None
    others = tied[tied["setting"] != chosen].sort_values("mean", ascending=False, kind="stable")
    rival = int(others["setting"].iloc[0]) if len(others) else None
    alike = others.loc[others["tied"].astype(bool), "setting"].astype(int).tolist()[:MOST]
    of = {k: _by_draw(runs[numbers == k]) for k in dict.fromkeys([chosen, *alike])}
    one = np.array([chosen], dtype=np.intp)
    errors = mean_errors(model, one)
    share = _seeds_share([(of[k], float(model.known[k])) for k in of]) if model.draws else 1.0
    accuracy = _split(float(errors.images[0]), float(errors.se[0]), share)
    if not accuracy.total > 0:
        return None
    difference = None
    if rival is not None:
        apart = pair_errors(model, one, np.array([rival], dtype=np.intp), elementwise=True)
        if model.draws and alike:
            gaps = [(of[chosen] - of[k], _explained(model, chosen, k)) for k in alike]
            share = _seeds_share(gaps)
        difference = _split(float(apart.images[0]), float(apart.se[0]), share)
    seeds = of[chosen].count(axis=1)
    return Budgets(
        accuracy=accuracy,
        difference=difference,
        rival=rival,
        images=model.images,
        seeds=int(seeds.max()),
        draws=len(seeds) if model.draws else 1,
    )


def _by_draw(runs: pd.DataFrame) -> pd.DataFrame:
    """Accuracies, a row a draw and a column a seed."""
    draw = runs[DRAW] if DRAW in runs else pd.Series(0, index=runs.index)
    return runs.assign(draw=draw).pivot_table(index="draw", columns=SEED, values=METRIC)


def _split(images: float, se: float, share: float) -> Budget:
    rest = max(se**2 - images, 0.0)
    return Budget(images, share * rest, (1 - share) * rest)


def _seeds_share(tables: Sequence[tuple[pd.DataFrame, float]]) -> float:
    """How much of the variance over draws of the means over seeds is the seeds' part.

    Args:
        tables: accuracies, a row a draw and a column a seed, of settings that are alike, or of
            their differences; each with what images explain of the variance over draws. Few draws
            say little of one setting, so their variances are summed.
    """
    seeds_part = between = 0.0
    for table, explained in tables:
        count = table.count(axis=1)
        several = count > 1
        if len(table) < 2 or not several.any():
            continue
        freedom = (count - 1)[several]
        within = float((table[several].var(axis=1, ddof=1) * freedom).sum()) / float(freedom.sum())
        harmonic = len(count) / float((1 / count[count > 0]).sum())
        seeds_part += within / harmonic - explained
        between += float(table.mean(axis=1).var(ddof=1)) - explained
    return float(np.clip(seeds_part / between, 0.0, 1.0)) if between > 0 else 0.0


def _explained(model: Noise, one: int, other: int) -> float:
    """What images explain of the variance over replicates of the difference of two settings."""
    s, m = model.by_seed.shape[1], model.images or 0
    if model.rest is None or s < 2 or m < 2 or not (model.crossed[one] and model.crossed[other]):
        return float(model.known[one] + model.known[other])
    gap = (model.rest[one] - model.rest[other]).astype(np.float64)
    return float(np.square(gap).sum() / ((s - 1) * (m - 1) * m))
