"""``sweeplab ls``: from small files alone, with no heavy import."""

from __future__ import annotations

import csv
import os
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from statistics import fmean

from filelock import FileLock, Timeout
from rich.table import Table

from sweeplab.config import KNOBS
from sweeplab.errors import NewerFormatError, RunFolderError
from sweeplab.runs.folder import RunFolder, is_complete, read_record
from sweeplab.sweeps.find import is_sweep, sweeps_in
from sweeplab.sweeps.folder import SweepFolder, read_sweep
from sweeplab.terminal import console, plain, say
from sweeplab.words import in_bytes, plural

METRIC = "final_val_accuracy"
LARGEST_TABLE = 64 * 2**20  # runs.csv of ten thousand runs has 4 MB


def list_outputs(outputs: Path) -> None:
    """Print the sweeps and the single runs in ``outputs``, or the one that it is itself."""
    if not outputs.is_dir():
        raise RunFolderError(
            f"There is no folder {outputs}. `sweeplab train` makes one, or name another: "
            "sweeplab ls FOLDER."
        )
    table = Table(box=None, header_style="bold")
    table.add_column("folder", overflow="fold")
    for heading in ("date", "state"):
        table.add_column(heading)
    table.add_column("size", justify="right")
    table.add_column("best setting")
    for path in sweeps_in(outputs):
        if is_sweep(path):
            state, best = _describe_sweep(SweepFolder(path))
        elif RunFolder(path).record.exists():
            state, best = _describe_run(path)
        else:
            continue
        table.add_row(plain(str(path)), _date(path), state, in_bytes(_size(path)), plain(best))
    if not table.row_count:
        say(f"No sweep and no run lies in {outputs}.")
        return
    console().print(table)


def _describe_sweep(folder: SweepFolder) -> tuple[str, str]:
    """The state, as one word and what it is made of, and the best setting."""
    try:
        jobs = read_sweep(folder).jobs
    except NewerFormatError:
        return "of a newer sweeplab", ""
    except RunFolderError:
        return "damaged: sweep.json", ""
    # The folders know better than sweep.json: a killed sweep had no time to note its last runs.
    states = Counter(_state(RunFolder(folder.path / job.folder), job.state) for job in jobs)
    done = states["completed"] + states["diverged"]
    total = len(jobs) - states["pruned"]
    if _locked(folder):
        word = "running"
    elif states["damaged"]:
        word = "damaged"
    else:
        word = "complete" if done == total else "partial"
    counted = f"{total} {plural('run', total)}"
    parts = [f"{word}: {counted}" if done == total else f"{word}: {done} of {counted}"]
    parts += [
        f"{states[bad]} {bad}" for bad in ("diverged", "failed", "damaged", "pruned") if states[bad]
    ]
    return ", ".join(parts), _best_setting(folder)


def _state(run: RunFolder, noted: str) -> str:
    """completed, diverged, failed, damaged, pruned, or planned: not trained yet."""
    try:
        record = read_record(run)
    except NewerFormatError:
        return "completed"
    except RunFolderError:
        if noted == "pruned" and not run.record.exists():
            return noted
        return "damaged" if run.record.exists() or noted in ("completed", "diverged") else "planned"
    return record.status if record.status == "failed" or is_complete(run, record) else "damaged"


def _describe_run(path: Path) -> tuple[str, str]:
    run = RunFolder(path)
    try:
        record = read_record(run)
    except NewerFormatError:
        return "of a newer sweeplab", ""
    except RunFolderError:
        return "damaged: run.json", ""
    if record.status == "failed":
        return "failed", ""
    if not is_complete(run, record):
        return "damaged: a file is missing or cut short", ""
    if record.final is None:
        return "complete: diverged", ""
    return "complete", f"validation accuracy {record.final.val_accuracy:.3f}"


def _date(path: Path) -> str:
    """When something was last put into the folder, by this machine's clock."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime).strftime("%Y-%m-%d %H:%M")
    except (OSError, ValueError, OverflowError):
        return "unknown"


def _size(folder: Path) -> int:
    """The bytes of all files in it. Links are not followed."""
    total = 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:  # removed meanwhile, or not ours to read
            continue
    return total


def _locked(folder: SweepFolder) -> bool:
    if not folder.owner.exists():
        return False
    try:
        with FileLock(folder.lock).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a read-only place, where nobody can be at work
        return False


def _best_setting(folder: SweepFolder) -> str:
    """The setting of the highest mean final validation accuracy, from ``runs.csv``."""
    try:
        return _best_of(folder)
    # Somebody's spreadsheet may have saved it with other columns, or with words for numbers.
    except (OSError, csv.Error, ValueError, KeyError, TypeError):
        return ""


def _best_of(folder: SweepFolder) -> str:
    if folder.runs_table.stat().st_size > LARGEST_TABLE:
        return ""
    with folder.runs_table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
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
    best = max(scores, key=lambda setting: fmean(scores[setting]))
    setting = ", ".join(
        f"{knob.rsplit('.', 1)[-1]}={value}" for knob, value in zip(knobs, best, strict=True)
    )
    score = f"{fmean(scores[best]):.3f}"
    return f"{setting}: {score}" if setting else score
