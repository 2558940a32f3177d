"""``state.safetensors``: what it takes to go on with a run that was stopped, to the last bit.

It holds the tensors that the form of training keeps, beside ``curves.csv`` with what was measured.
"""

from __future__ import annotations

import numpy as np
from safetensors.numpy import load, save

from sweeplab.errors import RunFolderError
from sweeplab.results import State
from sweeplab.runs.folder import RunFolder, read_bytes, read_curves
from sweeplab.runs.record import RunRecord


def to_bytes(state: State) -> bytes:
    """The content of the file."""
    return save({name: np.ascontiguousarray(values) for name, values in state.tensors.items()})


def read_state(folder: RunFolder, record: RunRecord) -> State:
    """Where a stopped run was stopped.

    Raises:
        RunFolderError: a file is damaged.
    """
    assert record.stopped_after is not None
    try:
        tensors = load(read_bytes(folder.state))
    # safetensors raises its own exception class, a plain Exception.
    except Exception as error:
        raise RunFolderError(f"{folder.state} is damaged: {error}") from error
    return State(read_curves(folder), tensors)
