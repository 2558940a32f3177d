"""Some updates of a panel, between two looks at its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Block:
    """Updates of batches of B, those of S seeds, whose runs stand together."""

    images: Tensor  # int64 [S, s * B]
    true: Tensor  # int64 [S, s * B]: their classes
    groups: Sequence[slice]  # the places of each seed's runs
    seen: Tensor  # int64 [P]: the seed of each run, by its number here
