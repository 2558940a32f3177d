"""Which chance is covered, and how much of it is the choice of the validation images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Chance:
    """What the comparisons of settings cover: new images, and new seeds if a setting has two.

    Where several draws of the training images were trained, new draws instead, with their seeds.
    With one seed they may cover the luck of the last iterations, as the curves show it.
    """

    images: int | None  # M, or None where their chance is not covered
    paired: bool  # settings are compared image by image
    fewest: int  # seeds, or draws, that a setting with a result has
    most: int
    draws: bool = False
    steps: bool = False  # with one seed: the luck of the last iterations


def noise_floor(accuracy: float, images: int) -> float:
    """The binomial standard error of an accuracy on ``images`` images: sqrt(p (1 - p) / n).

    It is the chance of *which* images were held out, for one model; no difference between two
    accuracies can be read more finely unless both are compared on the same images.
    """
    return float(np.sqrt(accuracy * (1 - accuracy) / images)) if images > 0 else float("nan")
