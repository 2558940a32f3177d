"""``sweeplab ls``: from small files alone, with no heavy import."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from statistics import fmean

from rich.table import Column, Table

from sweeplab.config import KNOBS
from sweeplab.errors import NewerFormatError, RunFolderError, UnreadableError
from sweeplab.provenance import ENGINE_VERSION, arithmetic
from sweeplab.runs.files import read_regular, size_in
from sweeplab.runs.folder import RunFolder, goes_on, is_complete, read_record
from sweeplab.runs.record import RunRecord
from sweeplab.sweeps.answers import Answer, OlderReportError, read_answers
from sweeplab.sweeps.find import is_sweep, looked_through
from sweeplab.sweeps.folder import SweepFolder, at_work, read_sweep
from sweeplab.terminal import console, plain, say
from sweeplab.words import count, in_bytes

METRIC = "final_val_accuracy"
LARGEST_TABLE = 64 * 2**20  # runs.csv of ten thousand runs has 4 MB


def list_outputs(outputs: Path) -> None:
    """Print the sweeps and the single runs in ``outputs``, or the one that it is itself."""
    if not outputs.is_dir():
        raise RunFolderError(
            f"There is no folder {outputs}. `sweeplab train` makes one, or name another: "
            "sweeplab ls FOLDER."
        )
    table = Table(
        Column("folder", overflow="fold"),
        "date",
        "state",
        Column("size", justify="right"),
        "answer",
        box=None,
        header_style="bold",
    )
    found, closed = looked_through(outputs)
    for path in sorted({*found, *closed}):
        if path in found and not is_sweep(path) and not os.path.exists(RunFolder(path).record):
            continue
        state, best = ("unreadable", "") if path in closed else _describe(path)
        table.add_row(plain(str(path)), _date(path), state, in_bytes(size_in(path)), plain(best))
    if not table.row_count:
        say(f"No sweep and no run lies in {outputs}.")
        return
    console().print(table)


def _describe(path: Path) -> tuple[str, str]:
    """The state, as one word and what it is made of, and the best setting or the accuracy."""
    sweep, run = SweepFolder(path), RunFolder(path)
    try:
        return _describe_sweep(sweep) if is_sweep(path) else _describe_run(run)
    except NewerFormatError:
        return "of a newer sweeplab", ""
    except RunFolderError as error:
        what = "unreadable" if isinstance(error, UnreadableError) else "damaged"
        return f"{what}: {(sweep if is_sweep(path) else run).record.name}", ""


def _describe_sweep(folder: SweepFolder) -> tuple[str, str]:
    jobs = read_sweep(folder).jobs
    # The folders know better than sweep.json: a killed sweep had no time to note its last runs.
    known = [_state(RunFolder(folder.path / job.folder), job.state) for job in jobs]
    states = Counter(state for state, _ in known)
    kinds = {arithmetic(record.environment) for _, record in known if record} - {""}
    done = states["completed"] + states["diverged"] + states["stopped"]
    total = len(jobs) - states["pruned"]
    if at_work(folder):
        word = "running"
    elif states["damaged"]:
        word = "damaged"
    else:
        word = "complete" if done == total else "partial"
    parts = [f"{word}: {'' if done == total else f'{done} of '}{count(total, 'run')}"]
    parts += [
        f"{states[bad]} {bad}"
        for bad in ("diverged", "stopped", "failed", "damaged", "pruned")
        if states[bad]
    ]
    older = sum(_by_older_engine(record) for _, record in known)
    parts += [f"{'' if older == total else f'{older} '}trained by an older engine"] if older else []
    parts += [f"with {len(kinds)} sets of vector instructions"] if len(kinds) > 1 else []
    return ", ".join(parts), _answer(folder)


def _answer(folder: SweepFolder) -> str:
    """The setting that the report names, and its run; without one, that of the highest mean."""
    try:
        return "; ".join(filter(None, map(_named, read_answers(folder).answers)))
    except OlderReportError:
        why = "the report is older than the runs"
    except RunFolderError:
        why = "no report"
    # Somebody's spreadsheet may have saved runs.csv with other columns, or words for numbers.
    with suppress(OSError, RunFolderError, csv.Error, ValueError, KeyError, TypeError):
        if best := _best_setting(folder.runs_table):
            return f"highest mean: {best} ({why})"
    return why


def _named(answer: Answer) -> str:
    if answer.accuracy is None:  # no run completed
        return ""
    on = f"{answer.on}: " if answer.on else ""
    setting = f"{answer.short}: " if answer.short else ""
    return f"{on}{setting}{answer.accuracy:.3f} (run {answer.run})"


def _state(run: RunFolder, noted: str) -> tuple[str, RunRecord | None]:
    """Its status, damaged, pruned, or planned: to be trained, or trained on. And its record."""
    there = os.path.exists(run.record)
    try:
        record = read_record(run)
    except NewerFormatError:
        return "completed", None
    except RunFolderError:
        if noted == "pruned" and not there:
            return noted, None
        done = noted in ("completed", "diverged", "stopped")
        return "damaged" if there or done else "planned", None
    if goes_on(run, record):
        return "planned", record
    sound = record.status == "failed" or is_complete(run, record, until=record.stopped_after)
    return record.status if sound else "damaged", record


def _by_older_engine(record: RunRecord | None) -> bool:
    """Whether a run comes back to rounding alone, for another engine than this one trained it."""
    return record is not None and record.engine_version < ENGINE_VERSION


def _describe_run(run: RunFolder) -> tuple[str, str]:
    record = read_record(run)
    if record.status == "failed":
        return "failed", ""
    if not is_complete(run, record, until=record.stopped_after):
        return "damaged: a file is missing or cut short", ""
    if record.last is not None:
        after = f"stopped after {count(record.stopped_after or 0, 'epoch')}"
        return after, f"validation accuracy {record.last.val_accuracy:.3f}"
    older = "trained by an older engine" if _by_older_engine(record) else ""
    if record.final is None:
        return ", ".join(filter(None, ("complete: diverged", older))), ""
    return ": ".join(
        filter(None, ("complete", older))
    ), f"validation accuracy {record.final.val_accuracy:.3f}"


def _date(path: Path) -> str:
    """When something was last put into the folder, by this machine's clock."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime).strftime("%Y-%m-%d %H:%M")
    except (OSError, ValueError, OverflowError):
        return "unknown"


def _best_setting(runs_table: Path) -> str:
    """The setting of the highest mean final validation accuracy, from ``runs.csv``."""
    text = read_regular(runs_table, LARGEST_TABLE).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    knobs = [
        key
        for key, knob in KNOBS.items()
        if knob.role == "knob" and len({row.get(key) for row in rows}) > 1
    ]
    scores: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for row in rows:
        if row["status"] == "completed":
            scores[tuple(row[knob] for knob in knobs)].append(float(row[METRIC]))
    if not scores:
        return ""
    score, best = max(((fmean(values), best) for best, values in scores.items()), key=itemgetter(0))
    setting = ", ".join(
        f"{knob.rsplit('.', 1)[-1]}={value}" for knob, value in zip(knobs, best, strict=True)
    )
    return f"{setting}: {score:.3f}" if setting else f"{score:.3f}"
