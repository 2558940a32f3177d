"""Lines on logarithmic axes, against planted slopes."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sweeplab.statistics import Law, noise, power_law, replicates, ridge
from sweeplab.statistics.laws import fit
from sweeplab.sweeps.settings import summarise

BATCH, LR, SIZE, DECAY = (
    *("batch_size", "optimizer.lr"),
    *("data.train_size", "optimizer.weight_decay"),
)
RATES = np.geomspace(0.001, 10, 13)
BATCHES = [4, 16, 64, 256]
SIZES = [50, 100, 200, 400, 800, 1600, 3200]
IMAGES, SEEDS = 2000, 3


def fitted(
    table: pd.DataFrame, accuracy: np.ndarray, random: np.random.Generator, images: int = IMAGES
) -> dict[str, Law | None]:
    """What is found where each setting (a row) is right with this probability on any image."""
    right = random.random((len(table), SEEDS, images)) < accuracy[:, None, None]
    runs = table.loc[table.index.repeat(SEEDS)].reset_index(drop=True)
    runs = runs.assign(
        seed=np.tile(np.arange(SEEDS), len(table)),
        status="completed",
        final_val_accuracy=right.mean(axis=2).ravel(),
        best_iteration=1,
        **{"data.val_size": images},
    )
    knobs = list(table)
    settings = summarise(runs, knobs)
    model = noise(replicates(runs, knobs, list(right.reshape(-1, images))))
    chosen = int(np.argmax(model.mean))
    eligible = list(range(len(settings)))
    return {
        "ridge": ridge(model, settings, knobs, eligible, chosen),
        "power": power_law(model, settings, knobs, eligible, chosen),
    }


def ridged(slope: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Accuracies that are highest where log lr = log 0.02 + slope log batch."""
    table = pd.DataFrame(list(product(BATCHES, RATES)), columns=[BATCH, LR])
    off = np.log(table[LR] / (0.02 * table[BATCH] ** slope))
    return table, (0.9 - 0.02 * off**2).clip(0.1).to_numpy()


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_the_slope_of_the_ridge_is_the_planted_one(slope: float) -> None:
    random = np.random.default_rng(1)
    laws = [fitted(*ridged(slope), random)["ridge"] for _ in range(25)]
    found = [law for law in laws if law is not None]
    assert len(found) == 25
    assert np.mean([law.slope for law in found]) == pytest.approx(slope, abs=0.05)
    held = np.mean([law.low <= slope <= law.high for law in found])
    assert held >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / 25)
    # A band that told nothing would hold it too: it tells constant, root and proportional apart.
    assert np.median([law.half for law in found]) < 0.25


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("points", [4, 7])
def test_slopes_and_bands_hold_the_truth_as_often_as_they_say(points: int, known: bool) -> None:
    """Points that lie off their line by normal errors, which redrawing shows or does not."""
    random = np.random.default_rng(points)
    x, sd = np.geomspace(4, 256, points), 0.2
    truth = np.log(0.02) + 0.5 * np.log(x)
    drawn = random.normal(0, sd if known else 0, (1000, points))
    slopes, lines = [], []
    for _ in range(1000):
        y = truth + random.normal(0, sd, points)
        law = fit(x, np.exp(y), y + drawn)
        line = stats.linregress(np.log(x), y)
        assert law.slope == pytest.approx(line.slope)
        slopes.append(law.low <= 0.5 <= law.high)
        _, low, high = law.line(x)
        lines.append((low <= np.exp(truth)) & (np.exp(truth) <= high))
    # Four standard errors of 1,000 are 0.03; the wider of two intervals holds it more often.
    most = 0.998 if known else 0.98
    assert 0.93 < np.mean(slopes) < most
    assert 0.93 < np.mean(lines) < most


def test_batch_sizes_that_are_best_at_an_end_of_the_range_do_not_count() -> None:
    table, accuracy = ridged(1.0)
    random = np.random.default_rng(2)
    low = table[LR] < 1  # batch 64 and 256 would be best at 1.3 and 5.1
    assert fitted(table[low].reset_index(drop=True), accuracy[low], random)["ridge"] is None


@pytest.mark.parametrize("exponent", [-0.25, -0.5])
def test_the_power_of_the_error_is_the_planted_one(exponent: float) -> None:
    random = np.random.default_rng(3)
    table = pd.DataFrame({SIZE: SIZES})
    wrong = 0.5 * (table[SIZE] / 50.0) ** exponent
    laws = [fitted(table, 1 - wrong.to_numpy(), random)["power"] for _ in range(60)]
    found = [law for law in laws if law is not None]
    plain = [law for law in found if law.offset == 0]
    assert len(plain) >= 54  # an offset is found falsely in 5 % of them
    held = np.mean([law.low <= exponent <= law.high for law in plain])
    assert held >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / 60)
    assert np.mean([law.slope for law in plain]) == pytest.approx(exponent, abs=0.02)
    middle, low, high = plain[0].line(np.array([50.0, 3200.0]))
    ends = wrong.iloc[[0, -1]].to_numpy()
    assert middle == pytest.approx(ends, rel=0.1)
    assert (low < middle).all()
    assert (middle < high).all()


def test_an_error_that_levels_off_has_an_offset() -> None:
    random = np.random.default_rng(4)
    table = pd.DataFrame({SIZE: SIZES})
    wrong = 0.1 + 0.5 * (table[SIZE] / 50.0) ** -0.8
    law = fitted(table, 1 - wrong.to_numpy(), random, images=20_000)["power"]
    assert law is not None
    assert law.offset == pytest.approx(0.1, abs=0.01)
    assert law.low <= -0.8 <= law.high


def test_other_knobs_stay_at_the_recommended_setting() -> None:
    random = np.random.default_rng(5)
    table = pd.DataFrame(list(product(SIZES, [0.0, 0.1])), columns=[SIZE, DECAY])
    # Weight decay 0.1 is worse, and has another power.
    power = np.where(table[DECAY] > 0, -0.1, -0.4)
    wrong = np.where(table[DECAY] > 0, 0.6, 0.5) * (table[SIZE] / 50.0) ** power
    law = fitted(table, 1 - wrong.to_numpy(), random)["power"]
    assert law is not None
    assert law.slope == pytest.approx(-0.4, abs=0.05)


def test_three_sizes_are_too_few() -> None:
    table = pd.DataFrame({SIZE: SIZES[:3]})
    assert fitted(table, np.array([0.5, 0.6, 0.7]), np.random.default_rng(0))["power"] is None
