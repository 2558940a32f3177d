"""What the page's explorer is given: every setting, run and curve of a part, packed in one string.

The string is base64 of gzip of: the length of a header (uint32), the header (JSON), and arrays.
The header's ``arrays`` says of each its type, where it begins after the header, and its length.
``templates/explorer/data.js`` reads it.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeplab.figures.curves import RUN, clock, evaluations
from sweeplab.figures.scale import CLOCKS, is_log
from sweeplab.figures.slices import levels
from sweeplab.figures.theme import are_words
from sweeplab.report.page.models import pack_models, typical_runs
from sweeplab.results import METRICS
from sweeplab.statistics.analysis import Analysis
from sweeplab.sweeps.settings import DRAW, RANK, SEED, setting_numbers, summarise
from sweeplab.sweeps.tables import Sweep
from sweeplab.terminal import shown
from sweeplab.words import (
    axis_name,
    examples,
    knob_name,
    level_texts,
    parts_of,
    short_name,
    value_text,
)

# Points of a curve: half of them at even distances, half closer together where training begins.
MOST_POINTS, MANY_RUNS, FEW_POINTS = 64, 2_000, 32
MISSING = 65535  # in a curve: not evaluated, or not finite


@dataclass(frozen=True)
class Explorer:
    """The explorer of one part of a sweep."""

    key: str  # its id
    title: str
    packed: str
    models: bool  # whether it shows what models see and confuse


def explorer(
    part: Sweep, analysis: Analysis, home: Path, *, key: str, title: str, about: str = ""
) -> Explorer | None:
    """The explorer of ``part``; None where there is one run, or nothing was trained.

    Args:
        part: runs on one validation set.
        analysis: of it.
        home: the folder of the page, from which links to runs start.
        key: the explorer's id.
        title: its heading.
        about: the knob whose axis is shown first; the most important one if empty.
    """
    # Where only seeds differ each run is its own line, and the seed is what one moves through.
    apart = [key for key in (DRAW, SEED) if part.runs[key].nunique() > 1]
    knobs = part.knobs or apart or [SEED]
    settings = part.settings if part.knobs else summarise(part.runs, knobs)
    if len(settings) < 2 or not len(part.curves):
        return None
    runs = part.runs.assign(setting=setting_numbers(part.runs, knobs))
    recommended = _recommended(part, analysis, runs)
    curves, grids = _curves(part, runs)
    models, pictures = pack_models(part, runs, knobs)
    of = {knob: levels(settings, knob) for knob in knobs}
    homes = list(
        dict.fromkeys(zip(runs["sweep"], map(_root, runs.to_dict("records")), strict=True))
    )
    root_of = {sweep: place for place, (sweep, _) in enumerate(homes)}
    header = {
        "knobs": [_knob(knob, of[knob], settings) for knob in knobs],
        "metrics": [
            {"key": name, "name": text, "loss": name.endswith("loss")}
            for name, text in METRICS.items()
        ],
        "clocks": [{"key": name, "name": text} for name, text in CLOCKS.items()],
        "clock": [*CLOCKS].index(clock(part)),
        "about": knobs.index(_about(knobs, analysis, about)),
        "recommended": recommended,
        "unit": "setting" if part.knobs else "run",
        "examples": examples(),
        "status": [*RANK],
        "replicate": part.replicates.removesuffix("s"),
        "roots": [{"path": str(shown(Path(path))), "link": _link(path, home)} for _, path in homes],
        "runs": runs["run"].astype(str).tolist(),
        "grids": grids,
        "points": curves["curve"].shape[-1],
        **pictures,
    }
    could_be_best = list(analysis.could_be_best) if part.knobs else []
    tied = settings["setting"].isin(could_be_best)
    arrays = {
        "levels": np.stack([_codes(settings[knob], of[knob]) for knob in knobs]),
        "mean": settings[[f"final_{name}" for name in METRICS]].to_numpy(np.float32).T,
        "best": settings["best_val_accuracy"].to_numpy(np.float32),
        "half": settings["half_width"].to_numpy(np.float32),
        "n": settings["n"].to_numpy(np.uint16),
        "diverged": settings["diverged"].to_numpy(np.uint16),
        "failed": settings["failed"].to_numpy(np.uint16),
        "tied": tied.to_numpy(np.uint8),
        "run_setting": runs["setting"].to_numpy(np.uint32),
        "run_seed": runs[SEED].to_numpy(np.uint32),
        **({"run_draw": runs[DRAW].to_numpy(np.uint32)} if DRAW in apart else {}),
        "run_status": runs["status"].map(RANK).to_numpy(np.uint8),
        "run_root": runs["sweep"].map(root_of).to_numpy(np.uint16),
        "run_final": runs[[f"final_{name}" for name in METRICS]].to_numpy(np.float32).T,
        "run_best": runs["best_iteration"].astype("float32").to_numpy(np.float32),
        **curves,
        **models,
    }
    return Explorer(key, title, pack(header, arrays), bool(models))


def pack(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """See the module's docstring."""
    about, body, place = {}, [], 0
    for name, array in arrays.items():
        data = np.ascontiguousarray(array).tobytes()
        about[name] = [array.dtype.name, place, array.size]
        body.append(data + bytes(-len(data) % 8))
        place += len(body[-1])
    text = json.dumps({**header, "arrays": about}, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 4) % 8)
    whole = b"".join([np.uint32(len(text)).tobytes(), text, *body])
    return base64.b64encode(gzip.compress(whole, 6, mtime=0)).decode()


