"""What a sweep shows beside its answer: its sentences and its figures, on planted records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import sweeplab
from sweeplab.errors import SweeplabError
from sweeplab.figures.catalogue import SECTIONS
from sweeplab.report.text.further import further
from sweeplab.statistics import (
    Analysis,
    Budget,
    Budgets,
    Further,
    Law,
    Stopping,
    analyse_runs,
)
from sweeplab.sweeps.tables import Sweep

NOTHING = Further(
    budgets=None,
    tries=pd.DataFrame(),
    early=pd.DataFrame(),
    means=pd.DataFrame(),
    stopping=None,
    ridge=None,
    power_law=None,
)
BATCH, LR, SIZE = "batch_size", "optimizer.lr", "data.train_size"


def law(slope: float, half: float, offset: float = 0.0) -> Law:
    x = np.array([10.0, 100.0, 1000.0, 10_000.0])
    y = offset + 0.5 * (x / 100) ** slope
    centre = float(np.log(x).mean())
    height = float(np.log(0.5) + slope * (centre - np.log(100)))
    return Law(x, y, slope, half, (centre, height), 0.05, offset)


BUDGETS = Budgets(
    accuracy=Budget(images=3e-4, seeds=1e-4, training=0.0),
    difference=Budget(images=1e-5, seeds=3e-5, training=0.0),
    rival=1,
    images=500,
    seeds=5,
    draws=1,
)


@pytest.fixture(scope="module")
def analysed() -> tuple[Sweep, Analysis]:
    """Twelve settings of two knobs, three seeds each, without anything further."""
    rows = [
        (batch, lr, seed) for batch in (4, 16, 64) for lr in (0.1, 0.3, 1, 3) for seed in range(3)
    ]
    runs = pd.DataFrame(rows, columns=[BATCH, LR, "seed"]).assign(
        sweep="sweep",
        status="completed",
        final_iteration=10,
        best_iteration=10,
        error=None,
        **{"data.name": "digits", "data.val_size": 500, "data.train_draw": 0},
    )
    runs["run"] = runs.index.astype(str)
    random = np.random.default_rng(0)
    right = random.random((len(runs), 500)) < 0.8 + 0.02 * runs[LR].to_numpy()[:, None]
    runs["final_val_accuracy"] = right.mean(axis=1)
    curves = pd.DataFrame({"run": [], "iteration": [], "val_accuracy": []})
    analysis = analyse_runs(runs, curves, [BATCH, LR], list(right))
    sweep = Sweep(path=None, runs=runs, curves=curves, knobs=[BATCH, LR])  # type: ignore[arg-type]
    return sweep, analysis


def said(analysed: tuple[Sweep, Analysis], **found: object) -> dict[str, list[str]]:
    sweep, analysis = analysed
    return further(sweep, replace(analysis, further=replace(NOTHING, **found)))


def test_nothing_found_is_nothing_said(analysed: tuple[Sweep, Analysis]) -> None:
    assert said(analysed) == {}


def test_the_budget_says_what_helps_most(analysed: tuple[Sweep, Analysis]) -> None:
    sentences = said(analysed, budgets=BUDGETS)["certainty"]
    assert sentences[0] == (
        "75 % of the uncertainty of the recommended setting's accuracy comes from the validation "
        "images, 25 % from the seeds."
    )
    # By hand: 4 falls to 2.5 with twice the images, and its root by 21 %; of the difference,
    # 4 falls to 2.5 with twice the seeds.
    assert sentences[1].startswith("Twice as many validation images would make its interval 21 %")
    assert sentences[3].startswith("Twice as many seeds would make the interval of that difference")
    assert "21 %" in sentences[3]
    assert "training images were drawn is not counted: data.train_draw=range(5)" in sentences[4]


def test_of_one_seed_only_the_known_part_is_told(analysed: tuple[Sweep, Analysis]) -> None:
    known = replace(BUDGETS, accuracy=Budget(1e-4, 0.0, 0.0), difference=None, seeds=1)
    sentences = " ".join(said(analysed, budgets=known)["certainty"])
    assert "nothing else" not in sentences  # more seeds may well help more
    assert (
        "The luck of which training images were drawn and of the seed is not counted" in sentences
    )


def test_the_budget_with_draws_misses_nothing(analysed: tuple[Sweep, Analysis]) -> None:
    parts = Budget(images=1e-4, seeds=1e-4, training=2e-4)
    found = replace(BUDGETS, accuracy=parts, difference=None, draws=4)
    sentences = said(analysed, budgets=found)["certainty"]
    assert sentences[0].startswith(
        "50 % of the uncertainty of the recommended setting's accuracy comes from the training"
    )
    assert "draws of the training images would make its interval 21 %" in sentences[1]
    assert not any("not counted" in sentence for sentence in sentences)
    alone = said(analysed, budgets=replace(found, seeds=1))["certainty"]
    assert "training images and seeds" in alone[0]


@pytest.mark.parametrize(
    ("slope", "half", "reading"),
    [
        (0.9, 0.3, "a rate in proportion to the batch fits"),
        (0.1, 0.3, "one rate for all fits"),
        (0.5, 0.2, "neither one rate for all nor a rate in proportion to the batch fits"),
        (0.5, 0.7, "too uncertain to tell"),
    ],
)
def test_the_ridge_is_held_against_constant_and_proportional(
    analysed: tuple[Sweep, Analysis], slope: float, half: float, reading: str
) -> None:
    [sentence] = said(analysed, ridge=law(slope, half))["batch"]
    assert f"to the power {slope:.2f} ± {half:.2f} (95 %)" in sentence
    assert reading in sentence


def test_the_power_law_says_what_twice_the_images_bring(analysed: tuple[Sweep, Analysis]) -> None:
    [sentence] = said(analysed, power_law=law(-0.5, 0.1))["size"]
    assert "to the power −0.50 ± 0.10 (95 %): twice the images make it about 0.71 times" in sentence
    [sentence] = said(analysed, power_law=law(-1.0, 0.1, offset=0.08))["size"]
    assert "towards 0.080: twice the images make what is above that about 0.50 times" in sentence
    [sentence] = said(analysed, power_law=law(-0.1, 0.2))["size"]
    assert "whether it falls is not certain" in sentence


def test_stopping_gains_loses_or_neither(analysed: tuple[Sweep, Analysis]) -> None:
    found = Stopping(gain=0.03, half=0.01, seen=0.04, iteration=1200, last=3000, replicates=5)
    [gains] = said(analysed, stopping=found)["length"]
    assert "near iteration 1,200 of 3,000 would gain +0.030 ± 0.010" in gains
    neither, _ = said(analysed, stopping=replace(found, gain=0.005))["length"]
    assert "would gain nothing measurable: +0.005 ± 0.010" in neither
    loses, luck = said(analysed, stopping=replace(found, gain=-0.02))["length"]
    assert "would lose accuracy: −0.020 ± 0.010" in loses
    assert "0.040 higher at their best" in luck
    two = replace(found, gain=0.02, half=0.33, replicates=2)  # wider than any gain could be
    assert "length" not in said(analysed, stopping=two)
    [none] = said(analysed, stopping=replace(found, gain=0.0, half=0.0))["length"]
    assert none == (
        "Stopping early gains nothing: "
        "the best iteration of the other seeds is always the last one."
    )


def test_sections_and_their_sentences_have_the_same_keys(analysed: tuple[Sweep, Analysis]) -> None:
    sweep, analysis = analysed
    power = law(-0.5, 0.1)
    found = replace(analysis.further, budgets=BUDGETS, ridge=law(0.5, 0.2), power_law=power)
    shown = replace(analysis, further=found)
    drawn: dict[str, Figure] = {}
    for name in ("best_rate", "power_law", "tries", "budget"):
        drawn[name] = getattr(sweeplab.figures, name)(sweep, shown)
    # The points that are drawn are those of the law.
    [axes] = drawn["power_law"].axes
    assert np.allclose(axes.collections[-1].get_offsets(), np.c_[power.x, power.y])
    assert axes.get_xscale() == axes.get_yscale() == "log"
    # What is said has a section with that key on the page.
    keys = {key for key, _, _ in SECTIONS}
    assert set(further(sweep, shown)) == {"certainty", "batch", "size", "tries"} <= keys


def test_a_search_is_told_by_its_own_order(
    analysed: tuple[Sweep, Analysis], tmp_path: Path
) -> None:
    sweep, analysis = analysed
    sizes = np.arange(1, 13)
    table = pd.DataFrame({"settings": sizes, "expected": 0.8 + 0.01 * sizes, "so_far": 0.9})
    table = table.assign(low=0.7, high=0.9).assign(so_far=np.where(sizes < 3, 0.8, 0.9))
    shown = replace(analysis, further=replace(NOTHING, tries=table))
    [alone] = further(sweep, shown)["tries"]
    assert alone.startswith("Of these 12 settings, 12 drawn at random come within 0.005")
    (tmp_path / "study.journal").touch()
    searched = replace(sweep, paths=(tmp_path,))
    first, random = further(searched, shown)["tries"]
    assert first == "The search came within 0.005 of its best mean with setting 3 of 12."
    assert "it would take 12 on average" in random
    [axes] = sweeplab.figures.tries(searched, shown).axes
    assert axes.lines[1].get_ydata().tolist() == table["so_far"].tolist()


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("best_rate", "four batch sizes or more"),
        ("power_law", "four training-set sizes or more"),
        ("early", "five settings or more"),
        ("tries", "four settings or more"),
        ("budget", "No run completed"),
    ],
)
def test_a_figure_that_the_sweep_does_not_allow_says_what_it_takes(
    analysed: tuple[Sweep, Analysis], name: str, advice: str
) -> None:
    sweep, analysis = analysed
    with pytest.raises(SweeplabError, match=advice):
        getattr(sweeplab.figures, name)(sweep, replace(analysis, further=NOTHING))
