"""The training and validation examples of one run, nested and fixed as the configuration says."""

from __future__ import annotations

from dataclasses import astuple, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sweeplab.data.arranged import Arranged, Dataset
from sweeplab.data.arrays import GIVEN
from sweeplab.data.source import RawData, Source, path_of, root_of
from sweeplab.data.sources import SOURCES
from sweeplab.data.split import resolved, split
from sweeplab.data_keys import DataConfig
from sweeplab.errors import ConfigError, DataError
from sweeplab.inputs import Inputs

# Keys that only some sources obey; the others refuse any but the value at which they do nothing.
SPECIAL = ("path", "label", "test_share", "size", "colour")


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
    if config.path.startswith(GIVEN):
        return "the data given"
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


def _arranged(source: Source, config: DataConfig) -> Arranged:
    values = replace(config, train_size=0, root=str(root_of(config)))
    return _arrange(source, astuple(values), source.stamp(config))


@lru_cache(maxsize=2)
def _arrange(source: Source, values: tuple[Any, ...], _stamp: object) -> Arranged:
    config = DataConfig(*values)
    raw = _raw_of(source, config)
    chosen = split(config, raw, where(config))
    plain = _plain(source, raw, config)
    return Arranged(config, source.own, where(config), raw, chosen, plain)
