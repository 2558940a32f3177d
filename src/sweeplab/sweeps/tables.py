"""From run folders to tidy tables, and those tables as files.

Nothing here plots or judges: one row a run in ``runs``, one row an iteration in ``curves``, one row
a setting in ``settings``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from sweeplab.config import KNOBS, flatten
from sweeplab.errors import RunFolderError
from sweeplab.results import METRICS, Metrics
from sweeplab.runs.durable import make_folder, write_bytes
from sweeplab.runs.files import write_text
from sweeplab.runs.folder import RunFolder
from sweeplab.runs.many import read_runs
from sweeplab.runs.record import RunRecord
from sweeplab.sweeps.find import is_sweep, runs_in, sweeps_in
from sweeplab.sweeps.folder import SweepFolder, read_sweep
from sweeplab.sweeps.place import names_of, place
from sweeplab.sweeps.settings import (
    DRAW,
    RANK,
    SettingsTable,
    count_statuses,
    replicate_key,
    summarise,
)
from sweeplab.sweeps.together import joined, one_for_each_group
from sweeplab.words import TOGETHER

CONFIG = tuple(KNOBS)
ENGINE = "engine version"  # among what describes where a run was made
ADAPTIVE = {"tpe", "gp"}  # ways to search that learn from results
# Of the columns that have gaps.
COUNTS = (
    "iterations",
    "final_iteration",
    "best_iteration",
    "diverged_at",
    "stopped_after",
    "stack_runs",
)
TYPES = dict.fromkeys(COUNTS, "Int64") | {
    f"{which}_{metric}": "float64" for which in ("final", "best") for metric in METRICS
}
# A sweep that was killed and resumed gives the same runs.csv as one left alone, wherever it lies:
# no times, no stacks, no absolute folders.
NOT_IN_CSV = ["folder", "finished", "stack_seconds", "stack_runs"]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Everything a report knows of one sweep, or of several merged."""

    path: Path  # the folder that was named first
    runs: pd.DataFrame  # a row a run: the columns are those of ``_row``
    curves: pd.DataFrame  # run, sweep and the columns of curves.csv, float64
    knobs: list[str]  # the configuration keys that vary, seeds apart, in configuration order
    paths: tuple[Path, ...] = ()  # the sweeps, or runs, that it was loaded from
    skipped: list[tuple[str, str]] = field(default_factory=list)  # folder, reason
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)  # by run folder
    # Whether a search chose settings by the results of others: they are no random sample then.
    adaptive: bool = False
    # Runs that halving took no further, of a part: all else of it is of runs of full length.
    stopped: pd.DataFrame = field(default_factory=pd.DataFrame)
    stopped_curves: pd.DataFrame = field(default_factory=pd.DataFrame)  # of these, as ``curves``

    @cached_property
    def settings(self) -> SettingsTable:
        """One row a setting, a configuration without its seed: see ``settings.summarise``."""
        return summarise(self.runs, self.knobs)

    @property
    def searched(self) -> bool:
        """Whether a search chose settings one batch after another, so that their order matters."""
        return any(SweepFolder(path).study.is_file() for path in self.paths)

    @property
    def replicates(self) -> str:
        """What means are over, in words: seeds, or training sets where several were drawn."""
        return "training sets" if replicate_key(self.runs) == DRAW else "seeds"

    def _repr_html_(self) -> str:
        from sweeplab.sweeps.notebook import sweep_html

        return sweep_html(self)

    def __repr__(self) -> str:
        return f"<Sweep {self.path}: {count_statuses(self.runs)}, knobs {', '.join(self.knobs)}>"


def load_sweep(path: str | Path | Sequence[str | Path]) -> Sweep:
    """The runs under ``path``: a sweep's folder, one run's folder, or several of either, merged.

    A folder that is neither stands for the sweeps below it, each under its own name.

    A run that cannot be read is left out and named in ``skipped``, with the reason. So is one
    that has the signature of another: it is the same run, and counted once.

    Raises:
        RunFolderError: a path is no folder, or no run lies in any.
    """
    paths = [Path(path)] if isinstance(path, str | Path) else [Path(one) for one in path]
    rows: list[dict[str, Any]] = []
    tables: list[pa.Table] = []
    environments: list[dict[str, Any]] = []
    skipped: list[tuple[str, str]] = []
    roots = [root for path in paths for root in _roots(path)]
    for (root, folders), name in zip(roots, _sweep_names([r for r, _ in roots]), strict=True):
        for folder, read in zip(folders, read_runs(folders), strict=True):
            if isinstance(read, RunFolderError):
                skipped.append((str(folder.path), str(read)))
                continue
            record, table = read
            rows.append(_row(root, name, folder, record, table))
            tables.append(table)
            environments.append({**record.environment, ENGINE: record.engine_version})
    kept = _without_doubles(rows, skipped)
    if not kept:
        why = f": {skipped[0][1]}" if skipped else "."
        raise RunFolderError(f"No complete run lies in {', '.join(map(str, paths))}{why}")
    runs = pd.DataFrame([rows[i] for i in kept]).astype(TYPES)
    if runs["eval_every"].map(type).nunique() > 1:  # numbers and words do not sort
        runs["eval_every"] = runs["eval_every"].astype(str)
    searches = {_search(root) for root, _ in roots}
    # Settings that a search chose have no value in common, and merged sweeps differ as they like.
    if len(roots) == 1 and searches == {""}:
        runs = joined(runs, varying(runs))
    return Sweep(
        path=paths[0],
        paths=tuple(root for root, _ in roots),
        runs=runs,
        curves=_stacked(runs, [tables[i] for i in kept]),
        knobs=varying(runs),
        skipped=skipped,
        environments={rows[i]["folder"]: environments[i] for i in kept},
        # Halving keeps the best of what it tried: no random sample either.
        adaptive=bool(searches & ADAPTIVE) or bool((runs["status"] == "stopped").any()),
    )


