"""Which examples are for training, which for validation, and which for the test set."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sweeplab.data.source import RawData
from sweeplab.data_keys import DataConfig
from sweeplab.errors import ConfigError, DataError
from sweeplab.words import called, count

VALIDATION_SHARE = 5  # one in so many examples validates, where nothing else is said


@dataclass(frozen=True)
class Split:
    """Positions in a source's examples. Each is int64."""

    train: Tensor  # of all that may train, in the order in which training sets take them
    val: Tensor  # in ``val_images`` where the source has them, else in ``images``
    test: Tensor  # in ``images``; empty where the source has a test set, or none is asked for


def resolved(config: DataConfig, raw: RawData, where: str) -> DataConfig:
    """``config`` with the numbers that its zeros stand for.

    Raises:
        ConfigError: there are too few examples for what is asked.
    """
    own_val = len(raw.val_labels) if raw.val_labels is not None else None
    known = len(raw.labels) - _tested(config, raw)
    if not config.val_size:
        left = own_val - config.val_start if own_val is not None else _enough(config, raw, known)
        config = replace(config, val_size=max(left, 1))
    _refuse_too_large(config, known, own_val, where)
    if not config.train_size:
        there = len(_train_order(config, raw, _positions(config, raw)))
        config = replace(config, train_size=there)
    return config


def split(config: DataConfig, raw: RawData, where: str) -> Split:
    """The examples that ``config`` chooses. Its ``train_size`` cuts ``train``, and plays no part.

    Raises:
        ConfigError: there are too few examples for what is asked.
    """
    own_val = len(raw.val_labels) if raw.val_labels is not None else None
    _refuse_too_large(config, len(raw.labels) - _tested(config, raw), own_val, where)
    order = _positions(config, raw)
    start, end = config.val_start, config.val_start + config.val_size
    known = order[: len(order) - _tested(config, raw)]
    val = known[start:end] if own_val is None else torch.arange(start, end)
    return Split(_train_order(config, raw, order), val, order[len(known) :])


def _enough(config: DataConfig, raw: RawData, known: int) -> int:
    """A fifth to validate on; of few examples of one's own more, until every class is among them.

    No more than half: then the classes are too unequal, or lie apart.
    """
    share = known // VALIDATION_SHARE
    order = _positions(config, raw)[config.val_start : known]
    labels = raw.labels[order[: known // 2]].numpy()
    found, first = np.unique(labels, return_index=True)
    if not raw.classes or len(found) < len(raw.classes):
        return share
    return max(share, int(first.max()) + 1)


def refuse_sizes(config: DataConfig, raw: RawData, there: int, where: str) -> None:
    """Refuse a ``train_size`` for which the ``there`` examples that may train do not suffice."""
    classes = len(raw.classes) or int(raw.labels.max()) + 1
    kind = f"{called([config.name])}s"
    if config.train_size > there:
        less = (
            "the same number of each class"
            if config.balanced
            else f"{len(raw.labels)} {kind} of {where}, less data.val_size = {config.val_size}"
        )
        if not config.balanced and (raw.val_labels is not None or _tested(config, raw)):
            less = f"what {where} has to train on"
        raise ConfigError(
            f"data.train_size must not exceed {there} ({less}), but is {config.train_size}."
        )
    if config.train_draw and config.train_size == there and not config.balanced:
        raise ConfigError(
            f"data.train_draw must be 0 where data.train_size is all {there} "
            f"{kind} that may train, because every draw would be the same, but is "
            f"{config.train_draw}."
        )
    if config.balanced and config.train_size % classes:
        raise ConfigError(
            f"data.train_size must be a multiple of the {classes} classes with "
            f"data.balanced=true, but is {config.train_size}."
        )


def refuse_missing(
    config: DataConfig, labels: dict[str, Tensor], classes: tuple[str, ...], where: str
) -> None:
    """Refuse a class without any example in one of the sets, by the key of its size."""
    advice = {
        "data.train_size": "data.balanced=true, a larger data.train_size",
        "data.val_size": "a larger data.val_size",
    }
    for key, chosen in labels.items():
        missing = np.flatnonzero(np.bincount(chosen.numpy(), minlength=len(classes)) == 0)
        if len(missing):
            named = ", ".join(f"'{classes[i]}'" for i in missing[:3])
            named += f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            sorted_file = "data.order=shuffled, " if config.order == "file" else ""
            raise DataError(
                f"The {count(len(chosen), 'example')} of {where} that {key} chooses have none of "
                f"the class {named}. Set {sorted_file}{advice[key]}, or another data.order_seed."
            )


def _tested(config: DataConfig, raw: RawData) -> int:
    """How many of ``raw.images`` are kept as a test set."""
    if raw.test_labels is not None or not config.test_share:
        return 0
    return max(round(len(raw.labels) * config.test_share), 1)


def _positions(config: DataConfig, raw: RawData) -> Tensor:
    """Every example, in the order that ``config`` asks for."""
    if config.order == "file":
        return torch.arange(len(raw.labels))
    mixed = np.random.SeedSequence((config.order_seed,)).generate_state(1, np.uint64)
    make = torch.Generator().manual_seed(int(mixed[0]))
    return torch.randperm(len(raw.labels), generator=make)


def _train_order(config: DataConfig, raw: RawData, order: Tensor) -> Tensor:
    """The examples that may train; balanced, each class in turn, as long as all have some."""
    known = order[: len(order) - _tested(config, raw)]
    if raw.val_labels is None:
        known = torch.cat([known[: config.val_start], known[config.val_start + config.val_size :]])
    known = known[_drawn(config.train_draw, len(known))]
    if not config.balanced:
        return known
    labels = raw.labels[known].numpy()
    classes = len(raw.classes) or int(raw.labels.max()) + 1
    per_class = [np.flatnonzero(labels == label) for label in range(classes)]
    rounds = min(map(len, per_class))
    return known[torch.from_numpy(np.stack([of[:rounds] for of in per_class], 1).reshape(-1))]


def _drawn(draw: int, examples: int) -> Tensor:
    """The order ``[examples]`` in which a draw takes them: for 0 as they come, else at random.

    The third number of the seed keeps it unrelated to the order of batches in training.
    """
    if draw == 0:
        return torch.arange(examples)
    mixed = int(np.random.SeedSequence((draw, 0, 1)).generate_state(1, np.uint64)[0])
    return torch.randperm(examples, generator=torch.Generator().manual_seed(mixed))


def _refuse_too_large(config: DataConfig, known: int, own_val: int | None, where: str) -> None:
    there = known if own_val is None else own_val
    which = f"{called([config.name])}s" if own_val is None else "validation examples"
    if config.val_start + config.val_size > there:
        raise ConfigError(
            f"data.val_start + data.val_size must not exceed the {there} {which} of {where}, "
            f"but is {config.val_start} + {config.val_size}."
        )
