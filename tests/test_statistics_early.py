"""Early against late, and the gain of stopping early, against planted truths."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from sweeplab.statistics import early, early_means, stopping

STEPS = np.arange(0, 101, 5)  # iterations with an evaluation


def sweep(
    curve: Callable[[int, int], np.ndarray], settings: int, seeds: int
) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame]:
    """Runs, their settings and their curves; ``curve(setting, seed)`` gives an accuracy a step."""
    rows = [(k, s) for k in range(settings) for s in range(seeds)]
    runs = pd.DataFrame(rows, columns=["setting", "seed"])
    runs = runs.assign(run=runs.index.astype(str), final_iteration=100)
    values = [curve(k, s) for k, s in rows]
    curves = pd.DataFrame(
        {
            "run": np.repeat(runs["run"], len(STEPS)),
            "iteration": np.tile(STEPS, len(rows)),
            "val_accuracy": np.concatenate(values),
        }
    )
    runs["final_val_accuracy"] = [value[-1] for value in values]
    return runs, runs["setting"], curves


def test_the_correlation_is_scipys_at_a_tenth_a_quarter_and_half_of_training() -> None:
    random = np.random.default_rng(1)
    values = random.random((8, 2, len(STEPS)))
    runs, numbers, curves = sweep(lambda k, s: values[k, s], 8, 2)
    table = early(early_means(runs, numbers, curves), chosen=3)
    assert table["share"].tolist() == [0.1, 0.25, 0.5]
    mean = values.mean(axis=1)
    for row, step in zip(table.to_dict("records"), (2, 5, 10), strict=True):
        assert row["correlation"] == pytest.approx(spearmanr(mean[:, step], mean[:, -1])[0])
        assert row["low"] < row["correlation"] < row["high"]
        assert row["place"] == 8 - np.argsort(np.argsort(mean[:, step]))[3]


def test_of_equal_orders_the_interval_begins_at_two_neighbours_the_other_way_round() -> None:
    runs, numbers, curves = sweep(lambda k, s: np.linspace(0, k + 1, len(STEPS)), 6, 1)
    table = early(early_means(runs, numbers, curves), None)
    swapped = spearmanr([1, 2, 3, 4, 5, 6], [2, 1, 3, 4, 5, 6])[0]
    # Bonett and Wright's standard error of Fisher's transform, at a correlation of 1.
    low = np.tanh(np.arctanh(swapped) - 1.959964 * np.sqrt(1.5 / 3))
    assert table["low"].tolist() == pytest.approx([low] * 3)


def test_the_error_of_stopping_is_that_of_overlapping_seeds() -> None:
    # The best iteration is 50 of every seed: gains 0.10, 0.11 and 0.12, by hand.
    runs, _, curves = sweep(
        lambda k, s: np.where(STEPS == 50, 0.9 + 0.01 * s, np.where(STEPS > 50, 0.8, 0.5)), 1, 3
    )
    found = stopping(runs, curves)
    assert found is not None
    assert found.gain == pytest.approx(0.11)
    # t(0.975, 2) = 4.3027; by Nadeau and Bengio: 1/n of each, 1/(n - 1) of those that choose.
    assert found.half == pytest.approx(4.3027 * 0.01 * np.sqrt(1 / 3 + 1 / 2), rel=1e-4)
    assert found.clear
    assert not found.loses


def test_its_interval_holds_the_planted_correlation() -> None:
    random = np.random.default_rng(2)
    for pearson, settings in ((0.6, 12), (0.9, 12), (0.9, 60)):
        truth = 6 / np.pi * np.arcsin(pearson / 2)  # of a bivariate normal distribution
        held = []
        for _ in range(200):
            pair = random.multivariate_normal([0, 0], [[1, pearson], [pearson, 1]], settings)
            means = pd.DataFrame(pair, columns=["end", "0.1"]).assign(**{"0.25": np.nan})
            row = early(means.assign(**{"0.5": np.nan}), None).iloc[0]
            held.append(row["low"] <= truth <= row["high"])
        assert np.mean(held) > 0.93 - 2 * np.sqrt(0.05 * 0.95 / 200)


def test_runs_without_an_early_evaluation_are_left_out() -> None:
    runs, numbers, curves = sweep(lambda k, s: np.linspace(0, k, len(STEPS)), 6, 1)
    late = curves[(curves["iteration"] == 0) | (curves["iteration"] >= 30)]
    table = early(early_means(runs, numbers, late), None)
    assert table["share"].tolist() == [0.5]
    assert early(early_means(runs[:4], numbers[:4], curves), None).empty


def test_stopping_early_gains_what_was_planted() -> None:
    # It rises to 0.9 at iteration 50 and falls to 0.87 at the end.
    shape = np.interp(STEPS, [0, 50, 100], [0.1, 0.9, 0.87])
    random = np.random.default_rng(3)
    runs, _, curves = sweep(lambda k, s: shape + random.normal(0, 0.002, len(STEPS)), 1, 5)
    found = stopping(runs, curves)
    assert found is not None
    assert found.gain == pytest.approx(0.03, abs=0.004)
    assert found.clear
    assert 40 <= found.iteration <= 60
    assert (found.last, found.replicates) == (100, 5)


def test_on_a_plateau_the_best_iteration_is_luck_and_stopping_gains_nothing() -> None:
    random = np.random.default_rng(4)
    shape = np.minimum(0.1 + STEPS / 25, 0.9)
    gains, seen, clear = [], [], []
    for _ in range(200):
        noise = random.normal(0, 0.01, (5, len(STEPS)))
        runs, _, curves = sweep(lambda k, s, noise=noise: shape + noise[s], 1, 5)
        found = stopping(runs, curves)
        assert found is not None
        gains.append(found.gain)
        seen.append(found.seen)
        clear.append(found.clear)
    assert np.mean(seen) > 0.015  # the highest of 17 evaluations
    assert abs(np.mean(gains)) < 0.001
    assert np.mean(clear) <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / 200)  # one side of 95 %


def test_one_seed_says_nothing_of_stopping() -> None:
    runs, _, curves = sweep(lambda k, s: np.linspace(0, 1, len(STEPS)), 1, 1)
    assert stopping(runs, curves) is None
