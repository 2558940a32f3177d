"""What follows from a sweep beside its answer: where its uncertainty is from, and its patterns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sweeplab.statistics.budget import Budgets, budgets
from sweeplab.statistics.early import Stopping, early, early_means, stopping
from sweeplab.statistics.laws import Law, power_law, ridge
from sweeplab.statistics.noise import Noise
from sweeplab.statistics.tries import tries
from sweeplab.sweeps.settings import repeated, setting_numbers, usable


@dataclass(frozen=True, eq=False)
class Further:
    """Settings go by their numbers; what a sweep does not allow is None or empty."""

    budgets: Budgets | None  # what the recommended one's uncertainty is made of
    tries: pd.DataFrame  # see tries()
    early: pd.DataFrame  # see early()
    means: pd.DataFrame  # see early_means(); of the settings that may be recommended
    stopping: Stopping | None  # the recommended setting early
    ridge: Law | None  # the best learning rate by batch size
    power_law: Law | None  # the error by training-set size


def further(
    model: Noise,
    runs: pd.DataFrame,
    settings: pd.DataFrame,
    knobs: Sequence[str],
    curves: pd.DataFrame,
    tied: pd.DataFrame,
    chosen: int | None,
) -> Further:
    """All of it.

    Args:
        model: see :func:`~.noise.noise`.
        runs: as :func:`~.analysis.analyse_runs` takes them, and ``curves`` and ``knobs``.
        settings: as ``sweeps.settings.summarise`` gives it.
        tied: as :func:`~.tied.tied_set` gives it; only the settings in it are compared.
        chosen: the recommended setting.
    """
    good = usable(runs) & ~repeated(runs, knobs)
    numbers, runs = setting_numbers(runs, knobs)[good], runs[good]
    eligible = tied["setting"].astype(int).tolist()
    means = early_means(runs, numbers, curves)
    means = means.loc[means.index.intersection(eligible)]
    of_lines = (model, settings, knobs, eligible)
    return Further(
        budgets=budgets(model, runs, numbers, chosen, tied),
        tries=tries(model, eligible),
        early=early(means, chosen),
        means=means,
        stopping=stopping(runs[numbers == chosen], curves),
        ridge=None if chosen is None else ridge(*of_lines, chosen),
        power_law=None if chosen is None else power_law(*of_lines, chosen),
    )
