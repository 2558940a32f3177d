"""The benchmark's picture: seconds against runs, for each way to launch them."""

from __future__ import annotations

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


def draw(results: dict[str, Any], path: Path) -> None:
    """Write the picture to ``path``. Points were measured; dashed lines go on to 10,000 runs."""
    with mpl.rc_context({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}):
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
