"""What a source of examples is: all that it has, and what its classes are called."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from sweeplab.data_keys import DataConfig


@dataclass(frozen=True)
class RawData:
    """Every example of a data set, unscaled, in the order of its source."""

    images: Tensor  # [N, ...], uint8 or floats: to train on, and to validate unless it has others
    labels: Tensor  # int64 [N]
    test_images: Tensor | None  # [M, ...]: opened by ``sweeplab evaluate`` alone
    test_labels: Tensor | None  # int64 [M]
    brightest: int | None  # the pixel value that scales to 1; None for numbers of any size
    val_images: Tensor | None = None  # [M, ...], where the source has a validation set of its own
    val_labels: Tensor | None = None
    classes: tuple[str, ...] = ()  # where the source itself does not name them


_READS_ONLY = ContextVar("reads_only", default=False)


@contextmanager
def only_reading() -> Iterator[None]:
    """Meanwhile sources download nothing, and keep nothing beside what they read.

    For configurations that a run's folder holds, which anyone may have written: they must not say
    where files are put.
    """
    token = _READS_ONLY.set(True)
    try:
        yield
    finally:
        _READS_ONLY.reset(token)


def may_write() -> bool:
    """Whether a source may put files where its configuration says; not :func:`only_reading`."""
    return not _READS_ONLY.get()


def _unchanging(_config: DataConfig) -> Hashable:
    return None


@dataclass(frozen=True)
class Source:
    """A data set that ``data.name`` may ask for."""

    read: Callable[[DataConfig], RawData]
    classes: tuple[str, ...] = ()  # empty where they are only known when it is read
    keys: frozenset[str] = frozenset()  # of ``data.``: which it obeys beside those that all obey
    stamp: Callable[[DataConfig], Hashable] = _unchanging  # another one when its files changed
    box: int = 0  # of drawn digits or letters: what holds the stroke, the rest is margin; else 0

    @property
    def own(self) -> bool:
        """Whether the examples are the user's own."""
        return not self.classes


def root_of(config: DataConfig) -> Path:
    """``data.root``, absolute."""
    return Path(config.root).absolute()


def path_of(config: DataConfig) -> Path:
    """``data.path``, absolute."""
    return Path(config.path).expanduser().absolute()
