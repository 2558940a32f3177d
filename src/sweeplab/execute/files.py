"""Stacks on their way to a worker, and their files.

They lie in the folder ``.stacks`` of the sweep's folder while it trains: ``NAME.json`` says what is
to be trained, ``NAME.job`` which SLURM job does it, and ``NAME.done`` that it has ended. ``jobs``
holds submitit's own files, and the jobs' logs.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from sweeplab.errors import RunFolderError
from sweeplab.runs.files import write_json
from sweeplab.runs.folder import RunFolder, RunIdentity


@dataclass(frozen=True)
class StackRun:
    """What a worker must know of one run."""

    folder: RunFolder
    identity: RunIdentity
    hydra_texts: dict[str, str]  # the contents of the files in .hydra

    @property
    def signature(self) -> str:
        return self.identity.signature


@dataclass(frozen=True)
class Stack:
    """Runs that may be trained together, and the command that asked for them."""

    runs: Sequence[StackRun]
    command: Sequence[str]


@dataclass(frozen=True)
class StackFiles:
    """The files of one stack."""

    path: Path  # NAME.json, in .stacks

    def write(self, stack: Stack) -> None:
        """Describe ``stack``, in the place of whatever an earlier command left."""
        self.remove()
        self.path.parent.mkdir(exist_ok=True)
        write_json(self.path, msgspec.to_builtins(stack, enc_hook=str))

    def read(self) -> Stack:
        """The inverse of :meth:`write`.

        Raises:
            RunFolderError: the file is absent or damaged.
        """
        try:
            values = json.loads(self.path.read_bytes())
            return msgspec.convert(values, Stack, dec_hook=lambda _, text: Path(text))
        except (OSError, ValueError, msgspec.ValidationError) as error:
            raise RunFolderError(f"{self.path} is damaged: {error}") from error

    def note_end(self, width: int | None) -> None:
        """Say that the stack has ended, its runs trained ``width`` at once if it was too wide."""
        write_json(self._done, {"width": width})

    @property
    def ended(self) -> bool:
        return self._done.exists()

    @property
    def width(self) -> int | None:
        """The width of :meth:`note_end`."""
        width = _read(self._done, "width")
        return width if isinstance(width, int) else None

    def note_job(self, job: str) -> None:
        """Say which SLURM job trains the stack."""
        write_json(self._job, {"job": job})

    @property
    def job(self) -> str | None:
        """The SLURM job of :meth:`note_job`."""
        job = _read(self._job, "job")
        return job if isinstance(job, str) else None

    def forget_job(self) -> None:
        """No job trains the stack any more."""
        self._job.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove whichever there are."""
        for path in (self.path, self._done, self._job):
            path.unlink(missing_ok=True)

    @property
    def _done(self) -> Path:
        return self.path.with_suffix(".done")

    @property
    def _job(self) -> Path:
        return self.path.with_suffix(".job")


@dataclass(frozen=True)
class StacksFolder:
    """The folder ``.stacks`` of a sweep."""

    path: Path

    @property
    def jobs(self) -> Path:
        """submitit's own files, and the logs of SLURM's jobs."""
        return self.path / "jobs"

    def of(self, stack: Stack, lost: int) -> StackFiles:
        """The files of ``stack`` after ``lost`` workers were lost with it."""
        signatures = "".join(run.signature for run in stack.runs)
        name = hashlib.sha256(signatures.encode()).hexdigest()[:12]
        return StackFiles(self.path / f"{name}-{lost}.json")

    def handed_over(self) -> list[StackFiles]:
        """The stacks that have a file."""
        return [StackFiles(path) for path in sorted(self.path.glob("*.json"))]

    def submitted(self) -> list[StackFiles]:
        """The stacks for which a SLURM job is noted, whether it is at work or not."""
        return [StackFiles(path.with_suffix(".json")) for path in sorted(self.path.glob("*.job"))]

    def remove(self, *, keep_logs: bool) -> None:
        """Remove the stacks' files, and the folder when nothing is left in it."""
        for files in self.handed_over():
            files.remove()
        if not keep_logs:
            shutil.rmtree(self.jobs, ignore_errors=True)
        with suppress(OSError):
            self.path.rmdir()


def _read(path: Path, key: str) -> Any:
    """The value in a JSON file that may be absent, or damaged: None then."""
    try:
        return json.loads(path.read_bytes())[key]
    except (OSError, ValueError, KeyError, TypeError):
        return None
