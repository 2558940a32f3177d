"""The records and curves of many runs, read and checked some hundred at a time.

One by one, Arrow and NumPy would take longer to be called than to parse and check the curves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from sweeplab.errors import RunFolderError
from sweeplab.results import METRICS
from sweeplab.runs.curves import SCHEMA, curves_problems, read_tables
from sweeplab.runs.files import sha256
from sweeplab.runs.folder import RunFolder, read_bytes, read_record
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
        if wrong := problem or _disagreement(record, table):
            runs[place] = RunFolderError(f"{folders[place].curves} is damaged: {wrong}.")
    return runs


def _text(folder: RunFolder, record: RunRecord) -> bytes:
    content = read_bytes(folder.curves)
    about = record.files.get(folder.curves.name)
    if about is not None and about.sha256 != sha256(content):
        raise RunFolderError(
            f"{folder.curves} is damaged: its content is not what was written when the run ended. "
            "The same command with the same sweep folder trains the run again."
        )
    return content


def _disagreement(record: RunRecord, table: pa.Table) -> str:
    """Where the metrics of a run's record are not those of its curves, or an empty string."""
    last = len(table) - 1
    if record.diverged_at is not None and record.diverged_at < last:
        return "they go on after the run diverged"
    columns = {name: table[name].to_numpy() for name in METRICS}
    rows = np.flatnonzero(np.isfinite(columns["val_loss"]))
    best = int(rows[np.argmax(columns["val_accuracy"][rows])])
    if record.status == "completed" and int(rows[-1]) != last:
        return "they have no evaluation at their end"
    for which, told, row in (("final", record.final, last), ("best", record.best, best)):
        if told is None:
            continue
        values = (float(column[row]) for column in columns.values())
        if (told.iteration, *(getattr(told, name) for name in METRICS)) != (row, *values):
            return f"the {which} metrics in run.json are not theirs"
    return ""
