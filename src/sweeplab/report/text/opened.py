"""What the test images said of a sweep's runs, how often they were asked, and of which run to ask.

Test images are for the one run that was chosen without them. ``sweeplab evaluate`` records every
look at them in the run's folder; the report shows the looks, and what they do to the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sweeplab.errors import RunFolderError
from sweeplab.runs.folder import RunFolder, read_test
from sweeplab.sweeps.settings import setting_numbers, typical_run
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, listed, number, times

MOST = 6  # runs named in one sentence


@dataclass(frozen=True)
class Look:
    """One run's accuracy on the test images, as ``test.json`` in its folder records it."""

    run: str
    setting: int
    accuracy: float
    low: float  # 95 % Wilson interval
    high: float
    examples: int
    opened: tuple[str, ...]  # ISO 8601, one for each time


@dataclass(frozen=True)
class Opening:
    """What the test images said, and of which run to ask them."""

    sentences: list[str] = field(default_factory=list)
    invitation: str = ""  # to evaluate ``run``: the command follows it
    run: str | None = None  # the folder of the run to ask; None once it was, or without one


def looks(sweep: Sweep) -> tuple[list[Look], list[str]]:
    """The runs of ``sweep`` that were evaluated, and what is wrong with records of others."""
    found, damaged = [], []
    several = sweep.runs["sweep"].nunique() > 1
    numbers = setting_numbers(sweep.runs, sweep.knobs)
    for run, setting in zip(sweep.runs.to_dict("records"), numbers, strict=True):
        folder = RunFolder(Path(run["folder"]))
        name = f"{run['sweep']}/{run['run']}" if several else str(run["run"])
        try:
            test = read_test(folder)
        except RunFolderError as error:
            damaged.append(str(error))
            continue
        if test is not None:
            found.append(
                Look(
                    name,
                    int(setting),
                    test.accuracy,
                    test.low,
                    test.high,
                    test.examples,
                    tuple(test.opened),
                )
            )
    return found, damaged


def opening(sweep: Sweep, recommended: int | None) -> Opening:
    """What to say of the test images: what they said, or of which run to ask them.

    Args:
        sweep: over one data set.
        recommended: the number of the recommended setting; None where there is none.
    """
    found, damaged = looks(sweep)
    mine = [look for look in found if look.setting == recommended]
    others = [look for look in found if look.setting != recommended]
    said = [_result(look) for look in mine]
    if others:
        said.append(_of_others(others))
    if len(found) > 1:
        total = sum(len(look.opened) for look in found)
        said.append(
            f"In all the test images were opened {times(total)}, for {count(len(found), 'run')} "
            "of this sweep. The highest of several test accuracies is optimistic, as the highest "
            "of several validation accuracies is: to choose by them spends the test images."
        )
    elif mine and len(mine[0].opened) > 1:
        said.append("Looking again at the same run changes nothing; choosing by it would.")
    run = typical_run(sweep.runs, sweep.knobs, recommended)
    if mine or run is None:
        return Opening([*said, *damaged])
    seeds = int((setting_numbers(sweep.runs, sweep.knobs) == recommended).sum())
    return Opening(
        [*said, *damaged], _invitation(run["run"], seeds, opened=bool(found)), run["folder"]
    )


def _result(look: Look) -> str:
    return (
        f"Test data, opened {times(len(look.opened))} for run {look.run} "
        f"({_dates(look.opened)}): {number(look.accuracy, 4)} accuracy on {look.examples} images "
        f"that had no part in training or choosing (95 % Wilson interval {number(look.low, 4)} to "
        f"{number(look.high, 4)}; it covers the choice of the images, not of the seed)."
    )


def _of_others(found: Sequence[Look]) -> str:
    shown = [
        f"run {look.run}: {number(look.accuracy, 4)} ({number(look.low, 4)} to "
        f"{number(look.high, 4)}), opened {times(len(look.opened))}, {_dates(look.opened)}"
        for look in found[:MOST]
    ]
    more = len(found) - len(shown)
    return (
        "Test data were also opened for settings that are not recommended here: "
        + "; ".join(shown)
        + (f"; and {count(more, 'more run')}" if more else "")
        + "."
    )


def _invitation(run: str, seeds: int, *, opened: bool) -> str:
    middle = ", the middle one of the recommended setting's seeds" if seeds > 1 else ""
    start = (
        "The test images were not opened for the recommended setting."
        if opened
        else "The test images have not been opened."
    )
    return f"{start} When the choice is made, and not before, ask them once, of run {run}{middle}:"


def _dates(opened: Sequence[str]) -> str:
    days = list(dict.fromkeys(time[:10] for time in opened))
    return listed(days) if len(days) <= 3 else f"{days[0]} to {days[-1]}"
