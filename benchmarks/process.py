"""A command as a whole: its seconds and its memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

# Run by a Python of its own, which is small: Linux counts what a process held before it became the
# command as that command's, so a command of a large process would seem as large.
_TIMED = """
import json, os, subprocess, sys, time
started = time.perf_counter()
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
_, status, usage = os.wait4(subprocess.Popen(sys.argv[1:], **quiet).pid, 0)
print(json.dumps([status, time.perf_counter() - started, usage.ru_maxrss]))
"""


def timed(words: Sequence[str]) -> tuple[float, int]:
    """Seconds and the most bytes of memory of the command ``words``, not of its children.

    Raises:
        RuntimeError: it failed.
    """
    code = [sys.executable, "-c", _TIMED, *words]
    done = subprocess.run(code, check=True, capture_output=True, text=True)
    status, seconds, peak = json.loads(done.stdout)
    if status:
        raise RuntimeError(f"{' '.join(words)} failed")
    return seconds, peak * (1 if sys.platform == "darwin" else 1024)
