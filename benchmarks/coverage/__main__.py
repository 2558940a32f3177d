"""``python benchmarks/coverage``: hold the report's statistics against known truths.

Simulated sweeps, and sweeps drawn from 23,040 real runs: of the shipped grid and of another with
momentum, on which no constant of the statistics was chosen. They are trained once. Prints a table
with the simulation's own standard errors. ``--quick`` draws eight times fewer sweeps.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import bank
import measure
import numpy as np
import pandas as pd
import resample
import simulate
import table
from drawn import Drawn

SEEDS = (2, 3, 5)
SETTINGS = (10, 50, 240)
SWEEPS = {10: 400, 48: 200, 50: 200, 240: 100}
QUICK = 8  # times fewer

Rng = np.random.Generator
Case = tuple[str, Callable[[Rng], Drawn], list[Callable[[Drawn], measure.Measured]], int]


def simulated() -> list[Case]:
    """Equal settings, with equal and unequal noise; and one of them 1, 2, 3 errors ahead."""
    cases: list[Case] = []
    for settings in SETTINGS:
        for seeds in SEEDS:
            for noise in simulate.NOISES:
                draw = partial(simulate.sweep, settings=settings, seeds=seeds, noise=noise)
                name = f"simulated, {noise} noise, {settings} settings, {seeds} seeds"
                cases.append((name, draw, [measure.errors, measure.false_effect], settings))
            se = simulate.standard_error(seeds)
            for times in (1, 2, 3):
                draw = partial(simulate.sweep, settings=settings, seeds=seeds, ahead=times * se)
                name = f"simulated, {times} se ahead, {settings} settings, {seeds} seeds"
                cases.append((name, draw, [measure.power], settings))
    return cases


def resampled(grid: str) -> list[Case]:
    """Sweeps of a real grid, and the same with a knob that does nothing."""
    runs = bank.bank(grid)
    cases: list[Case] = []
    for settings in resample.SIZES:
        for seeds in SEEDS:
            draw = partial(resample.sweep, runs, settings=settings, seeds=seeds)
            name = f"real, {grid}, {settings} settings, {seeds} seeds"
            cases.append((name, draw, [measure.answer, measure.shares], settings))
            cases.append(
                (
                    f"{name}, invented knob",
                    partial(draw, invented=True),
                    [measure.false_effect],
                    settings,
                )
            )
    return cases


def run(case: Case, fewer: int = 1) -> pd.DataFrame:
    """One case: the means of all that is measured, a row each."""
    name, draw, measures, settings = case
    rng = np.random.default_rng(list(name.encode()))
    measured = []
    for _ in range(max(SWEEPS[settings] // fewer, 5)):
        drawn = draw(rng)
        measured.append({key: value for each in measures for key, value in each(drawn).items()})
    return measure.summary(measured).assign(sweeps=len(measured))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} times fewer sweeps")
    parser.add_argument("--only", default="", help="cases whose name contains all these words")
    parser.add_argument("--out", type=Path, help="a page to write, such as docs/coverage.md")
    options = parser.parse_args()
    words = options.only.split()
    cases = simulated() if "real" not in words else []
    for grid in bank.GRIDS if "simulated" not in words else ():
        if grid in words or not set(bank.GRIDS) & set(words):
            cases += resampled(grid)
    frames = []
    pd.set_option("display.float_format", "{:.4f}".format)
    for case in cases:
        if all(word in case[0].replace(",", "").split() for word in words):
            started = time.perf_counter()
            frame = run(case, QUICK if options.quick else 1)
            frames.append(frame.rename_axis("measure").reset_index().assign(case=case[0]))
            seconds = time.perf_counter() - started
            print(f"\n{case[0]} ({frame['sweeps'].iloc[0]} sweeps, {seconds:.0f} s)")
            print(frame.drop(columns="sweeps").to_string(), flush=True)
    if options.out:
        table.write(pd.concat(frames, ignore_index=True), options.out)


if __name__ == "__main__":
    main()
