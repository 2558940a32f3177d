"""Training in the space of the examples: the scores of all images are kept instead of weights.

The scores of an image are linear in the weights, and an update adds to the weights a sum of images.
So with the images' inner products, ``K = X X^T``, computed once for a data set, SGD goes on without
weights: G, the gradient of a batch's loss by its scores, changes the scores of all images by
``G K[batch]``. Over a block of updates only the scores of its own batches are brought up to date;
at its end one product brings up all, and evaluation needs none. What was added to the weights of
each image is kept too, so that weights come back when they are needed. (So were trained the kernel
perceptrons of Aizerman, Braverman and Rozonoer, 1964.)

Shapes: P runs, C classes, N images to train on, L with those to validate on, F features, s updates
of a block, B images of a batch. The parts of a run's state are weights and, with momentum,
velocities; ``scores`` and ``added`` have both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeplab.config import RunConfig
from sweeplab.training.schedule import iterations
from sweeplab.training.stacked.blocks import Block, Blocks
from sweeplab.training.stacked.evaluate import read_off, summed_up
from sweeplab.training.stacked.grouping import seed_groups
from sweeplab.training.stacked.images import CompactImages, Tile
from sweeplab.training.stacked.product import product, products, run_product, way_at_once
from sweeplab.training.stacked.recurrence import Factors, Recurrence
from sweeplab.training.stacked.spread import Spread
from sweeplab.training.stacked.weights import first_weights

# Updates after which scores are computed from weights again, so that rounding cannot add up.
REFRESHED = 500


class Scores:
    """A panel of runs in training, by the scores of all images."""

    def __init__(self, configs: Sequence[RunConfig], images: CompactImages, spread: Spread) -> None:
        device, new = images.images.device, images.images.new_zeros
        groups = seed_groups(configs)
        self.images, self.spread = images, spread
        self.kernel = images.kernel(spread)  # [N, L]
        self.recurrence = Recurrence(configs, device)
        self.parts, self.total = self.recurrence.parts, iterations(configs[0])
        self.groups = [places for _, places in groups]
        self.group_of = torch.repeat_interleave(  # [P]
            torch.tensor([places.stop - places.start for places in self.groups], device=device)
        )
        self.size = configs[0].batch_size
        self.blocks = Blocks(self.kernel, configs[0], images.sizes)
        self.block: Block
        shape = self.parts, len(configs), images.classes
        # A run's weights are `base`, of some time before, in the shares that are left of it, and
        # images as often as they were `added` since.
        self.base = new(*shape, images.features)
        self.shares = torch.eye(self.parts, dtype=torch.float64).repeat(len(configs), 1, 1)
        self.added = new(*shape, len(images.labels))
        self.scores = new(*shape, len(images.images))
        self.done = self.refreshed = 0
        for seed, places in groups:
            self.base[0, places] = first = first_weights(seed, images)
            for tile in images.tiles:
                right = images.images[tile.columns].T
                self.scores[0, places, :, tile.columns] = run_product(first, right)

    def advanced(self, chosen: Iterable[tuple[int, Tensor]]) -> Iterator[tuple[int, Tensor]]:
        """The updates of each block of batches ``[s, S, B]``, with those before it: those of S
        seeds.

        Yields:
            The number of updates before it, and the log likelihood ``[s, P]`` of each batch before
            its update.
        """
        for before, block in self.blocks(chosen, self.spread):
            self.block = block
            yield before, self._advance(block.updates)

    def _advance(self, updates: int) -> Tensor:
        self.by = self.recurrence.factors(self.done, updates)
        here = self.block.images[self.group_of][:, None]  # [P, 1, s * B]
        true = self.images.labels[here]
        scores = self._without_gradients(here.expand(-1, self.images.classes, -1))
        target = torch.zeros_like(scores).scatter_(1, true, 1)
        self.gradients = torch.empty_like(scores)  # [P, C, s * B]
        # Once and for all, by what it adds to the weights.
        weight = self.by.gradient[:, -1, 0, -1, None, None] if self.by.steady else None
        batches = [torch.split(each, self.size, 2) for each in (scores, target, self.gradients)]
        for i, (at_turn, wanted, gradient) in enumerate(zip(*batches, strict=True)):
            if i:
                # What the gradients of the block's updates before it do to the scores of a batch.
                moved = products(self._weighed(0, i), self.block.within[i - 1], self.groups)
                at_turn.add_(moved)
            # The gradient of the mean cross-entropy by the scores is (softmax - onehot) / B
            # (Bishop, Pattern Recognition and Machine Learning, 2006, eq. 4.109).
            if weight is None:
                torch.sub(torch.softmax(at_turn, 1), wanted, out=gradient)
            else:
                torch.mul(torch.softmax(at_turn, 1).sub_(wanted), weight, out=gradient)
        likelihood = torch.log_softmax(scores, 1).gather(1, true)
        return likelihood.view(-1, updates, self.size).sum(2).T

    def commit(self, *, evaluate: bool) -> Tensor | None:
        """Bring everything up to date with the block, and evaluate: loss, accuracy ``[4, P]``."""
        updates = self.by.carry.shape[1] - 1
        self.done += updates
        everyone = slice(0, self.base.shape[1])
        self._add(self.added, everyone, updates)
        self.shares = self.by.exact_carry[:, -1] @ self.shares
        if self.done - self.refreshed >= REFRESHED or self.done == self.total:
            self._refresh()
            return self.evaluated() if evaluate else None
        weighed = [self._weighed(part, updates) for part in range(self.parts)]
        # [P, parts, C, s * B]
        lefts = torch.stack(weighed, 1) if self.parts > 1 else weighed[0][:, None]
        if self._bring_up_at_once(lefts):
            return self.evaluated() if evaluate else None
        if not evaluate:
            self.spread(lambda tile: self._bring_up(tile, lefts), self.images.tiles)
            return None

        def brought_up(tile: Tile) -> Tensor:
            self._bring_up(tile, lefts)
            return self._evaluated(tile)

        others = [tile for tile in self.images.tiles if not tile.evaluated]
        self.spread(lambda tile: self._bring_up(tile, lefts), others)
        return summed_up(self.spread(brought_up, self.images.evaluated), self.images.evaluated)

    def evaluated(self) -> Tensor:
        """Losses and accuracies ``[4, P]`` as they are now."""
        found = self.spread(self._evaluated, self.images.evaluated)
        return summed_up(found, self.images.evaluated)

    def weights(self, run: int, updates: int | None = None) -> Tensor:
        """Those of a run ``[C, F]``: now, or after some updates of a block not committed yet."""
        if updates is None:
            return self._weights(run, self.added[:, run], self.shares[run])[0]
        added = self.added[:, run : run + 1].clone()
        self._add(added, slice(run, run + 1), updates)
        return self._weights(
            run, added[:, 0], self.by.exact_carry[run, updates] @ self.shares[run]
        )[0]

    def state(self, run: int) -> dict[str, NDArray[Any]]:
        """What training goes on from, rounding and all."""
        kept = {"base": self.base, "added": self.added, "scores": self.scores}
        return {name: tensor[:, run].cpu().numpy().copy() for name, tensor in kept.items()} | {
            "shares": self.shares[run].numpy().copy(),
            "refreshed": np.array([self.refreshed]),
        }

    def go_on_from(self, states: Sequence[Mapping[str, NDArray[Any]]], done: int) -> None:
        """Be where the runs were when their states were taken, ``done`` updates from the start."""
        for run, state in enumerate(states):
            for name in ("base", "added", "scores"):
                getattr(self, name)[:, run] = torch.from_numpy(state[name])
            self.shares[run] = torch.from_numpy(state["shares"])
            self.refreshed = int(state["refreshed"][0])
        self.done = done

    def silence(self, run: int) -> None:
        """Turn a run into padding: all of it is 0 and stays so."""
        for kept in (self.base, self.added, self.scores):
            kept[:, run] = 0
        self.gradients[run] = 0
        self.shares[run] = 0
        self.recurrence.silence(run)
        self.by = self.recurrence.factors(self.done, self.by.carry.shape[1] - 1)

    def _without_gradients(self, columns: Tensor) -> Tensor:
        """The scores ``[P, C, s * B]`` of the block's images at their turn, without gradients."""
        scores = self.scores[0].gather(2, columns)
        if not self.by.steady:
            carry = self.by.carry_images
            scores.mul_(carry[:, 0])
            if self.parts == 2:
                scores.addcmul_(self.scores[1].gather(2, columns), carry[:, 1])
        return scores

    def _weighed(self, part: int, updates: int) -> Tensor:
        """The gradients ``[P, C, i * B]`` of i updates by what they add to a part of the state."""
        gradients = self.gradients[:, :, : updates * self.size]
        if self.by.steady:
            return gradients
        return gradients * self.by.gradient_images[:, updates, part, :, : updates * self.size]

    def _add(self, added: Tensor, runs: slice, updates: int) -> None:
        """Some updates of the block, to the ``added`` ``[parts, p, C, N]`` of some runs."""
        self._carry(added, self.by, runs, updates)
        for group, places in enumerate(self.groups):
            some = range(max(places.start, runs.start), min(places.stop, runs.stop))
            for part in range(self.parts if some else 0):
                chosen = slice(some.start, some.stop)
                of_added = slice(some.start - runs.start, some.stop - runs.start)
                added[part, of_added] = added[part, of_added].index_add_(
                    2,
                    self.block.images[group, : updates * self.size],
                    self._weighed(part, updates)[chosen],
                )

    def _carry(self, state: Tensor, by: Factors, runs: slice, updates: int) -> None:
        """What some updates leave of ``state`` ``[parts, p, C, n]``, in its place."""
        if by.steady:
            return
        carry = by.carry[runs, updates, :, :, None, None]  # [p, parts, parts, 1, 1]
        if self.parts == 1:
            state[0].mul_(carry[:, 0, 0])
            return
        old = state.clone()
        for part in range(2):
            torch.mul(old[0], carry[:, part, 0], out=state[part])
            state[part].addcmul_(old[1], carry[:, part, 1])

    def _bring_up_at_once(self, lefts: Tensor) -> bool:
        """The scores of all images, to after the block; False if they must be taken by tiles."""
        if self.block.room is None:
            return False
        rows, widths = self.parts * self.images.classes, tuple(t.width for t in self.images.tiles)
        ways = [
            way
            for places in self.groups
            if (way := way_at_once(places.stop - places.start, lefts.shape[3], widths, rows))
        ]
        if len(ways) < len(self.groups):
            return False
        for seed in reversed(range(len(ways))):  # the rows of the last one are still there
            left = lefts[self.groups[seed]].view(-1, lefts.shape[3])
            self._move(self.groups[seed], slice(None), ways[seed](left, self.block.rows(seed)))
        return True

    def _bring_up(self, tile: Tile, lefts: Tensor) -> None:
        """The scores of a tile, to after the block."""
        rows, columns = self.parts * self.images.classes, self.kernel[:, tile.columns]
        kernel = columns.index_select(0, self.block.images.flatten())  # [S * s * B, n]
        for places, of_group in zip(self.groups, kernel.chunk(len(self.groups)), strict=True):
            moved = product(lefts[places].view(-1, lefts.shape[3]), of_group, rows)
            self._move(places, tile.columns, moved)

    def _move(self, places: slice, columns: slice, moved: Tensor) -> None:
        """What the block's updates ``moved`` ``[p * parts * C, n]``, to some runs' scores."""
        state = self.scores[:, places, :, columns]
        self._carry(state, self.by, places, -1)
        state += moved.view(-1, self.parts, *state.shape[2:]).transpose(0, 1)

    def _evaluated(self, tile: Tile) -> Tensor:
        return read_off(self.scores[0][:, :, tile.columns], tile)

    def _weights(self, run: int, added: Tensor, shares: Tensor) -> Tensor:
        """The parts ``[parts, C, F]`` of a run's state, in weights."""
        images = self.images.images[: added.shape[2]]
        base = self.base[:, run].double()
        left = torch.einsum("ab,bcf->acf", shares.to(base.device), base)
        return (left + torch.stack([run_product(part, images) for part in added])).float()

    def _refresh(self) -> None:
        """Start anew from the weights as they are."""
        runs = range(self.base.shape[1])
        for run, state in zip(
            runs,
            self.spread(lambda run: self._weights(run, self.added[:, run], self.shares[run]), runs),
            strict=True,
        ):
            self.base[:, run] = state
        self.added.zero_()
        self.shares = torch.eye(self.parts, dtype=torch.float64).repeat(len(runs), 1, 1)
        self.refreshed = self.done

        def refresh(tile: Tile) -> None:
            right = self.images.images[tile.columns].T
            for part in range(self.parts):
                for run in runs:
                    product_of_run = run_product(self.base[part, run], right)
                    self.scores[part, run, :, tile.columns] = product_of_run

        self.spread(refresh, self.images.tiles)
