"""``checkpoint`` in a run's folder: how far a run in training is, for whoever goes on with it.

A long run would else be lost whole with the process that trains it. A checkpoint counts only where
what goes on with it computes as what wrote it did: a run must not be half of one machine and half
of another. It is gone once the run has ended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load, save

from sweeplab.errors import RunFolderError, StorageError
from sweeplab.execute.files import StackRun
from sweeplab.provenance import environment, flat, matters
from sweeplab.results import METRICS, State
from sweeplab.runs.durable import make_folder, together
from sweeplab.runs.folder import read_bytes
from sweeplab.training.record import CurveRecord

SUM_BYTES = hashlib.sha256().digest_size


def write_checkpoints(
    runs: Sequence[StackRun],
    on_kept: Callable[[StackRun, int], None],
    states: Iterator[tuple[int, State]],
) -> None:
    """Keep how far some of ``runs`` are; a disk that takes nothing does not end their training.

    Args:
        on_kept: called with each run whose checkpoint is on the disk, and the updates in it.
        states: of runs by their positions.
    """
    kept: list[tuple[StackRun, int]] = []
    with suppress(StorageError):
        with together() as files:
            for position, state in states:
                run = runs[position]
                make_folder(run.folder.path)
                files.put_last(run.folder.checkpoint, _to_bytes(run, state))
                kept.append((run, state.updates))
        for run, updates in kept:
            on_kept(run, updates)


def read_checkpoint(run: StackRun) -> State | None:
    """How far an earlier try came with ``run``; None if that is not known, or was elsewhere."""
    try:
        content = read_bytes(run.folder.checkpoint)
    except RunFolderError:
        return None
    checksum, tensors = content[:SUM_BYTES], content[SUM_BYTES:]
    return _from_tensors(run, load(tensors)) if checksum == _checksum(run, tensors) else None


def _to_bytes(run: StackRun, state: State) -> bytes:
    rows = state.curves.evaluated
    tensors = {f"state.{name}": np.ascontiguousarray(t) for name, t in state.tensors.items()}
    tensors |= {name: getattr(state.curves, name)[rows] for name in METRICS}
    content = save(tensors | {"rows": rows, "batch_loss": state.curves.batch_loss})
    return _checksum(run, content) + content


def _from_tensors(run: StackRun, tensors: dict[str, NDArray[np.generic]]) -> State:
    record = CurveRecord(run.identity.config)
    last = len(tensors["batch_loss"]) - 1
    record.values["batch_loss"][: last + 1] = tensors["batch_loss"]
    for name in METRICS:
        record.values[name][tensors["rows"]] = tensors[name]
    state = {name[6:]: t for name, t in tensors.items() if name.startswith("state.")}
    return State(record.curves(last), state)


def _checksum(run: StackRun, tensors: bytes) -> bytes:
    """Of the numbers, of whose they are, and of what computed them."""
    made = {name: value for name, value in flat(environment()).items() if matters(name)}
    about = json.dumps([run.signature, made, torch.cuda.is_available()], sort_keys=True)
    return hashlib.sha256(about.encode() + tensors).digest()
