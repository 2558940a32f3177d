"""Softmax regression: one linear layer, its initial weights, and its saved form."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def initial_model(seed: int, features: int, classes: int) -> nn.Linear:
    """``nn.Linear(features, classes)`` with the weights that ``torch.manual_seed(seed)`` gives it.

    They are drawn as ``nn.Linear.reset_parameters`` does, but from a generator of their own: the
    global one is shared by all threads, and runs are trained in several.
    """
    generator = torch.Generator().manual_seed(seed)
    model: nn.Linear = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        nn.Linear, features, classes
    )
    bound = 1 / math.sqrt(features)
    with torch.no_grad():
        nn.init.kaiming_uniform_(model.weight, a=math.sqrt(5), generator=generator)
        nn.init.uniform_(model.bias, -bound, bound, generator=generator)
    return model


def logits(weight: Tensor, bias: Tensor, images: Tensor) -> Tensor:
    """Class scores ``[N, C]`` of images ``[N, D]`` under weights ``[C, D]`` and bias ``[C]``."""
    return nn.functional.linear(images, weight, bias)
