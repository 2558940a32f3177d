"""What figures show, by hand-worked numbers."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from report_sweeps import two_knobs, write_run
from sweeplab.figures.curves import (
    accuracy_floor,
    evaluations,
    loss_limit,
    over_seeds,
    sparse,
    t_interval,
)
from sweeplab.figures.model import probabilities
from sweeplab.figures.panels import panels
from sweeplab.figures.plots import heatmap
from sweeplab.figures.plots.batch_size import best_rates
from sweeplab.figures.plots.best_iteration import best_shares
from sweeplab.figures.plots.confusion import count_pairs
from sweeplab.figures.plots.mistakes import most_wrong
from sweeplab.figures.plots.train_size import by_size, size_table
from sweeplab.figures.scale import CLOCKS, MOST_POINTS, is_log, set_knob, spread
from sweeplab.figures.slices import best_over_others, held_at, levels, thinned
from sweeplab.figures.theme import styled
from sweeplab.sweeps.images import Images
from sweeplab.sweeps.settings import METRIC, setting_numbers, summarise
from sweeplab.sweeps.tables import load_sweep

LR, WD, SIZE, BATCH = "optimizer.lr", "optimizer.weight_decay", "data.train_size", "batch_size"


@pytest.fixture
def runs() -> pd.DataFrame:
    return two_knobs()


class TestData:
    def test_isolation_takes_the_best_setting_of_each_value(self, runs: pd.DataFrame) -> None:
        table = best_over_others(summarise(runs, [LR, WD]), [WD])
        assert table[WD].tolist() == [0.0, 0.5]
        assert table[METRIC].tolist() == pytest.approx([0.90, 0.70])
        assert table["n"].tolist() == [1, 2]
        assert table["setting"].tolist() == [2, 1]
        assert np.isnan(table["half_width"][0])
        assert table["half_width"][1] == 0

    def test_pair_table_keeps_pairs_that_never_completed(self, runs: pd.DataFrame) -> None:
        table = heatmap.pair_table(summarise(runs, [LR, WD]), LR, WD)
        assert table[[LR, WD]].to_numpy().tolist() == [[0.1, 0], [0.1, 0.5], [1, 0], [1, 0.5]]
        assert table["mean"].tolist()[:3] == pytest.approx([0.82, 0.70, 0.90])
        assert np.isnan(table["mean"][3])

    def test_pairs_are_limited(self) -> None:
        assert heatmap.pairs(["a", "b", "c"]) == [("a", "b"), ("a", "c"), ("b", "c")]
        assert len(heatmap.pairs(list("abcdef"))) == heatmap.MOST_PAIRS

    def test_curves_are_means_with_t_intervals(self) -> None:
        points = pd.DataFrame(
            {
                "status": ["completed"] * 4 + ["diverged"],
                LR: [0.1] * 5,
                "epochs": [5] * 5,
                CLOCKS["epochs"]: [0, 10, 0, 10, 10],
                "val_accuracy": [0.1, 0.5, 0.3, 0.7, 0.0],
            }
        )
        table = over_seeds(points, [LR, "epochs"], CLOCKS["epochs"])
        assert table["n"].tolist() == [2, 2]
        assert table["val_accuracy"].tolist() == pytest.approx([0.2, 0.6])
        # sd = 0.1 sqrt(2); t(0.975, 1) = 12.7062; half = 12.7062 * 0.1
        assert table["val_accuracy_low"].tolist() == pytest.approx([0.2 - 1.27062, 0.6 - 1.27062])
        assert table["val_accuracy_high"].tolist() == pytest.approx([1.47062, 1.87062])

    def test_bars_are_t_intervals(self) -> None:
        assert t_interval(pd.Series([0.1, 0.3])) == pytest.approx((0.2 - 1.27062, 0.2 + 1.27062))
        assert np.isnan(t_interval(pd.Series([0.5]))).all()

    def test_a_single_seed_has_no_band(self) -> None:
        points = pd.DataFrame(
            {"status": ["completed"], LR: [0.1], "iteration": [0], "val_loss": [2.0]}
        )
        row = over_seeds(points, [LR], "iteration").iloc[0]
        assert row["val_loss_low"] == row["val_loss"] == row["val_loss_high"] == 2.0

    def test_evaluations_know_fractions_of_epochs(self, tmp_path: Path) -> None:
        for epochs in (2, 3):  # a knob of the clock's name
            folder = tmp_path / str(epochs)
            values = {"batch_size": 10, "data__train_size": 80, "epochs": epochs}
            write_run(folder, [0.1, 0.5, 0.6], **values)
        points = evaluations(load_sweep(tmp_path))
        assert points[CLOCKS["iteration"]].tolist() == [0, 10, 20] * 2
        assert points[CLOCKS["epochs"]].tolist() == [0, 100 / 80, 200 / 80] * 2
        assert points["epochs"].tolist() == [2] * 3 + [3] * 3

    def test_size_table_holds_the_other_knobs(self) -> None:
        frame = pd.DataFrame(
            {
                SIZE: [100, 100, 200, 200, 200],
                LR: [0.1, 0.1, 0.1, 0.1, 9.0],
                "seed": [0, 1, 0, 1, 0],
                "status": "completed",
                "final_val_accuracy": [0.5, 0.7, 0.8, 0.8, 0.1],
                "final_train_accuracy": [0.9, 0.9, 0.85, 0.95, 0.1],
            }
        )
        table = size_table(frame, {LR: 0.1, SIZE: 200}, [SIZE, LR])
        assert table["n"].tolist() == [2, 2]
        assert table["final_val_accuracy"].tolist() == pytest.approx([0.6, 0.8])
        assert table["gap"].tolist() == pytest.approx([0.3, 0.1])
        held = by_size(frame, {LR: 0.1, SIZE: 200}, [SIZE, LR])
        assert held["gap"].tolist() == pytest.approx([0.4, 0.2, 0.05, 0.15])

    def test_each_batch_size_at_its_own_best_rate(self) -> None:
        settings = pd.DataFrame(
            {
                "setting": range(5),
                BATCH: [16, 16, 64, 64, 64],
                LR: [0.1, 1.0, 0.1, 1.0, 1.0],
                WD: [0, 0, 0, 0, 0.1],
                "n": 2,
                METRIC: [0.9, 0.8, 0.7, 0.85, 0.99],
            }
        )
        best = best_rates(settings, {WD: 0, BATCH: 16, LR: 0.1}, [BATCH, LR, WD])
        assert best[[BATCH, LR]].to_numpy().tolist() == [[16, 0.1], [64, 1.0]]

    def test_best_iterations_by_tenths(self) -> None:
        frame = pd.DataFrame(
            {
                "status": ["completed"] * 5 + ["diverged"],
                "best_iteration": [0, 10, 11, 99, 100, 5],
                "final_iteration": [100] * 6,
            }
        )
        table = best_shares(frame)
        assert dict(zip(table["tenth"], table["runs"], strict=True)) == {
            **dict.fromkeys(range(3, 10), 0),
            1: 2,  # iterations 0 and 10
            2: 1,
            10: 1,
            11: 1,  # the very last
        }

    def test_confusion_and_the_most_confident_mistakes(self) -> None:
        shares = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])
        labels = np.array([0, 0, 1, 1])
        table = count_pairs(labels, shares.argmax(axis=1), 2)
        assert table.tolist() == [[1, 1], [2, 0]]
        wrong = most_wrong(shares, labels, 2)
        assert wrong[["image", "label", "predicted"]].to_numpy().tolist() == [[1, 0, 1], [2, 1, 0]]
        assert wrong["confidence"].tolist() == [0.8, 0.7]

    def test_probabilities_are_scipys_softmax(self) -> None:
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 17, (5, 2, 2), dtype=np.uint8)
        weight = rng.normal(size=(3, 4)).astype(np.float32)
        bias = rng.normal(size=3).astype(np.float32)
        data = Images(pixels, np.zeros(5), pixels, np.zeros(5), ("a", "b", "c"), 16, None)
        expected = softmax(pixels.reshape(5, 4) / 16 @ weight.T + bias, axis=1)
        np.testing.assert_allclose(
            probabilities(weight, bias, data.scaled()), expected, rtol=1e-5, atol=1e-6
        )

    def test_losses_are_cut_above_where_training_began(self) -> None:
        points = pd.DataFrame({CLOCKS["iteration"]: [0, 10, 0], "val_loss": [2.3, 900.0, 2.5]})
        assert loss_limit(points, "val_loss") == pytest.approx(2.75)

    def test_held_at(self, runs: pd.DataFrame) -> None:
        assert len(held_at(runs, {LR: 0.1, WD: 0.5}, [LR, WD], [WD])) == 4
        assert len(held_at(runs, {LR: 0.1, WD: 0.5}, [LR, WD], [])) == 2

    def test_thinned_keeps_ends_and_what_matters(self) -> None:
        assert thinned([1, 2, 3]) == [1, 2, 3]
        kept = thinned(list(range(20)), keep=[13], most=5)
        assert len(kept) == 5
        assert {0, 13} <= set(kept)

    @given(st.integers(1, 60), st.integers(2, 9))
    def test_thinned_is_short_and_in_order(self, count: int, most: int) -> None:
        kept = thinned(list(range(count)), most=most)
        assert kept == sorted(set(kept))
        assert len(kept) == min(count, most)
        assert kept[0] == 0
        assert kept[-1] == count - 1

    def test_best_over_others_skips_what_never_completed(self, runs: pd.DataFrame) -> None:
        table = summarise(runs[runs[LR] == 1.0], [LR, WD])
        assert best_over_others(table, [WD])[WD].tolist() == [0.0]

    def test_the_accuracy_axis_begins_a_tenth_below_all_ends(self) -> None:
        table = pd.DataFrame(
            {
                LR: [0.1, 0.1, 1.0, 1.0],
                "iteration": [0, 10, 0, 10],
                "val_accuracy": [0.1, 0.86, 0.1, 0.9],
            }
        )
        assert accuracy_floor(table, [LR], "iteration") == pytest.approx(0.8)
        table.loc[1, "val_accuracy"] = 0.12
        assert accuracy_floor(table, [LR], "iteration") == 0

    @given(st.integers(1, 2000))
    def test_long_curves_keep_their_ends(self, length: int) -> None:
        drawn = sparse(pd.DataFrame({"iteration": range(length)}))["iteration"].tolist()
        assert drawn == sorted(set(drawn))
        assert len(drawn) == min(length, MOST_POINTS)
        assert (drawn[0], drawn[-1]) == (0, length - 1)


class TestKnobAxis:
    @staticmethod
    @styled  # the room that a label takes depends on the size of its type
    def drawn(key: str, values: Any) -> Any:
        _, (ax,) = panels(1)
        set_knob(ax, key, levels(pd.DataFrame({key: list(values)}), key))
        ax.get_figure(root=True).draw_without_rendering()
        return ax

    def test_decades_and_a_place_for_zero(self) -> None:
        values = [0.1, 0.0, 0.001, 0.01]
        assert is_log(values)
        ax = self.drawn(WD, values)
        at = ax.transData.transform([(x, 0) for x in (0, 0.001, 0.01, 0.1)])[:, 0]
        steps = np.diff(at)  # pixels: a decade each, and zero one usual step before
        assert steps == pytest.approx([steps[0]] * 3)
        texts = [text.get_text() for text in ax.get_xticklabels()]
        assert texts == ["0", "0.001", "0.01", "0.1"]
        assert ax.get_xlabel() == "weight decay (log scale)"

    def test_a_narrow_range_is_linear(self) -> None:
        ax = self.drawn("epochs", [5, 10, 15])
        assert ax.get_xscale() == "linear"
        assert ax.get_xlabel() == "epochs"

    def test_words_stand_in_order_of_appearance(self) -> None:
        ax = self.drawn("data.name", ["mnist", "digits", "mnist"])
        assert [text.get_text() for text in ax.get_xticklabels()] == ["mnist", "digits"]

    def test_units_are_named(self) -> None:
        label = self.drawn(SIZE, [100, 1000]).get_xlabel()
        assert label == "training-set size (images, log scale)"

    @settings(max_examples=25, deadline=None)
    @given(st.sets(st.floats(1e-6, 1e4), min_size=1, max_size=25))
    def test_tick_labels_never_touch(self, values: set[float]) -> None:
        boxes = [text.get_window_extent() for text in self.drawn(LR, values).get_xticklabels()]
        assert boxes
        for left, right in pairwise(boxes):
            assert left.x1 < right.x0

    def test_spread_stays_within_its_width(self) -> None:
        ax = self.drawn("epochs", [1, 2])
        moved = spread(ax.xaxis, np.array([1.0] * 30 + [2.0]), 0.4)
        assert moved[-1] == 2.0
        assert np.abs(moved[:30] - 1).max() <= 0.2
        assert len(set(moved)) == 31


def test_setting_numbers_are_in_order_of_appearance(runs: pd.DataFrame) -> None:
    assert setting_numbers(runs, [LR, WD]).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert setting_numbers(runs, []).tolist() == [0] * 8
