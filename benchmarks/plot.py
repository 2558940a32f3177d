"""The benchmark's pictures: whole commands by their runs, and training beside its peers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

NAMES = {
    "basic": "Hydra's basic launcher, train_one",
    "joblib": "Hydra's joblib launcher, train_one",
    "stacked": "sweeplab's stacked launcher",
}
COLOURS = {"basic": "#D55E00", "joblib": "#E69F00", "stacked": "#0072B2"}
PEERS = {
    "jax": ("JAX, vmap + jit + scan", "#D55E00", "s"),
    "torch_vmap": ("torch.func.vmap", "#009E73", "^"),
    "stacked": ("sweeplab", "#0072B2", "o"),
}
STYLE = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}


def draw(results: dict[str, Any], path: Path) -> None:
    """Write the picture to ``path``. Points were measured; dashed lines go on to 10,000 runs."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 4.5), layout="constrained")
        axes = figure.subplots()
        for name, measured in results["commands"].items():
            runs = [row["runs"] for row in measured]
            seconds = [row["seconds"] for row in measured]
            axes.plot(runs, seconds, "o-", color=COLOURS[name], label=NAMES[name])
            slope = (seconds[-1] - seconds[0]) / (runs[-1] - runs[0])
            far = [runs[-1] * 1.2**i for i in range(60) if runs[-1] * 1.2**i <= 10_000] + [10_000]
            line = [seconds[-1] + slope * (x - runs[-1]) for x in far]
            axes.plot(far, line, "--", color=COLOURS[name], linewidth=1)
        axes.plot([], [], "--", color="0.4", linewidth=1, label="extrapolated")
        axes.set(xscale="log", yscale="log", xlabel="runs", ylabel="seconds for the whole command")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:,.0f}")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)


def draw_peers(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Milliseconds of training a run, by how many are trained at once, and by their batch size."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        usual, few = 64, 64  # batch size, and runs, of what is not varied
        for axes, key, same, value, label in (
            (left, "runs", "batch_size", usual, "runs trained at once (batches of 64)"),
            (right, "batch_size", "runs", few, "batch size (64 runs at once)"),
        ):
            chosen = sorted((row for row in rows if row[same] == value), key=lambda row: row[key])
            for name, (title, colour, marker) in PEERS.items():
                found = [
                    (row[key], row["ms_a_run"][name]) for row in chosen if name in row["ms_a_run"]
                ]
                if found:
                    axes.plot(*zip(*found, strict=True), marker=marker, color=colour, label=title)
            axes.set(xscale="log", yscale="log", xlabel=label)
            ticks = [row[key] for row in chosen]
            axes.set_xticks(ticks, [str(tick) for tick in ticks])
            axes.minorticks_off()
            axes.yaxis.set_major_formatter("{x:,.0f}")
            axes.grid(alpha=0.3)
        left.set(ylabel="milliseconds of training a run")
        left.legend(frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
