"""The records and curves of many runs, read and checked some hundred at a time.

One by one, Arrow and NumPy would take longer to be called than to parse and check the curves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from sweeplab.errors import RunFolderError
from sweeplab.runs.curve_checks import curves_problems, disagreement
from sweeplab.runs.curves import SCHEMA, read_tables
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
        some = folders[start : start + TOGETHER]
        errors: dict[RunFolder, RunFolderError] = {}
        records, texts = _read(some, errors)
        tables = _parse(texts, records, errors)
        for folder in some:
            table = tables.get(folder, SCHEMA.empty_table())
            yield errors[folder] if folder in errors else (records[folder], table)


def _read(
    folders: Sequence[RunFolder], errors: dict[RunFolder, RunFolderError]
) -> tuple[dict[RunFolder, RunRecord], dict[RunFolder, bytes]]:
    records, texts = {}, {}
    for folder in folders:
        try:
            records[folder] = record = read_record(folder)
            if record.status != "failed":
                texts[folder] = _text(folder, record)
        except RunFolderError as error:
            errors[folder] = error
    return records, texts


def _text(folder: RunFolder, record: RunRecord) -> bytes:
    content = read_bytes(folder.curves)
    about = record.files.get(folder.curves.name)
    if about is not None and about.sha256 != sha256(content):
        raise RunFolderError(
            f"{folder.curves} is damaged: its content is not what was written when the run ended. "
            "The same command with the same sweep folder trains the run again."
        )
    return content


def _parse(
    texts: Mapping[RunFolder, bytes],
    records: Mapping[RunFolder, RunRecord],
    errors: dict[RunFolder, RunFolderError],
) -> dict[RunFolder, pa.Table]:
    read = read_tables({str(folder.curves): text for folder, text in texts.items()})
    tables = {}
    for folder, table in zip(texts, read, strict=True):
        if isinstance(table, RunFolderError):
            errors[folder] = table
        else:
            tables[folder] = table
    if not tables:
        return tables
    bounds = np.cumsum([0, *map(len, tables.values())])
    problems = curves_problems(pa.concat_tables(tables.values()), bounds)
    for (folder, table), problem in zip(tables.items(), problems, strict=True):
        wrong = problem or disagreement(records[folder], table)
        if wrong:
            errors[folder] = RunFolderError(f"{folder.curves} is damaged: {wrong}.")
    return tables
