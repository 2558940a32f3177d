"""A sweep's folder: its runs, the record of what was asked, and the lock of who works in it."""

from __future__ import annotations

import fcntl
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from filelock import FileLock, Timeout
from msgspec import Meta, Struct

from sweeplab.errors import BusyError, RunFolderError, StorageError
from sweeplab.runs.durable import make_folder
from sweeplab.runs.files import Inside, read_regular, read_typed, write_json, write_text

FORMAT = 1
MOMENT = 0.5  # seconds in which whoever only looks is done with the lock


@dataclass(frozen=True)
class SweepFolder:
    """The names of the files in a sweep's folder."""

    path: Path

    record = Inside("sweep.json")
    asked = Inside("multirun.yaml")
    study = Inside("study.journal")  # of a search: what it tried, in Optuna's format
    images = Inside("images")
    report = Inside("report.html")
    figures = Inside("figures")
    answers = Inside("answers.json")  # what the report says first, for the terminal
    runs_table = Inside("runs.csv")
    curves_table = Inside("curves.parquet")
    progress = Inside("progress.jsonl")  # see ``sweeps.progress``
    progress_page = Inside("progress.html")  # of ``sweeplab watch --page``
    stacks = Inside(".stacks")  # what the workers of a sweep are handed, and hand back
    lock = Inside(".lock")
    owner = Inside(".owner")  # who holds the lock, in words

    def images_of(self, data_name: str, *validation: object) -> Path:
        """The images kept of a data set, and of a further validation set: see ``sweeps.images``."""
        return self.images / f"{'-'.join(map(str, (data_name, *validation)))}.safetensors"

    def stamp(self) -> tuple[int, int] | None:
        """Another one after each writing of ``sweep.json``, which is renamed into its place."""
        try:
            found = self.record.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns


# What a sweep's folder holds beside runs.
OWN_NAMES = {inside.name for inside in vars(SweepFolder).values() if isinstance(inside, Inside)}


def within(folder: str) -> bool:
    """Whether a relative path stays below where it starts: none in a file may reach elsewhere."""
    return "\0" not in folder and folder[:1] != "/" and ".." not in folder.split("/")


class JobEntry(Struct, forbid_unknown_fields=True):
    """One job in ``sweep.json``.

    Raises:
        ValueError: its folder is not one within the sweep's.
    """

    number: Annotated[int, Meta(ge=0, le=10**9)]
    folder: str  # relative to the sweep's
    overrides: list[str]
    signature: str
    state: str  # planned, pruned, or the status of its run

    def __post_init__(self) -> None:
        if not within(self.folder):
            raise ValueError("the folder of one of its jobs is none within the sweep's")


class SweepRecord(Struct):
    """The content of ``sweep.json``."""

    name: str  # of the experiment, or "train"
    question: str  # the experiment's, or empty
    jobs: list[JobEntry]
    asks: str = ""  # of which kind the question is: see ``sweeps.question``
    search: str = (
        ""  # how its settings were searched for, as ``hydra.sweeper.method``, if they were
    )
    format: int = FORMAT


def write_sweep(folder: SweepFolder, record: SweepRecord) -> None:
    """Replace ``sweep.json``."""
    write_json(folder.record, msgspec.to_builtins(record))


def read_sweep(folder: SweepFolder) -> SweepRecord:
    """The content of ``sweep.json``.

    Raises:
        RunFolderError: there is none, it is damaged, or a newer sweeplab wrote it.
    """
    absent = f"{folder.path} is not a sweep's folder: it has no sweep.json."
    return read_typed(folder.record, SweepRecord, FORMAT, absent)


@contextmanager
def locked(folder: SweepFolder) -> Iterator[None]:
    """Keep other processes from working in the sweep's folder meanwhile.

    The operating system drops the lock with the process, however that ends. Where a file system
    locks nothing, the file itself is the lock.

    Raises:
        BusyError: another process holds it.
        StorageError: the folder cannot be written to.
    """
    make_folder(folder.path)
    # The lock's file stays: removing it would let two processes lock two files of one name.
    lock = FileLock(folder.lock)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the file system, to people who cannot change it
            lock.acquire(timeout=MOMENT)
    except Timeout:
        raise BusyError(_busy(folder)) from None
    except OSError as error:
        raise StorageError(error.errno, error.strerror, str(folder.lock)) from error
    try:
        write_text(folder.owner, f"process {os.getpid()} on {socket.gethostname()}", flushed=False)
        yield
    finally:
        with suppress(OSError):  # its text is for people: the lock is what counts
            folder.owner.unlink(missing_ok=True)
        lock.release()


def at_work(folder: SweepFolder) -> bool:
    """Whether a process works in the sweep's folder; asked so that none is kept from it."""
    if not os.path.exists(folder.owner):
        return False
    try:
        file = os.open(folder.lock, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # not against others that only ask
    except BlockingIOError:
        return True
    except OSError:
        return os.fstat(file).st_size > 0
    finally:
        os.close(file)
    return False


def _busy(folder: SweepFolder) -> str:
    """Who holds the lock, and what to do; of a file that outlives its process, that too."""
    try:
        who = _line(folder.owner) or "unknown"
        holder = _line(folder.lock).split()
    except RunFolderError:
        who, holder = "unknown", []
    said = f"Another process is working in {folder.path} ({who})."
    if len(holder) < 2:  # the system's lock, which leaves the file empty
        return (
            f"{said} Wait for it to end, or give this sweep a folder of its own: "
            "hydra.sweep.dir=FOLDER."
        )
    return (
        f"{said} The file system locks nothing by itself, so {folder.lock} is the lock, of process "
        f"{holder[0]} on {holder[1]}. If that machine was switched off or the process is gone, "
        "remove this file and repeat the command. Else wait for it to end, or give this sweep a "
        "folder of its own: hydra.sweep.dir=FOLDER."
    )


def _line(path: Path) -> str:
    """What a small file says; empty if there is none."""
    try:
        return read_regular(path, 4096).decode(errors="replace")
    except FileNotFoundError:
        return ""
