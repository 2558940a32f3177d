"""A drawn digit or letter, made as the images of its data set were made.

MNIST: "The original black and white (bilevel) images from NIST were size normalized to fit in a
20x20 pixel box while preserving their aspect ratio. ... the images were centered in a 28x28 image
by computing the center of mass of the pixels" (LeCun, Cortes and Burges, The MNIST Database).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

FAINT = 0.2  # of the strongest stroke: fainter is paper, or noise of a camera


def as_drawn(image: Image.Image, side: int, *, invert: bool = False) -> NDArray[np.uint8]:
    """``[side, side]``: ``image`` whole, in grey, scaled to fit and centred, and nothing else.

    Args:
        invert: turn dark into light.
    """
    grey = image.convert("L")
    scale = side / max(grey.size)
    small = grey.resize(
        (max(round(grey.width * scale), 1), max(round(grey.height * scale), 1)),
        Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC,
    )
    square = Image.new("L", (side, side))
    square.paste(
        ImageOps.invert(small) if invert else small,
        ((side - small.width) // 2, (side - small.height) // 2),
    )
    return np.asarray(square)


def as_the_set(
    image: Image.Image, side: int, box: int, *, dark: bool | None = None
) -> NDArray[np.uint8]:
    """``[side, side]``: the stroke alone, light on 0, in a ``box`` around its centre of mass.

    Args:
        dark: whether the stroke is dark on light; None to tell by the border of the image, which
            is paper.

    Raises:
        ValueError: nothing is drawn.
    """
    grey = np.asarray(image.convert("L"))
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if grey.shape == (side, side) and not border.any() and not dark:
        return grey  # one of the set itself
    ink, paper = grey.astype(np.float64), float(np.median(border))
    if dark is None:
        # What is drawn lies further from the paper than anything on the other side of it.
        dark = paper - ink.min() > ink.max() - paper
    ink = np.clip(paper - ink if dark else ink - paper, 0, None)
    strongest = float(ink.max())
    if strongest < 8:  # of 255
        raise ValueError("nothing is drawn in it: it is of one shade")
    ink[ink < FAINT * strongest] = 0
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    drawn = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] * (255 / strongest)
    height, width = drawn.shape
    scale = box / max(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    resampling = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    small = Image.fromarray(drawn.round().astype(np.uint8)).resize(size, resampling)
    return _centred(np.asarray(small), side)


def _centred(small: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """``small`` in a square of 0, its centre of mass in the middle as far as it fits.

    The middle of MNIST's images is the pixel 14, counted from 0: there the mean centre of mass of
    1,000 of them is, to 0.02 pixels.
    """
    weights = small.astype(np.float64)
    total = max(float(weights.sum()), 1.0)
    square = np.zeros((side, side), np.uint8)
    at = []
    for axis, length in enumerate(small.shape):
        mass = float((weights.sum(axis=1 - axis) * np.arange(length)).sum()) / total
        at.append(min(max(round(side // 2 - mass), 0), side - length))
    square[at[0] : at[0] + small.shape[0], at[1] : at[1] + small.shape[1]] = small
    return square
