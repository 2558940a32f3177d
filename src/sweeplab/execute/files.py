"""Stacks on their way to a worker, and their files.

They lie in the folder ``.stacks`` of the sweep's folder while it trains: ``NAME.json`` says what is
to be trained, ``NAME.job`` which SLURM job does it, ``NAME.beats`` how far it is, and ``NAME.done``
that it has ended. ``jobs`` holds submitit's own files, and the jobs' logs.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sweeplab.errors import RunFolderError
from sweeplab.runs.files import read_regular, write_json
from sweeplab.runs.folder import RunFolder, RunIdentity


@dataclass(frozen=True)
class Rung:
    """The epochs of their training that runs get at once, of all those of their configurations."""

    begin: int = 0
    end: int | None = None  # None: the last


WHOLE = Rung()


@dataclass(frozen=True)
class StackRun:
    """What a worker must know of one run."""

    folder: RunFolder
    identity: RunIdentity
    hydra_texts: dict[str, str]  # the contents of the files in .hydra
    rung: Rung = WHOLE

    @property
    def share(self) -> float:
        """Which part of the whole training it gets, from 0 to 1."""
        epochs = self.identity.config.epochs
        return ((self.rung.end or epochs) - self.rung.begin) / epochs

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
        write_json(self.path, msgspec.to_builtins(stack, enc_hook=str), flushed=False)

    def read(self) -> Stack:
        """The inverse of :meth:`write`.

        Raises:
            RunFolderError: the file is absent or damaged.
        """
        try:
            values = json.loads(read_regular(self.path))
            return msgspec.convert(values, Stack, dec_hook=lambda _, text: Path(text))
        except (OSError, ValueError, msgspec.ValidationError) as error:
            raise RunFolderError(f"{self.path} is damaged: {error}") from error

    @property
    def done(self) -> Path:
        """There once the stack has ended."""
        return self.path.with_suffix(".done")

    @property
    def beats(self) -> Path:
        """What its worker has done so far, and that it lives: see ``execute.progress``."""
        return self.path.with_suffix(".beats")

    @property
    def job(self) -> Path:
        """There while a SLURM job is to train the stack."""
        return self.path.with_suffix(".job")

    def remove(self) -> None:
        """Remove whichever there are."""
        for path in (self.path, self.done, self.beats, self.job):
            path.unlink(missing_ok=True)


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


class Note(msgspec.Struct):
    """The content of ``NAME.done`` and of ``NAME.job``."""

    width: int | None = None  # the runs that were trained at once, if the stack was too wide
    job: str | None = None  # which SLURM job trains the stack

    def write(self, path: Path) -> None:
        write_json(path, msgspec.to_builtins(self), flushed=False)


def read_note(path: Path) -> Note:
    """The note at ``path``, empty where there is none, or a damaged one."""
    try:
        return msgspec.json.decode(read_regular(path), type=Note)
    except (OSError, RunFolderError, msgspec.DecodeError):
        return Note()
