"""How a run scaled its examples, and its weights for examples that were not scaled so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sweeplab.errors import RunFolderError
from sweeplab.inputs import Inputs, from_bytes
from sweeplab.runs.folder import RunFolder, read_bytes, read_weights


def read_inputs(folder: RunFolder) -> Inputs | None:
    """How the run's examples were scaled; None where its configuration alone says it.

    Raises:
        RunFolderError: the file is damaged.
    """
    if not folder.inputs.exists():
        return None
    try:
        return from_bytes(read_bytes(folder.inputs))
    except ValueError as error:
        raise RunFolderError(f"{folder.inputs} is damaged: {error}.") from error


def read_plain_weights(folder: RunFolder) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """As :func:`read_weights`, for examples as ``inputs.plain`` gives them.

    Runs that scaled their examples each in its own way so share them.
    """
    weights, inputs = read_weights(folder), read_inputs(folder)
    if inputs is None:
        return weights
    if inputs.features != weights[0].shape[1]:
        raise RunFolderError(f"{folder.inputs} is damaged: it is for {inputs.features} features.")
    return inputs.folded(*weights)
