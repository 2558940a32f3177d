"""Text and JSON written to files whole or not at all, and JSON read warily."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from sweeplab.errors import NewerFormatError, RunFolderError, UnreadableError
from sweeplab.runs.durable import write_bytes

T = TypeVar("T")

# Ten thousand jobs make a sweep.json of 3 MB.
LARGEST_JSON = 256 * 2**20
LARGEST = 2**31  # bytes of any file: weights of 1,000 classes and 500,000 features
EVENTS = "events.out.tfevents."  # what TensorBoard looks for: see ``export.tensorboard``
_SEAL, _END = b',\n "checksum": "', b"\n}\n"


@dataclass(frozen=True)
class Inside:
    """The path of what is called ``name`` in a folder; an attribute of that folder's class."""

    name: str

    def __get__(self, folder: Any, kind: type) -> Path:
        return Path(folder.path, self.name)


def size_in(folder: Path) -> int:
    """The bytes of all files in ``folder``, at any depth. Links are not followed."""
    total = 0
    for below, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # removed meanwhile
                total += os.lstat(f"{below}/{name}").st_size
    return total


def read_regular(path: Path, largest: int = LARGEST) -> bytes:
    """The content of ``path``; errors as :func:`regular`."""
    with regular(path, largest) as file:
        try:
            return file.read(largest)
        except OSError as error:
            raise UnreadableError(f"{path} cannot be read: {error.strerror}.") from error


@contextmanager
def regular(path: Path, largest: int = LARGEST) -> Iterator[BinaryIO]:
    """``path`` opened, which may be anyone's: a regular file in its folder, and no giant.

    A pipe would keep the reader waiting, a device or a sparse file fill its memory, and a link lead
    to what is not meant.

    Raises:
        FileNotFoundError: there is no such file.
        UnreadableError: the system does not let it be read.
        RunFolderError: it is something else.
    """
    try:
        number = _opened(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}.") from error
    with os.fdopen(number, "rb") as file:
        about = os.fstat(number)
        if not stat.S_ISREG(about.st_mode):
            raise RunFolderError(f"{path} is damaged: it is no regular file.")
        if about.st_size > largest:
            raise RunFolderError(
                f"{path} is damaged: it is larger than any that sweeplab writes "
                f"({about.st_size:,} bytes)."
            )
        yield file


def _opened(path: Path) -> int:
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    home, real = os.path.realpath(path.parent), os.path.realpath(path)
    if not real.startswith(f"{home}/"):
        raise RunFolderError(
            f"{path} is a link that leads out of its folder, and is not followed. Put the file "
            "itself there."
        )
    return os.open(real, flags)


def write_text(path: Path, content: str, *, flushed: bool = True) -> None:
    """As :func:`write_bytes`, in UTF-8."""
    write_bytes(path, content.encode(), flushed=flushed)


def write_json(path: Path, content: Mapping[str, Any], *, flushed: bool = True) -> None:
    """As :func:`write_text`, with what :func:`to_json` gives."""
    write_bytes(path, to_json(content), flushed=flushed)


def to_json(content: Mapping[str, Any]) -> bytes:
    """``content`` as JSON, an entry a line; a list of objects an object a line.

    Numbers that are not finite have no place in JSON: they raise ``ValueError``. Indenting all of
    it would take Python's slow encoder, which a sweep of 10,000 would feel.
    """
    lines = [f" {json.dumps(key)}: {_json_lines(value)}" for key, value in content.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _json_lines(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n  " + ",\n  ".join(json.dumps(v, allow_nan=False) for v in value) + "\n ]"
    return json.dumps(value, allow_nan=False)


def sealed(content: bytes) -> bytes:
    """What :func:`to_json` gave, with its own SHA-256 as one more entry, the last."""
    return content.removesuffix(_END) + _SEAL + sha256(content).encode() + b'"' + _END


def _unsealed(content: bytes, path: Path) -> tuple[bytes, bool]:
    """The inverse of :func:`sealed`, and whether ``content`` was.

    Raises:
        RunFolderError: a bit of it is another than when it was written.
    """
    head, seal, told = content.rpartition(_SEAL)
    if not seal:
        return content, False
    if told != sha256(head + _END).encode() + b'"' + _END:
        raise RunFolderError(
            f"{path} is damaged: it was changed since it was written, and its checksum is that of "
            "what it was. The same command with the same sweep folder trains the run again."
        )
    return head + _END, True


def read_json(path: Path, *, seal_from: int | None = None) -> dict[str, Any]:
    """The JSON object in ``path``. Its strings can be printed and encoded.

    Args:
        seal_from: the ``format`` from which on it must be :func:`sealed`.

    Raises:
        FileNotFoundError: there is no such file.
        RunFolderError: it holds something else, or cannot be read.
    """
    seal = True
    content = read_regular(path, LARGEST_JSON)
    try:
        if seal_from is not None:
            content, seal = _unsealed(content, path)
        values: Any = json.loads(content)
        if b"\\ud" in content.lower():
            # Half of a surrogate pair, as in a file name that is no UTF-8, fits in JSON and nowhere
            # else: it would stop a whole report at its last step.
            printable = json.dumps(values, ensure_ascii=False).encode(errors="replace")
            values = json.loads(printable)
    # A thousand opening brackets end in a RecursionError.
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
    if not isinstance(values, dict):
        raise RunFolderError(f"{path} is damaged: it holds no JSON object.")
    if seal_from is not None and not seal and values.get("format", 1) == seal_from:
        raise RunFolderError(f"{path} is damaged: its checksum is gone.")
    return values


def read_typed(
    path: Path, kind: type[T], newest: int, absent: str, *, seal_from: int | None = None
) -> T:
    """The JSON object in ``path`` as a ``kind``, strictly: nothing is converted or guessed.

    Its ``format`` is at most ``newest``, which this code writes.

    Raises:
        NewerFormatError: it is higher.
        RunFolderError: there is no such file, which ``absent`` says in words; or as
            :func:`read_json`; or its entries are not those of a ``kind``.
    """
    try:
        values = read_json(path, seal_from=seal_from)
    except FileNotFoundError:
        raise RunFolderError(absent) from None
    version = values.get("format")
    if isinstance(version, int) and version > newest:
        raise NewerFormatError(
            f"{path} has format {version}, and this sweeplab reads up to {newest}: use the "
            "version of sweeplab that wrote it, or a newer one."
        )
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise RunFolderError(f"{path} is damaged: {_in_words(error)}.") from error


_TYPES = {
    "int": "a whole number", "float": "a number", "bool": "true or false", "str": "text",
    "object": "a mapping", "array": "a list", "null": "nothing",
}  # fmt: skip


def _in_words(error: msgspec.ValidationError) -> str:
    """What msgspec says as ``Expected `int`, got `str` - at `$.config.seed```, for people."""
    said, _, place = str(error).replace("`", "").partition(" - at $")
    if isinstance(error.__cause__, ValueError):  # a rule of ours, which says where
        return said
    its = f"its {place.replace('[...]', '').lstrip('.')}" if place else "it"
    mistaken = re.fullmatch(r"Expected (.+), got (.+)", said)
    if mistaken is None:
        return f"{its}: {said[:1].lower()}{said[1:]}"
    due, got = (
        " or ".join(_TYPES.get(name, name) for name in names.split(" | "))
        for names in mistaken.groups()
    )
    return f"{its} is {got}, where {due} is due"


def sha256(content: bytes) -> str:
    """The SHA-256 of ``content`` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
