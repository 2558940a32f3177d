"""What the uncertainty of the answer is made of, against planted variances."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from sweeplab.statistics import Budget, Budgets, analyse_runs

LR, DRAW = "optimizer.lr", "data.train_draw"
SETTINGS, IMAGES = 6, 400
NO_CURVES = pd.DataFrame({"run": [], "iteration": [], "val_accuracy": []})


def analysed(
    random: np.random.Generator, draws: int, seeds: int, of_draw: float, of_seed: float
) -> Budgets | None:
    """A sweep in which an image is right with a probability that draw and seed move.

    Its ease is uniform on 0.5 to 0.9 for each setting and image; ``of_draw`` and ``of_seed`` are
    standard deviations of accuracies.
    """
    ease = random.uniform(0.5, 0.9, (SETTINGS, 1, 1, IMAGES))
    moved = random.normal(0, of_draw, (SETTINGS, draws, 1, 1))
    moved = moved + random.normal(0, of_seed, (SETTINGS, draws, seeds, 1))
    right = random.random((SETTINGS, draws, seeds, IMAGES)) < ease + moved
    rows = list(product(range(SETTINGS), range(draws), range(seeds)))
    runs = pd.DataFrame(rows, columns=[LR, DRAW, "seed"]).assign(
        run=np.arange(len(rows)).astype(str),
        status="completed",
        final_iteration=10,
        best_iteration=10,
        error=None,
        final_val_accuracy=right.mean(axis=-1).ravel(),
        **{"data.val_size": IMAGES},
    )
    return analyse_runs(runs, NO_CURVES, [LR], list(right.reshape(-1, IMAGES))).further.budgets


def mean_parts(found: list[Budget]) -> np.ndarray:
    return np.array([[one.images, one.seeds, one.training] for one in found]).mean(axis=0)


def planted(draws: int, seeds: int, of_draw: float, of_seed: float) -> np.ndarray:
    """Variances of a setting's mean, by the rules for sums of independent parts."""
    ease = 0.4**2 / 12 + (0.7 * 0.3 - 0.4**2 / 12) / (draws * seeds)
    return np.array([ease / IMAGES, of_seed**2 / (draws * seeds), of_draw**2 / draws])


@pytest.mark.parametrize(
    ("draws", "seeds", "of_draw", "of_seed"),
    [(6, 4, 0.02, 0.01), (6, 4, 0.004, 0.03), (1, 6, 0.0, 0.02)],
    ids=["draws differ", "seeds differ", "one draw"],
)
def test_the_parts_are_those_that_were_planted(
    draws: int, seeds: int, of_draw: float, of_seed: float
) -> None:
    random = np.random.default_rng(7)
    found = [analysed(random, draws, seeds, of_draw, of_seed) for _ in range(25)]
    accuracy = mean_parts([one.accuracy for one in found if one])
    expected = planted(draws, seeds, of_draw, of_seed)
    # Of 25 sweeps whose variances have 5 to 18 degrees of freedom each, and what is not known of
    # a variance counts as more of it: to about a third.
    assert accuracy.sum() == pytest.approx(expected.sum(), rel=0.35)
    assert accuracy / accuracy.sum() == pytest.approx(expected / expected.sum(), abs=0.15)
    # Settings share nothing here, so their difference has twice the variance.
    difference = mean_parts([one.difference for one in found if one and one.difference])
    assert difference.sum() == pytest.approx(2 * expected.sum(), rel=0.35)
    assert difference / difference.sum() == pytest.approx(expected / expected.sum(), abs=0.15)


def test_twice_as_many_of_the_only_part_narrow_by_one_less_the_root_of_a_half() -> None:
    budget = Budget(images=4e-4, seeds=0.0, training=0.0)
    assert budget.narrower("images") == pytest.approx(1 - np.sqrt(0.5))
    assert budget.narrower("seeds") == 0
    half = Budget(images=3e-4, seeds=1e-4, training=0.0)
    assert half.share("seeds") == pytest.approx(0.25)
    # By hand: the variance 4 falls to 3.5, and its root by 6.5 %.
    assert half.narrower("seeds") == pytest.approx(0.0646, abs=1e-4)


def test_draws_with_one_seed_each_are_not_told_from_seeds() -> None:
    found = analysed(np.random.default_rng(0), 5, 1, 0.02, 0.0)
    assert found is not None
    assert found.together
    assert found.draws == 5
    assert found.accuracy.seeds == 0
    alone = analysed(np.random.default_rng(0), 1, 1, 0.0, 0.0)
    assert alone is not None
    assert (alone.seeds, alone.draws) == (1, 1)
    assert alone.accuracy.training == alone.accuracy.seeds == 0
