"""Draws of the training images as replicates: the mean of a draw's seeds is one observation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import Command
from sweeplab.statistics import noise, replicates, rise_of
from sweeplab.sweeps.settings import per_replicate, repeated, summarise
from sweeplab.sweeps.tables import load_sweep

LR, DRAW = "optimizer.lr", "data.train_draw"
# lr, draw, seed, accuracy: three draws with two seeds each, of which one run is missing.
ROWS = [
    (0.1, 0, 0, 0.50),
    (0.1, 0, 1, 0.60),
    (0.1, 1, 0, 0.70),
    (0.1, 1, 1, 0.80),
    (0.1, 2, 0, 0.95),
    (0.2, 0, 0, 0.30),
    (0.2, 0, 1, 0.40),
    (0.2, 1, 0, 0.10),
    (0.2, 1, 1, 0.20),
    (0.2, 2, 0, 0.40),
    (0.2, 2, 1, 0.60),
]


def runs_of(rows: list[tuple[float, int, int, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[LR, DRAW, "seed", "final_val_accuracy"])
    return frame.assign(status="completed", best_iteration=1)


def test_the_mean_of_a_draws_seeds_is_one_replicate() -> None:
    one, other = summarise(runs_of(ROWS), [LR]).to_dict("records")
    # By hand: draws 0.55, 0.75, 0.95 and 0.35, 0.15, 0.50; t(0.975, 2) = 4.3027.
    assert (one["runs"], one["n"]) == (5, 3)
    assert one["final_val_accuracy"] == pytest.approx(0.75)
    assert one["sd"] == pytest.approx(0.2)
    assert one["half_width"] == pytest.approx(4.3027 * 0.2 / np.sqrt(3), rel=1e-4)
    assert other["final_val_accuracy"] == pytest.approx(1 / 3)
    assert other["sd"] == pytest.approx(0.17559, rel=1e-4)


def test_without_several_draws_seeds_are_replicates() -> None:
    runs = runs_of([(0.1, 3, 0, 0.5), (0.1, 3, 1, 0.7)])
    assert summarise(runs, [LR])["n"].tolist() == [2]
    assert per_replicate(runs, [LR]) is runs


def test_runs_of_other_draws_are_no_repeats() -> None:
    runs = runs_of([*ROWS, ROWS[4]])
    assert repeated(runs, [LR]).tolist() == [False] * 11 + [True]


def test_statistics_compare_draws() -> None:
    random = np.random.default_rng(0)
    correct = [random.random(40) < row[3] for row in ROWS]
    runs = runs_of(ROWS).assign(**{"data.val_size": 40})
    runs["final_val_accuracy"] = [answer.mean() for answer in correct]
    data = replicates(runs, [LR], correct)
    assert data.counts.tolist() == [3, 3]
    assert data.correct is not None
    # The first draw of lr 0.1: each image as often right as its two seeds say.
    assert data.correct[0] == pytest.approx((correct[0] * 1.0 + correct[1]) / 2)
    assert data.accuracy[0] == pytest.approx((correct[0].mean() + correct[1].mean()) / 2)
    model = noise(data)
    assert (model.chance.most, model.chance.draws) == (3, True)
    # The mean square over draws, by pandas.
    by_draw = runs.groupby([LR, DRAW])["final_val_accuracy"].mean()
    assert model.own == pytest.approx(by_draw.groupby(LR).var().to_numpy())


def test_how_far_curves_rise_is_told_over_draws() -> None:
    runs = runs_of([(0.1, draw, seed, 0.5) for draw in (0, 1) for seed in range(4)])
    runs["run"] = runs.index.astype(str)
    steps = np.arange(1.0, 61.0)
    curves = pd.DataFrame({"run": runs["run"].repeat(60), "iteration": np.tile(steps, 8)})
    slope = np.where(runs[DRAW] == 0, 0.001, 0.003).repeat(60)
    found = rise_of(runs, curves.assign(val_accuracy=slope * np.tile(steps, 8)))
    assert found is not None
    span = found.end - found.start
    # Two draws, whose seeds agree: the mean of 0.001 and 0.003, and t(0.975, 1) = 12.706.
    assert found.runs == 2
    assert found.rise == pytest.approx(0.002 * span)
    assert found.half == pytest.approx(12.706 * 0.001 * span, rel=1e-4)


def test_a_sweep_over_draws_from_training_to_report(sweeplab: Command) -> None:
    sizes = ["data=digits", "data.train_size=60", "data.val_size=100", "batch_size=20", "epochs=2"]
    sweep = [
        "data.train_draw=range(3)",
        "seed=0,1",
        "optimizer.lr=0.1,0.5",
        "hydra.sweep.dir=sweep",
    ]
    done = sweeplab("train", "-m", *sizes, *sweep)
    assert done.code == 0, done.text
    loaded = load_sweep("sweep")
    assert loaded.knobs == [LR]
    assert loaded.settings["n"].tolist() == [3, 3]
    assert loaded.settings["runs"].tolist() == [6, 6]
    page = Path("sweep/report.html").read_text()
    assert "12 runs: 12 completed" in page
    assert "3 training sets" in page
    assert "over 3 seeds" not in page
    assert "n = 3 seeds" not in page
    # What runs of one setting differ by is which training images they had, and not "the seed".
    assert "the draw of the training images" in page
    assert "knob and the training images in the variance" in page
    assert "differences between runs, the seed" not in page
    # The same again trains nothing, and one run comes back as it was.
    assert "12 complete already" in sweeplab("train", "-m", *sizes, *sweep).text
    assert sweeplab("reproduce", "sweep/7").code == 0


def test_draws_that_share_most_of_their_images_say_so(sweeplab: Command) -> None:
    # 900 of the 1,100 digits that do not validate: two draws share 900 / 1100 = 82 %, and the
    # variance between them is 18 % of that between new training sets.
    sizes = ["data=digits", "data.train_size=900", "epochs=1"]
    sweep = ["data.train_draw=range(3)", "optimizer.lr=0.1,0.5", "hydra.sweep.dir=sweep"]
    done = sweeplab("train", "-m", *sizes, *sweep)
    assert done.code == 0, done.text
    page = " ".join(Path("sweep/report.html").read_text().split())
    assert "Two training sets share 82 % of their images: the luck of new training images" in page
    assert "is about 2.3 times as large as it looks here" in page


def test_draws_of_all_there_is_are_refused(sweeplab: Command) -> None:
    done = sweeplab("train", "data=digits", "data.train_size=1100", "data.train_draw=1")
    assert done.code == 1
    assert "data.train_draw must be 0 where data.train_size is all 1100 images that may" in done.err
    assert "Traceback" not in done.err


def test_a_draw_of_what_is_not_there_is_one_message(sweeplab: Command) -> None:
    done = sweeplab("train", "data=digits", "data.train_draw=-1")
    assert done.code == 1
    assert "data.train_draw must be at least 0" in done.err
