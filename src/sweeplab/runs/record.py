"""``run.json``, what a run leaves beside its numbers, and ``test.json``, as typed values.

A run folder may come from anyone: a colleague, a mail, a disk that is failing. What is read here is
of the right type and in range, so that a report is never stopped, nor led to a file elsewhere, by
one run.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from sweeplab.config import RunConfig, identity, problems
from sweeplab.results import ACCURACIES, METRICS, Metrics

FORMAT = 2
SEALED = 2  # from this format on a record ends in its own checksum
LONGEST_NAME = 100

Whole = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class FileRecord(Struct, frozen=True, omit_defaults=True):
    """One file that the run wrote."""

    bytes: Whole
    sha256: str
    pruned: str | None = None  # ISO 8601, UTC: when `sweeplab prune` removed it


class RunError(Struct, frozen=True):
    """Why a run failed."""

    message: str
    traceback: str


class StackShare(Struct, frozen=True):
    """The stack, or the part of one, that a run was trained in."""

    seconds: float  # its wall time
    runs: Annotated[int, Meta(ge=1, le=2**63 - 1)]  # that shared it


class RunRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of ``run.json``.

    Raises:
        ValueError: the values contradict each other, or reach out of the run's folder.
    """

    status: Literal["completed", "diverged", "stopped", "failed"]
    signature: str
    config: RunConfig  # a key that the file lacks has its default: an older sweeplab wrote it
    data_checksum: str
    engine_version: Whole
    final: Metrics | None = None  # of a completed run
    best: Metrics | None = None  # of any but a failed run
    diverged_at: Whole | None = None
    stopped_after: Whole | None = None  # epochs, of a stopped run: halving took it no further
    last: Metrics | None = None  # of a stopped run: at that time
    error: RunError | None = None  # of a failed run
    finished: str  # ISO 8601, UTC
    device: str | None = None
    stack: StackShare | None = None
    environment: dict[str, Any]
    files: dict[str, FileRecord] = {}  # by name
    format: int = FORMAT

    def __post_init__(self) -> None:
        if problem := _problem(self):
            raise ValueError(problem)


class TestRecord(Struct, frozen=True, omit_defaults=True):
    """The content of ``test.json``: what the test set said of a run, and how often it was asked.

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
    top5: float | None = None  # how often the true class is among the five most probable

    def __post_init__(self) -> None:
        if not (0 <= self.low <= self.accuracy <= self.high <= 1 and self.opened):
            raise ValueError("its accuracy, its interval and its times do not fit together")


def signature(config: RunConfig, data_checksum: str, engine_version: int) -> str:
    """A hash of everything that decides the result of a run, 16 hexadecimal digits.

    It is taken over typed values, so that ``lr=0.1``, ``0.10`` and ``1e-1`` are one run, and over
    the images themselves rather than their file, so that a longer file with the same first images
    is the same data.
    """
    parts = {
        # -0.0 and 0.0 train alike, but print differently.
        "config": {
            key: value + 0.0 if isinstance(value, float) else value
            for key, value in identity(config).items()
        },
        "data": data_checksum,
        "engine": engine_version,
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _problem(record: RunRecord) -> str:
    """What is wrong with a record whose values are of the right types, or an empty string."""
    if any(not _names_a_file(name) for name in record.files):
        return "it names a file outside of its folder"
    due = {
        "final": record.status == "completed",
        "best": record.status != "failed",
        "error": record.status == "failed",
        "diverged_at": record.status == "diverged",
        "stopped_after": record.status == "stopped",
        "last": record.status == "stopped",
    }
    for name, is_due in due.items():
        given = getattr(record, name) is not None
        if given != is_due and (is_due or name not in ("best", "diverged_at")):
            return f"it {record.status} {'without' if is_due else 'with'} '{name}'"
    if record.stack is not None and not math.isfinite(record.stack.seconds):
        return "its stack.seconds is no number"
    for which in ("final", "best", "last"):
        metrics = getattr(record, which)
        if metrics is not None and (problem := _metrics_problem(metrics)):
            return f"its {which}.{problem}"
    # It becomes part of file names.
    if not _names_a_file(record.config.data.name):
        return "its configuration has no sound data.name"
    return next(iter(problems(record.config)), "")


def _metrics_problem(metrics: Metrics) -> str:
    if not 0 <= metrics.iteration < 2**63:
        return "iteration is no iteration"
    for name in METRICS:
        value = getattr(metrics, name)
        if not math.isfinite(value):
            return f"{name} is not finite"
        if name in ACCURACIES and not 0 <= value <= 1:
            return f"{name} is no fraction"
    return ""


def _names_a_file(name: str) -> bool:
    """Whether ``name`` is that of a file in a folder, and leads to no other folder."""
    sound = 0 < len(name) <= LONGEST_NAME and not name.startswith(".")
    return sound and not set(name) & set("/\\\0")
