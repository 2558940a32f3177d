"""Whole commands: ``sweeplab train -m`` through each launcher, in processes of their own."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from process import timed

HERE = Path(__file__).resolve().parent


def run(parent: Path, launcher: str, data: list[str], runs: int) -> dict[str, Any]:
    """Train a grid of ``runs`` runs of 5 seeds, into a new folder in ``parent``, and measure.

    The report is left out; folders and tables are written. With another launcher than ``stacked``,
    each run trains through ``train_one``, as a script of one's own would.

    Returns:
        Seconds, megabytes of the largest process, and the time that was spent on training.
    """
    seeds = min(5, runs)
    lrs = ",".join(f"{0.001 * 1.01**i:.6g}" for i in range(runs // seeds))
    folder = Path(tempfile.mkdtemp(prefix=f"{launcher}-{runs}-", dir=parent))
    overrides = [
        *data,
        f"optimizer.lr={lrs}",
        f"seed=range({seeds})",
        f"hydra/launcher={launcher}",
        # Hydra's launchers are measured with Hydra's sweeper, as one has them without sweeplab.
        "hydra.sweeper.report=false" if launcher == "stacked" else "hydra/sweeper=basic",
        f"hydra.sweep.dir={folder}",
    ]
    ours = [str(Path(sys.executable).with_name("sweeplab")), "train"]
    command = ours if launcher == "stacked" else [sys.executable, str(HERE / "entry.py")]
    seconds, peak = timed([*command, "-m", *overrides])
    return {
        "runs": runs,
        "seconds": seconds,
        "training_seconds": _training_seconds(folder),
        "megabytes": peak / 2**20,
    }


def _training_seconds(folder: Path) -> float:
    """The engine's own time: each stack's seconds, shared by its runs."""
    total = 0.0
    for path in folder.glob("*/run.json"):
        stack = json.loads(path.read_text(encoding="utf-8"))["stack"]
        total += stack["seconds"] / stack["runs"]
    return total
