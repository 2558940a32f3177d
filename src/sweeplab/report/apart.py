"""The report built in a process of its own, begun early and asked late.

Matplotlib, seaborn and scipy take as long to import as PyTorch does. A sweep needs both: so another
process imports the one while this one imports the other, trains, and writes the tables.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

_begun: list[subprocess.Popen[bytes]] = []  # at most one, which waits for a folder


def begin() -> None:
    """Start the process. Where the system refuses one, :func:`built` says so."""
    if _begun:
        return
    with suppress(OSError):
        _begun.append(
            subprocess.Popen(
                # -P: nothing in the user's folder is imported in the place of a package.
                [sys.executable, "-P", "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=0,  # a Ctrl-C at the terminal is for this process alone
            )
        )


def built(folder: Path) -> Path | None:
    """The page of the sweep in ``folder``, which the process has built.

    If there is none it was never begun, or something went wrong, of which the caller will hear who
    builds the report itself.
    """
    if not _begun:
        return None
    process = _begun.pop()
    assert process.stdin
    assert process.stdout
    told = b""
    asked = [str(Path.cwd()), str(folder)]  # it was begun before, perhaps elsewhere
    try:
        with suppress(OSError):  # it is gone
            process.stdin.write(json.dumps(asked).encode() + b"\n")
            process.stdin.flush()
            told = process.stdout.read()
    finally:
        process.kill()  # should this be interrupted
        process.wait()
    return Path(json.loads(told)) if told else None


def _wait_and_build() -> None:
    from sweeplab.report.build import build_report
    from sweeplab.sweeps.tables import load_sweep

    # It ends with the other process, which may not get as far as to ask, or be killed after that:
    # a report of then must not come in the place of a later one.
    if asked := sys.stdin.readline():
        threading.Thread(target=_end_with_stdin, daemon=True).start()
        here, folder = json.loads(asked)
        os.chdir(here)
        page = build_report(load_sweep(folder))
        sys.stdout.write(json.dumps(str(page)))


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    gc.disable()  # nearly all objects live to its end
    _wait_and_build()
    sys.stdout.flush()
    os._exit(0)
