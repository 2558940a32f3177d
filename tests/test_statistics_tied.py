"""The tied set: its variances against direct formulas, its size and power by simulation."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats
from test_statistics_samples import answers, as_replicates, curves_of, make_sweep

from sweeplab.statistics import Noise, accuracy_interval, comparisons, noise, optimism, tied_set
from sweeplab.statistics.contrasts import Errors, average_errors, pair_errors
from sweeplab.statistics.joint import draws
from sweeplab.statistics.optimism import luck_of_seeds
from sweeplab.statistics.seeds import LOGS, Prior, doubt, learn, trend
from sweeplab.statistics.steps import last_steps

ONE, OTHER = np.array([0]), np.array([1])


def simulated(seed: int, levels: np.ndarray, seeds: int, **kind: float) -> np.ndarray:
    return answers(np.random.default_rng(seed), levels, seeds, 500, **kind)


def excluded(sweeps: int, levels: np.ndarray, seeds: int, **kind: Any) -> np.ndarray:
    """For each simulated sweep which settings the tied set leaves out, ``[sweeps, K]``."""
    rng = np.random.default_rng(7)
    found = []
    for _ in range(sweeps):
        right = answers(rng, levels, seeds, 500, **kind)
        found.append(~tied_set(noise(as_replicates(right)))["tied"].to_numpy(dtype=bool))
    return np.array(found)


def test_one_seed_gives_mcnemars_variance() -> None:
    right = simulated(0, np.array([0.0, 0.3]), 1)
    one, other = right[:, 0]
    b, c, m = int((one & ~other).sum()), int((~one & other).sum()), 500
    errors = pair_errors(noise(as_replicates(right)), ONE, OTHER)
    by_hand = ((b + c) / m - ((b - c) / m) ** 2) / (m - 1) + 1 / m**2
    assert errors.se[0, 0] == pytest.approx(np.sqrt(by_hand), rel=1e-4)


def test_a_difference_has_the_crossed_random_effects_variance() -> None:
    """With much learnt from other settings, which are noisy as these are."""
    right = simulated(1, np.zeros(300), 4, own=0.5).astype(float)
    errors = pair_errors(noise(as_replicates(right > 0)), ONE, OTHER, elementwise=True)
    d = right[0] - right[1]  # [S, M]
    assert errors.images[0] == pytest.approx(d.mean(axis=0).var(ddof=1) / 500 + 1 / 500**2)
    many = right.reshape(150, 2, 4, 500)
    each = (many[:, 0] - many[:, 1]).mean(axis=2)  # [150, S]: accuracies' differences by seed
    every = np.subtract(*simulated(2, np.zeros(2), 2000, own=0.5)[:, :, None].mean(axis=(2, 3)))
    assert each.var(axis=1, ddof=1).mean() == pytest.approx(every.var(), rel=0.15)
    average = float((errors.seeds * errors.weight).sum())
    assert average == pytest.approx(every.var() / 4, rel=0.5)


def test_pairs_elementwise_and_crosswise_agree() -> None:
    model = noise(as_replicates(simulated(2, np.linspace(0, 1, 6), 3, own=0.1)))
    rows, columns = np.array([0, 3, 5]), np.array([1, 4, 2])
    crosswise = pair_errors(model, rows, columns)
    elementwise = pair_errors(model, rows, columns, elementwise=True)
    np.testing.assert_allclose(np.diag(crosswise.se), elementwise.se, rtol=1e-3)
    gap = model.mean[rows] - model.mean[columns]
    across = crosswise.deviate(np.tile(gap[:, None], 3))
    np.testing.assert_allclose(np.diag(across), elementwise.deviate(gap), rtol=1e-3)
    alone = average_errors(model, rows[:1], columns[:1])
    np.testing.assert_allclose(alone.se, elementwise.se[:1], rtol=1e-3)


def test_t_interval_of_a_difference_covers_the_truth() -> None:
    rng = np.random.default_rng(3)
    inside = []
    for _ in range(400):
        model = noise(as_replicates(answers(rng, np.zeros(2), 5, 300, own=0.1)))
        found = comparisons(model, tied_set(model)).best([0], [1])
        inside.append(found.low <= 0 <= found.high)
    assert 0.93 <= np.mean(inside) <= 0.995


def test_the_best_of_groups_are_compared_counting_that_they_were_picked() -> None:
    """Five equal settings against one: the highest of five looks better, and is not."""
    rng = np.random.default_rng(4)
    clear, lower = [], []
    for _ in range(200):
        model = noise(as_replicates(answers(rng, np.zeros(6), 3, 300, own=0.1)))
        tied = tied_set(model)
        found = comparisons(model, tied).best(range(5), [5])
        assert found.estimate == pytest.approx(model.mean[:5].max() - model.mean[5])
        assert found.low <= found.estimate <= found.high
        # Clearly worse than others is only a group of which none could be the best.
        assert not found.clear or not tied["tied"][5] or not tied["tied"][:5].any()
        clear.append(found.clear)
        lower.append(found.estimate < 0)
    assert np.mean(lower) < 0.3  # pure picking
    assert np.mean(clear) <= 0.05
    empty = comparisons(model, tied_set(model)).best([], [5])
    assert np.isnan(empty.estimate)
    assert not empty.clear


@pytest.mark.parametrize("level", [0.5, 0.9, 0.98])
def test_the_interval_of_an_accuracy_covers_images_and_seeds_within_its_range(level: float) -> None:
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(300):
        right = rng.random((3, 4, 60)) < level
        model = noise(as_replicates(right))
        found = accuracy_interval(model, 0)
        assert found is not None
        assert 0 <= found.low <= found.estimate <= found.high <= 1
        inside.append(found.low <= level <= found.high)
    assert np.mean(inside) >= 0.93


def test_the_interval_of_an_accuracy_is_wilsons_where_nothing_else_is_known() -> None:
    from statsmodels.stats.proportion import proportion_confint

    right = np.zeros((1, 1, 100), dtype=bool)
    right[..., :90] = True
    found = accuracy_interval(noise(as_replicates(right, predictions=False)), 0)
    low, high = proportion_confint(90, 100, method="wilson")
    assert (found.low, found.high) == (
        pytest.approx(low, abs=0.002),
        pytest.approx(high, abs=0.002),
    )
    right[...] = True
    found = accuracy_interval(noise(as_replicates(right)), 0)
    assert found.high == 1
    assert found.low == pytest.approx(proportion_confint(100, 100, method="wilson")[0], abs=0.01)


def test_with_smyths_prior_the_tails_are_those_of_his_moderated_t() -> None:
    """Linear models and empirical Bayes methods, 2004, section 4: t with d0 + d degrees."""
    d0, common, d, ratio = 4.0, 2e-4, 3.0, 0.7e-4
    logs = np.linspace(-17, 3, 4001)
    # The density of log variance, where variance is d0 common / chi^2(d0).
    density = stats.chi2.pdf(d0 * common / np.exp(logs), d0) / np.exp(logs)
    prior = Prior(np.exp(logs), density / density.sum())
    weight = prior.posterior(np.array([ratio]), d)
    errors = Errors(np.zeros(1), np.tile(prior.variance, (1, 1)), weight, np.inf)
    shrunk = (d0 * common + d * ratio) / (d0 + d)
    for size in (0.005, 0.02, 0.08):
        expected = stats.t.sf(size / np.sqrt(shrunk), d0 + d)
        assert errors.tail(np.array([size]))[0] == pytest.approx(expected, rel=1e-3)
        assert errors.deviate(np.array([-size]))[0] == pytest.approx(-stats.norm.isf(expected))
    assert stats.t.sf(errors.half(1.959964)[0] / np.sqrt(shrunk), 7) == pytest.approx(
        0.025, rel=1e-3
    )


def test_few_images_have_the_tails_of_students_t() -> None:
    errors = Errors(np.array([0.01]), np.zeros((1, 1)), np.ones((1, 1)), 19.0)
    assert errors.half(1.959964)[0] == pytest.approx(stats.t.isf(0.025, 19) * 0.1, rel=1e-4)
    assert special.ndtr(-errors.deviate(np.array([0.3])))[0] == pytest.approx(stats.t.sf(3, 19))


def test_the_distribution_of_variances_is_learnt() -> None:
    rng = np.random.default_rng(0)
    equal = learn(rng.chisquare(2, 2000) / 2, 2.0, 2000)
    assert equal.weight[np.abs(LOGS) <= 1].sum() > 0.9
    planted = np.where(np.arange(2000) < 200, 64.0, 1.0)
    found = learn(planted * rng.chisquare(2, 2000) / 2, 2.0, 2000)
    assert found.weight[LOGS > 2.5].sum() == pytest.approx(0.1, abs=0.03)
    # From few, with one degree of freedom, much is possible; from none, all that was before.
    few = learn(rng.chisquare(1, 9), 1.0, 5)
    assert few.weight[LOGS > 2.5].sum() > equal.weight[LOGS > 2.5].sum() + 0.01
    np.testing.assert_array_equal(learn(np.zeros(0), 1.0, 0).weight, doubt().weight)


def test_the_trend_follows_the_accuracy() -> None:
    rng = np.random.default_rng(1)
    accuracy = np.linspace(0.5, 0.9, 400)
    typical = np.where(accuracy < 0.7, 9.0, 1.0)
    found = trend(accuracy, accuracy, typical * rng.chisquare(2, 400) / 2, 2.0)
    assert found[:100].mean() == pytest.approx(9, rel=0.1)
    assert found[-100:].mean() == pytest.approx(1, rel=0.1)


def test_an_average_may_share_its_seeds_effect() -> None:
    prior = Prior(np.exp(LOGS), np.eye(len(LOGS))[14])  # 1, for certain
    shared = prior.shared_by(16)
    held = shared.variance[shared.weight > 0]
    assert held.min() == pytest.approx(1)
    assert 16 <= held.max() < 16 * np.exp(1)


def test_draws_have_the_variances_they_stand_for() -> None:
    model = noise(as_replicates(simulated(4, np.zeros(4), 1)))
    errors = draws(model, 20_000, np.random.default_rng(0))
    gap = (errors[:, 0] - errors[:, 1]).var()
    variance = pair_errors(model, ONE, OTHER).se[0, 0] ** 2
    assert gap == pytest.approx(variance - 1 / 500**2, rel=0.05)


@pytest.mark.parametrize(
    ("settings", "seeds", "own"),
    [
        *[(2, 1, 0.0), (2, 3, 0.1), (3, 5, 0.1), (10, 3, 0.05)],
        pytest.param(20, 2, 0, marks=pytest.mark.slow),
    ],
)
def test_equal_settings_make_no_false_winner(settings: int, seeds: int, own: float) -> None:
    sweeps = 400
    out = excluded(sweeps, np.zeros(settings), seeds, own=own)
    # 5 % of 400 is 20; 30 or more would happen twice in 100 if it were exactly 5 %.
    assert (out.sum(axis=1) == settings - 1).sum() < 30
    # Any setting may be called the truly best: it is lost in at most 5 % of sweeps.
    assert out.mean() < 0.05 + 2 * np.sqrt(0.05 * 0.95 / sweeps)


@pytest.mark.parametrize(
    ("noisy", "seeds"), [(1, 2), pytest.param(1, 5, marks=pytest.mark.slow), (5, 3)]
)
def test_settings_of_which_some_are_eight_times_noisier_make_no_false_winner(
    noisy: int, seeds: int
) -> None:
    own = np.full(10, 0.03)
    own[:noisy] *= 8
    # As accurate as the others, with more spread of the latent ease.
    spread = 4 + 0.7**2 + 0.5**2
    levels = 1.8 * np.sqrt((spread + own**2) / (spread + 0.03**2)) - 1.8
    out = excluded(300, levels, seeds, own=own[:, None, None])
    assert (out.sum(axis=1) == 9).mean() < 0.05
    # Losing one depends on the noisiest, so sweeps are what varies.
    error = out.mean(axis=1).std() / np.sqrt(len(out))
    assert out.mean() < 0.05 + 2 * error


@pytest.mark.slow
# Not one seed where seeds differ: one cannot show it, and the sentences say so.
@pytest.mark.parametrize(("seeds", "own"), [(1, 0.0), *product([2, 3, 5], [0.0, 0.1])])
@pytest.mark.parametrize("settings", [2, 3, 10, 50])
def test_equal_settings_make_no_false_winner_in_many_sweeps(
    settings: int, seeds: int, own: float
) -> None:
    sweeps = 1000
    out = excluded(sweeps, np.zeros(settings), seeds, own=own, shared=0.1)
    bound = 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / sweeps)
    assert (out.sum(axis=1) == settings - 1).mean() < bound
    assert out.mean() < bound


@pytest.mark.parametrize(("settings", "seeds"), [(2, 1), (2, 5), (5, 3), (10, 5)])
def test_three_standard_errors_are_found_in_most_sweeps(settings: int, seeds: int) -> None:
    rng = np.random.default_rng(11)
    gaps = [
        np.subtract(*answers(rng, np.zeros(2), seeds, 500).mean(axis=(1, 2))) for _ in range(400)
    ]
    per_level = np.diff(answers(rng, np.array([0, 0.3]), 1, 200_000).mean(axis=(1, 2)))[0] / 0.3
    levels = np.zeros(settings)
    levels[-1] = 3 * np.std(gaps) / per_level
    out = excluded(100, levels, seeds)
    assert out[:, -1].mean() < 0.05
    assert out[:, :-1].mean() > 0.55


def test_without_predictions_the_size_holds_and_the_set_is_wider() -> None:
    rng = np.random.default_rng(5)
    paired, unpaired, lone = [], [], 0
    for _ in range(150):
        right = answers(rng, np.array([0, 0, 0, 0.45, 0.45]), 3, 500)
        paired.append(tied_set(noise(as_replicates(right)))["tied"].sum())
        wide = tied_set(noise(as_replicates(right, predictions=False)))["tied"]
        unpaired.append(wide.sum())
        lone += wide.sum() == 1
    assert np.mean(unpaired) > np.mean(paired)
    assert lone <= 7


def test_a_planted_tied_set() -> None:
    levels = np.array([2.0, -1.0, 2.0, 0.0, 2.0])
    right = simulated(6, levels, 5, apart=0.1)
    frame = tied_set(noise(as_replicates(right)))
    assert frame.loc[frame["tied"], "setting"].tolist() == [0, 2, 4]
    assert frame["difference"].max() == 0
    assert frame["highest"].sum() == 1


def test_it_agrees_with_the_model_confidence_set_on_plain_cases() -> None:
    """Hansen, Lunde and Nason's set, for one seed, where images are independent losses."""
    arch = pytest.importorskip("arch.bootstrap")
    right = simulated(3, np.array([1.5, 1.5, 1.5, 0.0, -1.0, 0.3]), 1, apart=0.4)
    theirs = arch.MCS(1.0 - right[:, 0].T, size=0.05, reps=1000, block_size=1, seed=3)
    theirs.compute()
    ours = tied_set(noise(as_replicates(right)))
    assert sorted(theirs.included) == ours.loc[ours["tied"], "setting"].tolist() == [0, 1, 2]


