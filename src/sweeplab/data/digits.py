"""Handwritten digits, 8 x 8, bundled with scikit-learn; Alpaydin and Kaynak, 1998."""

from __future__ import annotations

from typing import Any

import torch

from sweeplab.data.source import RawData, Source
from sweeplab.data_keys import DataConfig


def _read(_config: DataConfig) -> RawData:
    """The last 297 images are the test set."""
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    images = torch.from_numpy(bunch.images).to(torch.uint8)
    labels = torch.from_numpy(bunch.target).to(torch.int64)
    known = 1500
    return RawData(
        images=images[:known],
        labels=labels[:known],
        test_images=images[known:],
        test_labels=labels[known:],
        brightest=16,
    )


DIGITS = Source(_read, tuple("0123456789"))
