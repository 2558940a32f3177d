"""The standard streams, so that no closed one stops a command.

``sweeplab train -m ... | head -1`` closes the pipe after a line, and a scheduler may start a
command without any: what cannot be printed is dropped, and the command goes on.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any


class _Lasting(io.FileIO):
    """A file that goes on as the null device once nobody reads it."""

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except BrokenPipeError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())  # for libraries that print by themselves too
            os.close(null)
            return len(memoryview(content).cast("B"))


def mend_streams() -> None:
    """Give this process standard streams that print what they can, and never fail."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # Else the next file that is opened gets this number, and what others print.
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None or stream is getattr(sys, f"__{name}__"):  # nobody's replacement
            with suppress(OSError, ValueError):
                setattr(sys, name, _lasting(number, stream))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _lasting(number: int, stream: Any) -> io.TextIOWrapper:
    if stream is not None:
        stream.flush()
    # A folder's name need not be UTF-8, nor a terminal: what it cannot show must stop no command.
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(number, "wb", closefd=False)),
        encoding=getattr(stream, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )
