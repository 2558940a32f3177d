"""Crossed answers of settings, seeds and images with a planted truth."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pandas as pd
from drawn import INVENTED, Drawn
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]

EASE = 2.0  # spread over images of how easy they are
APART = 0.7  # how differently settings see the images
FLIP = 0.5  # how differently seeds see them
LEVEL = 0.88  # accuracy where nothing else is asked
QUIET = 0.004  # standard deviation over seeds of a setting's accuracy
LOUD = 8  # times as much has a noisy one
SHAPES = {10: (2, 5), 50: (2, 5, 5), 240: (4, 5, 12)}
KNOBS = ["a", "b", "c"]
EFFECTS = (0.0, 0.01, 0.03)  # standard deviations of a knob's effects
NOISES = {"equal": 0.0, "tenth": 0.1, "half": 0.5}  # share of noisy settings


def simulate(
    rng: np.random.Generator, truth: Floats, seeds: int, spread: Floats, images: int = 500
) -> NDArray[np.bool_]:
    """Answers ``[K, S, M]``: right where a normal latent variable is positive.

    Args:
        rng: the source of chance.
        truth: ``[K]`` expected accuracies over new seeds and images.
        seeds: S; half of a setting's variance over seeds is shared by all settings.
        spread: ``[K]`` standard deviations of accuracies over seeds.
        images: M, with a difficulty shared by settings.
    """
    k = len(truth)
    others = EASE**2 + APART**2 + FLIP**2
    # A latent effect of sd a moves an accuracy p by a phi(ndtri(p)) / sqrt(variance).
    slope = np.exp(-(ndtri(truth) ** 2) / 2) / np.sqrt(2 * np.pi * others)
    own = spread / slope
    shared = own.min() / np.sqrt(2)
    alone = np.sqrt(own**2 - shared**2)
    level = ndtri(truth) * np.sqrt(others + own**2)
    latent = rng.normal(0, EASE, images) + rng.normal(0, APART, (k, 1, images))
    latent = latent + level[:, None, None] + rng.normal(0, FLIP, (k, seeds, images))
    effect = rng.normal(0, 1, (k, seeds)) * alone[:, None] + rng.normal(0, shared, seeds)
    return np.asarray(latent + effect[:, :, None] > 0)


def sweep(
    rng: np.random.Generator,
    settings: int,
    seeds: int,
    noise: str = "equal",
    ahead: int = 0,
) -> Drawn:
    """A sweep of equal settings, of which the last is ``ahead``, with an invented knob.

    Args:
        rng: the source of chance.
        settings: K, even.
        seeds: S.
        noise: which settings are noisy, a key of ``NOISES``; they are drawn at random.
        ahead: by how many standard errors of a difference the last setting is better.
    """
    truth = np.full(settings, LEVEL)
    truth[-1] += ahead * standard_error(seeds) if ahead else 0.0
    spread = spreads(rng, settings, noise)
    rows = list(product(range(settings // 2), (0, 1)))
    table = pd.DataFrame(rows, columns=["other", INVENTED])
    return Drawn(table, simulate(rng, truth, seeds, spread), truth, spread)


def planted(rng: np.random.Generator, settings: int, seeds: int, noise: str = "equal") -> Drawn:
    """A complete grid of three knobs (of two with 10 settings) with effects, alone and in pairs.

    Args: as of :func:`sweep`.
    """
    shape = SHAPES[settings]
    truth = np.full(shape, LEVEL)
    for axis, size in enumerate(shape):
        effect = rng.normal(0, rng.choice(EFFECTS), size)
        truth += effect.reshape([-1 if at == axis else 1 for at in range(len(shape))])
    truth += rng.normal(0, EFFECTS[1] / 2, shape)
    truth = truth.ravel().clip(0.5, 0.98)
    spread = spreads(rng, settings, noise)
    table = pd.DataFrame(list(product(*map(range, shape))), columns=KNOBS[: len(shape)])
    return Drawn(table, simulate(rng, truth, seeds, spread), truth, spread)


def spreads(rng: np.random.Generator, settings: int, noise: str) -> Floats:
    """Standard deviations over seeds ``[K]``, of which some are ``LOUD`` times as large."""
    spread = np.full(settings, QUIET)
    spread[rng.permutation(settings)[: round(NOISES[noise] * settings)]] *= LOUD
    return spread


@cache
def standard_error(seeds: int, sweeps: int = 2000) -> float:
    """The standard error of the difference of two quiet settings, over seeds and 500 images."""
    rng = np.random.default_rng(99)
    two = np.full(2, LEVEL), np.full(2, QUIET)
    pairs = (simulate(rng, two[0], seeds, two[1]) for _ in range(sweeps))
    gaps = [np.subtract(*right.mean(axis=(1, 2))) for right in pairs]
    return float(np.std(gaps))
