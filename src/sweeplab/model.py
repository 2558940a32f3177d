"""Softmax regression: one linear layer, its initial weights, and its saved form."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor, nn


@lru_cache(maxsize=64)
def initial_weights(seed: int, features: int, classes: int) -> tuple[Tensor, Tensor]:
    """Weight ``[C, D]`` and bias ``[C]`` of ``nn.Linear`` after ``torch.manual_seed(seed)``.

    They are drawn as ``nn.Linear.reset_parameters`` does, but from a generator of their own: the
    global one is shared by all threads, and runs are trained in several. All runs of a seed share
    these tensors, so do not write to them.
    """
    generator = torch.Generator().manual_seed(seed)
    bound = 1 / math.sqrt(features)
    # Under inference_mode, where the engine asks for them, autograd could never use them again.
    with torch.inference_mode(False), torch.no_grad():
        weight, bias = torch.empty(classes, features), torch.empty(classes)
        nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
        nn.init.uniform_(bias, -bound, bound, generator=generator)
    return weight, bias


def logits(weight: Tensor, bias: Tensor, images: Tensor) -> Tensor:
    """Class scores ``[N, C]`` of images ``[N, D]`` under weights ``[C, D]`` and bias ``[C]``."""
    return nn.functional.linear(images, weight, bias)