def test_one_setting_no_setting_and_identical_settings() -> None:
    single = tied_set(noise(as_replicates(simulated(9, np.zeros(1), 3))))
    assert single["tied"].tolist() == [True]
    same = np.repeat(simulated(9, np.zeros(1), 3), 4, axis=0)
    assert tied_set(noise(as_replicates(same)))["tied"].all()
    assert tied_set(noise(as_replicates(same)), eligible=[]).empty


def test_the_set_is_the_same_every_time() -> None:
    model = noise(as_replicates(simulated(10, np.linspace(0, 0.5, 20), 3)))
    assert tied_set(model).equals(tied_set(model))


def test_settings_that_lack_a_seed_are_compared_too() -> None:
    right = simulated(12, np.array([1.0, 1.0, -1.0, 1.0]), 3)
    data = as_replicates(right)
    keep = np.arange(12) != 4  # setting 1 lacks seed 1
    assert data.correct is not None
    part = type(data)(
        4, data.setting[keep], data.seed[keep], data.accuracy[keep], data.correct[keep], 500
    )
    model: Noise = noise(part)
    assert model.crossed.tolist() == [True, False, True, True]
    frame = tied_set(model)
    assert frame["tied"].tolist() == [True, True, False, True]
    full = pair_errors(noise(data), ONE, OTHER).se
    assert pair_errors(model, ONE, OTHER).se > full / 2


