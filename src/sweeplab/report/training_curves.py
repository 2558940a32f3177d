"""The training-curve figures that a single run leaves in its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweeplab.config import RunConfig
from sweeplab.figures.svg import to_bytes
from sweeplab.figures.training import draw_accuracy, draw_loss
from sweeplab.results import Curves
from sweeplab.runs.curves import SCHEMA
from sweeplab.runs.files import write_bytes
from sweeplab.words import value_text

FORMATS = ("png", "svg")


def training_curves(
    curves: Curves, config: RunConfig, diverged_at: int | None = None
) -> dict[str, Figure]:
    """``loss`` and ``accuracy`` against iteration, titled with batch size and learning rate."""
    frame = pd.DataFrame(
        {name: np.asarray(getattr(curves, name), dtype=float) for name in SCHEMA.names}
    )
    settings = (
        f"batch size = {config.batch_size}, learning rate = {value_text(config.optimizer.lr)}"
    )
    return {
        "loss": draw_loss(frame, f"Loss ({settings})", diverged_at),
        "accuracy": draw_accuracy(frame, f"Accuracy ({settings})", diverged_at),
    }


def write_training_curves(
    folder: Path, curves: Curves, config: RunConfig, diverged_at: int | None = None
) -> list[Path]:
    """Write ``loss`` and ``accuracy`` as PNG and SVG into a run's folder; the files' paths."""
    written = []
    for name, figure in training_curves(curves, config, diverged_at).items():
        for file_format in FORMATS:
            path = folder / f"{name}.{file_format}"
            write_bytes(path, to_bytes(figure, file_format))
            written.append(path)
    return written
