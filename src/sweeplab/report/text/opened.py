"""What the test images said of a sweep's runs, how often they were asked, and of which run to ask.

Test images are for the one run that was chosen without them. ``sweeplab evaluate`` records every
look at them in the run's folder; the report shows the looks, and what they do to the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeplab.errors import RunFolderError
from sweeplab.runs.folder import RunFolder, read_test
from sweeplab.runs.record import TestRecord
from sweeplab.sweeps.settings import setting_numbers, typical_run
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, examples, listed, number, some, times

MOST = 6  # runs named in one sentence


@dataclass(frozen=True)
class Look:
    """A run that the test images were asked about."""

    run: str  # its name, with its sweep's where several are merged
    setting: int
    test: TestRecord


@dataclass(frozen=True)
class Opening:
    """What the test images said, and of which run to ask them."""

    sentences: list[str]
    invitation: str = ""  # to evaluate ``run``: the command follows it
    run: str | None = None  # the folder of the run to ask; None once it was, or without one


def looks(sweep: Sweep) -> tuple[list[Look], list[str]]:
    """The runs of ``sweep`` that were evaluated, and what is wrong with records of others."""
    found, damaged = [], []
    several = sweep.runs["sweep"].nunique() > 1
    numbers = setting_numbers(sweep.runs, sweep.knobs)
    for run, setting in zip(sweep.runs.to_dict("records"), numbers, strict=True):
        name = f"{run['sweep']}/{run['run']}" if several else str(run["run"])
        try:
            test = read_test(RunFolder(Path(run["folder"])))
        except RunFolderError as error:
            damaged.append(str(error))
            continue
        if test is not None:
            found.append(Look(name, int(setting), test))
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
        total = sum(len(look.test.opened) for look in found)
        said.append(
            f"In all the test {examples()} were opened {times(total)}, for "
            f"{count(len(found), 'run')} of this sweep. The highest of several test accuracies "
            f"is too high by luck: to choose by them spends the test {examples()}."
        )
    elif mine and len(mine[0].test.opened) > 1:
        said.append("Looking again at the same run changes nothing; choosing by it would.")
    said += damaged
    run = typical_run(sweep.runs, sweep.knobs, recommended)
    if mine or run is None:
        return Opening(said)
    runs = (setting_numbers(sweep.runs, sweep.knobs) == recommended).sum()
    opened = "were not opened for the setting to use" if found else "have not been opened"
    middle = f", the middle one of its setting's {runs} runs" if runs > 1 else ""
    when = "When the choice is made, and not before, ask" if sweep.knobs else "Ask"
    invitation = f"The test {examples()} {opened}. {when} them once, of run {run['run']}{middle}:"
    return Opening(said, invitation, run["folder"])


def _result(look: Look) -> str:
    test = look.test
    return (
        f"On the test {examples()}, run {look.run} has an accuracy of {number(test.accuracy, 4)} "
        f"({number(test.low, 4)} to {number(test.high, 4)}). These {test.examples:,} "
        f"{examples()} had no part in training or choosing, and were opened "
        f"{times(len(test.opened))} for it ({_dates(test.opened)}). The interval is Wilson's at "
        f"95 %; it covers the choice of the {examples()}, not of the seed."
    )


def _of_others(found: Sequence[Look]) -> str:
    shown = [
        f"run {look.run}: {number(test.accuracy, 4)} ({number(test.low, 4)} to "
        f"{number(test.high, 4)}), opened {times(len(test.opened))}, {_dates(test.opened)}"
        for look in found
        for test in [look.test]
    ]
    other = some(shown, MOST)
    return f"The test {examples()} were also opened for other settings than this one: {other}."


def _dates(opened: Sequence[str]) -> str:
    days = list(dict.fromkeys(time[:10] for time in opened))
    return listed(days) if len(days) <= 3 else f"{days[0]} to {days[-1]}"
