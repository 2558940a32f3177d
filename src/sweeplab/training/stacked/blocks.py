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
from sweeplab.training.stacked.forms import Sizes, rows_bytes, updates_of_a_block
from sweeplab.training.stacked.spread import Spread


@dataclass
class Block:
    """Some updates of batches of B, those of S seeds."""

    images: Tensor  # int64 [S, s * B]
    within: list[Tensor]  # [S, i * B, B]: inner products of i batches with the next
    updates: int  # s
    kernel: Tensor  # [N, L]
    room: Tensor | None  # [s * B, L], for the rows of one seed; None if they are too large
    held: int | None = None  # the seed whose rows are in it

    def rows(self, seed: int) -> Tensor:
        """The inner products ``[s * B, L]`` of one seed's images with all."""
        assert self.room is not None
        if self.held != seed:
            torch.index_select(self.kernel, 0, self.images[seed], out=self.room)
            self.held = seed
        return self.room


class Blocks:
    """Makes the blocks of runs like ``config``."""

    def __init__(self, kernel: Tensor, config: RunConfig, sizes: Sizes) -> None:
        self.kernel, self.size = kernel, config.batch_size
        whole = kernel.device.type == "cpu" and rows_bytes(config, sizes)
        self.shape = (updates_of_a_block(config) * self.size, sizes.all) if whole else None

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
        rooms = [self.kernel.new_empty(self.shape) if self.shape else None for _ in range(count)]
        for number, (before, batches) in enumerate(chosen):
            yield before, self._made(batches, rooms[number % count])

    def _made(self, batches: Tensor, room: Tensor | None) -> Block:
        updates, seeds, size = batches.shape
        images = batches.transpose(0, 1).reshape(seeds, -1)  # [S, s * B]
        befores = range(size, updates * size, size)
        if room is None:
            return Block(images, self._within(images), updates, self.kernel, room)
        within = [room.new_empty(seeds, before, size) for before in befores]
        block = Block(images, within, updates, self.kernel, room[: updates * size])
        for seed, chosen in enumerate(images):
            rows = block.rows(seed)
            for before, found in zip(befores, within, strict=True):
                next_ones = chosen[before : before + size]
                torch.index_select(rows[:before], 1, next_ones, out=found[seed])
        return block

    def _within(self, images: Tensor) -> list[Tensor]:
        """Those of a block whose rows are not copied whole."""
        begins = images * self.kernel.shape[1]  # [S, s * B]: where their rows begin
        found = []
        for before in range(self.size, images.shape[1], self.size):
            at = begins[:, :before, None] + images[:, None, before : before + self.size]
            found.append(self.kernel.view(-1).index_select(0, at.flatten()).view(at.shape))
        return found
