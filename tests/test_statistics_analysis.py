"""Planted truths: what the statistics and the sentences say of them."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_statistics_samples import answers, as_replicates, curves_of, fail, make_sweep

from sweeplab.report.text.verdict import Verdict, verdict
from sweeplab.statistics import Analysis, Correct, analyse_runs, knob_tests, noise, rise_of, rises
from sweeplab.statistics.early import Stopping
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import value_text

LR, DECAY, BATCH, SIZE = "optimizer.lr", "optimizer.weight_decay", "batch_size", "data.train_size"


def judge(
    runs: pd.DataFrame, curves: pd.DataFrame, knobs: list[str], correct: Correct | None = None
) -> tuple[Sweep, Analysis, Verdict]:
    """A simulated sweep, its statistics, and the sentences about it."""
    sweep = Sweep(Path(), runs, curves, knobs)
    analysis = analyse_runs(runs, curves, knobs, correct)
    return sweep, analysis, verdict(sweep, analysis)


def caution(said: Verdict, words: str) -> str:
    """The one caution with ``words`` in it."""
    [sentence] = [sentence for sentence in said.cautions if words in sentence]
    return sentence


def warned(said: Verdict, words: str) -> bool:
    return any(words in sentence for sentence in said.cautions)


def warned_in(sentences: list[str], words: str) -> bool:
    return any(words in sentence for sentence in sentences)


def value_of(sweep: Sweep, setting: int | None, knob: str) -> Any:
    return sweep.settings.set_index("setting").loc[setting, knob]


def peak(s: dict[str, Any]) -> float:
    """Best at lr 0.1; weight decay 1 hurts; the batch size does nothing."""
    return {0.01: -1.0, 0.1: 0.5, 1.0: -0.3}.get(s[LR], 0.0) - 2.0 * (s.get(DECAY, 0) == 1.0)


def test_a_known_optimum_a_knob_without_effect_and_their_sentences() -> None:
    sweep, found, said = judge(
        *make_sweep({LR: [0.01, 0.1, 1.0], DECAY: [0.0, 1.0], BATCH: [16, 64]}, peak, seeds=5)
    )
    table = found.tied[found.tied["tied"]]
    assert set(table[LR]) == {0.1}
    assert set(table[DECAY]) == {0.0}
    assert found.could_be_best == set(table["setting"])
    assert len(found.could_be_best) == 2
    assert found.recommended in found.could_be_best
    row = sweep.settings.set_index("setting").loc[found.recommended]
    batch = f"batch size = {row[BATCH]:.0f}"
    start = f"If you want one setting, use learning rate = 0.1, weight decay = 0, {batch} (run "
    assert said.setting.startswith(start)
    assert said.question == "Which knob matters most?"
    assert said.lead.startswith("Weight decay matters most: it makes ")
    assert said.how.startswith("Accuracies are means over 5 seeds, measured after the last ")
    means = table["mean"]
    texts = f"{means.min():.3f} to {means.max():.3f}"
    assert f"2 of 12 settings could be the best: their accuracies are {texts}." in said.findings
    assert warned(said, "Batch size makes no clear difference")
    assert said.questions[BATCH].startswith("The batch size makes no clear difference")
    assert said.questions[DECAY].startswith("The best weight decay is 0 (")
    assert "the other is clearly worse" in said.questions[DECAY]
    assert said.questions[LR].startswith("The best learning rate is 0.1 (")
    assert found.edges == []
    assert not warned(said, "that was tried")


def test_of_equal_means_every_section_names_the_same() -> None:
    runs, curves, knobs, _ = make_sweep({LR: [0.1, 1.0, 3.0]}, lambda _: 0.0, seeds=2)
    runs["final_val_accuracy"] = [0.5, 0.5, 0.75, 1.0, 0.875, 0.875]
    sweep, found, said = judge(runs, curves, knobs)
    assert (
        value_of(sweep, found.recommended, LR) == 3.0
    )  # beside it is 0.875, and beside 1.0 0.5, too
    assert found.effects.loc[found.effects["top"].astype(bool), "value"].tolist() == [3.0]
    assert "use learning rate = 3 (run " in said.setting


def test_what_to_expect_is_said_with_its_interval() -> None:
    _, found, said = judge(*make_sweep({LR: [0.01, 0.1, 1.0]}, peak))
    expected = found.expected
    assert expected is not None
    text = f"expect {expected.estimate:.3f} ({expected.low:.3f} to {expected.high:.3f})"
    assert any(
        sentence.startswith(f"On new images and seeds, {text}") for sentence in said.findings
    )


def test_the_numbers_of_a_knobs_sentence_are_those_of_the_tables() -> None:
    sweep, found, said = judge(*make_sweep({LR: [0.01, 0.1, 1.0]}, peak))
    rows = found.effects.set_index("value")
    means = sweep.settings.set_index(LR)["final_val_accuracy"]
    assert rows.loc[0.01, "difference"] == pytest.approx(means[0.01] - means[0.1])
    text = "0.01, {difference:+.3f} ({low:+.3f} to {high:+.3f})".format(**rows.loc[0.01])
    assert text.replace("-", "−") in said.questions[LR]
    assert rows["clear"].tolist() == [True, False, True]


@pytest.mark.parametrize("better", [0.01, 0.1])
def test_the_better_of_two_values_is_named_and_what_the_other_loses(better: float) -> None:
    sweep, _, said = judge(*make_sweep({LR: [0.01, 0.1]}, lambda s: float(s[LR] == better)))
    means = sweep.settings.set_index(LR)["final_val_accuracy"]
    worse = {0.01: 0.1, 0.1: 0.01}[better]
    best = f"The best learning rate is {better} ({means[better]:.3f}); the other is clearly worse."
    assert said.lead == best
    loss = f"{worse}, −{means[better] - means[worse]:.3f} ("
    assert said.findings[0].startswith(f"Clearly worse than learning rate {better}: {loss}")


def test_a_lone_winner_is_called_the_best() -> None:
    _, found, said = judge(*make_sweep({LR: [0.01, 0.1, 1.0]}, peak, seeds=5))
    assert found.could_be_best == {found.recommended}
    assert "With 95 % confidence no other of the 3 settings is better." in said.findings


@pytest.mark.parametrize(
    ("sign", "word", "suggestion"), [(1, "largest", "10."), (-1, "smallest", "0.001.")]
)
def test_an_optimum_outside_the_range(sign: int, word: str, suggestion: str) -> None:
    _, found, said = judge(
        *make_sweep({LR: [0.01, 0.1, 1.0]}, lambda s: sign * 0.7 * np.log10(s[LR]), seeds=3)
    )
    [edge] = found.edges
    assert (edge.knob, edge.largest, edge.inner) == (LR, sign > 0, 0.1)
    assert edge.clear
    sentence = caution(said, f"is the {word} that was tried")
    assert sentence.startswith("The best learning rate, ")
    assert f"Try {word[:-3]}er values, such as {suggestion}" in sentence


def test_an_edge_that_may_be_chance_says_so() -> None:
    # The knob matters; but the end of its range is hardly better than its neighbour.
    level = {0.01: 0.0, 0.1: 0.0, 1.0: 2.0, 10.0: 2.1}
    _, found, said = judge(*make_sweep({LR: list(level)}, lambda s: level[s[LR]]))
    [edge] = found.edges
    assert edge.inner == 1.0
    assert not edge.clear
    sentence = caution(said, "The highest mean is at the largest learning rate that was tried, 10.")
    assert "Larger values, such as 100, may be better." in sentence


def test_no_weight_decay_is_no_edge_and_more_images_are_more_data() -> None:
    _, found, said = judge(
        *make_sweep(
            {SIZE: [100, 500, 2000], DECAY: [0.0, 0.1]},
            lambda s: np.log10(s[SIZE]) + (2 * s[DECAY] if s[SIZE] == 100 else -5 * s[DECAY]),
        )
    )
    assert [edge.knob for edge in found.edges] == [SIZE]
    assert "More training images may help further." in caution(said, "that was tried")
    assert said.question == "Can weight decay make up for a smaller training set?"
    without = "the best weight decay (0.1) changes the accuracy reached without weight decay by"
    assert said.findings[0].startswith(f"With 100 training images, {without} +")
    assert said.findings[1].startswith(f"With 2000 training images, {without} −")
    assert found.size_by_decay["size"].tolist() == [100, 2000]


@pytest.mark.parametrize(
    ("knob", "values"), [("eval_every", [1, 10, 100]), ("optimizer.nesterov", [False, True])]
)
def test_what_is_no_range_has_no_edge(knob: str, values: list[Any]) -> None:
    _, found, _ = judge(*make_sweep({knob: values}, lambda s: 2.0 * float(s[knob] == values[-1])))
    assert found.tests["effect"].tolist() == [True]
    assert found.edges == []


def test_diverging_runs_are_told_with_their_learning_rate_and_never_recommended() -> None:
    runs, curves, knobs, correct = make_sweep(
        {LR: [0.1, 1.0, 100.0], DECAY: [0.0, 0.1]}, lambda s: np.log10(s[LR])
    )
    gone = runs.index[(runs[LR] == 100) & (runs[DECAY] == 0.1)]
    fail(runs, gone, "diverged")
    one = runs.index[(runs[LR] == 100) & (runs[DECAY] == 0.0)][:1]
    fail(runs, one, "diverged")
    sweep, found, said = judge(runs, curves, knobs, correct)
    assert "4 of 18 runs (22 %) diverged, all from learning rate 100 on." in said.cautions
    assert "The share that diverged is 67 % at 100." in said.cautions
    assert not warned(said, "exceeds 2")
    assert value_of(sweep, found.recommended, LR) == 1.0
    assert warned_in(said.findings, "2 settings that diverged with some seed")
    assert "At 100 no setting ran to the end" in said.questions[LR]


@pytest.mark.parametrize(("rate", "alone"), [(100.0, True), (10.0, False)])
def test_decay_that_alone_makes_weights_grow_is_named(rate: float, alone: bool) -> None:
    # Each step multiplies the weights by 1 - rate * 0.1: by -9, or by 0.
    runs, curves, knobs, correct = make_sweep({LR: [1.0, rate], DECAY: [0.0, 0.1]}, lambda _: 0.0)
    fail(runs, runs.index[(runs[LR] == rate) & (runs[DECAY] == 0.1)], "diverged")
    _, _, said = judge(runs, curves, knobs, correct)
    assert warned(said, "learning rate × weight decay exceeds 2") == alone


def test_when_every_setting_diverged_with_some_seed_the_least_bad_is_named_so() -> None:
    runs, curves, knobs, correct = make_sweep({LR: [1.0, 10.0]}, lambda _: 0.0)
    fail(runs, [0, 3, 4], "diverged")
    sweep, found, said = judge(runs, curves, knobs, correct)
    assert value_of(sweep, found.recommended, LR) == 1.0
    assert warned_in(
        said.findings, "Every setting diverged with some seed; this one did in 1 of 3 runs"
    )


def test_one_seed_only() -> None:
    _, found, said = judge(*make_sweep({LR: [0.01, 0.1, 1.0]}, peak, seeds=1))
    assert warned(said, "Every setting ran with one seed")
    assert said.how.startswith("Accuracies are of one seed")
    luck = "the 500 validation images and of the last iterations, not of the seed."
    assert luck in said.how
    assert "seeds" not in set(found.importance["effect"])


def test_few_seeds_are_said_of_the_settings_that_have_few() -> None:
    runs, curves, knobs, correct = make_sweep({LR: [0.01, 0.1, 1.0]}, peak, seeds=3)
    *_, said = judge(runs, curves, knobs, correct)
    assert not warned(said, "settings have only")
    fail(runs, [0], "failed")
    *_, said = judge(runs, curves, knobs, correct)
    assert warned(said, "Some settings have only 2 seeds")
    fail(runs, [3, 6], "failed")
    *_, said = judge(runs, curves, knobs, correct)
    assert warned(said, "All settings have only 2 seeds")


def test_nan_and_failures_do_not_stop_it() -> None:
    runs, curves, knobs, correct = make_sweep({LR: [0.01, 0.1, 1.0]}, peak)
    runs.loc[0, "final_val_accuracy"] = np.nan
    fail(runs, [4], "failed")
    sweep, found, said = judge(runs, curves, knobs, correct)
    assert "2 of 9 runs failed: RuntimeError: planted." in said.cautions
    assert value_of(sweep, found.recommended, LR) == 0.1


def test_a_single_run_and_a_single_setting() -> None:
    _, single, said = judge(*make_sweep({}, lambda _: 0.0, seeds=1))
    assert (said.question, said.setting) == ("How good is it?", "")
    assert said.lead.startswith("The validation accuracy is 0.")
    assert single.recommended == 0
    sweep, seeds, said = judge(*make_sweep({}, lambda _: 0.0, seeds=5))
    assert said.question == "How much does it depend on the seed?"
    accuracies = sweep.runs["final_val_accuracy"]
    assert said.lead == (
        f"From seed to seed the accuracy varies by {accuracies.std():.3f} (standard deviation) "
        f"around {accuracies.mean():.3f}: the worst of 5 seeds reaches {accuracies.min():.3f}, "
        f"the best {accuracies.max():.3f}."
    )
    assert said.setting == ""
    assert seeds.importance.empty
    assert said.questions == {}


def test_nothing_completed_and_no_runs() -> None:
    runs, curves, knobs, correct = make_sweep({LR: [0.01, 0.1]}, lambda _: 0.0)
    fail(runs, runs.index, "failed")
    for some, given, none in (
        (runs, correct, "None of 6 runs completed."),
        (runs.iloc[:0], [], "There are no runs."),
    ):
        _, found, said = judge(some, curves.iloc[:0], knobs, given)
        assert found.recommended is None
        assert found.could_be_best == frozenset()
        assert said.lead.startswith("No run ran to its end")
        assert (said.how, said.findings) == ("", [])
        assert none in said.cautions


@pytest.mark.parametrize("completed", [0, 1, 6])
@pytest.mark.parametrize("predictions", [True, False])
def test_a_setting_is_recommended_exactly_when_some_run_completed(
    completed: int, predictions: bool
) -> None:
    runs, curves, knobs, correct = make_sweep({LR: [0.01, 0.1]}, lambda _: 0.0)
    fail(runs, runs.index[: 6 - completed], "diverged")
    _, found, _ = judge(runs, curves, knobs, correct if predictions else None)
    assert (found.recommended is None) == (completed == 0)


def test_without_predictions_it_says_so() -> None:
    runs, curves, knobs, _ = make_sweep({LR: [0.01, 0.1, 1.0]}, peak, seeds=5)
    sweep, found, said = judge(runs, curves, knobs)
    assert warned(said, "Which images each run got right is not known")
    assert value_of(sweep, found.recommended, LR) == 0.1


def wobbling(runs: pd.DataFrame, evaluations: int, alike: float, seed: int = 0) -> pd.DataFrame:
    """Flat curves on 500 images with errors that are correlated from evaluation to evaluation."""
    rng = np.random.default_rng(seed)
    error = rng.normal(size=(len(runs), evaluations))
    for at in range(1, evaluations):
        error[:, at] = alike * error[:, at - 1] + np.sqrt(1 - alike**2) * error[:, at]
    values = 0.9 + np.round(2 * error) / 500
    return pd.DataFrame(
        {
            "run": np.repeat(runs["run"].to_numpy(), evaluations),
            "iteration": np.tile(np.arange(evaluations) * 10, len(runs)),
            "val_accuracy": values.ravel(),
        }
    )


def test_rises_and_their_intervals() -> None:
    runs, *_ = make_sweep({LR: [0.1]}, lambda _: 0.0, seeds=200)
    flat = rises(curves_of(runs, lambda at: np.full(len(at), 0.9)))
    assert (flat["rise"] > flat["half"]).mean() <= 0.05
    # 9 of 32 evaluations, iterations 210 to 290: a slope of 0.1 a training.
    up = rises(curves_of(runs, lambda at: 0.8 + 0.1 * at))
    assert up["start"].eq(210).all()
    assert up["end"].eq(290).all()
    assert up["rise"].mean() == pytest.approx(0.1 * 80 / 310, rel=0.05)
    assert (up["rise"] > up["half"]).mean() > 0.8
    assert ((up["rise"] - 0.1 * 80 / 310).abs() <= up["half"]).mean() > 0.95
    assert rises(curves_of(runs, lambda at: at).iloc[:4]).empty


PLATEAUS = [(20, 0.0, 1), (60, 0.6, 1), (20, 0.3, 3)]  # the others are for `make test-slow`


@pytest.mark.parametrize(
    ("evaluations", "alike", "seeds"),
    [
        pytest.param(*case, marks=[] if case in PLATEAUS else pytest.mark.slow)
        for case in itertools.product([20, 60], [0.0, 0.3, 0.6], [1, 3])
    ],
)
def test_a_plateau_rarely_rises_though_it_was_chosen_for_its_end(
    evaluations: int, alike: float, seeds: int
) -> None:
    """Of ten settings that are all flat the one with the highest end, as a report chooses."""
    trials = 200
    runs, *_ = make_sweep({}, lambda _: 0.0, seeds=trials * 10 * seeds, images=2)
    runs["trial"] = np.arange(len(runs)) // (10 * seeds)
    runs["which"] = np.arange(len(runs)) // seeds
    curves = wobbling(runs, evaluations, alike)
    ends = curves.groupby("run")["val_accuracy"].last()
    runs["end"] = runs["run"].map(ends)
    mean = runs.groupby(["trial", "which"])["end"].mean()
    best = mean.groupby("trial").idxmax().map(lambda pair: pair[1])
    chosen = runs[runs["which"].isin(best)]
    curves = curves[curves["run"].isin(chosen["run"])]
    wrong = []
    for _, mine in chosen.groupby("trial"):
        rise = rise_of(mine, curves[curves["run"].isin(mine["run"])])
        assert rise is not None
        wrong.append(rise.clear)
    assert np.mean(wrong) <= 0.08  # 5 %, and two standard errors of 200 trials


def test_two_or_three_evaluations_say_nothing_of_the_length() -> None:
    runs, _, knobs, correct = make_sweep({LR: [0.01, 0.1, 1.0]}, peak, seeds=5)
    for few in (2, 3, 9):
        curves = curves_of(runs, lambda at: 0.8 + 0.1 * at)
        kept = np.linspace(0, 310, few).round(-1)
        said = judge(
            runs.assign(best_iteration=310),
            curves[curves["iteration"].isin(kept)],
            knobs,
            correct,
        )[2]
        assert not warned(said, "too short")
        assert not warned(said, "still rises")


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_curve_that_still_rises(seeds: int) -> None:
    runs, _, knobs, correct = make_sweep({LR: [0.01, 0.1, 1.0]}, peak, seeds=seeds)
    *_, rising = judge(runs, curves_of(runs, lambda at: 0.8 + 0.1 * at), knobs, correct)
    assert "still rises: by 0.02" in caution(rising, "Train longer.")
    *_, flat = judge(runs, curves_of(runs, lambda at: np.full(len(at), 0.9)), knobs, correct)
    assert not warned(flat, "still rises")


@pytest.mark.parametrize(
    ("at", "seeds", "advice"),
    [
        (310, 3, "it may be too short"),
        (40, 5, "fewer iterations would do"),
        (250, 5, None),
        # On a flat curve one best iteration of five is in the last tenth of what is not the rise,
        # and every second one in the first half.
        (310, 1, None),
        (40, 3, None),
    ],
)
def test_where_the_best_iteration_falls(at: int, seeds: int, advice: str | None) -> None:
    runs, curves, knobs, correct = make_sweep({LR: [0.01, 0.1, 1.0]}, peak, seeds=seeds)
    *_, said = judge(runs.assign(best_iteration=at), curves, knobs, correct)
    assert warned(said, "accuracy peaks in the") == bool(advice)
    if advice:
        assert caution(said, advice).startswith(f"In {seeds} of {seeds} runs, ")


def test_curves_that_rise_are_never_said_to_be_too_long() -> None:
    runs, _, knobs, correct = make_sweep({LR: [0.01, 0.1, 1.0]}, peak, seeds=5)
    rising = curves_of(runs, lambda at: 0.8 + 0.1 * at)
    *_, said = judge(runs.assign(best_iteration=40), rising, knobs, correct)
    assert warned(said, "still rises")
    assert not warned(said, "fewer iterations")


def test_early_peaks_are_no_advice_where_stopping_was_seen_to_lose() -> None:
    runs, curves, knobs, correct = make_sweep({LR: [0.01, 0.1, 1.0]}, peak, seeds=5)
    sweep, found, said = judge(runs.assign(best_iteration=40), curves, knobs, correct)
    assert warned(said, "fewer iterations would do")
    stop = Stopping(gain=-0.02, half=0.01, seen=0.0, iteration=40, last=310, replicates=5)
    loses, may = (
        replace(found, further=replace(found.further, stopping=replace(stop, half=half)))
        for half in (0.01, 0.03)
    )
    assert not warned(verdict(sweep, loses), "fewer iterations")
    assert warned(verdict(sweep, may), "fewer iterations would do")


def test_the_lowest_of_values_that_chance_may_explain_is_told_with_its_interval() -> None:
    grid = {LR: [0.01, 0.1, 1.0], DECAY: [0.0, 0.1]}
    runs, curves, knobs, correct = make_sweep(grid, lambda s: -3.0 * (s[LR] > 0.5), 3, own=0.3)
    sweep, found, _ = judge(runs, curves, knobs, correct)
    rows = found.effects[found.effects["knob"] == DECAY]
    assert not rows["clear"].any()
    [low] = rows[~rows["top"].astype(bool)].to_dict("records")
    table = replace(found, effects=found.effects.copy())
    for difference, told in ((-0.004, False), (-0.013, True)):
        here = (table.effects["knob"] == DECAY) & (table.effects["value"] == low["value"])
        top = float(rows.loc[rows["top"], "best_mean"].iloc[0])
        table.effects.loc[here, ["best_mean", "difference", "low", "high"]] = (
            top + difference,
            difference,
            -0.03,
            0.006,
        )
        words = verdict(sweep, table).questions[DECAY]
        assert ("The lowest, " in words) == told
    assert (
        f"The lowest, {value_text(low['value'])}, is −0.013 (−0.030 to +0.006) from the best; more "
        "seeds or validation data would tell whether that is chance."
    ) in words


def test_each_value_counts_its_settings_that_diverged() -> None:
    runs, curves, knobs, correct = make_sweep({LR: [0.1, 1.0], DECAY: [0.0, 0.1]}, lambda _: 0.0, 2)
    where = (runs[LR] == 1.0) & (runs[DECAY] == 0.1) & (runs["seed"] == runs["seed"].min())
    fail(runs, np.flatnonzero(where), "diverged")
    _, found, _ = judge(runs, curves, knobs, correct)
    table = found.effects.set_index(["knob", "value"])["diverged"]
    assert table.to_dict() == {(LR, 0.1): 0, (LR, 1.0): 1, (DECAY, 0.0): 0, (DECAY, 0.1): 1}


def test_values_that_one_setting_had_are_no_finding_about_their_knob() -> None:
    """Of ten settings as a search tries them the learning rate alone decides."""
    rates, decays = np.geomspace(0.01, 1, 10), np.geomspace(0.001, 0.1, 10)
    decay_of = dict(zip(rates, np.random.default_rng(4).permutation(decays), strict=True))
    runs, curves, _, correct = make_sweep({LR: [*rates]}, lambda s: 2 * np.log10(s[LR]), seeds=3)
    runs[DECAY] = runs[LR].map(decay_of)
    _, found, said = judge(runs, curves, [LR, DECAY], correct)
    assert found.effects["clear"].any()
    assert said.questions[DECAY].startswith(
        "Most values of the weight decay were tried once, each with other values of the other "
        "knobs: what it does alone is not known. The best setting, and those not clearly worse, "
    )
    assert "helps" not in said.questions[DECAY]
    assert "worse than" not in said.questions[LR]


def test_how_small_a_difference_would_be_found() -> None:
    runs, curves, knobs, correct = make_sweep({LR: [0.1, 0.2]}, lambda s: s[LR], seeds=1)
    _, found, said = judge(runs, curves.iloc[:0], knobs, correct)
    design = found.design
    assert design is not None
    # One seed and no curves: all of the error is the images'. Two settings: 1.96 of it on one
    # side, and 0.84 for power 0.8, as in any textbook of sample sizes.
    se = found.tied["se"].max()
    assert design.detectable == pytest.approx((1.960 + 0.842) * se, rel=0.02)
    assert design.images == float(f"{500 * (design.detectable / 0.005) ** 2:.2g}")
    assert design.seeds is None
    assert f"For 0.005 it would take about {design.images:,} validation images." in caution(
        said, "the two highest"
    )


def test_a_noisy_setting_that_stays_below_others_that_are_ruled_out_is_explained() -> None:
    runs, curves, knobs, _ = make_sweep({LR: [0.01, 0.03, 0.1, 0.3]}, lambda _: 0.0, seeds=4)
    accuracies = {
        0.01: [0.90, 0.901, 0.899, 0.90],  # the best
        0.03: [0.80, 0.801, 0.799, 0.80],  # surely worse
        0.1: [0.99, 0.45, 0.92, 0.60],  # lower, but who knows
        0.3: [0.20, 0.201, 0.199, 0.20],
    }
    runs["final_val_accuracy"] = [value for lr in accuracies for value in accuracies[lr]]
    _, found, said = judge(runs, curves, knobs)
    assert found.lowest == pytest.approx(0.74)
    why = "1 setting is ruled out though its mean is above the lowest that could be the best"
    assert why in said.how
    runs["final_val_accuracy"] = np.tile([0.9, 0.901, 0.899, 0.9], 4)
    assert "ruled out" not in judge(runs, curves, knobs)[2].how


def test_merged_sweeps_that_repeat_runs_count_them_once() -> None:
    runs, curves, knobs, correct = make_sweep({LR: [0.01, 0.1, 1.0]}, peak)
    twice = pd.concat([runs, runs], ignore_index=True)
    sweep, found, said = judge(twice, curves, knobs, [*correct, *correct])
    assert "9 runs repeat the setting and seed of another; each counts once." in said.cautions
    assert sweep.settings["n"].tolist() == [3, 3, 3]
    assert found.chance.most == 3


def test_a_knob_without_effect_is_rarely_given_one() -> None:
    rng = np.random.default_rng(3)
    settings = pd.DataFrame(
        {"setting": range(9), LR: np.repeat([1, 2, 3], 3), BATCH: np.tile([1, 2, 3], 3), "n": 3}
    )
    wrong = []
    for _ in range(150):
        model = noise(as_replicates(answers(rng, np.repeat([0.0, 1.0, 2.0], 3), 3, 500, own=0.05)))
        found = knob_tests(model, settings, [LR, BATCH], range(9)).set_index("knob")
        assert found.loc[LR, "effect"]
        wrong.append(found.loc[BATCH, "effect"])
    assert np.mean(wrong) < 0.09


def test_a_thousand_runs_are_analysed_in_seconds_and_always_alike() -> None:
    grid = {
        LR: [0.01, 0.1, 1.0, 0.3, 3.0],
        DECAY: [0.0, 1e-3, 1e-2, 0.1, 1.0],
        BATCH: [16, 32, 64, 128],
        SIZE: [500, 2000],
    }
    sweep = make_sweep(grid, peak, seeds=5)
    start = time.perf_counter()
    first = analyse_runs(*sweep)
    assert time.perf_counter() - start < 15  # about 1.5 s on an idle machine
    second = analyse_runs(*sweep)
    assert first.recommended == second.recommended
    assert first.importance.equals(second.importance)
    assert first.tied.equals(second.tied)
