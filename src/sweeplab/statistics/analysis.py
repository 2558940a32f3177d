"""The whole analysis of a sweep in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from sweeplab.statistics.chance import Chance, noise_floor
from sweeplab.statistics.comparisons import Comparisons, comparisons
from sweeplab.statistics.design import Design, design
from sweeplab.statistics.edges import Edge, edges
from sweeplab.statistics.effects import knob_effects
from sweeplab.statistics.further import Further, further
from sweeplab.statistics.importance import importance
from sweeplab.statistics.intervals import Interval, accuracy_interval
from sweeplab.statistics.keys import SIZE
from sweeplab.statistics.knob_tests import agreeing, knob_tests
from sweeplab.statistics.length import BestIterations, Rise, best_iterations, rise_of
from sweeplab.statistics.noise import noise
from sweeplab.statistics.optimism import optimism
from sweeplab.statistics.outcomes import Outcomes, outcomes
from sweeplab.statistics.predictions import Correct, read_correct
from sweeplab.statistics.recommend import candidates, examples_seen, recommend
from sweeplab.statistics.replicates import replicates
from sweeplab.statistics.size_by_decay import size_by_decay
from sweeplab.statistics.steps import last_steps
from sweeplab.statistics.tied import tied_set
from sweeplab.sweeps.images import find_images
from sweeplab.sweeps.settings import METRIC, setting_numbers, summarise
from sweeplab.sweeps.tables import Sweep


@dataclass(frozen=True, eq=False)
class Analysis:
    """What the runs of one sweep say, that were measured on the same validation images.

    Settings go by their numbers in ``sweep.settings``.
    """

    recommended: int | None  # None exactly when no run completed with a finite accuracy
    could_be_best: frozenset[int]  # the tied settings, the recommended one included
    lowest: float  # the lowest mean among them; NaN without any
    tied: pd.DataFrame  # see tied_set(), with the knobs; the settings compared
    accuracy: Interval | None  # the recommended one's; not that it was chosen for its accuracy
    expected: Interval | None  # the same, with that counted; None where nothing was chosen
    chance: Chance  # which chance the comparisons cover
    se_images: float  # what the choice of images adds to the recommended one's accuracy
    optimism: pd.DataFrame  # see optimism()
    outcomes: Outcomes
    comparisons: Comparisons  # what every section compares settings by
    design: Design | None  # how small a difference the sweep could tell from chance
    importance: pd.DataFrame  # see importance()
    effects: pd.DataFrame  # see knob_effects()
    tests: pd.DataFrame  # see knob_tests()
    edges: list[Edge]
    size_by_decay: pd.DataFrame  # see size_by_decay()
    best_iterations: BestIterations | None  # of the tied settings
    rise: Rise | None  # of the recommended setting's curves
    overlap: float | None  # the share of its training images that two draws have in common
    further: Further  # where the uncertainty is from, and what patterns there are


def analyse(part: Sweep) -> Analysis:
    """Everything that the report says about a sweep.

    Args:
        part: runs on one validation set, as ``sweeps.comparable`` gives them. What their models
            say of every validation image is read from their folders.
    """
    # Merged sweeps may both have a run 0: the curves are found by names that no two share.
    runs, curves = (
        frame.assign(run=frame["sweep"] + "/" + frame["run"].astype(str))
        for frame in (part.runs, part.curves)
    )
    found = analyse_runs(runs, curves, part.knobs, read_correct(part), adaptive=part.adaptive)
    return replace(found, overlap=_overlap(part, found))


def _overlap(part: Sweep, found: Analysis) -> float | None:
    """How alike draws are: of N out of all that may train, two share N / all of theirs."""
    kept = find_images(part) if found.chance.draws else None
    if kept is None or kept.may_train is None or found.recommended is None:
        return None
    chosen = setting_numbers(part.runs, part.knobs) == found.recommended
    return float(part.runs.loc[chosen, SIZE].iloc[0]) / kept.may_train


def analyse_runs(
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    knobs: Sequence[str],
    correct: Correct | None = None,
    *,
    adaptive: bool = False,
) -> Analysis:
    """The same without any folder, as for simulated runs.

    Args:
        runs: one row a run, all on the same M validation images: ``run``, ``status`` (completed,
            diverged, failed), the dotted keys of its configuration, ``seed``,
            ``final_iteration``, ``best_iteration``, ``final_val_accuracy``, ``error``.
        curves: ``run``, ``iteration``, ``val_accuracy``; may be empty.
        knobs: the configuration keys that vary, without the seed.
        correct: for each row of ``runs``, in order, whether each image was classified rightly
            (bool ``[M]``) or None. Without it, settings are compared less sharply.
        adaptive: whether settings were chosen by the results of others. They crowd around the
            best then, so that the shares of knobs in their differences say nothing of the space:
            ``importance`` is left empty.
    """
    runs = runs.reset_index(drop=True)
    settings = summarise(runs, knobs)
    data = replicates(runs, knobs, correct)
    numbers = setting_numbers(runs, knobs)
    alone = len(runs) > 0 and not (data.counts > 1).any()  # one seed: only curves show its luck
    model = noise(data, last_steps(runs, numbers, curves) if alone else None)
    # A failed sweep has rows but nothing to compare; empty frames keep their columns.
    eligible = [k for k in candidates(settings) if model.counts[k] > 0]
    tied = tied_set(model, eligible)
    chosen = recommend(settings, tied, knobs, examples_seen(runs, knobs))
    among = frozenset(tied.loc[tied["tied"].astype(bool), "setting"].astype(int))
    compared = comparisons(model, tied)
    effects = knob_effects(compared, settings, knobs, eligible, chosen)
    tests = agreeing(knob_tests(model, settings, knobs, eligible), effects)
    luck = optimism(model, eligible)
    shares = importance(model, settings, knobs)
    rise = rise_of(runs[numbers == chosen], curves)
    accuracy = settings.set_index("setting")[METRIC].get(chosen, float("nan"))
    return Analysis(
        recommended=chosen,
        could_be_best=among,
        lowest=float(tied["mean"][tied["tied"].astype(bool)].min()),
        accuracy=None if chosen is None else accuracy_interval(model, chosen),
        expected=_expected(luck),
        tied=tied.merge(settings[["setting", *knobs]], on="setting", how="left"),
        chance=model.chance,
        se_images=noise_floor(accuracy, model.images or 0),
        optimism=luck,
        outcomes=outcomes(runs, knobs),
        comparisons=compared,
        design=design(model, tied),
        importance=shares.iloc[:0] if adaptive else shares,
        effects=effects,
        tests=tests,
        edges=edges(effects, tests),
        size_by_decay=size_by_decay(compared, settings, knobs, eligible),
        best_iterations=best_iterations(
            runs[numbers.isin(among)], curves, rising=rise is not None and rise.clear
        ),
        rise=rise,
        overlap=None,
        further=further(model, runs, settings, knobs, curves, tied, chosen),
    )


def _expected(luck: pd.DataFrame) -> Interval | None:
    row = luck.iloc[0]
    if row["k"] < 2 or pd.isna(row["corrected"]):
        return None
    return Interval(float(row["corrected"]), float(row["low"]), float(row["high"]))
