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
from sweeplab.training.stacked import steps
from sweeplab.training.stacked.block import Block
from sweeplab.training.stacked.evaluate import summed_up
from sweeplab.training.stacked.grouping import seed_groups, seed_of_each
from sweeplab.training.stacked.images import CompactImages
from sweeplab.training.stacked.product import product
from sweeplab.training.stacked.recurrence import Recurrence, carry_on, weighed
from sweeplab.training.stacked.spread import Spread
from sweeplab.training.stacked.weights import first_weights

# Updates after which scores are computed from weights again, so that rounding cannot add up.
REFRESHED = 500


class Scores:
    """A panel of runs in training, by the scores of all images."""

    def __init__(self, configs: Sequence[RunConfig], images: CompactImages, spread: Spread) -> None:
        device, new = images.images.device, images.images.new_zeros
        groups = seed_groups(configs)
        self.images = images
        self.kernel = images.kernel(spread)  # [N, L]
        self.recurrence = Recurrence(configs, device)
        self.parts, self.total = self.recurrence.parts, iterations(configs[0])
        self.groups = [places for _, places in groups]
        self.seen = torch.tensor(seed_of_each(self.groups), device=device)  # [P]
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
            self.scores[0, places] = product(first, images.images.T, images.classes)

    def advanced(self, chosen: Iterable[tuple[int, Tensor]]) -> Iterator[tuple[int, Tensor]]:
        """The updates of each block of batches ``[s, S, B]``, with those before it: those of S
        seeds.

        Yields:
            The number of updates before it, and the log likelihood ``[s, P]`` of each batch before
            its update.
        """
        for before, batches in chosen:
            images = batches.transpose(0, 1).flatten(1).contiguous()  # [S, s * B]
            self.block = Block(images, self.images.labels[images], self.groups, self.seen)
            self.by = self.recurrence.factors(self.done, len(batches))
            self.gradients, likelihood = steps.gradients(
                self.scores, self.kernel, self.block, self.by
            )
            yield before, likelihood

    def commit(self, *, evaluate: bool) -> Tensor | None:
        """Bring everything up to date with the block, and evaluate: loss, accuracy ``[4, P]``."""
        self.done += self.by.updates
        lefts = weighed(self.gradients, self.by.gradient[:, -1])  # [P, parts, C, s * B]
        self._add(self.added, slice(0, len(lefts)), lefts, self.by.carry[:, -1])
        self.shares = self.by.exact_carry[:, -1] @ self.shares
        if self.done - self.refreshed >= REFRESHED or self.done == self.total:
            self._refresh()
            return self.evaluated() if evaluate else None
        self._bring_up(self.images.unread, lefts)
        sets = self.images.sets
        found = [
            self._bring_up(each.columns, lefts, each.true if evaluate else None) for each in sets
        ]
        return summed_up([each for each in found if each is not None], sets) if evaluate else None

    def evaluated(self) -> Tensor:
        """Losses and accuracies ``[4, P]`` as they are now."""
        sets = self.images.sets
        found = [steps.read_off(self.scores[0][..., each.columns], each.true) for each in sets]
        return summed_up(found, sets)

    def weights(self, run: int, updates: int | None = None) -> Tensor:
        """Those of a run ``[C, F]``: now, or after some updates of a block not committed yet."""
        only = slice(run, run + 1)
        added, shares = self.added[:, only], self.shares[run]
        if updates is not None:
            seen = updates * (self.gradients.shape[2] // self.by.updates)
            lefts = weighed(
                self.gradients[only, :, :seen], self.by.gradient[only, updates, :, :updates]
            )
            added = added.clone()
            self._add(added, only, lefts, self.by.carry[only, updates])
            shares = self.by.exact_carry[run, updates] @ shares
        return self._weights(run, self._products(added)[:, 0], shares)[0]

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

    def _add(self, added: Tensor, runs: slice, lefts: Tensor, carry: Tensor) -> None:
        """What updates of the block add ``[p, parts, C, i * B]`` to the ``added`` of some runs."""
        if not self.by.steady:
            carry_on(added, carry)
        for group, places in enumerate(self.groups):
            some = range(max(places.start, runs.start), min(places.stop, runs.stop))
            chosen = slice(some.start - runs.start, some.stop - runs.start)
            for part in range(self.parts if some else 0):
                seen = self.block.images[group, : lefts.shape[3]]
                added[part, chosen] = added[part, chosen].index_add_(2, seen, lefts[chosen, part])

    def _bring_up(self, at: slice, lefts: Tensor, true: Tensor | None = None) -> Tensor | None:
        """The scores of some images, to after the block; gives what is read off them."""
        if at.start == at.stop:
            return None
        scores, kernel = self.scores[..., at], self.kernel[:, at]
        return steps.bring_up(scores, lefts, kernel, self.block, self.by.carry[:, -1], true)

    def _weights(self, run: int, products: Tensor, shares: Tensor) -> Tensor:
        """The parts ``[parts, C, F]`` of a run's state, in weights."""
        base = self.base[:, run].double()
        return (torch.einsum("ab,bcf->acf", shares.to(base.device), base) + products).float()

    def _products(self, added: Tensor) -> Tensor:
        """The images that were ``added`` ``[parts, p, C, N]`` to weights, ``[parts, p, C, F]``."""
        images = self.images.images[: added.shape[3]]
        found = [product(part.flatten(0, 1), images, self.images.classes) for part in added]
        return torch.stack(found).view(self.parts, -1, *self.base.shape[2:])

    def _refresh(self) -> None:
        """Start anew from the weights as they are."""
        for run, products in enumerate(self._products(self.added).unbind(1)):
            self.base[:, run] = self._weights(run, products, self.shares[run])
        self.added.zero_()
        self.shares = torch.eye(self.parts, dtype=torch.float64).repeat(len(self.shares), 1, 1)
        self.refreshed = self.done
        for base, scores in zip(self.base, self.scores, strict=True):
            found = product(base.flatten(0, 1), self.images.images.T, self.images.classes)
            scores.copy_(found.view(scores.shape))
