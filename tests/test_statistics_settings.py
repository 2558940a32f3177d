"""Means, intervals and bookkeeping, against scipy and hand-worked tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from scipy import stats
from test_statistics_samples import fail, make_sweep

from sweeplab.runs.curves import weights_to_bytes
from sweeplab.statistics import (
    correct_of,
    examples_seen,
    noise,
    noise_floor,
    read_correct,
    recommend,
    replicates,
    settings,
    validation_set,
)
from sweeplab.sweeps.settings import repeated, setting_numbers


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
    frame = settings(five_runs(), ["optimizer.lr"])
    low, high = stats.t.interval(0.95, 2, 0.91, stats.sem([0.90, 0.92, 0.91]))
    row = frame.iloc[0]
    assert row["mean_final"] == pytest.approx(0.91)
    assert row["sd_final"] == pytest.approx(0.01)
    assert (row["low_final"], row["high_final"]) == (pytest.approx(low), pytest.approx(high))
    assert row["mean_best"] == pytest.approx(0.92)
    assert (row["n"], row["n_runs"], row["stable"], row["note"]) == (3, 3, True, "")


def test_one_value_has_no_interval_and_a_diverged_seed_is_said() -> None:
    row = settings(five_runs(), ["optimizer.lr"]).iloc[1]
    assert row["mean_final"] == pytest.approx(0.80)
    assert np.isnan(row["sd_final"])
    assert np.isnan(row["low_final"])
    assert (row["n"], row["n_diverged"], row["stable"]) == (1, 1, False)
    assert "1 of 2 seeds diverged" in row["note"]
    assert "one seed: no interval" in row["note"]


def test_noise_floor_of_500_images_at_90_percent_is_1_3_points() -> None:
    assert noise_floor(0.9, 500) == pytest.approx(0.0134, abs=5e-5)  # sqrt(.9 * .1 / 500)
    assert settings(five_runs(), ["optimizer.lr"])["se_images"].iloc[0] == pytest.approx(
        np.sqrt(0.91 * 0.09 / 500)
    )


def test_a_nan_accuracy_counts_as_failed() -> None:
    runs = five_runs()
    runs.loc[0, "final_val_accuracy"] = np.nan
    row = settings(runs, ["optimizer.lr"]).iloc[0]
    assert (row["n"], row["n_failed"]) == (2, 1)
    assert row["mean_final"] == pytest.approx(0.915)


def test_a_repeated_run_counts_once_and_the_completed_one_is_kept() -> None:
    runs = pd.concat([five_runs(), five_runs().iloc[[0, 4]]], ignore_index=True)
    runs.loc[6, ["status", "final_val_accuracy"]] = ["completed", 0.82]
    assert repeated(runs, ["optimizer.lr"]).tolist() == [False] * 4 + [True, True, False]
    assert settings(runs, ["optimizer.lr"])["n"].tolist() == [3, 2]


def test_settings_are_numbered_and_missing_values_are_a_value() -> None:
    runs = five_runs().assign(extra=[None, None, None, "a", "a"])
    assert setting_numbers(runs, ["extra"]).tolist() == [0, 0, 0, 1, 1]
    assert setting_numbers(runs, []).tolist() == [0] * 5
    assert len(settings(runs, [])) == 1
    assert settings(runs.iloc[:0], ["optimizer.lr"]).empty


def test_validation_sets_are_told_apart() -> None:
    runs = pd.DataFrame(
        {"data.name": ["mnist", "mnist", "digits"], "data.val_size": 500, "data.val_start": 0}
    )
    assert validation_set(runs).tolist() == ["mnist", "mnist", "digits"]
    runs["data.val_size"] = [500, 100, 500]
    assert len(set(validation_set(runs))) == 3


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


def test_recommend_takes_decay_then_cost_then_mean_within_one_standard_error() -> None:
    knobs = ["optimizer.weight_decay", "batch_size"]
    table = pd.DataFrame(
        {
            "setting": range(5),
            "optimizer.weight_decay": [0.0, 0.1, 0.1, 0.1, 1.0],
            "batch_size": [64, 64, 32, 16, 16],
        }
    )
    tied = pd.DataFrame(
        {
            "setting": range(5),
            "mean": [0.90, 0.899, 0.897, 0.898, 0.88],
            "difference": [0.0, -0.001, -0.003, -0.002, -0.02],
            "se": [0.0, 0.005, 0.005, 0.005, 0.012],
            "tied": True,
        }
    )
    cost = pd.Series([640.0, 640.0, 320.0, 320.0, 160.0])
    chosen = recommend(table, tied, knobs, cost)
    assert chosen == {"setting": 3, "optimizer.weight_decay": 0.1, "batch_size": 16}
    widest = recommend(table, tied, knobs, cost, slack=np.inf)
    assert widest is not None
    assert widest["setting"] == 4
    assert recommend(table, tied.assign(tied=False), knobs, cost) is None


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


def write_sweep(folder: Path, brightest: str | None) -> tuple[list[Path], pd.DataFrame, Path]:
    images = folder / "digits.safetensors"
    save_file(
        {
            "val_images": np.array([[[16, 0]], [[0, 16]], [[16, 8]]], dtype=np.uint8),
            "val_labels": np.array([0, 1, 1]),
        },
        images,
        {"brightest": brightest} if brightest else None,
    )
    folders = [folder / str(number) for number in range(3)]
    for path in folders[:2]:
        path.mkdir()
        content = weights_to_bytes(np.eye(2, dtype=np.float32), np.zeros(2, dtype=np.float32))
        (path / "weights.safetensors").write_bytes(content)
    runs = pd.DataFrame(
        {
            "data.name": "digits",
            "status": "completed",
            "final_val_accuracy": [2 / 3, 0.0, 2 / 3],
        }
    )
    return folders, runs, images


def test_read_correct_agrees_with_the_recorded_accuracy_or_gives_none(tmp_path: Path) -> None:
    folders, runs, images = write_sweep(tmp_path, "16")
    right, other, absent = read_correct(folders, runs, {"digits": images})
    assert right is not None
    assert right.tolist() == [True, True, False]
    assert other is None  # its accuracy is not the recorded one
    assert absent is None  # it has no weights


@pytest.mark.parametrize("brightest", [None, "0", "bright"])
def test_images_of_unknown_scale_are_not_used(tmp_path: Path, brightest: str | None) -> None:
    folders, runs, images = write_sweep(tmp_path, brightest)
    assert read_correct(folders, runs, {"digits": images}) == [None] * 3
    assert read_correct(folders, runs, {}) == [None] * 3
    assert read_correct(folders, runs, {"digits": tmp_path / "none"}) == [None] * 3


def test_a_failed_run_is_counted_apart_from_a_diverged_one() -> None:
    runs, _, knobs, _ = make_sweep({"optimizer.lr": [0.1]}, lambda _: 0.0, images=50)
    fail(runs, [0], "failed")
    fail(runs, [1], "diverged")
    row = settings(runs, knobs).iloc[0]
    assert (row["n"], row["n_failed"], row["n_diverged"]) == (1, 1, 1)


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
    table = settings(runs, ["optimizer.lr"]).set_index("setting")
    means = noise(replicates(runs, ["optimizer.lr"])).mean
    assert dict(zip(table["optimizer.lr"], table["mean_final"], strict=True)) == {
        0.1: 0.95,
        0.2: 0.8,
    }
    assert [means[number] for number in table.index] == table["mean_final"].tolist()
    assert table["n_runs"].tolist() == [1, 1]
