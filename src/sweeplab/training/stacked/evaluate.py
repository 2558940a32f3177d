"""Loss and accuracy of all runs of a panel, from what was read off their scores, tile by tile."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sweeplab.training.stacked.images import Tile


def summed_up(found: Sequence[Tensor], tiles: Sequence[Tile]) -> Tensor:
    """Mean cross-entropy and accuracy, to train on and to validate on, ``[4, P]``.

    ``found`` is the log likelihood and the number of right examples ``[2, P]`` of each tile.
    """
    sums, counts = [], []
    for validates in (False, True):
        chosen = [i for i, tile in enumerate(tiles) if tile.validates == validates]
        sums.append(sum((found[i] for i in chosen[1:]), found[chosen[0]]))
        examples = sum(len(tiles[i].true) for i in chosen)
        counts += [[-examples], [examples]]
    return torch.cat(sums) / torch.tensor(counts, dtype=torch.float64, device=found[0].device)
