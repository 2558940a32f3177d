"""The variance decomposition, against statsmodels and hand-worked grids."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from test_statistics_samples import fail, make_sweep

from sweeplab.figures.plots.importance import caption
from sweeplab.report.text.importance import importance_table
from sweeplab.statistics import analyse_runs, decompose, importance, noise, replicates
from sweeplab.statistics.importance import complete_part
from sweeplab.sweeps.settings import summarise

LR, DECAY, BATCH = "optimizer.lr", "optimizer.weight_decay", "batch_size"
GRID = {LR: [0.01, 0.1, 1.0], DECAY: [0.0, 0.1], BATCH: [16, 64]}


def shares(runs: pd.DataFrame, knobs: list[str], correct: object = None) -> pd.DataFrame:
    model = noise(replicates(runs, knobs, correct))  # type: ignore[arg-type]
    return importance(model, summarise(runs, knobs), knobs).set_index("effect")


def test_shares_are_the_sums_of_squares_of_a_full_factorial_anova() -> None:
    smf = pytest.importorskip("statsmodels.formula.api")
    from statsmodels.stats.anova import anova_lm

    runs, _, knobs, correct = make_sweep(
        GRID, lambda s: s[LR] - 3 * s[DECAY] * s[LR] + (s[BATCH] == 16) * 0.2, own=0.1
    )
    plain = runs.rename(columns={LR: "lr", DECAY: "wd", BATCH: "bs", "final_val_accuracy": "y"})
    theirs = anova_lm(smf.ols("y ~ C(lr) * C(wd) * C(bs)", plain).fit(), typ=2)["sum_sq"]
    theirs = theirs / theirs.sum()
    ours = shares(runs, knobs, correct)["share"]
    expected = {
        LR: "C(lr)",
        DECAY: "C(wd)",
        BATCH: "C(bs)",
        f"{LR} × {DECAY}": "C(lr):C(wd)",
        f"{LR} × {BATCH}": "C(lr):C(bs)",
        f"{DECAY} × {BATCH}": "C(wd):C(bs)",
        "higher order": "C(lr):C(wd):C(bs)",
        "seeds": "Residual",
    }
    for mine, name in expected.items():
        assert ours[mine] == pytest.approx(theirs[name], abs=1e-9), mine
    assert ours.sum() == pytest.approx(1)


def test_a_grid_worked_by_hand() -> None:
    # Rows 0 and 2, columns 0 and 1, and an interaction of 0.5 in each cell's corner.
    cells = np.array([[[0.5, 0.5], [1.5, 3.5]]])
    found = decompose(cells)
    assert found[(0,)] == pytest.approx(1.0)  # row means 0.5 and 2.5
    assert found[(1,)] == pytest.approx(0.25)  # column means 1 and 2
    assert found[0, 1] == pytest.approx(0.25)
    assert cells.var() == pytest.approx(1.5)


def test_a_knob_without_effect_and_an_interaction_are_told_apart() -> None:
    def level(s: dict[str, float]) -> float:
        return 1.0 if (s[LR] == 0.1) == (s[DECAY] == 0.1) else -1.0

    runs, _, knobs, correct = make_sweep(
        {LR: [0.01, 0.1], DECAY: [0.0, 0.1], BATCH: [16, 64, 256]}, level, own=0.05
    )
    found = shares(runs, knobs, correct)
    assert found.index[0] == f"{LR} × {DECAY}"
    assert found["share"].iloc[0] > 0.8
    assert found["p"].iloc[0] < 0.01
    assert found.loc[BATCH, "p"] > 0.05
    assert found.loc[BATCH, "low"] < 0.01
    assert found.loc[BATCH, "share"] < 0.05


def test_intervals_hold_the_truth_for_a_knob_without_effect_and_one_with() -> None:
    held, null, zero = [], [], []
    grid = {LR: [0.01, 0.1, 1.0], DECAY: [0.0, 0.1]}
    truth = shares(*_args(make_sweep(grid, _by_lr, seeds=2, images=40_000)))
    for seed in range(40):
        found = shares(*_args(make_sweep(grid, _by_lr, images=500, seed=seed)))
        held.append(found.loc[LR, "low"] <= truth.loc[LR, "share"] <= found.loc[LR, "high"])
        null.append(found.loc[DECAY, "p"] < 0.05)
        zero.append(found.loc[DECAY, "low"] == 0)  # as in truth
    assert np.mean(zero) > 0.85
    assert np.mean(held) > 0.85
    assert np.mean(null) < 0.15


def test_intervals_hold_the_true_shares_of_noisy_seeds() -> None:
    grid = {LR: [0.01, 0.1, 1.0], DECAY: [0.0, 0.1]}
    many = shares(*_args(make_sweep(grid, _by_lr, seeds=200, images=2000, own=0.4)))
    held = []
    for seed in range(40):
        found = shares(*_args(make_sweep(grid, _by_lr, seeds=3, own=0.4, seed=seed)))
        share = many.loc[found.index, "share"]
        held.append((found["low"] <= share) & (share <= found["high"]))
    held = pd.DataFrame(held).mean()
    assert many.loc["seeds", "share"] > 0.2
    assert held["seeds"] > 0.85
    assert held[LR] > 0.85


def _by_lr(setting: dict[str, float]) -> float:
    return {0.01: -0.5, 0.1: 0.0, 1.0: 0.5}[setting[LR]]


def _args(sweep: tuple) -> tuple:
    return sweep[0], sweep[2], sweep[3]


def test_a_value_that_diverged_is_left_out_and_the_rest_is_exact() -> None:
    runs, _, knobs, correct = make_sweep(GRID, lambda s: s[LR])
    fail(runs, runs.index[(runs[LR] == 1.0) & (runs[DECAY] == 0.1)], "diverged")
    found = shares(runs, knobs, correct)
    assert found["method"].eq("exact").all()
    assert found["without"].tolist() == [((LR, 1.0),)] * len(found)
    kept, dropped = complete_part(summarise(runs[runs[LR] < 1], knobs), knobs)
    assert len(kept) == 8
    assert dropped == ()


def test_an_interval_always_holds_its_share() -> None:
    # Mostly noise, whose reversed intervals may leave the share out.
    for seed in range(20):
        runs, _, knobs, correct = make_sweep(GRID, lambda _: 0.0, seeds=2, own=0.4, seed=seed)
        found = shares(runs, knobs, correct)
        assert ((found["low"] <= found["share"]) & (found["share"] <= found["high"])).all()
        assert found["low"].ge(0).all()
        assert found["high"].le(1).all()


def test_the_caption_says_how_the_shares_were_got() -> None:
    runs, curves, knobs, correct = make_sweep(GRID, lambda s: s[LR])
    fail(runs, runs.index[(runs[LR] == 1.0) & (runs[DECAY] == 0.1)], "diverged")
    exact = caption(analyse_runs(runs, curves, knobs, correct).importance)
    assert "The share of each knob, each pair of knobs beyond its two, three or more" in exact
    assert "and the seeds in the variance of final validation accuracy" in exact
    assert "bars carry 95 % intervals" in exact
    assert "Method: exact, complete grid without learning rate = 1." in exact


def test_effects_have_names_for_people() -> None:
    table = importance_table(analyse_runs(*make_sweep(GRID, lambda s: s[LR] * s[DECAY])))
    assert set(table["name"]) >= {"learning rate", "learning rate × weight decay", "seeds"}
    assert table["share"].is_monotonic_decreasing


def test_an_incomplete_grid_falls_back_to_a_labelled_model() -> None:
    runs, curves, knobs, correct = make_sweep(
        {LR: [0.001, 0.01, 0.1, 1.0], DECAY: [0.0, 0.01, 0.1, 0.5], BATCH: [8, 16, 32, 64]},
        lambda s: 0.5 * np.log10(s[LR]),
        seeds=1,
    )
    some = np.random.default_rng(0).permutation(64)[:24]
    part = runs.iloc[some].reset_index(drop=True)
    analysis = analyse_runs(part, curves, knobs, [correct[row] for row in some])
    found = analysis.importance.set_index("effect")
    assert found["method"].eq("forest").all()
    assert found.index[0] == LR
    assert found["share"].iloc[0] > 0.6
    assert ((found["low"] <= found["share"]) & (found["share"] <= found["high"])).all()
    note = caption(analysis.importance)
    assert "Method: model-based (random forest): the grid is incomplete" in note
    assert "bars carry" not in note


def test_too_little_gives_an_empty_frame() -> None:
    runs, _, knobs, correct = make_sweep({LR: [0.1, 1.0]}, lambda s: s[LR])
    assert shares(runs, [], correct).empty
    fail(runs, runs.index[3:], "failed")
    assert shares(runs, knobs, correct).empty
