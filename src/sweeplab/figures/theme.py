"""Colours and type of the figures, and which colour replaces which on a dark page.

Every colour that is drawn comes from here. In the page each becomes a CSS variable, so that one
drawing serves light and dark; colours that are not in :data:`DARK` stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from itertools import cycle
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap, to_hex

INK = "#1f2328"  # text, axes
MUTED = "#59636e"  # secondary text
RULE = "#d4dae0"  # grid lines
CONTEXT = "#87909a"  # runs in the background
PAPER = "#fffffe"  # the page behind; a step off white, which stays white
BAD = "#c9202c"  # diverged
ACCENT = "#0b62c4"  # the one line that matters
WHITE, BLACK = "#ffffff", "#010101"  # on coloured cells, the same in light and dark

# Colour-blind safe (seaborn's "colorblind"), for values without an order.
UNORDERED = ("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # as many as slices.MOST_LINES
# As seaborn takes them.
DASHES: tuple[Any, ...] = ("", (5, 2), (1, 1.5), (5, 1.5, 1, 1.5), (3, 1), (8, 2))
ORDERED_MAP = "viridis"
MOST_ORDERED = 12
# The yellow end of viridis fades on white, its violet end on black.
LIGHT_RANGE, DARK_RANGE = (0.0, 0.82), (0.34, 1.0)

RC: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 9.0,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "text.color": INK,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "figure.facecolor": WHITE,
    "savefig.facecolor": "auto",
    "path.simplify": True,
    "path.simplify_threshold": 0.3,
    "svg.fonttype": "none",
    "svg.hashsalt": "sweeplab",
    # A dollar sign in the name of a folder or a data set is no formula.
    "text.parse_math": False,
}

P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run ``draw`` in the report's style, leaving the caller's matplotlib as it was."""

    @wraps(draw)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(RC):
            return draw(*args, **kwargs)

    return inner


def ordered(n: int) -> list[str]:
    """``n`` colours for ordered values, dark to bright, readable on white."""
    return _viridis(n, LIGHT_RANGE) if n != 1 else [ACCENT]


def colours(values: Sequence[Any]) -> dict[Any, str]:
    """One colour a value: an ordered map for numbers, the colour-blind palette for words."""
    palette = cycle(UNORDERED) if are_words(values) else ordered(len(values))
    return dict(zip(values, palette, strict=False))


def dashes(values: Sequence[Any]) -> dict[Any, Any]:
    """One dash pattern a value, for words; numbers are told apart by their ordered colours."""
    return dict(zip(values, cycle(DASHES if are_words(values) else [""]), strict=False))


def are_words(values: Sequence[Any]) -> bool:
    """Whether values are names or yes and no, which have neither order nor distances."""
    return any(isinstance(value, str | bool | np.bool_) for value in values)


def on_colour(background: Sequence[float]) -> str:
    """Black or white, whichever reads better on an RGB ``background`` (0 to 1).

    By the relative luminance of WCAG 2.2; 0.179 gives both the same contrast.
    """
    channels = np.asarray(background[:3], dtype=float)
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return BLACK if float(linear @ [0.2126, 0.7152, 0.0722]) > 0.179 else WHITE


def _viridis(n: int, within: tuple[float, float]) -> list[str]:
    return [*map(to_hex, mpl.colormaps[ORDERED_MAP](np.linspace(*within, n)))]


# Light colour: dark colour.
DARK: dict[str, str] = {
    INK: "#e6edf3",
    MUTED: "#9aa4af",
    RULE: "#333a42",
    CONTEXT: "#7d8590",
    PAPER: "#0f141a",
    BAD: "#ff7b72",
    ACCENT: "#6cb2ff",
    "#0173b2": "#4fb0e8",
    "#029e73": "#2cc79b",
    "#d55e00": "#f0803c",
}
for _n in range(2, MOST_ORDERED + 1):
    DARK.update(zip(_viridis(_n, LIGHT_RANGE), _viridis(_n, DARK_RANGE), strict=True))


def fixed_map(name: str) -> ListedColormap:
    """A colour map that looks the same in light and dark, for areas whose colour is a value.

    A shade that is also a line's colour would be replaced on a dark page, so it gives way by one
    step of blue, which nobody sees.
    """
    shades = mpl.colormaps[name](np.arange(256))
    for shade in shades:  # a view, [red, green, blue, alpha]
        while to_hex(shade) in DARK:
            shade[2] += (1 if shade[2] < 0.5 else -1) / 255
    return ListedColormap(shades.tolist(), name=f"{name}_fixed")
