"""``sweeplab reproduce``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.table import Table

from sweeplab.reproduce import Reproduction, find_runs
from sweeplab.reproduce import reproduce as retrain
from sweeplab.terminal import console, plain, say, shown

ORDER = ("different", "equal within tolerance", "not retrained")  # the gravest first
PRINTED = 20  # runs of a sweep that are shown one by one when they are not identical


def reproduce(folder: Path, *, sample: int | None, seed: int, restore: bool = False) -> int:
    """Retrain and print verdicts; the exit code is 0 when every run came out the same.

    Of a sweep, runs that came out otherwise are named at once; those that could not be retrained
    only at the end, for there may be many.
    """
    folders = find_runs(folder, sample=sample, seed=seed)
    alone = len(folders) == 1
    verdicts: Counter[str] = Counter()
    same, left = True, PRINTED
    later: list[Reproduction] = []
    for reproduction in retrain(folders, restore=restore):
        same &= reproduction.same
        verdict = reproduction.comparison.verdict
        verdicts[verdict] += 1
        if alone:
            _print(reproduction, alone=True)
        elif verdict in ("different", "equal within tolerance") and not reproduction.same and left:
            left -= 1
            _print(reproduction, alone=False)
        elif verdict != "identical":
            later.append(reproduction)
    later.sort(key=lambda each: ORDER.index(each.comparison.verdict))
    for reproduction in later[:left]:
        _print(reproduction, alone=False)
    if not alone:
        if (more := len(later) - left) > 0:
            say(f"... and {more} more that are not identical")
        parts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
        say(f"{len(folders)} runs retrained: {parts}")
    return 0 if same else 1


def _print(reproduction: Reproduction, *, alone: bool) -> None:
    name = "" if alone else f"{shown(reproduction.folder)}: "
    say(f"{name}{reproduction.comparison.verdict}")
    for reason in (reproduction.comparison.where, *reproduction.reasons):
        if reason:
            say(f"  {reason}")
    if reproduction.environments:
        table = Table("environment", "then", "now", box=None, header_style="bold")
        for key, (then, now) in reproduction.environments.items():
            # What an older sweeplab did not record cannot be held to be the same.
            told = ("not recorded" if value is None else plain(str(value)) for value in (then, now))
            table.add_row(plain(key), *told)
        console().print(table)
    elif (
        alone
        and not reproduction.other_engine
        and reproduction.comparison.verdict not in ("identical", "not retrained")
    ):
        say(
            "  nothing recorded of the environment differs: processor, vector instructions, "
            "versions of Python and packages"
        )
