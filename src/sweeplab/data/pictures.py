"""One image file as pixels, whatever its format, depth, transparency and orientation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

# An image of so many pixels takes 200 MB while it is read. A photograph of any size can be read
# at a fraction of it, if it is a JPEG file, and is never larger than that here.
MOST_PIXELS = 50_000_000
HALF = 2**16  # beyond it a number of 16 bits cannot be


def read_picture(source: Path, *, size: int = 0) -> Image.Image:
    """The image in a file, upright, in mode ``L`` or ``RGB``, on white where it is transparent.

    On black, where on white nothing could be seen: white strokes on a transparent ground.

    Args:
        size: how small the result will be made: a JPEG file need be read no finer.

    Raises:
        ValueError: it is no whole image, or has too many pixels.
    """
    try:
        with _quiet(), Image.open(source) as image:
            image.draft(None, (2 * size, 2 * size) if size else image.size)
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(
                    f"it has {image.width} x {image.height} pixels, more than "
                    f"{MOST_PIXELS // 10**6} million: make it smaller"
                )
            image.load()
            with suppress(Exception):  # a broken note of its orientation breaks no image
                ImageOps.exif_transpose(image, in_place=True)
            return _opaque(_eight_bits(image))
    # Pillow's readers raise nearly anything over damaged bytes.
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{said:.200}") from error


def fitted(image: Image.Image, size: int, colour: str) -> NDArray[np.uint8]:
    """``[size, size]`` or ``[size, size, 3]``: the middle square of ``image``, scaled."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    mode = "RGB" if colour == "rgb" else "L"
    square = image.convert(mode).resize((size, size), Image.Resampling.BICUBIC, box)
    return np.asarray(square, dtype=np.uint8)


def _eight_bits(image: Image.Image) -> Image.Image:
    """``image``, its numbers from 0 to 255: those of 16 bits and of floats are scaled."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    numbers = np.asarray(image).astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError("a pixel of it is no number")
    high = float(numbers.max(initial=0))
    if image.mode == "F" and high <= 1:
        numbers *= 255
    elif image.mode.startswith("I;16") or 255 < high < HALF:
        numbers /= 257
    elif high >= HALF:
        numbers *= 255 / high
    return Image.fromarray(np.clip(numbers.round(), 0, 255).astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    clear = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    if not clear:
        return image.convert("L" if image.mode in ("L", "1") else "RGB")
    whole = image.convert("RGBA")
    on_white = _over(whole, 255)
    alpha = whole.getchannel("A").getextrema()
    low, high = on_white.convert("L").getextrema()
    if low == high and alpha[0] != alpha[1]:
        return _over(whole, 0)
    return on_white


def _over(image: Image.Image, shade: int) -> Image.Image:
    ground = Image.new("RGBA", image.size, (shade, shade, shade, 255))
    return Image.alpha_composite(ground, image).convert("RGB")


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a file's oddities: what matters is raised
        yield
