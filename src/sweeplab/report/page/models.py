"""The models of a part's settings for the explorer: weights as small pictures, and confusions.

Of each setting the middle run stands for its seeds. Weights are stored in 31 steps of the model's
largest: the eye tells no more apart, and most of a picture's margin then packs to nothing. Where
all settings would take too much room, those are kept that could be the best, and the best of each
value of each knob.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeplab.errors import RunFolderError
from sweeplab.figures.plots.confusion import count_pairs
from sweeplab.figures.slices import best_over_others
from sweeplab.runs.folder import RunFolder, read_weights
from sweeplab.runs.scaled import read_plain_weights
from sweeplab.statistics.predictions import TIES
from sweeplab.sweeps.images import Images, find_images
from sweeplab.sweeps.settings import METRIC, ranked, summarise
from sweeplab.sweeps.tables import Sweep

STEPS = 15  # on each side of zero
MOST_WEIGHTS = 3_000_000  # in all templates of a page
MOST_CLASSES = 30


def pack_models(
    part: Sweep, runs: pd.DataFrame, knobs: list[str]
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and header entries of the models; nothing where no images are kept.

    Args:
        part: runs on one validation set.
        runs: its runs with their ``setting`` by ``knobs``.
        knobs: what makes a setting.

    Returns:
        For n models ``model_run`` uint32 ``[n]``, ``confusion`` uint16 ``[n, C, C]`` (all zero
        where the model's accuracy is not the recorded one: it was given other images), and of
        pictures ``template`` int8 ``[n, C, D]`` and ``largest`` float32 ``[n]``; and ``classes``
        and the pictures' ``shape``, ``[h, w]`` or ``[h, w, 3]``.
    """
    images = find_images(part)
    if images is None or len(images.classes) > MOST_CLASSES:
        return {}, {}
    classes, shape = len(images.classes), images.val_images.shape[1:]
    size = classes * (int(np.prod(shape)) if images.pictures else 1)
    typical = typical_runs(runs)
    found: dict[int, tuple[NDArray[np.float32], NDArray[np.int64]]] = {}  # weights, confusions
    for setting in _kept(part, runs, knobs, max(MOST_WEIGHTS // size, 1)):
        model = _model(runs.iloc[int(typical[setting])], images) if setting in typical else None
        if model is not None:
            found[int(typical[setting])] = model
    if not found:
        return {}, {}
    arrays: dict[str, NDArray[Any]] = {
        "model_run": np.array([*found], np.uint32),
        "confusion": np.stack([table for _, table in found.values()]).astype(np.uint16),
    }
    about: dict[str, Any] = {"classes": list(images.classes)}
    if images.pictures:
        weights = np.stack([weight for weight, _ in found.values()])  # [n, C, D]
        largest = np.abs(weights).max(axis=(1, 2))
        with np.errstate(invalid="ignore"):  # a model on its way to divergence
            share = weights / np.where(largest > 0, largest, 1)[:, None, None]
        arrays["template"] = np.nan_to_num(share * STEPS).round().astype(np.int8)
        arrays["largest"] = largest.astype(np.float32)
        about |= {"shape": list(shape), "steps": STEPS}
    return arrays, about


def _model(
    run: pd.Series[Any], images: Images
) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
    """A run's weights ``[C, D]`` and its confusions ``[C, C]``; None where they cannot be had."""
    folder, classes = RunFolder(Path(str(run["folder"]))), len(images.classes)
    try:
        weight, (plain, bias) = read_weights(folder)[0], read_plain_weights(folder)
    except RunFolderError:
        return None
    examples = images.scaled(l2=bool(run["data.scale"] == "l2"))
    if weight.shape != (classes, examples.shape[1]) or plain.shape != weight.shape:
        return None
    predicted = (examples @ plain.T + bias).argmax(axis=1)
    table = count_pairs(images.val_labels, predicted, classes)
    off = abs(table.trace() / table.sum() - run[METRIC])
    # Other images than it was judged on say nothing of the model.
    return weight, table if off <= max(TIES, 1.5 / table.sum()) else np.zeros_like(table)


def typical_runs(runs: pd.DataFrame) -> pd.Series[Any]:
    """By setting the place of its middle run, as ``settings.typical_run`` chooses it."""
    done = runs.reset_index(drop=True)
    done = done[done["status"] == "completed"].sort_values([METRIC, "seed"], kind="stable")
    place = done.groupby("setting").cumcount()
    size = done.groupby("setting")["setting"].transform("size")
    middle = done[place == (size - 1) // 2]
    return pd.Series(middle.index, index=middle["setting"])


def _kept(part: Sweep, runs: pd.DataFrame, knobs: list[str], most: int) -> list[int]:
    """The settings whose models are kept: all, or the best of each value, and of all."""
    settings = part.settings if part.knobs else summarise(runs, knobs)
    order = ranked(settings)["setting"].tolist()
    if len(order) <= most:
        return order
    first = [s for knob in knobs for s in best_over_others(settings, [knob])["setting"]]
    return list(dict.fromkeys([*first, *order]))[:most]
