"""What a sweep or a run says on the terminal, before, after, and when it is interrupted."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Column, Table

from sweeplab import compiled
from sweeplab.execute.options import Options
from sweeplab.provenance import arithmetic, environment
from sweeplab.runs.folder import RunFolder
from sweeplab.runs.record import RunRecord
from sweeplab.sweeps.progress import duration
from sweeplab.task.compose import quoted
from sweeplab.task.forecast import alike, evaluation_line, memory_line, steps_line
from sweeplab.task.prepare import Asked, Prepared
from sweeplab.terminal import console, plain, say, shown
from sweeplab.words import (
    count,
    knob_name,
    over_training,
    parts_of,
    plus_minus,
    speaking_of,
    value_text,
)

if TYPE_CHECKING:
    import pandas as pd

    from sweeplab.sweeps.tables import Sweep

SHOWN_SETTINGS = 5  # of the best, in the summary
SHOWN_JOBS = 50  # rows of a dry run's table before it only counts


def outcome(record: RunRecord) -> list[str]:
    """A run's result in a line or two."""
    if record.error is not None:
        return [f"Failed: {record.error.message}"]
    if record.last is not None:
        return [
            f"Stopped after {count(record.stopped_after or 0, 'epoch')}: validation accuracy "
            f"{record.last.val_accuracy:.4f}"
        ]
    if record.final is None:
        return [f"Diverged: the loss stopped being finite at iteration {record.diverged_at}."]
    final, config = record.final, record.config
    with speaking_of([config.data.name]):
        over = over_training([(config.eval_train, config.data.train_size)])
    return [
        f"After {final.iteration} iterations:",
        f"  training    loss {final.train_loss:.4f}  accuracy {final.train_accuracy:.4f}"
        + (f"  ({over})" if over else ""),
        f"  validation  loss {final.val_loss:.4f}  accuracy {final.val_accuracy:.4f}",
    ]


def announce(prepared: Prepared, stacks: int | None) -> None:
    """What is about to happen, in a line."""
    plan = prepared.plan
    parts = [f"{count(len(plan.to_train), 'run')} to train"]
    if plan.to_train and stacks is not None:
        parts[0] += f" in {count(stacks, 'stack')}"
    if plan.complete:
        parts.append(f"{plan.complete} complete already")
    if plan.repeats:
        parts.append(f"{count(plan.repeats, 'repeat')} dropped")
    say(f"{', '.join(parts)}: {shown(prepared.folder.path)}")


def announce_mixture(prepared: Prepared) -> None:
    """Say so if new runs are to join others that were trained with other vector instructions."""
    if not (prepared.plan.to_train and prepared.complete):
        return
    here = arithmetic(environment())
    then = {arithmetic(record.environment) for record in prepared.complete.values()}
    if others := sorted(then - {here, ""}):
        # Of this very machine, where no compiler was at hand when sweeplab was installed?
        uncompiled = others == [here.rpartition(" ")[0] + " none"]
        there = f"set {compiled.SWITCH}=0" if uncompiled else "train on such a machine"
        say(
            f"Complete runs of this folder were trained with other vector instructions "
            f"({'; '.join(others)}) than are in use here ({here}): the last bits of new runs will "
            f"not be what they would have been there. To have them alike, {there}, or train in a "
            "new folder: hydra.sweep.dir=FOLDER."
        )


def forecast(to_train: Sequence[Asked], options: Options) -> None:
    """What is out of proportion, if anything, in a line each."""
    runs = alike((asked.identity.config, asked.sizes) for asked in to_train)
    lines = evaluation_line(runs), memory_line(runs, options), steps_line(len(to_train))
    for line in filter(None, lines):
        say(line)


def follow_advice(folder: Path) -> None:
    """What can be done with a sweep that takes its time."""
    path = shlex.quote(str(shown(folder)))
    say(f"Ctrl-C keeps every run that is done. From elsewhere, follow it: sweeplab watch {path}")


def dry_run_table(prepared: Prepared) -> None:
    """The settings that would be trained."""
    table = Table("run", "overrides", "state", box=None, header_style="bold")
    to_train = set(prepared.plan.to_train)
    for position, asked in enumerate(prepared.jobs[:SHOWN_JOBS]):
        state = "to train" if position in to_train else "complete, or a repeat"
        table.add_row(str(asked.number), plain(" ".join(asked.job.overrides)), state)
    console().print(table)
    if len(prepared.jobs) > SHOWN_JOBS:
        say(f"... and {len(prepared.jobs) - SHOWN_JOBS} more")
    say("Dry run: nothing was trained.")


def resume_advice(
    command: Sequence[str], folder: Path, done: int, left: int, lost: float = 0
) -> None:
    """How to go on after Ctrl-C.

    Args:
        command: what was typed: ``sweeplab train ...``.
        lost: the seconds of work that were spent on runs which are not done.
    """
    spent = f" ({duration(lost)} of work on them is lost)" if lost >= 0.5 else ""
    say(
        f"\nStopped: {count(done, 'run')} done and kept, {left} left{spent}. To go on, repeat the "
        "command with the same folder:"
    )
    words = [word for word in command if not word.startswith("hydra.sweep.dir=")]
    say(f"  {shlex.join([*words, f'hydra.sweep.dir={quoted(shown(folder))}'])}")


def summary(sweep: Sweep) -> None:
    """How the runs ended, and the best settings, with mean and spread over seeds."""
    # Pandas takes a quarter of a second to import, while nothing has been trained.
    from sweeplab.report.text.stopped import stopped
    from sweeplab.sweeps.comparable import comparable
    from sweeplab.sweeps.settings import count_statuses, ranked

    say(f"\n{count_statuses(sweep.runs)}.")
    for part in comparable(sweep).values():
        for sentence in stopped(part):
            say(sentence)
    # What diverged with some seed is never recommended, however high the mean of the others.
    best = ranked(sweep.settings).sort_values("diverged", kind="stable")
    if best.empty:
        return
    keys = [part for knob in sweep.knobs for part in parts_of(knob)]
    with speaking_of(sweep.runs["data.name"]):
        names = [*map(knob_name, keys), sweep.replicates, "final validation accuracy"]
    diverged = ["diverged"] if best["diverged"].any() else []
    columns = [Column(name, justify="right") for name in names + diverged]
    table = Table(*columns, box=None, header_style="bold")
    for _, row in best.head(SHOWN_SETTINGS).iterrows():
        table.add_row(
            *(value_text(row[key]) for key in keys),
            str(int(row["n"])),
            plus_minus(row["final_val_accuracy"], row["half_width"], 4),
            *(str(int(row[name])) for name in diverged),
        )
    console().print(table)
    if len(best) > SHOWN_SETTINGS:
        say(f"... and {len(best) - SHOWN_SETTINGS} more settings")
    if (best["n"] > 1).any():
        say(f"± is half of the 95 % t interval of the mean over the {sweep.replicates}.")


def failures(runs: pd.DataFrame) -> None:
    """A table of the runs that failed, with the place of their tracebacks."""
    table = Table("run", "error", "traceback in", box=None, header_style="bold")
    for run, error in zip(map(RunFolder, map(Path, runs["folder"])), runs["error"], strict=True):
        line = (error.splitlines() or [""])[0]
        table.add_row(*map(plain, (run.path.name, line, str(shown(run.record)))))
    console().print("\nFailed runs", style="bold red")
    console().print(table)