def test_optimism_is_right_on_average_for_equal_settings() -> None:
    """The highest of K equal accuracies is high by luck alone; the estimate must see through."""
    rng = np.random.default_rng(13)
    truth = answers(rng, np.zeros(1), 1, 400_000).mean()
    found = [
        optimism(noise(as_replicates(answers(rng, np.zeros(20), 1, 300))), number=200).iloc[0]
        for _ in range(120)
    ]
    highest = np.mean([row["highest"] for row in found])
    corrected = np.mean([row["corrected"] for row in found])
    assert highest - truth > 0.015
    assert corrected == pytest.approx(truth, abs=0.006)  # its standard error is 0.002


def test_what_to_expect_of_the_best_counts_the_luck_of_noisy_seeds() -> None:
    rng = np.random.default_rng(15)
    truth = answers(rng, np.zeros(1), 400, 20_000, own=0.5).mean()
    rows = [
        optimism(noise(as_replicates(answers(rng, np.zeros(20), 2, 500, own=0.5))), number=200)
        for _ in range(60)
    ]
    frame = pd.concat(rows)
    inside = (frame["low"] <= truth) & (truth <= frame["high"])
    assert inside.mean() > 0.9
    assert frame["optimism"].mean() > 0.6 * (frame["highest"].mean() - truth) > 0.02