def _knob(key: str, values: list[Any], settings: pd.DataFrame) -> dict[str, Any]:
    words = are_words(values)
    of_each = [settings.loc[settings[key] == value, parts_of(key)] for value in values]
    return {
        "key": key,
        "name": knob_name(key),
        "axis": axis_name(key),
        "short": short_name(key),
        "values": [str(value) if words else float(value) for value in values],
        # Of knobs that move together, the values of all: 64 with 0.1.
        "texts": [" with ".join(map(value_text, rows.iloc[0])) for rows in of_each],
        "ticks": level_texts(values),
        "log": key != SEED and is_log(values),
        "words": words,
    }


def _codes(values: pd.Series[Any], of: list[Any]) -> NDArray[np.uint16]:
    place = {value: i for i, value in enumerate(of)}
    return values.map(place).to_numpy(np.uint16)


def _about(knobs: list[str], analysis: Analysis, asked: str) -> str:
    """The knob to show first: the one the experiment asks about, or that matters most."""
    if asked in knobs:
        return asked
    table = analysis.importance
    alone = table[table["order"] == 1] if len(table) else table
    for names in alone.sort_values("share", ascending=False)["knobs"] if len(alone) else ():
        if names and names[0] in knobs:
            return str(names[0])
    return knobs[0]


def _recommended(part: Sweep, analysis: Analysis, runs: pd.DataFrame) -> int:
    """The setting to begin with; -1 where no run completed."""
    if part.knobs or analysis.recommended is None:
        return -1 if analysis.recommended is None else analysis.recommended
    return int(typical_runs(runs.assign(setting=0)).get(0, -1))


def _root(run: Mapping[Any, Any]) -> str:
    """The folder that a run's name is counted from."""
    return str(Path(run["folder"], *[".."] * len(Path(run["run"]).parts)).resolve())


def _link(path: str, home: Path) -> str:
    return Path(os.path.relpath(path, home)).as_posix()


def _curves(
    part: Sweep, runs: pd.DataFrame
) -> tuple[dict[str, NDArray[Any]], list[dict[str, Any]]]:
    """The curves of all runs on at most so many points, and the clocks that they share.

    Accuracies are stored linearly from 0 to 1, losses by their logarithm between the lowest and
    the highest of all; 16 bits of either are finer than a pixel.

    Returns:
        ``curve`` uint16 ``[R, metrics, points]``, ``grid`` uint16 ``[R]``, ``loss_range`` float32
        ``[2]``; and for each grid the values of its clocks.
    """
    most = MOST_POINTS if len(runs) <= MANY_RUNS else FEW_POINTS
    table = evaluations(part)
    number = pd.Series(np.arange(len(runs)), index=pd.MultiIndex.from_frame(runs[RUN]))
    owner = number.loc[pd.MultiIndex.from_frame(table[RUN])].to_numpy()
    clocks = table[[*CLOCKS.values()]].to_numpy(np.float64)
    values = table[[*METRICS]].to_numpy(np.float64)
    loss = np.array([name.endswith("loss") for name in METRICS])
    positive = values[:, loss][np.isfinite(values[:, loss]) & (values[:, loss] > 0)]
    low, high = (positive.min(), positive.max()) if len(positive) else (1e-3, 1.0)
    low, high = max(low, 1e-8), max(high, low * 1.001, 1e-7)
    curve = np.full((len(runs), len(METRICS), most), MISSING, dtype=np.uint16)
    grid = np.zeros(len(runs), dtype=np.uint16)
    known: dict[bytes, int] = {}
    grids: list[dict[str, Any]] = []
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(owner)], strict=True):
        rows = start + _sample(stop - start, most)
        code = known.setdefault(clocks[rows].tobytes(), len(known))
        if code == len(grids):
            grids.append({name: clocks[rows, i].round(4).tolist() for i, name in enumerate(CLOCKS)})
        grid[owner[start]] = code
        of = values[rows]  # [points, metrics]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(loss, np.log(np.maximum(of, low) / low) / np.log(high / low), of)
        whole = np.where(np.isfinite(share), np.clip(share, 0, 1) * (MISSING - 1), MISSING)
        curve[owner[start], :, : len(rows)] = whole.round().astype(np.uint16).T
    return {"curve": curve, "grid": grid, "loss_range": np.array([low, high], np.float32)}, grids


def _sample(length: int, most: int) -> NDArray[np.intp]:
    """At most ``most`` places of a curve, the first and the last among them."""
    if length <= most:
        return np.arange(length)
    even = np.linspace(0, length - 1, most // 2)
    early = np.geomspace(1, length - 1, most - most // 2)
    return np.unique(np.concatenate([even, early]).round().astype(np.intp))