def _search(root: Path) -> str:
    """How the settings in a sweep's folder were searched for; empty if they were not."""
    try:
        return read_sweep(SweepFolder(root)).search
    except RunFolderError:
        return ""


def varying(runs: pd.DataFrame) -> list[str]:
    """The configuration keys with more than one value in ``runs``, in configuration order.

    Seeds are replicates, and no knob. Where several data sets were used, a ``data.`` key that is
    fixed within each of them only comes along with the data set, and is no knob either. Knobs
    that move together are one.
    """
    found = [key for key in CONFIG if KNOBS[key].role == "knob" and runs[key].nunique() > 1]
    if "data.name" in found:
        by_data = runs.groupby("data.name")
        found = [
            key
            for key in found
            if key == "data.name" or not key.startswith("data.") or by_data[key].nunique().max() > 1
        ]
    return one_for_each_group(runs, found)


def write_tables(sweep: Sweep, out: Path | None = None) -> tuple[Path, Path]:
    """Write ``runs.csv`` and ``curves.parquet`` into ``out``, or where ``place`` says.

    The same runs give the same bytes, whenever and in whatever order they were trained.
    """
    folder = SweepFolder(place(sweep) if out is None else out)
    make_folder(folder.path)
    text = runs_table(sweep).to_csv(index=False, lineterminator="\n")
    write_text(folder.runs_table, text)
    curves = sweep.curves.to_parquet(engine="pyarrow", compression="zstd", index=False)
    write_bytes(folder.curves_table, curves)
    return folder.runs_table, folder.curves_table


def runs_table(sweep: Sweep) -> pd.DataFrame:
    """The runs as ``runs.csv`` has them."""
    own = [column for column in sweep.runs if TOGETHER not in str(column)]
    return sweep.runs[own].drop(columns=NOT_IN_CSV)


def _roots(path: Path) -> list[tuple[Path, list[RunFolder]]]:
    """The sweeps in ``path``, each with its runs; last, as one, the runs outside of any."""
    if not path.is_dir():
        raise RunFolderError(f"{path} is not a folder.")
    found = sweeps_in(path)
    sweeps = [(folder, runs_in(folder)) for folder in found if is_sweep(folder)]
    if not sweeps:
        return [(path, runs_in(path))]
    others = [RunFolder(folder) for folder in found if not is_sweep(folder)]
    return [*sweeps, *([(path, others)] if others else [])]


def _sweep_names(roots: Sequence[Path]) -> list[str]:
    """As ``names_of``; a run goes by the name of the folder that it is in."""
    homes = [root.resolve() for root in roots]
    return names_of([home.parent if RunFolder(home).record.is_file() else home for home in homes])


def _row(
    root: Path, sweep: str, folder: RunFolder, record: RunRecord, curves: pa.Table
) -> dict[str, Any]:
    name = folder.path.relative_to(root).as_posix()
    return {
        "run": folder.path.resolve().name if name == "." else name,
        "sweep": sweep,
        "folder": str(folder.path),
        "status": record.status,
        **flatten(record.config),
        "iterations": curves["iteration"][-1].as_py() if len(curves) else None,
        **_metrics("final", record.final),
        **_metrics("best", record.best),
        "diverged_at": record.diverged_at,
        "stopped_after": record.stopped_after,
        "error": record.error and record.error.message,
        "signature": record.signature,
        "data_checksum": record.data_checksum,
        "finished": record.finished,
        "stack_seconds": record.stack and record.stack.seconds,
        "stack_runs": record.stack and record.stack.runs,
    }


def _metrics(which: str, metrics: Metrics | None) -> dict[str, Any]:
    return {f"{which}_{name}": getattr(metrics, name, None) for name in ("iteration", *METRICS)}


def _without_doubles(rows: Sequence[dict[str, Any]], skipped: list[tuple[str, str]]) -> list[int]:
    first: dict[str, int] = {}
    for i, row in enumerate(rows):
        other = first.setdefault(row["signature"], i)
        if other == i:
            continue
        better, worse = sorted((other, i), key=lambda place: RANK[rows[place]["status"]])
        first[row["signature"]] = better
        why = f"It is the same run as {rows[better]['folder']} and is counted once."
        skipped.append((rows[worse]["folder"], why))
    return sorted(first.values())


def _stacked(runs: pd.DataFrame, curves: Sequence[pa.Table]) -> pd.DataFrame:
    frame: pd.DataFrame = pa.concat_tables(curves).to_pandas(split_blocks=True).astype("float64")
    lengths = [len(table) for table in curves]
    for at, key in enumerate(("run", "sweep")):
        frame.insert(at, key, runs[key].repeat(lengths).reset_index(drop=True))
    return frame