@pytest.mark.parametrize("noise_of_seeds", [0.02, 0.06])
def test_luck_of_seeds_is_what_bayes_rule_says_for_normal_means(noise_of_seeds: float) -> None:
    """C. Morris, J. Am. Stat. Assoc. 78, 1983: shrunk by V / (V + A) towards the mean."""
    rng = np.random.default_rng(8)
    spread = 0.04
    found, expected = [], []
    for _ in range(20):
        mean = 0.5 + rng.normal(0, np.hypot(spread, noise_of_seeds), 1000)
        luck, left = luck_of_seeds(mean, np.full(1000, noise_of_seeds**2))
        found.append(luck)
        share = noise_of_seeds**2 / (noise_of_seeds**2 + spread**2)
        expected.append(share * (mean.max() - 0.5))
        assert left >= noise_of_seeds
    assert np.mean(found) == pytest.approx(np.mean(expected), rel=0.2)
    assert luck_of_seeds(np.array([0.9]), np.array([0.01])) == (0.0, 0.1)
    assert luck_of_seeds(np.array([0.9, 0.8]), np.zeros(2)) == (0.0, 0.0)


def test_optimism_of_noisy_settings_with_one_seed_counts_what_curves_show() -> None:
    """Half of fifty equal settings are noisy, and one of these is the highest by luck."""
    rng = np.random.default_rng(9)
    lucky, stated, blind = [], [], []
    spread = np.where(np.arange(50) % 2, 0.03, 0.002)
    truth = special.ndtr(1.8 / np.sqrt(2.0**2 + 0.7**2 + 0.5**2))
    for _ in range(20):
        # answers(): an effect of 0.1 moves an accuracy by 1.3 points.
        right = answers(rng, np.zeros(50), 1, 500, own=(spread / 0.13)[:, None, None])
        data = as_replicates(right)
        lucky.append(data.accuracy.max() - truth)
        stated.append(optimism(noise(data, spread**2), number=100)["optimism"].iloc[0])
        blind.append(optimism(noise(data), number=100)["optimism"].iloc[0])
    assert np.mean(stated) == pytest.approx(np.mean(lucky), abs=0.015)
    assert np.mean(blind) < 0.5 * np.mean(lucky)


