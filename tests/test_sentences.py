"""No two sentences of a report contradict each other, and no number leaves its range.

Sentences are held against each other as a reader would do it: by their words and numbers alone.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_statistics_samples import BASE, curves_of, fail, make_sweep

from sweeplab.report.text.verdict import Verdict, verdict
from sweeplab.statistics import analyse_runs
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import knob_name, numbers, percents, value_text

VALUES: dict[str, list[Any]] = {
    "data.train_size": [100, 300, 1000, 2000],
    "batch_size": [4, 16, 64, 250],
    "optimizer.lr": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
    "optimizer.weight_decay": [0.0, 0.001, 0.01, 0.1],
    "optimizer.momentum": [0.0, 0.5, 0.9],
    "optimizer.schedule": ["constant", "cosine", "linear"],
}
QUESTIONS = ("", "best", "importance", "spread", "effect of {}", "substitute {} for {}")
NUMBER = r"[−+]?\d[\d,]*(?:\.\d+)?(?:e[−-]?\d+)?"
LARGEST = 10**7  # images or seeds, that one could still think of
LONGER = ("Train longer", "too short")
SHORTER = ("fewer iterations would do",)
GAINS = (" would gain +", " would gain 0")
LOSES = ("would lose accuracy", "is always the last one")
FIRST_SCREEN, ANYWHERE = 25, 35  # words


def drawn(number: int) -> tuple[Sweep, Verdict]:
    """A sweep over some knobs, with an effect, noise, failures and curves of any kind."""
    rng = np.random.default_rng(number)
    knobs = [knob for knob in VALUES if rng.random() < 0.4][:4]
    grid = {}
    for knob in knobs:
        size = int(rng.integers(2, len(VALUES[knob]) + 1))
        grid[knob] = sorted(rng.permutation(VALUES[knob])[:size].tolist(), key=VALUES[knob].index)
    weight = rng.choice([0.0, 0.2, 1.0, 3.0], size=len(knobs))
    peak = rng.random(len(knobs))

    def level(setting: dict[str, Any]) -> float:
        place = [
            grid[knob].index(setting[knob]) / max(len(grid[knob]) - 1, 1) - top
            for knob, top in zip(knobs, peak, strict=True)
        ]
        return float(-weight @ np.square(place))

    seeds, images = int(rng.integers(1, 6)), int(rng.choice([50, 200, 500]))
    noisy = float(rng.choice([0.0, 0.05, 0.3]))
    runs, _, _, correct = make_sweep(grid, level, seeds, images, number, own=noisy)
    # Flat, rising, or falling after its top.
    slope, top = float(rng.choice([0.0, 0.002, 0.05])), float(rng.choice([0.1, 0.5, 1.0]))
    curves = curves_of(runs, lambda at: 0.85 - slope * np.abs(at - top))
    best = curves.loc[curves.groupby("run")["val_accuracy"].idxmax()].set_index("run")
    runs["best_iteration"] = runs["run"].map(best["iteration"])
    for status in ("failed", "diverged"):
        if rng.random() < 0.3:
            fail(
                runs, rng.permutation(len(runs))[: int(rng.integers(1, len(runs) + 1) // 3)], status
            )
    sweep = Sweep(Path(), runs, curves, knobs)
    given = None if rng.random() < 0.15 else correct
    asked = str(rng.choice(QUESTIONS)).format(*rng.permutation(list(VALUES))[:2])
    return sweep, verdict(sweep, analyse_runs(runs, curves, knobs, given), asked)


def from_real_runs(number: int) -> tuple[Sweep, Verdict]:
    """A sweep of real runs on MNIST: some settings, a few of the seeds, 500 of the images."""
    import bank
    import resample

    rng = np.random.default_rng(number)
    runs_of = bank.bank(list(bank.GRIDS)[number % 2])
    settings, seeds = int(rng.choice([10, 10, 48])), int(rng.integers(1, 6))
    one = resample.sweep(runs_of, rng, settings=settings, seeds=seeds)
    runs = one.runs().assign(**{key: value for key, value in BASE.items() if key not in one.knobs})
    runs = runs.assign(
        run=[str(row) for row in range(len(runs))], iterations=310, final_iteration=310, error=None
    )
    runs["data.val_size"] = one.right.shape[2]
    runs = runs.assign(
        **{knob: np.repeat(one.settings[knob], seeds).tolist() for knob in one.knobs}
    )
    curves = curves_of(runs, lambda at: 0.85 + 0.0 * at).iloc[:0]
    correct = list(one.right.reshape(len(runs), -1))
    asked = str(rng.choice(QUESTIONS)).format(*rng.permutation(list(runs_of.grid))[:2])
    sweep = Sweep(Path(), runs, curves, one.knobs)
    return sweep, verdict(sweep, analyse_runs(runs, curves, one.knobs, correct), asked)


def split(text: str) -> list[str]:
    """The sentences of a text."""
    return [part for part in re.split(r"(?<=[.?!]) (?=[A-Z“\d])", text) if part]


def wrong(sweep: Sweep, said: Verdict) -> list[str]:
    """What contradicts what, and what is out of its range."""
    answer = [said.lead, *split(said.setting), *said.findings]
    screen = [one for text in [*answer, *said.cautions] for one in split(text)]
    below = [one for text in [*said.questions.values(), said.how] for one in split(text)]
    beside = [one for texts in said.further.values() for text in texts for one in split(text)]
    every = [*screen, *below, *said.importance_said, *beside]
    faults = [f"{words(one)} words: {one}" for one in screen if words(one) > FIRST_SCREEN]
    faults += [f"{words(one)} words: {one}" for one in every if words(one) > ANYWHERE]
    faults += [fault for one in every for fault in out_of_range(one)]
    faults += [f"the same twice: {one}" for one in every if says_the_same_twice(one)]
    counts = {found for one in every for found in re.findall(r"(?:All|of) ([\d,]+) settings", one)}
    if len(counts) > 1:
        faults.append(f"several numbers of settings: {sorted(counts)}")
    for one_way, other_way in ((LONGER, SHORTER), (LONGER, GAINS), (SHORTER, LOSES)):
        one, other = (
            [s for s in every if any(w in s for w in way)] for way in (one_way, other_way)
        )
        if one and other:
            faults.append(f"{one[0]} | {other[0]}")
    for knob in sweep.knobs:
        faults += about(knob, sweep, said, every)
    return faults


def words(sentence: str) -> int:
    return sum(bool(re.search(r"\w", word)) for word in sentence.split())


def value(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def out_of_range(sentence: str) -> list[str]:
    """Accuracies beyond 1, shares beyond 100 %, absurd counts, bounds in the wrong order."""
    faults = []
    for number in re.findall(rf"(?<![\w.]){NUMBER}(?![\w])", sentence):
        if "." in number and len(number.split(".")[1]) >= 3 and abs(value(number)) > 1:
            faults.append(f"{number} is no accuracy: {sentence}")
        if abs(value(number)) > LARGEST:
            faults.append(f"{number} is absurd: {sentence}")
    faults += [
        f"{share} %: {sentence}"
        for share in re.findall(rf"({NUMBER}) %", sentence)
        if not 0 <= value(share) <= 100
    ]
    for middle, low, high in re.findall(rf"({NUMBER}) \(({NUMBER}) to ({NUMBER})\)", sentence):
        if not value(low) <= value(middle) <= value(high):
            faults.append(f"{middle} is not between {low} and {high}: {sentence}")
    for low, high in re.findall(rf"accuracies are ({NUMBER}) to ({NUMBER})", sentence):
        if not 0 <= value(low) < value(high) <= 1:
            faults.append(f"not from low to high: {sentence}")
    return faults


def says_the_same_twice(sentence: str) -> bool:
    """``from 0.907 to 0.907``, ``0.907, without it 0.907``, ``over 99 % to over 99 %``."""
    pairs = re.findall(
        rf"({NUMBER}(?: %)?)(?: to |, without it | against )(?:over )?({NUMBER}(?: %)?)", sentence
    )
    return any(one == other for one, other in pairs)


def about(knob: str, sweep: Sweep, said: Verdict, every: list[str]) -> list[str]:
    """What sentences on one knob say of its values, held against each other."""
    name = knob_name(knob)
    texts = [value_text(each) for each in sweep.runs[knob].unique().tolist()]
    known = r"(" + "|".join(map(re.escape, sorted(texts, key=len, reverse=True))) + r")(?![\d.])"
    mine = split(said.questions.get(knob, ""))
    best = {
        found
        for one in every
        for pattern in (rf"The best {name} is {known}", rf"The best {name}, {known}, is the")
        for found in re.findall(pattern, one)
    }
    for one in mine:
        best |= set(re.findall(rf"Clearly worse than (?:the )?(?:{name} )?{known}", one))
        best |= set(re.findall(rf"(?:helps|may help): with {known}", one))
        best |= set(re.findall(rf"better: from \S+ to {known}", one))
    best |= set(re.findall(rf"use .*{name} = {known}", said.setting))
    faults = [f"several best values of {name}: {sorted(best)}"] if len(best) > 1 else []
    none = [one for one in every if re.search(rf"{name} makes no clear difference", one, re.I)]
    some = [one for one in mine if re.match(r"Clearly worse|The (best|larger|smaller) ", one)]
    at_end = [one for one in every if f"The best {name}, " in one]
    if none and (some or at_end):
        faults.append(f"{none[0]} | {[*some, *at_end][0]}")
    worse = {
        v
        for one in mine
        if one.startswith("Clearly worse")
        for v in re.findall(rf"[:;] {known}, ", one)
    }
    close = {
        v
        for one in mine
        if one.startswith("Not clearly")
        for v in re.findall(known, one.split(", though ")[0])
    }
    if worse & close or best & (worse | close):
        faults.append(f"{name}: best {best}, worse {worse}, close {close}")
    if len(said.questions) == 1 and (worse or close):
        tied = [int(k) for one in every for k in re.findall(r"^(\d+) of \d+ settings could", one)]
        if tied and tied[0] != 1 + len(close):
            faults.append(f"{tied[0]} could be the best, but {close} are not clearly worse")
    return faults


def test_numbers_that_differ_read_as_different() -> None:
    assert percents(0.9976, 0.9966, 0.9998) == ["99.8 %", "99.7 %", "over 99.9 %"]
    assert percents(0.19, 0.18) == ["19 %", "18 %"]
    assert percents(0.002, 0.0, 0.0) == ["under 1 %", "0 %", "0 %"]
    assert numbers(0.9071, 0.9069) == ["0.9071", "0.9069"]
    assert numbers(0.907, 0.907) == ["0.907", "0.907"]


def test_the_check_finds_what_is_planted() -> None:
    sweep, said = drawn(0)
    assert wrong(sweep, said) == []
    planted = [
        ("expect 1.004 (0.970 to 1.010) of it.", "is no accuracy"),
        ("It rises from 0.907 to 0.907.", "the same twice"),
        ("It would take about 3,400,000,000 validation images.", "is absurd"),
        ("This is +0.010 (+0.012 to +0.020).", "is not between"),
        ("It is right in 104 % of cases.", "104 %"),
        (f"{'word ' * 26}.", "26 words"),
    ]
    for sentence, fault in planted:
        found = wrong(sweep, said.__class__(**{**vars(said), "cautions": [sentence]}))
        assert any(fault in each for each in found), sentence


@pytest.mark.parametrize("part", range(2))
def test_no_report_contradicts_itself(part: int) -> None:
    faults = {number: wrong(*drawn(number)) for number in range(part, 10, 2)}
    assert {number: each for number, each in faults.items() if each} == {}


@pytest.mark.slow
def test_none_of_200_reports_contradicts_itself() -> None:
    faults = {number: wrong(*drawn(number)) for number in range(10, 210)}
    assert {number: each for number, each in faults.items() if each} == {}


@pytest.mark.slow
def test_no_report_of_real_runs_contradicts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    # The runs are those of `make coverage`, which trains them once, in minutes.
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks" / "coverage")
    import bank

    if not all(bank.file_of(name).is_file() for name in bank.GRIDS):
        pytest.skip("`make coverage` has not trained its runs here")
    faults = {number: wrong(*from_real_runs(number)) for number in range(60)}
    assert {number: each for number, each in faults.items() if each} == {}
