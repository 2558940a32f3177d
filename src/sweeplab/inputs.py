"""What a model is given of an example: numbers scaled, and how they were, so that it can be again.

``inputs.safetensors`` in a run's folder keeps it, where the configuration alone does not say it:
for data of one's own, and for scales that were taken from training examples.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

Floats = NDArray[np.float32]

ROWS = 2**22  # numbers scaled at once, to bound memory


@dataclass(frozen=True, eq=False)
class Inputs:
    """How examples of D numbers become what a model sees."""

    shape: tuple[int, ...]  # of an example as its source has it: height, width; 3 for colours; D
    classes: tuple[str, ...]
    scale: str  # of data.scale
    brightest: int | None = None  # of bytes: what stands for 1; None for other numbers
    divisor: float = 1.0  # with ``unit``: what the source's numbers are divided by
    mean: Floats | None = None  # [D], with ``standardize``
    deviation: Floats | None = None  # [D], with ``standardize``

    @property
    def features(self) -> int:
        return math.prod(self.shape)

    @property
    def pictures(self) -> bool:
        """Whether an example can be shown: rows and columns, grey or in three colours."""
        return is_picture(self.shape)

    def apply(self, raw: NDArray[Any]) -> Floats:
        """Examples ``[N, ...]`` as a model sees them, ``[N, D]``."""
        flat = raw.reshape(len(raw), -1)
        seen = np.empty(flat.shape, np.float32)
        step = max(ROWS // max(flat.shape[1], 1), 1)
        for start in range(0, len(flat), step):
            seen[start : start + step] = self._scaled(flat[start : start + step])
        return seen

    def _scaled(self, flat: NDArray[Any]) -> Floats:
        with np.errstate(over="ignore"):  # beyond float32 is infinite, which is refused elsewhere
            seen = flat.astype(np.float32)
        if self.scale == "unit":
            seen /= np.float32(self.divisor)
        elif self.scale == "standardize":
            assert self.mean is not None
            assert self.deviation is not None
            seen -= self.mean
            seen /= self.deviation
        elif self.scale == "l2":
            length = np.sqrt((seen.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
            length[length == 0] = 1
            seen /= length.astype(np.float32)
        return seen

    def folded(self, weight: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """The same model, to rounding, for examples as :func:`plain` gives them.

        So runs that scaled the same examples each in its own way can be asked at once.
        """
        one = self.brightest or 1
        if self.scale == "l2" or (self.scale == "unit" and self.divisor == one):
            return weight, bias
        steep = weight.astype(np.float64)
        if self.scale == "unit":
            steep /= self.divisor
        if self.mean is not None and self.deviation is not None:
            steep /= self.deviation
            bias = (bias - steep @ self.mean).astype(np.float32)
        return (steep * one).astype(np.float32), bias

    def to_bytes(self) -> bytes:
        """The content of ``inputs.safetensors``: the same for the same inputs."""
        tensors = {"mean": self.mean, "deviation": self.deviation}
        about = {
            "shape": list(self.shape),
            "classes": list(self.classes),
            "scale": self.scale,
            "brightest": self.brightest,
            "divisor": self.divisor,
        }
        # In one entry: safetensors writes several in an order of chance.
        return save(
            {name: tensor for name, tensor in tensors.items() if tensor is not None}
            or {"none": np.zeros(0, np.float32)},
            metadata={"inputs": json.dumps(about)},
        )


def plain(raw: NDArray[Any], brightest: int | None, *, l2: bool = False) -> Floats:
    """Examples ``[N, ...]`` of which all runs make theirs, ``[N, D]``: bytes from 0 to 1.

    Args:
        l2: each of length 1, which no weights can be folded for.
    """
    if l2:
        return Inputs((), (), "l2").apply(raw)
    return Inputs((), (), "unit", divisor=float(brightest or 1)).apply(raw)


def is_picture(shape: tuple[int, ...]) -> bool:
    """Whether numbers of this shape are an image: rows and columns, grey or in three colours."""
    return len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)


def standardizing(parts: Callable[[], Iterable[NDArray[Any]]]) -> tuple[Floats, Floats]:
    """Mean and deviation ``[D]`` of the features of training examples, in float64.

    A feature that is the same throughout keeps its size, and is 0 wherever it has that value.

    Args:
        parts: gives the examples some at a time, ``[n, D]``, each time it is called.
    """
    count, total, low, high = 0, 0.0, np.inf, -np.inf
    for part in parts():
        count += len(part)
        total = total + part.astype(np.float64).sum(axis=0)
        low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
    mean: NDArray[np.float64] = np.asarray(total / count)
    squares = sum(((part - mean) ** 2).sum(axis=0) for part in parts()) / count
    # By its extremes and not by its deviation, which rounding keeps from being exactly 0.
    deviation = np.where(low == high, 1.0, np.sqrt(squares))
    return mean.astype(np.float32), deviation.astype(np.float32)


def from_bytes(content: bytes) -> Inputs:
    """The inverse of :meth:`Inputs.to_bytes`.

    Raises:
        ValueError: it is something else.
    """
    try:
        size = int.from_bytes(content[:8], "little")
        about = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["inputs"])
        tensors = load(content)
        inputs = Inputs(
            shape=tuple(map(int, about["shape"])),
            classes=tuple(map(str, about["classes"])),
            scale=str(about["scale"]),
            brightest=None if about["brightest"] is None else int(about["brightest"]),
            divisor=float(about["divisor"]),
            mean=tensors.get("mean"),
            deviation=tensors.get("deviation"),
        )
    except (SafetensorError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise ValueError(f"it holds no inputs: {error}") from error
    wanted = [inputs.mean, inputs.deviation] if inputs.scale == "standardize" else []
    if (
        not inputs.shape
        or min(inputs.shape) < 1
        or not (inputs.divisor > 0 and inputs.brightest != 0)
        or any(part is None or part.shape != (inputs.features,) for part in wanted)
    ):
        raise ValueError("its shapes do not fit together")
    return inputs
