"""Writing files so that a killed process never leaves half of one, and reading JSON warily."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from sweeplab.errors import NewerFormatError, RunFolderError, StorageError

T = TypeVar("T")

# Ten thousand jobs make a sweep.json of 3 MB.
LARGEST_JSON = 256 * 2**20


@dataclass(frozen=True)
class Inside:
    """The path of what is called ``name`` in a folder; an attribute of that folder's class."""

    name: str

    def __get__(self, folder: Any, kind: type) -> Path:
        return Path(folder.path, self.name)


@contextmanager
def _storing(path: Path) -> Iterator[None]:
    """Name ``path`` where the system refuses to write to it.

    Raises:
        StorageError: it refused.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(error.errno, error.strerror or str(error), str(path)) from error


def size_in(folder: Path) -> int:
    """The bytes of all files in ``folder``, at any depth. Links are not followed."""
    total = 0
    for below, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # removed meanwhile
                total += os.lstat(f"{below}/{name}").st_size
    return total


def write_bytes(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``: whole or not at all, replacing what was there.

    Raises:
        StorageError: it cannot be written; what was at ``path`` is still there.
    """
    # The host too: on a cluster, processes of two nodes may have one number.
    beside = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.part")
    with _storing(path):
        try:
            beside.write_bytes(content)
            beside.replace(path)
        except BaseException:
            with suppress(OSError):  # in a folder that is read-only nothing was written either
                beside.unlink(missing_ok=True)
            raise


def write_text(path: Path, content: str) -> None:
    """As :func:`write_bytes`, in UTF-8."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """As :func:`write_text`, an entry a line; a list of objects an object a line.

    Numbers that are not finite have no place in JSON: they raise ``ValueError``. Indenting all of
    it would take Python's slow encoder, which a sweep of 10,000 would feel.
    """
    lines = [f" {json.dumps(key)}: {_json_lines(value)}" for key, value in content.items()]
    write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")


def _json_lines(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n  " + ",\n  ".join(json.dumps(v, allow_nan=False) for v in value) + "\n ]"
    return json.dumps(value, allow_nan=False)


def make_folder(path: Path) -> None:
    """Make the folder and those above it, where they are not there.

    Raises:
        StorageError: it cannot be made.
    """
    with _storing(path):
        path.mkdir(parents=True, exist_ok=True)


def remove_file(path: Path) -> None:
    """Remove ``path`` if it is there.

    Raises:
        StorageError: it cannot be removed.
    """
    with _storing(path):
        path.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``. Its strings can be printed and encoded.

    Raises:
        FileNotFoundError: there is no such file.
        RunFolderError: it holds something else, or cannot be read.
    """
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise RunFolderError(f"{path} is damaged: it is larger than any that sweeplab writes.")
        content = path.read_bytes()
        values: Any = json.loads(content)
        if b"\\ud" in content.lower():
            # Half of a surrogate pair, as in a file name that is no UTF-8, fits in JSON and nowhere
            # else: it would stop a whole report at its last step.
            printable = json.dumps(values, ensure_ascii=False).encode(errors="replace")
            values = json.loads(printable)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}.") from error
    # A thousand opening brackets end in a RecursionError.
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
    if not isinstance(values, dict):
        raise RunFolderError(f"{path} is damaged: it holds no JSON object.")
    return values


def read_typed(path: Path, kind: type[T], newest: int, absent: str) -> T:
    """The JSON object in ``path`` as a ``kind``, strictly: nothing is converted or guessed.

    Its ``format`` is at most ``newest``, which this code writes.

    Raises:
        NewerFormatError: it is higher.
        RunFolderError: there is no such file, which ``absent`` says in words; or as
            :func:`read_json`; or its entries are not those of a ``kind``.
    """
    try:
        values = read_json(path)
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
