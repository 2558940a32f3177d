"""What a block of updates reads of the images' inner products, copied before it begins.

Rows of the kernel lie far apart in memory, and so do the numbers of a row that belong to images of
the block itself. Whole rows are copied as they lie, and these numbers are found in the copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sweeplab.config import RunConfig
from sweeplab.training.stacked.forms import updates_of_a_block
from sweeplab.training.stacked.images import CompactImages
from sweeplab.training.stacked.spread import Spread


@dataclass
class Block:
    """Some updates of batches of B, those of S seeds."""

    images: Tensor  # int64 [S, s * B]
    true: Tensor  # int64 [S, s * B]: their classes
    within: Tensor  # [S, s * B, s * B]: inner products of a seed's batches with each other
    updates: int  # s
    kernel: Tensor  # [N, L]
    room: Tensor  # [s * B, L], for the rows of one seed
    held: int | None = None  # the seed whose rows are in it

    def rows(self, seed: int) -> Tensor:
        """The inner products ``[s * B, L]`` of one seed's images with all."""
        if self.held != seed:
            torch.index_select(self.kernel, 0, self.images[seed], out=self.room)
            self.held = seed
        return self.room


class Blocks:
    """Makes the blocks of runs like ``config``."""

    def __init__(self, images: CompactImages, kernel: Tensor, config: RunConfig) -> None:
        self.labels, self.kernel = images.labels, kernel
        self.shape = updates_of_a_block(config, images.sizes) * config.batch_size, kernel.shape[1]

    def __call__(
        self, chosen: Iterable[tuple[int, Tensor]], spread: Spread
    ) -> Iterator[tuple[int, Block]]:
        """A block of each of the batches ``[s, S, B]``, with the updates before it.

        Each is good until the next is asked for.
        """
        return spread.ahead(self._each(chosen, 2 if spread.threads > 1 else 1))

    def _each(
        self, chosen: Iterable[tuple[int, Tensor]], count: int
    ) -> Iterator[tuple[int, Block]]:
        # While one block is used, one is made. Memory used again costs less than new memory.
        rooms = [self.kernel.new_empty(self.shape) for _ in range(count)]
        for number, (before, batches) in enumerate(chosen):
            yield before, self._made(batches, rooms[number % count])

    def _made(self, batches: Tensor, room: Tensor) -> Block:
        updates, seeds, size = batches.shape
        images = batches.transpose(0, 1).reshape(seeds, -1).contiguous()  # [S, s * B]
        within = room.new_empty(seeds, updates * size, updates * size)
        block = Block(
            images, self.labels[images], within, updates, self.kernel, room[: updates * size]
        )
        for seed, found in enumerate(within if updates > 1 else ()):
            torch.index_select(block.rows(seed), 1, images[seed], out=found)
        return block
