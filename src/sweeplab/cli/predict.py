"""``sweeplab predict``."""

from __future__ import annotations

from pathlib import Path

from rich.table import Column, Table

from sweeplab.evaluation import predict as run_predict
from sweeplab.runs.folder import RunFolder
from sweeplab.terminal import console, plain


def predict(run: Path, images: list[Path], *, invert: bool) -> None:
    """Print each image's most probable class, and the probabilities of all."""
    probabilities, classes = run_predict(RunFolder(run), images, invert=invert)
    columns = [Column(name, justify="right") for name in classes]
    table = Table("image", "class", *columns, box=None, header_style="bold")
    for path, row in zip(images, probabilities, strict=True):
        table.add_row(plain(str(path)), classes[int(row.argmax())], *(f"{p:.3f}" for p in row))
    console().print(table)
