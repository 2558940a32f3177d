"""Taking weights out of a complete run's folder, and putting them back.

Its record keeps their length and checksum, and when they went, so the run stays complete, and
weights that are trained again can be held against it.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime

from sweeplab.runs.files import remove_file, sha256, write_bytes, write_json
from sweeplab.runs.folder import RunFolder, RunRecord


def prune_weights(folder: RunFolder, record: RunRecord) -> None:
    """Remove the weights. The record comes first: a kill in between leaves a sound run."""
    name = folder.weights.name
    about = record.files[name] | {"pruned": datetime.now(UTC).isoformat(timespec="seconds")}
    write_json(folder.record, asdict(replace(record, files=record.files | {name: about})))
    remove_file(folder.weights)


def restore_weights(folder: RunFolder, record: RunRecord, content: bytes) -> None:
    """Put pruned weights back; ``content`` has their checksum."""
    name = folder.weights.name
    about = {key: value for key, value in record.files[name].items() if key != "pruned"}
    assert about["sha256"] == sha256(content)
    write_bytes(folder.weights, content)
    write_json(folder.record, asdict(replace(record, files=record.files | {name: about})))
