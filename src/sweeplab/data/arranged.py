"""A data set in memory: its examples once, training sets of every size as views of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeplab.data.source import RawData
from sweeplab.data.split import Split, refuse_missing, refuse_sizes
from sweeplab.data_keys import DataConfig
from sweeplab.errors import DataError
from sweeplab.inputs import ROWS, Inputs, standardizing

PIECE = 2**26  # bytes gathered at once
# Training sets of one arrangement that are kept: views of one memory, or, where each is scaled in
# its own way, one of its own each, and no second one beside one that is large.
VIEWS, COPIES, LARGE = 64, 2, 2**28  # bytes

# Numbers of an example are rounded up to this many float32, one 64-byte line: rows are aligned.
LINE = 16

FIRST = 18  # raw training examples at hand, for the report to show


@dataclass(frozen=True, eq=False)
class Dataset:
    """What one run trains and validates on. N examples, M for validation, D features."""

    train_images: Tensor  # float32 [N, D], scaled as ``data.scale`` says
    train_labels: Tensor  # int64 [N]
    val_images: Tensor  # float32 [M, D]
    val_labels: Tensor  # int64 [M]
    image_shape: tuple[int, ...]  # of an example: height, width for a grey image
    brightest: int | None  # the raw pixel value that was scaled to 1; None for other numbers
    class_names: tuple[str, ...]
    checksum: str  # SHA-256 of the raw numbers and labels above, in hexadecimal
    inputs: Inputs | None = None  # how raw numbers were scaled
    kept: bool = False  # whether a run must keep ``inputs``: its configuration does not say them
    raw_val: Tensor | None = None  # [M, ...], as the source has them
    raw_first: Tensor | None = None  # [E, ...], the first training examples, likewise
    there: int = 0  # how many examples may train, of which N were chosen
    whole: Tensor | None = None  # [N + M, F]: where both sets lie as :func:`laid_out` has them

    @property
    def features(self) -> int:
        return self.train_images.shape[1]

    @property
    def classes(self) -> int:
        return len(self.class_names)


def laid_out(examples: int, features: int) -> Tensor:
    """Room ``[examples, F]`` for examples as an engine of many runs reads them.

    The features come first, then a constant 1, which makes the bias one more weight, then 0.
    """
    whole = torch.zeros(examples, -(-(features + 1) // LINE) * LINE)
    whole[:, features] = 1
    return whole


@dataclass(eq=False)
class Arranged:
    """The examples of one split."""

    config: DataConfig
    own: bool  # whether they are the user's
    named: str  # the data set and its place, for messages
    raw: RawData
    split: Split
    plain: Inputs  # what needs no training examples
    whole: Tensor | None = None  # all that may train, and M; None if each set is scaled its own way
    made: dict[int, Dataset] = field(default_factory=dict)

    def __post_init__(self) -> None:
        scale = self.plain.scale
        if scale != "standardize" and (scale != "unit" or self.raw.brightest is not None):
            self.whole = self._scaled(self.plain, self.split.train)

    def cut(self, train_size: int) -> Dataset:
        """The data set with the first ``train_size`` training examples."""
        if train_size not in self.made:
            most = VIEWS
            if self.whole is None:
                large = 4 * train_size * self.plain.features > LARGE
                most = 1 if large else COPIES
            while len(self.made) >= most:
                del self.made[next(iter(self.made))]
            self.made[train_size] = self._cut(replace(self.config, train_size=train_size))
        return self.made[train_size]

    def _cut(self, config: DataConfig) -> Dataset:
        raw, count, features = self.raw, config.train_size, self.plain.features
        refuse_sizes(config, raw, len(self.split.train), self.named)
        chosen = self.split.train[:count]
        val_images, val_labels = val_of(raw)
        labels, val = raw.labels[chosen], val_labels[self.split.val]
        if self.own:
            sets = {"data.train_size": labels, "data.val_size": val}
            refuse_missing(config, sets, self.plain.classes, self.named)
        inputs, kept, whole = self.plain, self.own or config.scale != "unit", self.whole
        if whole is None:
            inputs, kept = _fitted(inputs, raw.images, chosen), True
            whole = self._scaled(inputs, chosen)
            for name, part in (("training", whole[:count]), ("validation", whole[count:])):
                if not torch.isfinite(part).all():
                    raise DataError(
                        f"data.scale={config.scale} makes numbers of the {name} examples of "
                        f"{self.named} that are beyond float32."
                    )
        return Dataset(
            train_images=whole[:count, :features],
            train_labels=labels,
            val_images=whole[len(whole) - len(val) :, :features],
            val_labels=val,
            brightest=raw.brightest,
            image_shape=self.plain.shape,
            class_names=self.plain.classes,
            checksum=_checksum(
                [(raw.images, raw.labels, chosen), (val_images, val_labels, self.split.val)]
            ),
            inputs=inputs,
            kept=kept,
            raw_val=_taken(val_images, self.split.val),
            raw_first=raw.images[chosen[:FIRST]],
            there=len(self.split.train),
            whole=whole if len(whole) == count + len(val) else None,
        )

    def _scaled(self, inputs: Inputs, chosen: Tensor) -> Tensor:
        """Training examples, and those to validate on, scaled and :func:`laid_out`."""
        whole = laid_out(len(chosen) + len(self.split.val), inputs.features)
        first = 0
        for images, some in ((self.raw.images, chosen), (val_of(self.raw)[0], self.split.val)):
            for piece in _pieces(images, some):
                seen = inputs.apply(images[piece].numpy())
                whole[first : first + len(piece), : inputs.features] = torch.from_numpy(seen)
                first += len(piece)
        return whole


def val_of(raw: RawData) -> tuple[Tensor, Tensor]:
    """The images and labels that validation examples are taken from."""
    if raw.val_images is None or raw.val_labels is None:
        return raw.images, raw.labels
    return raw.val_images, raw.val_labels


def _fitted(inputs: Inputs, images: Tensor, chosen: Tensor) -> Inputs:
    step = max(ROWS // inputs.features, 1)

    def parts() -> Iterator[NDArray[Any]]:
        for some in torch.split(chosen, step):
            yield images[some].numpy().reshape(len(some), -1)

    if inputs.scale == "unit":
        largest = max(float(np.abs(part).max()) for part in parts())
        return replace(inputs, divisor=float(np.float32(largest)) or 1.0)
    mean, deviation = standardizing(parts)
    return replace(inputs, mean=mean, deviation=deviation)


def _taken(images: Tensor, chosen: Tensor) -> Tensor:
    """``images[chosen]``, and no copy where they follow each other."""
    first = int(chosen[0])
    if torch.equal(chosen, torch.arange(first, first + len(chosen))):
        return images[first : first + len(chosen)]
    return images[chosen]


def _checksum(parts: list[tuple[Tensor, Tensor, Tensor]]) -> str:
    digest = hashlib.sha256()
    for images, labels, chosen in parts:
        # The counts keep (train 2, val 1) apart from (train 1, val 2) of the same images.
        shape = [len(chosen), *images.shape[1:]]
        kind = "" if images.dtype == torch.uint8 else str(images.numpy().dtype)
        digest.update(f"{kind}{shape};".encode())
        for some in _pieces(images, chosen):
            digest.update(images[some].numpy().data)
        digest.update(labels[chosen].numpy().data)
    return digest.hexdigest()


def _pieces(images: Tensor, chosen: Tensor) -> Iterator[Tensor]:
    one = max(images[:1].numel() * images.element_size(), 1)
    yield from torch.split(chosen, max(PIECE // one, 1))
