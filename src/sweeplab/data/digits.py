"""Handwritten digits, 8 x 8, bundled with scikit-learn; Alpaydin and Kaynak, 1998."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sweeplab.data.source import RawData, Source
from sweeplab.data_keys import DataConfig


def _read(_config: DataConfig) -> RawData:
    """The last 297 images are the test set."""
    table = torch.from_numpy(_table())
    images = table[:, :-1].to(torch.uint8).reshape(-1, 8, 8)
    labels = table[:, -1].to(torch.int64)
    known = 1500
    return RawData(
        images=images[:known],
        labels=labels[:known],
        test_images=images[known:],
        test_labels=labels[known:],
        brightest=16,
    )


def _table() -> NDArray[np.float64]:
    """The table within scikit-learn, 64 pixels and the label a row, without importing it.

    That takes most of a second, half of all that a small run takes.
    """
    package = find_spec("sklearn")
    for place in (package and package.submodule_search_locations) or ():
        with suppress(OSError, ValueError):
            table = np.loadtxt(Path(place, "datasets", "data", "digits.csv.gz"), delimiter=",")
            if table.shape == (1797, 65):
                return table
    from sklearn.datasets import load_digits

    return np.column_stack(load_digits(return_X_y=True))


DIGITS = Source(_read, tuple("0123456789"))
