"""Reading IDX files, the format of MNIST and Fashion-MNIST.

torchvision reads them too, but importing it takes longer than all else that a command does before
it trains (1.4 s of 3.1 s), and again in each worker. It is left to fetch them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

UNSIGNED_BYTES = 0x08


def read_idx(path: Path, dimensions: int) -> Tensor:
    """The uint8 array in an IDX file.

    The format, from http://yann.lecun.com/exdb/mnist: two zero bytes, the type of the numbers, how
    many dimensions there are, the size of each as a big-endian int32, and the numbers, the last
    dimension changing fastest.

    Raises:
        ValueError: it is no IDX file of that many dimensions of bytes, or not whole.
        OSError: it cannot be read.
    """
    content = np.fromfile(path, np.uint8)
    start = 4 * (1 + dimensions)
    if content[:4].tobytes() != bytes((0, 0, UNSIGNED_BYTES, dimensions)) or len(content) < start:
        raise ValueError(f"{path.name} is no IDX file of {dimensions}-dimensional bytes")
    shape = content[4:start].view(">i4").tolist()
    numbers = content[start:]
    if min(shape) < 0 or len(numbers) != np.prod(shape, dtype=object):
        raise ValueError(
            f"{path.name} is not whole: its header says {' x '.join(map(str, shape))} bytes, and "
            f"{len(numbers)} follow"
        )
    return torch.from_numpy(numbers).reshape(shape)
