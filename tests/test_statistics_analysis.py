"""Planted truths: what the sentences, the tied set and the findings say of them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_statistics_samples import answers, as_replicates, curves_of, fail, make_sweep

from sweeplab.statistics import Analysis, analyse, knob_tests, noise, rises

LR, DECAY, BATCH, SIZE = "optimizer.lr", "optimizer.weight_decay", "batch_size", "data.train_size"


def kinds(found: Analysis) -> set[str]:
    return {finding.kind for finding in found.findings}


def text(found: Analysis, kind: str) -> str:
    return next(finding.text for finding in found.findings if finding.kind == kind)


def peak(s: dict[str, Any]) -> float:
    """Best at lr 0.1; weight decay 1 hurts; the batch size does nothing."""
    return {0.01: -1.0, 0.1: 0.5, 1.0: -0.3}.get(s[LR], 0.0) - 2.0 * (s.get(DECAY, 0) == 1.0)


def test_a_known_optimum_a_knob_without_effect_and_their_sentences() -> None:
    sweep = make_sweep({LR: [0.01, 0.1, 1.0], DECAY: [0.0, 1.0], BATCH: [16, 64]}, peak, seeds=5)
    found = analyse(*sweep)
    table = found.tied[found.tied["tied"]]
    assert set(table[LR]) == {0.1}
    assert set(table[DECAY]) == {0.0}
    assert len(table) == 2
    assert found.recommended is not None
    assert found.recommended[LR] == 0.1
    row = found.settings.set_index("setting").loc[found.recommended["setting"]]
    half = row["high_final"] - row["mean_final"]
    assert found.answer[0].startswith(
        f"Use learning rate = 0.1, weight decay = 0, batch size = {row[BATCH]}:"
    )
    assert (
        f"{row['mean_final']:.3f} ± {half:.3f} validation accuracy on 500 images"
        in (found.answer[0])
    )
    assert "t interval over 5 seeds" in found.answer[0]
    assert "among these 2" in found.answer[1]
    assert f"The other, where it differs: batch size = {80 - row[BATCH]} (" in found.answer[1]
    assert text(found, "no_effect").startswith("Batch size has no measurable effect")
    assert "No value differs measurably" in found.questions[BATCH]
    assert (
        "from 0 to 1 the best reachable validation accuracy changes by −0."
        in (found.questions[DECAY])
    )
    assert "0.1 reaches the highest" in found.questions[LR]
    assert "edge" not in kinds(found)


def test_the_numbers_of_a_knobs_sentence_are_those_of_the_tables() -> None:
    found = analyse(*make_sweep({LR: [0.01, 0.1, 1.0]}, peak))
    rows = found.effects.set_index("value")
    means = found.settings.set_index(LR)["mean_final"]
    assert rows.loc[0.01, "difference"] == pytest.approx(means[0.01] - means[0.1])
    said = f"{rows.loc[0.01, 'difference']:+.3f} ± {rows.loc[0.01, 'half']:.3f} at 0.01"
    assert said.replace("-", "−") in found.questions[LR]
    assert rows["clear"].tolist() == [True, False, True]


def test_a_lone_winner_is_called_the_best() -> None:
    found = analyse(*make_sweep({LR: [0.01, 0.1, 1.0]}, peak, seeds=5))
    assert found.tied["tied"].sum() == 1
    assert "With 95 % confidence it is the best of the 3 settings" in found.answer[1]


@pytest.mark.parametrize(
    ("sign", "word", "suggestion"), [(1, "largest", "10."), (-1, "smallest", "0.001.")]
)
def test_an_optimum_outside_the_range(sign: int, word: str, suggestion: str) -> None:
    found = analyse(
        *make_sweep({LR: [0.01, 0.1, 1.0]}, lambda s: sign * 0.7 * np.log10(s[LR]), seeds=3)
    )
    assert word in text(found, "edge")
    assert f"such as {suggestion}" in text(found, "edge")
    assert next(f for f in found.findings if f.kind == "edge").severity == "warning"


def test_no_weight_decay_is_no_edge_and_more_images_are_more_data() -> None:
    found = analyse(
        *make_sweep(
            {SIZE: [100, 500, 2000], DECAY: [0.0, 0.1]},
            lambda s: np.log10(s[SIZE]) + (2 * s[DECAY] if s[SIZE] == 100 else -5 * s[DECAY]),
        )
    )
    edges = [finding.text for finding in found.findings if finding.kind == "edge"]
    assert len(edges) == 1
    assert "More training images" in edges[0]
    both = found.questions[f"{SIZE} × {DECAY}"]
    assert "compared with none" in both
    assert "with 100 training images by +" in both
    assert "with 2000 training images by −" in both


def test_diverging_runs_are_told_with_their_learning_rate_and_never_recommended() -> None:
    runs, curves, knobs, correct = make_sweep(
        {LR: [0.1, 1.0, 100.0], DECAY: [0.0, 0.1]}, lambda s: np.log10(s[LR])
    )
    gone = runs.index[(runs[LR] == 100) & (runs[DECAY] == 0.1)]
    fail(runs, gone, "diverged")
    one = runs.index[(runs[LR] == 100) & (runs[DECAY] == 0.0)][:1]
    fail(runs, one, "diverged")
    found = analyse(runs, curves, knobs, correct)
    said = text(found, "diverged")
    assert said.startswith("4 of 18 runs (22 %) diverged, from learning rate 100 on")
    assert "67 % of the runs at 100" in said
    assert found.recommended is not None
    assert found.recommended[LR] == 1.0
    assert "Not compared: 2 settings that diverged" in " ".join(found.answer)
    assert "At 100 no setting ran to the end" in found.questions[LR]


def test_when_every_setting_diverged_with_some_seed_the_least_bad_is_named_so() -> None:
    runs, curves, knobs, correct = make_sweep({LR: [1.0, 10.0]}, lambda _: 0.0)
    fail(runs, [0, 3, 4], "diverged")
    found = analyse(runs, curves, knobs, correct)
    assert found.recommended is not None
    assert found.recommended[LR] == 1.0
    assert "Every setting diverged with some seed" in found.answer[1]


def test_one_seed_only() -> None:
    found = analyse(*make_sweep({LR: [0.01, 0.1, 1.0]}, peak, seeds=1))
    assert "one_seed" in kinds(found)
    assert "one seed, so no interval" in found.answer[0]
    assert found.chance.endswith("not of the seed")
    assert "seeds" not in set(found.importance["effect"])


def test_nan_and_failures_do_not_stop_it() -> None:
    runs, curves, knobs, correct = make_sweep({LR: [0.01, 0.1, 1.0]}, peak)
    runs.loc[0, "final_val_accuracy"] = np.nan
    fail(runs, [4], "failed")
    found = analyse(runs, curves, knobs, correct)
    assert "2 of 9 runs failed: RuntimeError: planted." in text(found, "failed")
    assert found.recommended is not None
    assert found.recommended[LR] == 0.1


def test_a_single_run_and_a_single_setting() -> None:
    single = analyse(*make_sweep({}, lambda _: 0.0, seeds=1))
    assert single.answer[0].startswith("One setting ran: 0.")
    assert single.recommended == {"setting": 0}
    seeds = analyse(*make_sweep({}, lambda _: 0.0, seeds=5))
    assert "t interval over 5 seeds" in seeds.answer[0]
    assert len(seeds.answer) == 1
    assert seeds.importance.empty
    assert seeds.questions == {}


def test_nothing_completed_and_no_runs() -> None:
    runs, curves, knobs, correct = make_sweep({LR: [0.01, 0.1]}, lambda _: 0.0)
    fail(runs, runs.index, "failed")
    for some, given in ((runs, correct), (runs.iloc[:0], [])):
        found = analyse(some, curves.iloc[:0], knobs, given)
        assert found.recommended is None
        assert found.answer == ["No run completed, so there is no setting to recommend."]
        assert "all_failed" in kinds(found)


def test_data_sets_are_never_compared() -> None:
    runs, curves, knobs, correct = make_sweep(
        {"data.name": ["mnist", "fashion_mnist"], LR: [0.01, 0.1, 1.0]},
        lambda s: peak(s) - (s["data.name"] == "fashion_mnist"),
    )
    found = analyse(runs, curves, knobs, correct)
    assert list(found.parts) == ["mnist", "fashion_mnist"]
    assert found.recommended is None
    for part in found.parts.values():
        assert part.knobs == [LR]
        assert part.recommended is not None
        assert part.recommended[LR] == 0.1
    assert set(found.tied["validation_set"]) == {"mnist", "fashion_mnist"}
    assert "compared within each only" in found.answer[0]


def test_without_predictions_it_says_so() -> None:
    runs, curves, knobs, _ = make_sweep({LR: [0.01, 0.1, 1.0]}, peak, seeds=5)
    found = analyse(runs, curves, knobs)
    assert "unpaired" in kinds(found)
    assert "as if unpaired" in found.chance
    assert found.recommended is not None
    assert found.recommended[LR] == 0.1


def test_rises_and_their_errors() -> None:
    runs, *_ = make_sweep({LR: [0.1]}, lambda _: 0.0, seeds=200)
    flat = rises(curves_of(runs, lambda at: np.full(len(at), 0.9)))
    assert (flat["rise"] > 1.96 * flat["se"]).mean() < 0.08
    # 11 of 32 evaluations, iterations 210 to 310: a slope of 0.1 a training.
    up = rises(curves_of(runs, lambda at: 0.8 + 0.1 * at))
    assert up["start"].eq(210).all()
    assert up["rise"].mean() == pytest.approx(0.1 * 100 / 310, rel=0.05)
    assert up["rise"].std() == pytest.approx(up["se"].mean(), rel=0.3)
    assert rises(curves_of(runs, lambda at: at).iloc[:4]).empty


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_curve_that_still_rises(seeds: int) -> None:
    runs, _, knobs, correct = make_sweep({LR: [0.01, 0.1, 1.0]}, peak, seeds=seeds)
    rising = analyse(runs, curves_of(runs, lambda at: 0.8 + 0.1 * at), knobs, correct)
    assert "still rises: by +0.03" in text(rising, "rising")
    flat = analyse(runs, curves_of(runs, lambda at: np.full(len(at), 0.9)), knobs, correct)
    assert "rising" not in kinds(flat)


@pytest.mark.parametrize(("at", "kind"), [(310, "longer"), (40, "shorter"), (250, None)])
def test_where_the_best_iteration_falls(at: int, kind: str | None) -> None:
    runs, curves, knobs, correct = make_sweep({LR: [0.01, 0.1, 1.0]}, peak)
    found = analyse(runs.assign(best_iteration=at), curves, knobs, correct)
    assert kinds(found) & {"longer", "shorter"} == ({kind} if kind else set())


def test_what_would_tell_the_tied_apart() -> None:
    alone = analyse(*make_sweep({LR: [0.1, 0.2, 0.3]}, lambda s: s[LR], seeds=1))
    first, second = alone.tied.sort_values("mean", ascending=False).to_dict("records")[:2]
    # One seed: all of the error is the images', and falls with the root of their number.
    short = second["critical"] * second["se"] / (first["mean"] - second["mean"])
    assert f"about {float(f'{500 * short**2:.2g}'):,.0f} validation images; more seeds alone" in (
        text(alone, "few_images")
    )
    # Five seeds that differ by more than the gap: no number of images is enough by itself.
    several = analyse(*make_sweep({LR: [0.1, 0.2, 0.3]}, lambda s: s[LR], seeds=5))
    assert "more seeds as well as more validation images" in text(several, "few_images")


def test_merged_sweeps_that_repeat_runs_count_them_once() -> None:
    runs, curves, knobs, correct = make_sweep({LR: [0.01, 0.1, 1.0]}, peak)
    twice = pd.concat([runs, runs], ignore_index=True)
    found = analyse(twice, curves, knobs, [*correct, *correct])
    assert text(found, "repeated").startswith("9 runs repeat")
    assert found.settings["n"].tolist() == [3, 3, 3]


def test_a_knob_without_effect_is_rarely_given_one() -> None:
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {"setting": range(9), LR: np.repeat([1, 2, 3], 3), BATCH: np.tile([1, 2, 3], 3), "n": 3}
    )
    wrong = []
    for _ in range(150):
        model = noise(as_replicates(answers(rng, np.repeat([0.0, 1.0, 2.0], 3), 3, 500, own=0.05)))
        found = knob_tests(model, table, [LR, BATCH], range(9)).set_index("knob")
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
    first = analyse(*sweep)
    assert time.perf_counter() - start < 15  # about 1.5 s on an idle machine
    second = analyse(*sweep)
    assert first.answer == second.answer
    assert first.importance.equals(second.importance)
    assert first.tied.equals(second.tied)
