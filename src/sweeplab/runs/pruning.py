"""Taking weights out of a complete run's folder, and putting them back.

Its record keeps their length and checksum, and when they went, so the run stays complete, and
weights that are trained again can be held against it.
"""

from __future__ import annotations

from msgspec.structs import replace

from sweeplab.runs.files import remove_file, sha256, write_bytes
from sweeplab.runs.folder import RunFolder, now, write_record
from sweeplab.runs.record import RunRecord


def prune_weights(folder: RunFolder, record: RunRecord) -> None:
    """Remove the weights. The record comes first: a kill in between leaves a sound run."""
    _note(folder, record, pruned=now())
    remove_file(folder.weights)


def restore_weights(folder: RunFolder, record: RunRecord, content: bytes) -> None:
    """Put pruned weights back; ``content`` has their checksum."""
    assert record.files[folder.weights.name].sha256 == sha256(content)
    write_bytes(folder.weights, content)
    _note(folder, record, pruned=None)


def _note(folder: RunFolder, record: RunRecord, pruned: str | None) -> None:
    name = folder.weights.name
    about = replace(record.files[name], pruned=pruned)
    write_record(folder, replace(record, files=record.files | {name: about}))
