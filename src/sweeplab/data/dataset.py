"""The training and validation examples of one run, nested and fixed as the configuration says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeplab.data.source import RawData, Source, path_of, root_of
from sweeplab.data.sources import SOURCES
from sweeplab.data.split import Split, refuse_missing, refuse_sizes, resolved, split
from sweeplab.data_keys import DataConfig
from sweeplab.errors import ConfigError, DataError
from sweeplab.inputs import Inputs, standardizing

HASHED = 2**26  # bytes gathered at once for a checksum
# Training sets of one arrangement that are kept: views of one memory, or copies of it.
VIEWS, COPIES = 64, 2
# Keys that only some sources obey; the others refuse any but the value at which they do nothing.
SPECIAL = ("path", "label", "test_share", "size", "colour")


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

    @property
    def features(self) -> int:
        return self.train_images.shape[1]

    @property
    def classes(self) -> int:
        return len(self.class_names)


FIRST = 18  # raw training examples at hand, for the report to show


def load(config: DataConfig) -> Dataset:
    """The examples that ``config`` chooses. Equal configurations share one object in memory.

    Raises:
        ConfigError: the data set is unknown, does not obey a key, or is too small for
            ``train_size`` or ``val_size``.
        DataError: its files are absent and cannot be had, or are damaged.
    """
    if not (config.train_size and config.val_size):
        raise ConfigError(
            "data.train_size and data.val_size must be at least 1, but are "
            f"{config.train_size} and {config.val_size}."
        )
    return _arranged(_source(config), config).cut(config.train_size)


def resolve(config: DataConfig) -> DataConfig:
    """``config`` with its paths absolute, and 0 for a size replaced by what it stands for.

    Errors as :func:`load`.
    """
    source = _source(config)
    if config.path and source.own and ":" not in config.path:
        config = replace(config, path=str(path_of(config)))
    if config.train_size and config.val_size:
        return config
    return resolved(config, _raw_of(source, config), where(config))


def load_test(config: DataConfig, inputs: Inputs) -> tuple[NDArray[np.float32], Tensor]:
    """The test examples ``[M, D]``, scaled, and their labels ``[M]``. Errors as :func:`load`.

    Raises:
        DataError: there are none, too.
    """
    source = _source(config)
    raw = _raw_of(source, config)
    images, labels = raw.test_images, raw.test_labels
    if images is None or labels is None:
        chosen = split(config, raw, where(config)).test
        if not len(chosen):
            raise DataError(
                f"{where(config)} has no test set: it holds no X_test and y_test, and the run was "
                "trained with data.test_share=0."
            )
        images, labels = raw.images[chosen], raw.labels[chosen]
    _refuse_shape(inputs, images, where(config))
    return inputs.apply(images.numpy()), labels


def inputs_of(config: DataConfig) -> Inputs:
    """How examples are scaled, where the configuration alone says it. Errors as :func:`load`."""
    source = _source(config)
    return _plain(source, _raw_of(source, config), config)


def where(config: DataConfig) -> str:
    """The data set and its place, for messages."""
    source = SOURCES[config.name]
    place = config.path if source.own else str(root_of(config))
    return f"{config.name} in {place}"


def _refuse_shape(inputs: Inputs, images: Tensor, named: str) -> None:
    there = tuple(images.shape[1:])
    if np.prod(there) != inputs.features:
        raise DataError(
            f"The examples of {named} have {np.prod(there)} numbers, and the run was trained on "
            f"examples of {inputs.features}."
        )


def _plain(source: Source, raw: RawData, config: DataConfig) -> Inputs:
    brightest = raw.brightest
    return Inputs(
        shape=tuple(raw.images.shape[1:]),
        classes=source.classes or raw.classes,
        scale=config.scale,
        brightest=brightest,
        divisor=float(brightest or 1),
    )


def _source(config: DataConfig) -> Source:
    if config.name not in SOURCES:
        raise ConfigError(f"data.name must be one of {', '.join(SOURCES)}, but is '{config.name}'.")
    source, default = SOURCES[config.name], DataConfig()
    for key in SPECIAL:
        value = getattr(config, key)
        if key not in source.keys and value != getattr(default, key):
            obeying = [name for name, other in SOURCES.items() if key in other.keys]
            raise ConfigError(
                f"data.{key} is for data={' and data='.join(obeying)}, and does nothing for "
                f"data={config.name}, but is {value}."
            )
    if source.own and not config.path:
        raise ConfigError(
            f"data.path must say where your data lie, as data={config.name} data.path=FILE, "
            "but is empty."
        )
    return source


def _raw_of(source: Source, config: DataConfig) -> RawData:
    # A path may be written in many ways, and its files may change while a notebook is open.
    what = replace(
        DataConfig(config.name),
        root=str(root_of(config)),
        path=config.path,
        **{key: getattr(config, key) for key in source.keys if key not in ("path", "test_share")},
        on_broken=config.on_broken,
    )
    return _raw(source, astuple(what), source.stamp(config))


@lru_cache(maxsize=4)
def _raw(source: Source, values: tuple[Any, ...], _stamp: object) -> RawData:
    return source.read(DataConfig(*values))


@dataclass(eq=False)
class _Arranged:
    """The examples of one split, in one memory: training sets of every size are views of it."""

    config: DataConfig
    source: Source
    raw: RawData
    split: Split
    plain: Inputs  # what needs no training examples
    train: Tensor | None  # [N, D]; None where scales are taken from each training set
    val: Tensor | None
    made: dict[int, Dataset] = field(default_factory=dict)

    def cut(self, train_size: int) -> Dataset:
        """The data set with the first ``train_size`` training examples."""
        if train_size not in self.made:
            while len(self.made) >= (COPIES if self.train is None else VIEWS):
                del self.made[next(iter(self.made))]
            self.made[train_size] = self._cut(replace(self.config, train_size=train_size))
        return self.made[train_size]

    def _cut(self, config: DataConfig) -> Dataset:
        raw, named = self.raw, where(config)
        refuse_sizes(config, raw, len(self.split.train), named)
        chosen = self.split.train[: config.train_size]
        labels, val_labels = raw.labels[chosen], _val_of(raw)[1][self.split.val]
        if self.source.own:
            sets = {"data.train_size": labels, "data.val_size": val_labels}
            refuse_missing(config, sets, self.plain.classes, named)
        inputs, kept = self.plain, self.source.own or config.scale != "unit"
        if self.train is None or self.val is None:
            mine = raw.images[chosen].numpy()
            inputs, kept = _fitted(inputs, mine), True
            train, val = inputs.apply(mine), inputs.apply(self._raw_val.numpy())
            for name, part in (("training", train), ("validation", val)):
                if not np.isfinite(part).all():
                    raise DataError(
                        f"data.scale={config.scale} makes numbers of the {name} examples of "
                        f"{named} that are beyond float32."
                    )
            images, val_images = torch.from_numpy(train), torch.from_numpy(val)
        else:
            images, val_images = self.train[: config.train_size], self.val
        parts = [(raw.images, raw.labels, chosen), (*_val_of(raw), self.split.val)]
        return Dataset(
            train_images=images,
            train_labels=labels,
            val_images=val_images,
            val_labels=val_labels,
            brightest=raw.brightest,
            image_shape=self.plain.shape,
            class_names=self.plain.classes,
            checksum=_checksum(parts),
            inputs=inputs,
            kept=kept,
            raw_val=self._raw_val,
            raw_first=raw.images[chosen[:FIRST]],
            there=len(self.split.train),
        )

    @property
    def _raw_val(self) -> Tensor:
        return _val_of(self.raw)[0][self.split.val]


def _arranged(source: Source, config: DataConfig) -> _Arranged:
    values = replace(config, train_size=0, root=str(root_of(config)))
    return _arrange(source, astuple(values), source.stamp(config))


@lru_cache(maxsize=2)
def _arrange(source: Source, values: tuple[Any, ...], _stamp: object) -> _Arranged:
    config = DataConfig(*values)
    raw = _raw_of(source, config)
    chosen = split(config, raw, where(config))
    plain = _plain(source, raw, config)
    if config.scale == "standardize" or (config.scale == "unit" and raw.brightest is None):
        return _Arranged(config, source, raw, chosen, plain, None, None)
    train = torch.from_numpy(plain.apply(raw.images[chosen.train].numpy()))
    val = torch.from_numpy(plain.apply(_val_of(raw)[0][chosen.val].numpy()))
    return _Arranged(config, source, raw, chosen, plain, train, val)


def _fitted(inputs: Inputs, train: NDArray[Any]) -> Inputs:
    if inputs.scale == "unit":
        return replace(inputs, divisor=float(np.float32(np.abs(train).max())) or 1.0)
    mean, deviation = standardizing(train)
    return replace(inputs, mean=mean, deviation=deviation)


def _val_of(raw: RawData) -> tuple[Tensor, Tensor]:
    if raw.val_images is None or raw.val_labels is None:
        return raw.images, raw.labels
    return raw.val_images, raw.val_labels


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
    yield from torch.split(chosen, max(HASHED // one, 1))
