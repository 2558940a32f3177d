"""``sweeplab prune``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from sweeplab.statistics.predictions import read_correct
from sweeplab.sweeps.comparable import comparable
from sweeplab.sweeps.find import sweep_of
from sweeplab.sweeps.folder import SweepFolder, locked
from sweeplab.sweeps.prune import Removal, Rules, places, plan_removals, remove
from sweeplab.sweeps.tables import load_sweep
from sweeplab.terminal import console, plain, say, shown
from sweeplab.words import count, in_bytes

SHOWN = 50  # rows of the table before it only counts


def prune(folders: Sequence[Path], rules: Rules, *, dry_run: bool, yes: bool) -> None:
    """Print what is removed and why, and remove it unless ``dry_run``.

    Args:
        yes: also what might not come back as it is.

    Raises:
        click.UsageError: no rule was given.
    """
    if not (rules.weights or rules.failed or rules.diverged or rules.keep_best is not None):
        raise click.UsageError(
            "say what to remove: --weights, --failed, --diverged or --keep-best K. --dry-run shows "
            "it and removes nothing."
        )
    if rules.weights and rules.keep_best is None:
        rules = replace(rules, keep_best=1)
    asked = [place for folder in folders for place in places(folder)]
    with ExitStack() as stack:
        if not dry_run:
            for home in {sweep_of(place).path.resolve() for place in asked if place.is_dir()}:
                stack.enter_context(locked(SweepFolder(home)))
        found = {
            removal.run.path.resolve(): removal
            for place in asked
            for removal in plan_removals(place, rules)
        }
        _prune(list(found.values()), dry_run=dry_run, yes=yes)


def _prune(found: list[Removal], *, dry_run: bool, yes: bool) -> None:
    sure = [removal for removal in found if yes or not removal.doubts]
    doubtful = [removal for removal in found if not yes and removal.doubts]
    if sure:
        _print(sure, "why")
    if not dry_run:
        remove(sure, _correct(sure))
    word = "To remove" if dry_run else "Removed"
    say(f"{word}: {_counted(sure)}.")
    if any(removal.what == "weights" for removal in sure):
        say("The curves stay. `sweeplab reproduce --restore RUN` trains weights again.")
    if any(removal.what == "run" for removal in sure):
        say("runs.csv and the report still show removed runs until `sweeplab report` is called.")
    if doubtful:
        say("\nKept, because it might not come back as it is:")
        _print(doubtful, "might not come back")
        say(f"Kept: {_counted(doubtful)}. --yes removes it too.")
    if dry_run:
        say("Dry run: nothing was removed.")


def _correct(removals: Sequence[Removal]) -> dict[Path, NDArray[np.bool_]]:
    """Which validation images the runs get right whose weights go: the report goes on to ask."""
    found: dict[Path, NDArray[np.bool_]] = {}
    going = {each.run.path.resolve(): each.run.path for each in removals if each.what == "weights"}
    for home in {sweep_of(path).path for path in going.values()}:
        for part in comparable(load_sweep(home)).values():
            for folder, right in zip(part.runs["folder"], read_correct(part) or (), strict=False):
                path = going.get(Path(folder).resolve())
                if path is not None and right is not None:
                    found[path] = right
    return found


def _print(removals: Sequence[Removal], heading: str) -> None:
    table = Table("run", "what", "size", heading, box=None, header_style="bold")
    for removal in removals[:SHOWN]:
        run = plain(str(shown(removal.run.path)))
        reasons = removal.why if heading == "why" else plain("; ".join(removal.doubts))
        table.add_row(run, removal.what, in_bytes(removal.bytes), reasons)
    console().print(table)
    if len(removals) > SHOWN:
        say(f"... and {len(removals) - SHOWN} more")


def _counted(removals: Sequence[Removal]) -> str:
    runs = sum(removal.what == "run" for removal in removals)
    weights = len(removals) - runs
    parts = [count(runs, "run")] if runs else []
    if weights:
        parts.append(f"the weights of {count(weights, 'run')}")
    total = sum(removal.bytes for removal in removals)
    return f"{' and '.join(parts)}, {in_bytes(total)} ({total} bytes)" if parts else "nothing"
