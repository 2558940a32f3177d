"""The records and curves of many runs, read and checked some hundred at a time.

One by one, Arrow and NumPy would take longer to be called than to parse and check the curves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sweeplab.errors import RunFolderError
from sweeplab.results import METRICS
from sweeplab.runs.curves import SCHEMA, curves_problems, read_tables
from sweeplab.runs.files import sha256
from sweeplab.runs.folder import RunFolder, has_length, read_bytes, read_record
from sweeplab.runs.record import RunRecord

Read = tuple[RunRecord, pa.Table]

TOGETHER = 256  # runs; with more, their texts would fill the memory and save no time


def read_runs(folders: Sequence[RunFolder]) -> Iterator[Read | RunFolderError]:
    """Each run's record and the rows of its ``curves.csv``, or what is wrong with one of them.

    The rows are held against what the record says of them. A failed run has none.
    """
    for start in range(0, len(folders), TOGETHER):
        yield from _read(folders[start : start + TOGETHER])


def _read(folders: Sequence[RunFolder]) -> list[Read | RunFolderError]:
    none = SCHEMA.empty_table()
    runs: list[Read | RunFolderError] = []
    read: dict[int, tuple[RunRecord, bytes]] = {}  # by place in ``runs``
    for place, folder in enumerate(folders):
        try:
            record = read_record(folder)
            if record.status != "failed":
                read[place] = (record, _text(folder, record))
            runs.append((record, none))
        except RunFolderError as error:
            runs.append(error)
    tables = read_tables({str(folders[place].curves): text for place, (_, text) in read.items()})
    parsed = []
    for (place, (record, _)), table in zip(read.items(), tables, strict=True):
        if isinstance(table, RunFolderError):
            runs[place] = table
        else:
            runs[place] = (record, table)
            parsed.append((place, record, table))
    together = pa.concat_tables([none, *(table for *_, table in parsed)])
    bounds = np.cumsum([0, *(len(table) for *_, table in parsed)])
    problems = curves_problems(together, bounds)
    for (place, record, table), problem in zip(parsed, problems, strict=True):
        columns = {name: table[name].to_numpy() for name in METRICS}
        if wrong := problem or disagreement(record, columns):
            runs[place] = RunFolderError(f"{folders[place].curves} is damaged: {wrong}.")
    return runs


def _text(folder: RunFolder, record: RunRecord) -> bytes:
    about = record.files.get(folder.curves.name)
    other = about is not None and folder.curves.is_file() and not has_length(folder.curves, about)
    content = b"" if other else read_bytes(folder.curves)
    if about is not None and about.sha256 != sha256(content):
        raise RunFolderError(
            f"{folder.curves} is damaged: its content is not what was written when the run ended. "
            "The same command with the same sweep folder trains the run again."
        )
    return content


def disagreement(record: RunRecord, columns: Mapping[str, NDArray[Any]]) -> str:
    """Where the metrics of a run's record are not those of its curves, or an empty string.

    Args:
        columns: of the curves, by the names of ``METRICS``, each ``[T + 1]``.
    """
    last = len(columns["val_loss"]) - 1
    if record.diverged_at is not None and record.diverged_at < last:
        return "they go on after the run diverged"
    rows = np.flatnonzero(np.isfinite(columns["val_loss"]))
    best = int(rows[np.argmax(columns["val_accuracy"][rows])])
    if record.status in ("completed", "stopped") and int(rows[-1]) != last:
        return "they have no evaluation at their end"
    for which, told, row in (
        ("final", record.final, last),
        ("last", record.last, last),
        ("best", record.best, best),
    ):
        if told is None:
            continue
        theirs = {"iteration": row} | {name: float(columns[name][row]) for name in METRICS}
        for name, value in theirs.items():
            if getattr(told, name) != value:
                return (
                    f"the {which} metrics in run.json are not theirs: {name} is "
                    f"{getattr(told, name)} there, and {value} here"
                )
    return ""