def test_the_last_steps_of_curves_show_how_much_a_setting_wobbles() -> None:
    runs, *_ = make_sweep({"optimizer.lr": [0.01, 0.1, 1.0]}, lambda _: 0.0, seeds=1)
    curves = curves_of(runs, lambda at: 0.8 + 0.1 * at, noise=0.0)
    sizes = dict(zip(runs["run"], (0.001, 0.01, 0.1), strict=True))
    rng = np.random.default_rng(2)
    wobble = rng.normal(size=len(curves)) * curves["run"].map(sizes)
    curves["val_accuracy"] += wobble
    found = last_steps(runs, pd.Series([0, 1, 2]), curves)
    assert np.sqrt(found) == pytest.approx([0.001, 0.01, 0.1], rel=0.6)
    short = curves[(curves["run"] != "1") | (curves["iteration"] % 100 == 0)]
    assert np.isfinite(last_steps(runs, pd.Series([0, 1, 2]), short)).all()
    assert last_steps(runs, pd.Series([0, 1, 2]), curves[curves["iteration"] < 100]) is None


def test_optimism_without_choice_or_predictions() -> None:
    right = simulated(14, np.zeros(3), 2)
    assert optimism(noise(as_replicates(right[:1])))["optimism"].iloc[0] == 0
    assert optimism(noise(as_replicates(right[:2])))["optimism"].iloc[0] > 0  # a choice of two
    row = optimism(noise(as_replicates(right, predictions=False))).iloc[0]
    assert np.isnan(row["optimism"])
    assert row["k"] == 3
