"""Means, intervals and bookkeeping, against scipy and hand-worked tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from scipy import stats
from test_statistics_samples import fail, make_sweep

from report_sweeps import write_images, write_run
from sweeplab.config import KNOBS
from sweeplab.errors import SweeplabError
from sweeplab.report import analysis
from sweeplab.statistics import (
    correct_of,
    examples_seen,
    noise,
    noise_floor,
    read_correct,
    recommend,
    replicates,
)
from sweeplab.statistics.edges import _allowed, _beyond
from sweeplab.sweeps.comparable import comparable, validation_set
from sweeplab.sweeps.settings import repeated, setting_numbers, summarise
from sweeplab.sweeps.tables import Sweep, load_sweep


def five_runs() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "optimizer.lr": [0.1, 0.1, 0.1, 1.0, 1.0],
            "seed": [0, 1, 2, 0, 1],
            "data.val_size": 500,
            "status": ["completed", "completed", "completed", "completed", "diverged"],
            "final_val_accuracy": [0.90, 0.92, 0.91, 0.80, np.nan],
            "best_val_accuracy": [0.91, 0.92, 0.93, 0.84, 0.5],
        }
    )


def test_mean_and_t_interval_are_scipys() -> None:
    frame = summarise(five_runs(), ["optimizer.lr"])
    low, high = stats.t.interval(0.95, 2, 0.91, stats.sem([0.90, 0.92, 0.91]))
    row = frame.iloc[0]
    assert row["final_val_accuracy"] == pytest.approx(0.91)
    assert row["sd"] == pytest.approx(0.01)
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))
    assert row["half_width"] == pytest.approx(high - 0.91)
    assert row["best_val_accuracy"] == pytest.approx(0.92)
    assert (row["n"], row["runs"], row["diverged"]) == (3, 3, 0)


def test_one_value_has_no_interval_and_a_diverged_seed_is_counted() -> None:
    row = summarise(five_runs(), ["optimizer.lr"]).iloc[1]
    assert row["final_val_accuracy"] == pytest.approx(0.80)
    assert np.isnan(row["sd"])
    assert np.isnan(row["low"])
    assert (row["n"], row["runs"], row["diverged"], row["failed"]) == (1, 2, 1, 0)


def test_noise_floor_of_500_images_at_90_percent_is_1_3_points() -> None:
    assert noise_floor(0.9, 500) == pytest.approx(0.0134, abs=5e-5)  # sqrt(.9 * .1 / 500)
    assert np.isnan(noise_floor(0.9, 0))


def test_a_nan_accuracy_counts_as_failed() -> None:
    runs = five_runs()
    runs.loc[0, "final_val_accuracy"] = np.nan
    row = summarise(runs, ["optimizer.lr"]).iloc[0]
    assert (row["n"], row["failed"]) == (2, 1)
    assert row["final_val_accuracy"] == pytest.approx(0.915)


def test_a_repeated_run_counts_once_and_the_completed_one_is_kept() -> None:
    runs = pd.concat([five_runs(), five_runs().iloc[[0, 4]]], ignore_index=True)
    runs.loc[6, ["status", "final_val_accuracy"]] = ["completed", 0.82]
    assert repeated(runs, ["optimizer.lr"]).tolist() == [False] * 4 + [True, True, False]
    assert summarise(runs, ["optimizer.lr"])["n"].tolist() == [3, 2]


def test_settings_are_numbered_and_missing_values_are_a_value() -> None:
    runs = five_runs().assign(extra=[None, None, None, "a", "a"])
    assert setting_numbers(runs, ["extra"]).tolist() == [0, 0, 0, 1, 1]
    assert setting_numbers(runs, []).tolist() == [0] * 5
    assert len(summarise(runs, [])) == 1
    assert summarise(runs.iloc[:0], ["optimizer.lr"]).empty


def test_validation_sets_are_told_apart() -> None:
    runs = pd.DataFrame(
        {"data.name": ["mnist", "mnist", "digits"], "data.val_size": 500, "data.val_start": 0}
    )
    assert validation_set(runs).tolist() == ["mnist", "mnist", "digits"]
    runs["data.val_size"] = [500, 100, 500]
    assert len(set(validation_set(runs))) == 3


def test_accuracies_on_different_images_are_never_compared(tmp_path: Path) -> None:
    sweep = two_validation_sets(tmp_path)
    parts = comparable(sweep)
    assert list(parts) == ["digits, 50 validation images", "digits, 40 validation images"]
    for part, better in zip(parts.values(), (0.1, 1.0), strict=True):
        assert part.knobs == ["optimizer.lr"]
        found = analysis(part)
        rows = part.settings.set_index("setting")
        assert rows.loc[found.recommended, "optimizer.lr"] == better
        assert set(found.tied["setting"]) == {0, 1}
    message = r"2 validation sets, whose accuracies do not compare: digits, 50 .* and digits, 40"
    with pytest.raises(SweeplabError, match=message):
        analysis(sweep)


def two_validation_sets(folder: Path) -> Sweep:
    """Two learning rates on 50 and on 40 images; another one is better on each."""
    for i, (size, rate, last) in enumerate(
        [(50, 0.1, 0.9), (50, 1.0, 0.2), (40, 0.1, 0.2), (40, 1.0, 0.9)]
    ):
        for seed in range(3):
            values = {"data__val_size": size, "optimizer__lr": rate, "seed": seed}
            write_run(folder / f"{3 * i + seed}", [0.1, last + seed / 50], **values)
    return load_sweep(folder)


def test_predictions_are_used_when_every_setting_has_them() -> None:
    runs, _, knobs, correct = make_sweep({"optimizer.lr": [0.1, 1.0]}, lambda _: 0.0, images=50)
    correct[0] = None
    some = replicates(runs, knobs, correct)
    assert some.correct is not None
    assert some.counts.tolist() == [2, 3]
    correct[1] = correct[2] = None
    none = replicates(runs, knobs, correct)
    assert none.correct is None
    assert none.counts.tolist() == [3, 3]


def test_recommend_takes_the_highest_mean_and_of_equals_that_of_good_neighbours() -> None:
    knobs = ["optimizer.lr", "optimizer.schedule"]
    table = pd.DataFrame(
        [(lr, kind) for kind in ("constant", "cosine", "linear") for lr in (0.01, 0.1, 1.0)],
        columns=knobs,
    ).assign(setting=range(9))
    # Settings 0, 4 and 8 reach 0.9.
    mean = [0.9, 0.7, 0.1, 0.6, 0.9, 0.8, 0.2, 0.3, 0.9]
    tied = pd.DataFrame({"setting": range(9), "mean": mean, "tied": True})
    cost = pd.Series(640.0, index=range(9))
    # Beside 0 are 1, and of the other schedules 3 and 6: (0.7 + 0.6 + 0.2) / 3 = 0.5. Beside 4
    # are 3, 5, 1 and 7: 0.6. Beside 8 are 7, 2 and 5: 0.4.
    assert recommend(table, tied, knobs, cost) == 4
    tied.loc[3, "mean"] = 0.1  # beside 4 it is 0.475 now, and beside 0 it is 0.333
    assert recommend(table, tied, knobs, cost) == 4
    tied.loc[5, "mean"] = 0.2  # 0.325
    assert recommend(table, tied, knobs, cost) == 0
    assert recommend(table, tied.assign(mean=0.8 + table["setting"] / 100), knobs, cost) == 8
    assert recommend(table, tied.assign(tied=False), knobs, cost) is None


def test_of_equals_without_neighbours_the_cheapest_is_recommended() -> None:
    table = pd.DataFrame({"setting": [0, 1], "optimizer.lr": [0.1, 0.2], "batch_size": [4, 64]})
    tied = pd.DataFrame({"setting": [0, 1], "mean": 0.9, "tied": True})
    for cheap in (0, 1):
        cost = pd.Series([320.0 if k == cheap else 640.0 for k in (0, 1)])
        assert recommend(table, tied, ["optimizer.lr", "batch_size"], cost) == cheap


def test_cost_is_examples_seen_and_no_dropped_batch_decides() -> None:
    runs = pd.DataFrame(
        {"batch_size": [64, 4, 64], "epochs": [10, 10, 5], "data.train_size": 2000, "seed": 0}
    )
    knobs = ["batch_size", "epochs"]  # 64 drops a last batch of 16
    assert examples_seen(runs, knobs).tolist() == [20000.0, 20000.0, 10000.0]


def test_correct_of_two_hand_made_models() -> None:
    images = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32)
    labels = np.array([0, 1, 0])
    identity = (np.eye(2, dtype=np.float32), np.array([0.5, 0], dtype=np.float32))
    swapped = (np.eye(2, dtype=np.float32)[::-1].copy(), np.zeros(2, dtype=np.float32))
    found = correct_of([identity, swapped], images, labels)
    assert found.tolist() == [[True, True, True], [False, False, True]]


def zeros_and_others(folder: Path) -> Sweep:
    """Runs 0, 1 and 2: all models of zeros, which call every image a 0, and 5 of 50 are one.

    Run 1 says that it was 50 % right, so other images were its own; run 2 lost its weights.
    """
    for run, last in enumerate([0.1, 0.5, 0.1]):
        write_run(folder / str(run), [0.05, last], optimizer__lr=0.1 + run)
    (folder / "2" / "weights.safetensors").unlink()
    return load_sweep(folder)


def test_read_correct_agrees_with_the_recorded_accuracy_or_gives_none(tmp_path: Path) -> None:
    sweep = zeros_and_others(tmp_path)
    write_images(tmp_path)
    correct = read_correct(sweep)
    assert correct is not None
    right, other, absent = correct
    assert right is not None
    assert right.tolist() == ([True] + [False] * 9) * 5
    assert other is None
    assert absent is None


def test_pixels_count_as_shares_of_the_brightest(tmp_path: Path) -> None:
    # A 0 where the first pixel, times 16, is above 8 (by the bias), so above half the brightest.
    weight = np.zeros((10, 64), np.float32)
    weight[0, 0] = 16
    bias = np.array([0, 8, *[-1] * 8], np.float32)
    write_images(tmp_path)
    with safe_open(tmp_path / "images" / "digits.safetensors", "numpy") as file:
        pixels, labels = file.get_tensor("val_images"), file.get_tensor("val_labels")
    guess = np.where(pixels[:, 0, 0] > 8, 0, 1)
    accuracy = float((guess == labels).mean())
    write_run(tmp_path / "0", [0.05, accuracy], weight=weight, bias=bias)
    [right] = read_correct(load_sweep(tmp_path)) or []
    assert right is not None
    assert right.tolist() == (guess == labels).tolist()


@pytest.mark.parametrize("brightest", [None, "0", "bright"])
def test_images_of_unknown_scale_are_not_used(tmp_path: Path, brightest: str | None) -> None:
    sweep = zeros_and_others(tmp_path)
    assert read_correct(sweep) is None  # no images
    write_images(tmp_path)
    path = tmp_path / "images" / "digits.safetensors"
    tensors = load_file(path)
    about = {"classes": json.dumps([str(i) for i in range(10)])}
    save_file(tensors, path, about | ({"brightest": brightest} if brightest else {}))
    assert read_correct(sweep) is None


def test_a_failed_run_is_counted_apart_from_a_diverged_one() -> None:
    runs, _, knobs, _ = make_sweep({"optimizer.lr": [0.1]}, lambda _: 0.0, images=50)
    fail(runs, [0], "failed")
    fail(runs, [1], "diverged")
    row = summarise(runs, knobs).iloc[0]
    assert (row["n"], row["failed"], row["diverged"]) == (1, 1, 1)


def test_a_repeat_that_is_left_out_renumbers_no_setting() -> None:
    # Two merged sweeps: the first run of lr 0.1 failed and stands before all others.
    runs = pd.DataFrame(
        {
            "status": ["failed", "completed", "completed"],
            "final_val_accuracy": [np.nan, 0.8, 0.95],
            "best_val_accuracy": [np.nan, 0.8, 0.95],
            "optimizer.lr": [0.1, 0.2, 0.1],
            "seed": 0,
        }
    )
    table = summarise(runs, ["optimizer.lr"]).set_index("setting")
    means = noise(replicates(runs, ["optimizer.lr"])).mean
    assert dict(zip(table["optimizer.lr"], table["final_val_accuracy"], strict=True)) == {
        0.1: 0.95,
        0.2: 0.8,
    }
    assert [means[number] for number in table.index] == table["final_val_accuracy"].tolist()
    assert table["runs"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("inwards", "beyond"),
    [
        ([100.0, 10.0, 1.0], 1000.0),  # steps of one factor
        ([0.001, 0.01], 0.0001),
        ([40.0, 30.0, 20.0], 50.0),  # steps of one size, upwards
        ([0.0, 0.5, 1.0], -0.5),  # no factor leads to 0
        ([0.9, 0.5, 0.1], 1.3),
    ],
)
def test_the_value_beyond_a_range_goes_on_as_the_range_did(
    inwards: list[float], beyond: float
) -> None:
    assert _beyond(np.array(inwards)) == pytest.approx(beyond)


@pytest.mark.parametrize(
    ("key", "inwards", "allowed"),
    [
        ("optimizer.momentum", [0.9, 0.0], 0.95),  # 1.8 is none
        ("optimizer.momentum", [0.99, 0.9], 0.995),
        ("optimizer.momentum", [0.5, 0.3], 0.83),
        ("batch_size", [2.0, 8.0], 1),  # no half of an example
        ("batch_size", [16.0, 64.0], 4),
        ("optimizer.lr", [0.001, 0.01], 0.0001),
    ],
)
def test_no_value_is_advised_that_a_knob_may_not_have(
    key: str, inwards: list[float], allowed: float
) -> None:
    assert _allowed(KNOBS[key], np.array(inwards)) == pytest.approx(allowed)
    assert not KNOBS[key].rule.broken(allowed)
