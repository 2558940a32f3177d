"""The one matrix product that the engine's time goes into, at the widths at which it is exact."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from sweeplab.training.stacked.grouping import PANEL_RUNS

# oneDNN's product uses the whole vector width of processors on which MKL, behind ``torch.mm``,
# does not: 230 against 105 GFLOP/s on one Zen 5 core. torch.compile emits calls of this operator.
_ONEDNN = hasattr(torch.ops.mkldnn, "_linear_pointwise")

_ALL = slice(0, PANEL_RUNS)


def product(left: Tensor, right: Tensor) -> Tensor:
    """``left @ right.T``, float32 ``[m, k]`` and ``[n, k]`` to ``[m, n]``."""
    if _ONEDNN and left.device.type == "cpu":
        result: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, None, "none", [], "")
        return result
    return left @ right.T


def scores_into(scores: Tensor, images: Tensor, weight: Tensor, places: slice) -> Tensor:
    """Scores ``[B, C, P]`` of ``images`` ``[B, F]`` under ``weight`` ``[C, P, F]`` at ``places``.

    They are written to ``scores``, unless ``places`` are all; the result is where they are.
    """
    shape = (len(images), len(weight), -1)
    if places == _ALL:
        return product(images, weight.view(-1, weight.shape[2])).view(shape)
    some = weight[:, places].contiguous().view(-1, weight.shape[2])  # [C * g, F]
    scores[:, :, places] = product(images, some).view(shape)
    return scores


def gradient_into(gradient: Tensor, by_class: Tensor, images: Tensor, places: slice) -> Tensor:
    """The gradient ``[C, P, F]`` by the weights, from that by the scores, ``[C, P, B]``.

    As :func:`scores_into`: written to ``gradient`` unless ``places`` are all.
    """
    shape = (len(by_class), -1, images.shape[1])
    if places == _ALL:
        return product(by_class.view(-1, len(images)), images.T).view(shape)
    some = by_class[:, places].contiguous().view(-1, len(images))  # [C * g, B]
    gradient[:, places] = product(some, images.T).view(shape)
    return gradient


@lru_cache(maxsize=1024)
def narrow_is_exact(batch: int, features: int, classes: int, runs: int) -> bool:
    """Whether a product for ``runs`` runs has the bits of one for a whole panel, on this CPU.

    Usually each number of a product is one sum in one order, whatever the number of columns, and
    no time need be spent on padding. But no library promises it, so it is tried, both ways round,
    on random numbers: another order of summation would show in some of their last bits.
    """
    make = torch.Generator().manual_seed(0)
    images = torch.randn(batch, features, generator=make)
    weight = torch.randn(classes, PANEL_RUNS, features, generator=make)
    by_class = torch.randn(classes, PANEL_RUNS, batch, generator=make)
    some = slice(0, runs)
    scores = scores_into(torch.empty(batch, classes, PANEL_RUNS), images, weight, some)
    gradient = gradient_into(torch.empty_like(weight), by_class, images, some)
    return torch.equal(
        scores[:, :, some], scores_into(scores, images, weight, _ALL)[:, :, some]
    ) and torch.equal(gradient[:, some], gradient_into(gradient, by_class, images, _ALL)[:, some])
