"""What is measured: sweeps of one kind each, with a known truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import bank
import measure
import numpy as np
import pandas as pd
import resample
import searched
import simulate
from drawn import Drawn
from table import summary

SEEDS = (2, 3, 5)
SETTINGS = (10, 50, 240)
# Sweeps a case: where 5 % is claimed, so many that the simulation's own error is 0.7 to 1.5 %.
OFTEN = {10: 1000, 48: 220, 50: 300, 60: 100, 240: 220}
SELDOM = {10: 160, 50: 80, 240: 30}
QUICK = 8  # times fewer

Rng = np.random.Generator
Measures = list[Callable[[measure.Seen], measure.Measured]]

REAL: Measures = [measure.answer, measure.fewer, measure.shares]


@dataclass(frozen=True)
class Case:
    """Sweeps of one kind."""

    name: str
    draw: Callable[[Rng], Drawn]
    measures: Measures
    settings: int
    sweeps: int

    def drawn(self) -> Iterator[Drawn]:
        """The same sweeps each time."""
        rng = np.random.default_rng(list(self.name.encode()))
        for _ in range(self.sweeps):
            yield self.draw(rng)

    def run(self) -> pd.DataFrame:
        """The means of all that is measured, a row each."""
        found = []
        for drawn in self.drawn():
            seen = measure.seen(drawn)
            of_one: measure.Measured = {}
            for each in self.measures:
                of_one |= each(seen)
            found.append(of_one)
        return summary(found).assign(case=self.name)


def simulated(fewer: int = 1) -> list[Case]:
    """Equal settings, with equal and unequal noise; one of them ahead; and effects of knobs."""
    found: list[Case] = []
    for settings in SETTINGS:
        often, seldom = (max(many[settings] // fewer, 5) for many in (OFTEN, SELDOM))
        for seeds in SEEDS:
            named = f"{settings} settings, {seeds} seeds"
            for noise in simulate.NOISES:
                draw = partial(simulate.sweep, settings=settings, seeds=seeds, noise=noise)
                both: Measures = [measure.errors, measure.false_effect]
                found.append(
                    Case(f"simulated, {noise} noise, {named}", draw, both, settings, often)
                )
                name = f"simulated, luck and {noise} noise, {named}"
                found.append(Case(name, draw, [measure.luck], settings, seldom))
                planted = partial(simulate.planted, settings=settings, seeds=seeds, noise=noise)
                name = f"simulated, effects and {noise} noise, {named}"
                found.append(Case(name, planted, [measure.shares], settings, seldom))
            for times in (1, 2, 3):
                draw = partial(simulate.sweep, settings=settings, seeds=seeds, ahead=times)
                name = f"simulated, {times} se ahead, {named}"
                found.append(Case(name, draw, [measure.power], settings, seldom))
    return found


def resampled(grid: str, fewer: int = 1) -> list[Case]:
    """Sweeps of a real grid, the same with a knob that does nothing, and searches of it."""
    runs = bank.bank(grid)
    found: list[Case] = []
    for settings in resample.SIZES:
        often = max(OFTEN[settings] // fewer, 5)
        for seeds in SEEDS:
            draw = partial(resample.sweep, runs, settings=settings, seeds=seeds)
            name = f"real, {grid}, {settings} settings, {seeds} seeds"
            found.append(Case(name, draw, REAL, settings, often))
            invented = partial(draw, invented=True)
            name += ", invented knob"
            found.append(Case(name, invented, [measure.false_effect], settings, often))
    for seeds in SEEDS:
        draw = partial(searched.sweep, runs, seeds=seeds)
        name = f"real, {grid}, {searched.BUDGET} settings by search, {seeds} seeds"
        often = max(OFTEN[searched.BUDGET] // fewer, 5)
        found.append(Case(name, draw, REAL[:2], searched.BUDGET, often))
    return found
