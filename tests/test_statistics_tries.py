"""The expected best of a few settings, against every subset and against planted truths."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from sweeplab.statistics import chance_of_rank, enough, noise, replicates, tries

LR = "optimizer.lr"


@pytest.mark.parametrize(("k", "tried"), [(1, 1), (5, 1), (5, 3), (5, 5), (9, 4)])
def test_the_mean_over_every_subset(k: int, tried: int) -> None:
    values = np.sort(np.random.default_rng(k).random(k))
    best = [values[list(subset)].max() for subset in combinations(range(k), tried)]
    assert chance_of_rank(k, tried) @ values == pytest.approx(np.mean(best))


def test_large_sweeps_stay_finite() -> None:
    for tried in (1, 5000, 10_000):
        assert chance_of_rank(10_000, tried).sum() == pytest.approx(1)


def measured(right: np.ndarray) -> pd.DataFrame:
    """The table of a sweep whose answers are ``[K, S, M]``."""
    k, s, m = right.shape
    rows = list(product(range(k), range(s)))
    runs = pd.DataFrame(rows, columns=[LR, "seed"]).assign(
        status="completed",
        final_val_accuracy=right.mean(axis=2).ravel(),
        **{"data.val_size": m},
    )
    model = noise(replicates(runs, [LR], list(right.reshape(-1, m))))
    return tries(model, range(k))


def test_without_noise_it_is_the_mean_over_subsets() -> None:
    # Every image of a setting is right or wrong with all seeds, and there are many.
    accuracy = np.array([0.5, 0.6, 0.7, 0.9])
    order = np.random.default_rng(0).permuted(np.tile(np.arange(400_000), (4, 1)), axis=1)
    right = np.repeat((order < 400_000 * accuracy[:, None])[:, None], 2, axis=1)
    table = measured(right)
    pairs = [max(pair) for pair in combinations(accuracy, 2)]
    assert table["observed"].tolist()[:2] == pytest.approx([0.675, np.mean(pairs)])
    assert table["expected"].to_numpy() == pytest.approx(table["observed"].to_numpy(), abs=0.003)
    # Nine of ten pairs end at or above 0.6, and one in two at 0.9.
    assert (table["low"][1], table["high"][1]) == pytest.approx((0.6, 0.9), abs=0.003)
    assert table["low"].iloc[-1] == pytest.approx(table["high"].iloc[-1], abs=0.003)
    assert table["so_far"].tolist() == pytest.approx([0.5, 0.6, 0.7, 0.9])
    assert enough(table, near=0.25, column="so_far") == 3
    assert enough(table, near=0.15) == 2
    assert enough(table, near=0.01) == 4


def test_the_luck_of_the_best_of_equals_is_taken_off() -> None:
    random = np.random.default_rng(3)
    # 20 equally good settings, so whichever is picked reaches 0.8.
    last = [measured(random.random((20, 3, 300)) < 0.8).iloc[-1] for _ in range(20)]
    observed = np.mean([row["observed"] for row in last])
    expected = np.mean([row["expected"] for row in last])
    # The highest of 20 means exceeds 0.8 by about 1.87 standard errors of sqrt(0.16 / 900).
    assert observed - 0.8 == pytest.approx(1.87 * np.sqrt(0.16 / 900), rel=0.15)
    assert abs(expected - 0.8) < 0.3 * (observed - 0.8)


def test_eight_of_ten_searches_end_in_the_band() -> None:
    random = np.random.default_rng(5)
    held = []
    for _ in range(25):
        truth = random.normal(0.8, 0.01, 20)
        right = random.random((20, 3, 300)) < truth[:, None, None]
        row = measured(right).iloc[4]  # the best of five
        mean = right.mean(axis=(1, 2))
        some = random.random((400, 20)).argsort(axis=1)[:, :5]
        reached = truth[some[np.arange(400), mean[some].argmax(axis=1)]]
        held.append(((row["low"] <= reached) & (reached <= row["high"])).mean())
    # Searches in one sweep share their luck; the standard error over sweeps is 0.04.
    assert np.mean(held) == pytest.approx(0.8, abs=0.1)


def test_too_few_settings_have_no_curve() -> None:
    assert measured(np.random.default_rng(0).random((3, 2, 50)) < 0.8).empty
