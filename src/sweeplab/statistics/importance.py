"""How much of the differences between runs each knob explains, alone and in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from sweeplab.statistics.forest import predicted_cells
from sweeplab.statistics.joint import draws
from sweeplab.statistics.noise import Noise, seed_variances

Floats = NDArray[np.float64]

DRAWS = 1000
CELLS = 2_000_000  # draws times cells held at once
SHARED = 0.5  # of a setting's chance over seeds, that others may have in common with it
# Redrawn errors take variances from few seeds for known, so intervals are too narrow by about a
# sixth: these tails hold 95 %.
TAIL = 0.01
TINY = 1e-300  # in place of a total variance of 0
SEEDS = "seeds"
HIGHER = "higher order"
EXACT, FOREST = "exact", "forest"  # methods
COLUMNS = [
    *("effect", "knobs", "order", "share", "low", "high"),
    *("by_chance", "p", "method", "without"),
]


def importance(
    model: Noise,
    settings: pd.DataFrame,
    knobs: Sequence[str],
    seed: int = 0,
) -> pd.DataFrame:
    """Shares of the variance of final validation accuracy: knobs, pairs, the rest, seeds.

    On a complete grid this is exact: functional analysis of variance on the cells' means, every
    cell with the same weight (I. M. Sobol, 1993; F. Hutter, H. Hoos and K. Leyton-Brown, An
    efficient approach for assessing hyperparameter importance, ICML 2014, section 3), and the
    law of total variance for seeds. With as many seeds in every cell the shares are sums of
    squares over the total sum of squares of a full factorial anova. Knobs are taken as
    categories, so no scale matters. A grid with holes (what diverged, failed, or was left out)
    is cut to a complete one by leaving out the values with most holes; where too little would
    be left, a random forest predicts the cells instead.

    Intervals and ``p`` come from redrawn images and seeds (:func:`~.joint.draws`). Noise adds
    to the variance of the means, as it does to a mean square in an analysis of variance (S. R.
    Searle, G. Casella and C. E. McCulloch, Variance Components, 1992, section 4.3). The interval
    is for the share that would remain with endless seeds and images, so what noise adds on average
    is taken off, and the seeds' own variance is redrawn from what is known of each setting's
    (:func:`~.noise.seed_variances`).

    Args:
        model: of K settings, see :func:`~.noise.noise`.
        settings: as ``sweeps.settings.summarise`` gives it, in the order of ``model``.
        knobs: those that vary.
        seed: of the redrawing.

    Returns:
        One row an effect: ``effect`` (a knob, ``"a × b"``, "higher order", "seeds"), ``knobs``
        (tuple), ``order`` (0 for the last two), ``share``, its 95 % interval ``low``, ``high``
        (which always holds it, and is NaN where no noise is known),
        ``by_chance`` (the share noise alone would show), ``p`` (that noise alone shows as much),
        ``method`` (``exact`` or ``forest``, whose intervals are the spread of groups of trees),
        ``without`` (tuple of the knobs and values left out). Sorted by share. Empty
        when no knob varies or nothing completed.
    """
    full = settings[(settings["n"] > 0) & (settings["diverged"] == 0)]
    if not knobs or len(full) < 2:
        return pd.DataFrame(columns=COLUMNS)
    kept, dropped = complete_part(full, knobs)
    left = [knob for knob in knobs if kept[knob].nunique(dropna=False) > 1]
    if len(kept) < 2 or len(kept) < len(full) / 2 or not left:
        return _by_forest(full, knobs, seed)
    chosen, shape = _in_grid_order(kept, left)
    mean = model.mean[chosen]
    within = kept["sd"].fillna(0.0) ** 2 * (kept["n"] - 1) / kept["n"]
    inside = float(within.mean())  # with divisor n: the seeds' part of the total variance
    share = _shares(mean[None], shape, inside)
    rng = np.random.default_rng(seed)
    redrawn, alone, spread = [], [], []
    variance, weight = (part[chosen] for part in seed_variances(model))
    # Sums over settings hang on the noisiest, which must not be shrunk.
    noisiest = np.maximum(model.pure, (model.own - model.known) / np.maximum(model.counts, 1))
    size = max(1, CELLS // len(chosen))
    for start in range(0, DRAWS, size):
        number = min(size, DRAWS - start)
        error = draws(model, number, rng, noisiest, 1 - SHARED)[:, chosen].astype(np.float64)
        redrawn.append(_parts(mean + error, shape))
        alone.append(_parts(error, shape))
        spread.append(_drawn(variance, weight, number, rng).mean(axis=1))
    chance = np.concatenate(alone, axis=1)
    # The means hold noise already, and redrawing adds it once more.
    again = np.concatenate(redrawn, axis=1) - 2 * chance.mean(axis=1, keepdims=True)
    if model.covers_seeds:
        again[-1] = np.concatenate(spread)
    # Parts may come out negative, as any unbiased estimate of what is near 0; shares may not.
    shares = np.clip(again / np.maximum(again.sum(axis=0), TINY), 0.0, 1.0)
    low, high = np.quantile(shares, [TAIL, 1 - TAIL], axis=1)
    observed = _parts(mean[None], shape)
    total = max(float(observed[:, 0].sum() + inside), TINY)
    frame = _frame(left, dropped)
    frame = frame.assign(
        share=share[:, 0],
        # The share itself holds noise, and so may lie outside where that makes up much of it.
        low=np.minimum(low, share[:, 0]),
        high=np.maximum(high, share[:, 0]),
        by_chance=chance.mean(axis=1) / total,
        p=(1 + (chance >= observed).sum(axis=1)) / (1 + DRAWS),
        method=EXACT,
    )
    if not (model.covers_seeds or model.by_image is not None):  # no noise is known
        frame[["low", "high", "p"]] = np.nan
    frame.loc[frame["effect"] == SEEDS, ["by_chance", "p"]] = np.nan
    if not model.covers_seeds:
        frame = frame[frame["effect"] != SEEDS]
    return _by_share(frame, left)


def _drawn(variance: Floats, weight: Floats, number: int, rng: np.random.Generator) -> Floats:
    """Draws ``[number, K]`` of ``variance[k, g]`` with probabilities ``weight[k, g]``."""
    below = np.cumsum(weight, axis=1)[:, :-1]
    common, alone = rng.standard_normal((number, 1)), rng.standard_normal((number, len(weight)))
    at = ndtr(np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * alone)
    rows = zip(variance, below, at.T, strict=True)
    return np.array([own[edges.searchsorted(draw)] for own, edges, draw in rows]).T


def _by_share(frame: pd.DataFrame, knobs: Sequence[str]) -> pd.DataFrame:
    if len(knobs) < 3:
        frame = frame[frame["effect"] != HIGHER]
    return frame[COLUMNS].sort_values("share", ascending=False, kind="stable", ignore_index=True)


def decompose(cells: Floats, order: int = 2) -> dict[tuple[int, ...], Floats]:
    """The variance of each effect in complete grids of cells, every cell with equal weight.

    With E_W the mean square of the means over all axes not in W, the variance of effect U is
    ``sum over W in U of (-1)^(|U| - |W|) E_W``.

    Args:
        cells: ``[B, L1, ..., Ln]``: B grids.
        order: the highest order of effects asked for.

    Returns:
        for each set of axes (numbered from 0) of 1 to ``order`` axes a variance ``[B]``.
    """
    axes = tuple(range(cells.ndim - 1))
    centred = cells - cells.mean(axis=tuple(a + 1 for a in axes), keepdims=True)
    squares: dict[tuple[int, ...], Floats] = {(): np.zeros(len(cells))}
    variance = {}
    for size in range(1, min(order, len(axes)) + 1):
        for chosen in combinations(axes, size):
            others = tuple(a + 1 for a in axes if a not in chosen)
            marginal = centred.mean(axis=others).reshape(len(cells), -1)
            squares[chosen] = np.einsum("bl,bl->b", marginal, marginal) / marginal.shape[1]
            parts = [
                (-1) ** (size - inner) * squares[subset]
                for inner in range(size + 1)
                for subset in combinations(chosen, inner)
            ]
            variance[chosen] = np.maximum(np.sum(parts, axis=0), 0.0)
    return variance


def complete_part(
    table: pd.DataFrame, knobs: Sequence[str]
) -> tuple[pd.DataFrame, tuple[tuple[str, object], ...]]:
    """The largest complete grid found by leaving out, one by one, the value with most holes.

    Returns:
        the settings that are left, and the knobs and values left out.
    """
    dropped: list[tuple[str, object]] = []
    while len(table):
        sizes = {knob: table[knob].nunique(dropna=False) for knob in knobs}
        filled = {  # times the number of cells
            (knob, value): settings * sizes[knob]
            for knob in knobs
            if sizes[knob] > 1
            for value, settings in table[knob].value_counts(dropna=False).items()
        }
        if len(table) == np.prod(list(sizes.values())) or not filled:
            break
        knob, value = min(filled, key=filled.__getitem__)
        dropped.append((knob, value))
        table = table[table[knob] != value]
    return table, tuple(dropped)


def _in_grid_order(table: pd.DataFrame, knobs: Sequence[str]) -> tuple[NDArray[np.intp], list[int]]:
    codes = [pd.factorize(table[knob])[0] for knob in knobs]
    shape = [int(code.max()) + 1 for code in codes]
    flat = np.ravel_multi_index(tuple(codes), shape)
    return table["setting"].to_numpy(dtype=np.intp)[np.argsort(flat)], shape


def _frame(knobs: Sequence[str], without: tuple[tuple[str, object], ...]) -> pd.DataFrame:
    """A row an effect, in the order of :func:`_parts`."""
    sets = [subset for order in (1, 2) for subset in combinations(knobs, order)]
    rows = [(" × ".join(subset), subset, len(subset), without) for subset in sets]
    rows += [(HIGHER, (), 0, without), (SEEDS, (), 0, without)]
    return pd.DataFrame(rows, columns=["effect", "knobs", "order", "without"])


def _parts(cells: Floats, shape: Sequence[int]) -> Floats:
    """Variances ``[effects, B]`` of singles, pairs, all higher orders; 0 for seeds."""
    grids = cells.reshape(len(cells), *shape)
    parts = list(decompose(grids).values())
    higher = np.maximum(cells.var(axis=1) - np.sum(parts, axis=0), 0.0)
    return np.array([*parts, higher, np.zeros(len(cells))])


def _shares(cells: Floats, shape: Sequence[int], within: float | Floats) -> Floats:
    parts = _parts(cells, shape)
    parts[-1] = within
    total = parts.sum(axis=0)
    return np.asarray(np.divide(parts, total, out=np.zeros_like(parts), where=total > 0))


def _by_forest(table: pd.DataFrame, knobs: Sequence[str], seed: int) -> pd.DataFrame:
    cells, shape, kept = predicted_cells(table, knobs, seed)
    if cells is None:
        return pd.DataFrame(columns=COLUMNS)
    everything = _shares(cells.mean(axis=0)[None], shape, 0.0)[:, 0]
    groups = _shares(cells, shape, 0.0)
    low, high = np.quantile(groups, [0.025, 0.975], axis=1)
    frame = _frame(kept, ())
    frame = frame.assign(
        share=everything,
        # Each group averages few trees; the forest's own share may lie outside their spread.
        low=np.minimum(low, everything),
        high=np.maximum(high, everything),
        by_chance=np.nan,
        p=np.nan,
        method=FOREST,
    )
    return _by_share(frame[frame["effect"] != SEEDS], kept)
