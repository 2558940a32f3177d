"""``sweeplab reproduce``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.table import Table

from sweeplab.reproduce import Reproduction, find_runs
from sweeplab.reproduce import reproduce as retrain
from sweeplab.terminal import console, plain, say, shown

PRINTED = 20  # runs of a sweep that are shown one by one when they are not identical


def reproduce(folder: Path, *, sample: int | None, seed: int, restore: bool = False) -> int:
    """Retrain and print verdicts; the exit code is 0 when every run came out the same."""
    folders = find_runs(folder, sample=sample, seed=seed)
    found = []
    printed = 0
    for reproduction in retrain(folders, restore=restore):
        found.append(reproduction)
        if len(folders) == 1 or (reproduction.verdict != "identical" and printed < PRINTED):
            printed += 1
            _print(reproduction, alone=len(folders) == 1)
    if len(folders) > 1:
        counts = Counter(reproduction.verdict for reproduction in found)
        parts = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        others = sum(reproduction.verdict != "identical" for reproduction in found)
        if others > printed:
            say(f"... and {others - printed} more that are not identical")
        say(f"{len(found)} runs retrained: {parts}")
    return 0 if all(reproduction.same for reproduction in found) else 1


def _print(reproduction: Reproduction, *, alone: bool) -> None:
    name = "" if alone else f"{shown(reproduction.folder)}: "
    say(f"{name}{reproduction.verdict}")
    if reproduction.comparison and reproduction.comparison.where:
        say(f"  {reproduction.comparison.where}")
    for reason in reproduction.reasons:
        say(f"  {reason}")
    if reproduction.environments:
        table = Table("environment", "then", "now", box=None, header_style="bold")
        for key, (then, now) in reproduction.environments.items():
            table.add_row(plain(key), plain(str(then)), plain(str(now)))
        console().print(table)
    elif alone and reproduction.verdict not in ("identical", "not retrained"):
        say("  the environment is the same: machine, Python and package versions")
