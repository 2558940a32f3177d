"""The errors a user can cause and mend. Their text is all that is printed, without a traceback."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

FULL_ERROR = "HYDRA_FULL_ERROR"  # the variable that asks Hydra, and us, for tracebacks


def wants_traceback() -> bool:
    """Whether the user asked to see tracebacks."""
    return bool(os.environ.get(FULL_ERROR))


class SweeplabError(Exception):
    """Something the user asked for cannot be done; the message says what to do instead."""


class ConfigError(SweeplabError):
    """A configuration value breaks a rule."""


class DataError(SweeplabError):
    """A data set is absent, damaged, or too small for what was asked."""


class RunFolderError(SweeplabError):
    """A folder is not the run or the sweep that it was taken for, or is damaged."""


class UnreadableError(RunFolderError):
    """A file is there, and the system does not let it be read: its disk, or its mode."""


class NewerFormatError(RunFolderError):
    """A newer sweeplab wrote a file: it is sound, and must not be written over."""


class BusyError(SweeplabError):
    """Another process is working in the folder."""


class WorkerLostError(SweeplabError):
    """A worker was killed, crashed, or ran out of its time. The message says what is known.

    Args:
        memory: whether it is known to have asked for more memory than it was given.
    """

    def __init__(self, message: str, *, memory: bool = False) -> None:
        super().__init__(message)
        self.memory = memory


class StorageError(SweeplabError, OSError):
    """A file could not be written: the disk is full, or the place is read-only.

    Its arguments are those of an ``OSError``: errno, what the system says, the file's name.
    """

    def __str__(self) -> str:
        return f"cannot write {storage_message(self)}"


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def storage_message(error: OSError) -> str:
    """What an ``OSError`` says, as one sentence with the file's name and what to do."""
    where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
    if error.errno in _FULL:
        advice = "Free some space"
    elif error.errno == errno.ENOENT:
        advice = "Something removed it: leave the folder alone"
    elif error.errno == errno.EIO:
        advice = "The disk, or the way to it, fails: mend that, or choose another folder"
    else:
        advice = "Make it writable, or choose another folder"
    return (
        f"{where}{error.strerror or error}. {advice}, and repeat the command: what is complete "
        "is kept."
    )


@contextmanager
def shown_as_messages(tracebacks: bool) -> Iterator[None]:
    """End the process with one message and exit code 1 on an error that a user can mend.

    Args:
        tracebacks: let it through instead.
    """
    try:
        yield
    except (SweeplabError, OSError) as error:
        if tracebacks:
            raise
        message = str(error) if isinstance(error, SweeplabError) else storage_message(error)
        sys.exit(f"sweeplab: {message}")
    except (MemoryError, ImportError) as error:
        # A library that finds no room to be loaded says so as one that is broken.
        full = isinstance(error, MemoryError) or re.search(
            "map segment|allocate memory", str(error)
        )
        if tracebacks or not full:
            raise
        sys.exit(
            f"sweeplab: There is not enough memory ({error or 'MemoryError'}): `ulimit -v` and "
            "`free` show what there is. What is complete is kept."
        )
