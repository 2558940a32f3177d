"""Writing files so that neither a killed process nor a power cut leaves half of one.

Each is written beside its place and renamed, and flushed: what a system call has taken is in the
memory of the machine alone until ``fsync`` or ``syncfs`` has returned, for half a minute and more,
and the name that a rename gave is no safer than the content.

Paths are texts here: a sweep of 10,000 writes 70,000 files, and pathlib would take as long as the
system does.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import socket
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from sweeplab.errors import StorageError

# With more files than this the whole file system is flushed at once. One by one, each costs a
# write of the file system's journal.
FEW = 8

# The host too: on a cluster, processes of two nodes may have one number.
_PART = f"{socket.gethostname()}.%d.part"
_OURS = re.compile(rf"\..*\.{re.escape(socket.gethostname())}\.(\d+)\.part")
STALE_SECONDS = 86_400.0  # of a file that a process of another machine left

_SYNCFS = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)  # Linux has it, Python not
_FULL_FSYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


class Together:
    """Files that come to their places together, with one wait for the disk: see :func:`together`.

    The content is written when it is given, so that no more than one need be in memory.
    """

    def __init__(self) -> None:
        self._first: list[str] = []
        self._last: dict[str, str] = {}  # the name beside, by place

    def put(self, path: Path, content: bytes) -> None:
        """Have ``content`` at ``path``."""
        with _storing(path):
            beside = _beside(path, content)
            os.replace(beside, path)
        self._first.append(str(path))

    def put_last(self, path: Path, content: bytes) -> None:
        """Have ``content`` at ``path`` once all that was :meth:`put` is on the disk."""
        with _storing(path):
            self._last[str(path)] = _beside(path, content)

    def finish(self) -> None:
        """Flush what was put, then put what comes last, and flush that."""
        if not (self._first or self._last):
            return
        written = [*self._first, *self._last.values()]
        where = Path(written[0]).parent
        with _storing(where):
            flush(written)
        for path, beside in self._last.items():
            with _storing(Path(path)):
                os.replace(beside, path)
        with _storing(where):
            flush_folders(self._last)

    def give_up(self) -> None:
        """Remove what has not come to its place."""
        for beside in self._last.values():
            with suppress(OSError):
                os.unlink(beside)


@contextmanager
def together() -> Iterator[Together]:
    """Files to be written; at the end of the block all are on the disk, those put last the last.

    Raises:
        StorageError: one cannot be written. What was at the places of those to come last is still
            there.
    """
    files = Together()
    try:
        yield files
        files.finish()
    except BaseException:
        files.give_up()
        raise


def write_bytes(path: Path, content: bytes, *, flushed: bool = True) -> None:
    """Put ``content`` at ``path``: whole or not at all, replacing what was there.

    Args:
        flushed: wait until the disk has it; else a power cut soon after may lose it.

    Raises:
        StorageError: it cannot be written; what was at ``path`` is still there.
    """
    with _storing(path):
        beside = _beside(path, content)
        try:
            if flushed:
                _fsync(beside)
            os.replace(beside, path)
            if flushed:
                flush_folders([str(path)])
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise


def make_folder(path: Path) -> bool:
    """Make the folder and those above it, where they are not there; whether it was not.

    Raises:
        StorageError: it cannot be made.
    """
    with _storing(path):
        try:
            os.mkdir(path)
        except FileExistsError:
            path.mkdir(exist_ok=True)  # complains where it is no folder
            return False
        except FileNotFoundError:
            path.mkdir(parents=True, exist_ok=True)
        return True


def remove_file(path: Path) -> None:
    """Remove ``path`` if it is there.

    Raises:
        StorageError: it cannot be removed.
    """
    with _storing(path):
        path.unlink(missing_ok=True)


def remove_stale(folder: Path) -> None:
    """Remove the files beside that processes left in ``folder`` when they died.

    Those of a process that lives, or may live elsewhere, stay: it may be writing the same run.
    """
    for name in os.listdir(folder):
        if name[0] == "." and name.endswith(".part"):
            path, ours = folder / name, _OURS.fullmatch(name)
            with suppress(FileNotFoundError):
                old = time.time() - path.stat().st_mtime > STALE_SECONDS
                if not _lives(int(ours[1])) if ours else old:
                    remove_file(path)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process is at this point for ``folder``, and keep others waiting.

    No file is left. Where the folder is not there, or its file system locks nothing, it goes on.
    """
    file = None
    with suppress(OSError):
        file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if file is not None:
            os.close(file)


def flush(paths: Collection[str]) -> None:
    """Return when the disk holds the files at ``paths``, and every folder above them.

    Raises:
        OSError: the disk cannot hold them.
    """
    if _SYNCFS is None or len(paths) <= FEW:
        for path in paths:
            _fsync(path)
        above = {str(folder) for path in paths for folder in Path(path).absolute().parents}
        for folder in sorted(above, key=len, reverse=True):
            _fsync_folder(folder)
        return
    folders = {os.path.dirname(path) for path in paths}
    devices = {os.stat(folder).st_dev: folder for folder in folders}
    for folder in devices.values():
        _syncfs(folder)


def flush_folders(paths: Collection[str] | Mapping[str, str]) -> None:
    """Return when the disk knows the files at ``paths`` by these names."""
    folders = {os.path.dirname(path) for path in paths}
    if _SYNCFS is None or len(folders) <= FEW:
        for folder in folders:
            _fsync_folder(folder)
    else:
        devices = {os.stat(folder).st_dev: folder for folder in folders}
        for folder in devices.values():
            _syncfs(folder)


def _beside(path: Path, content: bytes) -> str:
    """Write ``content`` to a file beside ``path``, and return its name."""
    folder, name = os.path.split(path)
    beside = os.path.join(folder, f".{name}.{_PART % os.getpid()}")
    try:
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(file, left) :]
        finally:
            os.close(file)
    except BaseException:
        with suppress(OSError):  # in a folder that is read-only nothing was written either
            os.unlink(beside)
        raise
    return beside


def _fsync(path: str) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # On macOS fsync leaves the content in the memory of the drive.
        fcntl.fcntl(file, _FULL_FSYNC) if _FULL_FSYNC else os.fsync(file)
    finally:
        os.close(file)


def _fsync_folder(path: str) -> None:
    try:
        _fsync(path or ".")
    except OSError as error:
        # Some folders above cannot be opened, and some file systems flush no folder: then a name
        # in it is as safe as they make it.
        if error.errno == errno.EIO:
            raise


def _syncfs(path: str) -> None:
    file = os.open(path or ".", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _SYNCFS(file):  # type: ignore[misc]
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(file)


def _lives(process: int) -> bool:
    if process == os.getpid():
        return False  # what it left is of an earlier try, which failed
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True


@contextmanager
def _storing(path: Path) -> Iterator[None]:
    """Name ``path`` where the system refuses to write to it.

    Raises:
        StorageError: it refused.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(error.errno, error.strerror or str(error), str(path)) from error
