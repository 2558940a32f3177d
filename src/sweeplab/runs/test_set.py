"""``test.json``: what the test set said of a run, and how often it was asked."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from sweeplab.runs.files import read_typed, write_json
from sweeplab.runs.folder import RunFolder


class TestRecord(Struct, frozen=True):
    """The content of ``test.json``.

    Raises:
        ValueError: its numbers contradict each other.
    """

    __test__ = False  # no test of ours, whatever pytest makes of the name

    accuracy: float
    low: float  # 95 % Wilson interval
    high: float
    examples: int
    confusion: list[list[int]]  # [C, C]: rows are the true classes, columns the predicted
    classes: list[str]
    weights_sha256: str
    opened: list[str]  # ISO 8601, UTC, one for each time

    def __post_init__(self) -> None:
        if not (0 <= self.low <= self.accuracy <= self.high <= 1 and self.opened):
            raise ValueError("its accuracy, its interval and its times do not fit together")


def write_test(folder: RunFolder, record: TestRecord) -> None:
    """Replace ``test.json``."""
    write_json(folder.test, msgspec.to_builtins(record))


def read_test(folder: RunFolder) -> TestRecord | None:
    """The content of ``test.json``; None where the test set was never asked.

    Raises:
        RunFolderError: it is damaged.
    """
    if not folder.test.exists():
        return None
    return read_typed(folder.test, TestRecord, 1, f"{folder.test} is gone.")
