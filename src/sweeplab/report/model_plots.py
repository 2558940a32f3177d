"""The figures that need a run's weights and the sweep's images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeplab.errors import RunFolderError
from sweeplab.figures import images as pictures
from sweeplab.figures.plot import Plot
from sweeplab.figures.slices import held_at
from sweeplab.runs.folder import RunFolder, read_weights
from sweeplab.statistics import Analysis
from sweeplab.sweeps.settings import typical_run
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, listed, number, percent, value_text

DECAY = "optimizer.weight_decay"


def find_images(sweep: Sweep) -> pictures.Images | None:
    """The images kept beside the runs of a sweep over one data set, or None."""
    name = sweep.runs["data.name"].iloc[0]
    for path in sweep.paths or (sweep.path,):
        for home in (path, path.parent):
            file = home / "images" / f"{name}.safetensors"
            if file.is_file():
                try:
                    return pictures.read_images(file)
                except RunFolderError:
                    continue
    return None


def model_plots(sweep: Sweep, analysis: Analysis, part: str) -> Iterator[Plot]:
    """The figures of ``part``: ``model`` (weights and mistakes) or ``data`` (the images)."""
    images = find_images(sweep)
    if images is None:
        return
    if part == "data":
        labels = listed([images.classes[label] for label in images.train_labels])
        yield Plot(
            "images",
            f"The first {len(images.train_images)} training images",
            pictures.draw_first_images(images),
            f"Of {sweep.runs['data.name'].iloc[0]}, as the model sees them, with their labels.",
            f"Labels in order: {labels}.",
        )
        return
    run = typical_run(sweep.runs, sweep.knobs, analysis.recommended)
    if run is None:
        return
    weights = _weights(run)
    if weights is None or weights[0].shape[1] != images.val_images[0].size:
        return
    yield _templates(sweep, run, weights[0], images)
    yield from _mistakes(run, weights, images)


def _weights(run: pd.Series[float]) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    try:
        return read_weights(RunFolder(Path(str(run["folder"]))))
    except RunFolderError:
        return None


def _templates(
    sweep: Sweep, run: pd.Series[float], weight: NDArray[np.float32], images: pictures.Images
) -> Plot:
    height, width = images.val_images.shape[1:]
    shown = {f"run {run['run']}": weight}
    seeds = len(held_at(sweep.runs, run.to_dict(), sweep.knobs, []))
    if DECAY in sweep.knobs:
        near = held_at(sweep.runs, run.to_dict(), sweep.knobs, [DECAY])
        near = near[(near["seed"] == run["seed"]) & (near["status"] == "completed")]
        shown = {f"recommended, weight decay {value_text(run[DECAY])}": weight}
        near = near.sort_values(DECAY, kind="stable")
        for which, other in (("weakest", near.iloc[0]), ("strongest", near.iloc[-1])):
            found = _weights(other)
            if found is not None and other[DECAY] != run[DECAY]:
                shown[f"{which} weight decay, {value_text(other[DECAY])}"] = found[0]
    return Plot(
        "templates",
        "What the model looks for",
        pictures.draw_templates(shown, (height, width), images.classes),
        "The weights of each class as an image: red pixels speak for the class, blue ones against "
        f"it. Run {run['run']}"
        + (", the middle one of the recommended setting's seeds" if seeds > 1 else "")
        + (
            "; the others differ from it in weight decay alone. Compare how large the weights are, "
            "and how smooth."
            if len(shown) > 1
            else "."
        ),
        "Largest absolute weight: "
        + "; ".join(f"{title}: {np.abs(w).max():.3g}" for title, w in shown.items())
        + ".",
    )


def _mistakes(
    run: pd.Series[float],
    weights: tuple[NDArray[np.float32], NDArray[np.float32]],
    images: pictures.Images,
) -> Iterator[Plot]:
    shares = pictures.probabilities(*weights, images)
    predicted = shares.argmax(axis=1)
    right = int((predicted == images.val_labels).sum())
    # Only images that give the model what it was given in training tell the truth about it.
    if abs(right / len(predicted) - run["final_val_accuracy"]) > 1.5 / len(predicted):
        return
    table = pictures.confusion(images.val_labels, predicted, len(images.classes))
    off = table.copy()
    np.fill_diagonal(off, 0)
    i, j = np.unravel_index(int(off.argmax()), off.shape)
    often = (
        f"Most often {images.classes[i]} is taken for {images.classes[j]} "
        f"({count(int(off[i, j]), 'image')})."
        if off.any()
        else "No image is taken for another class."
    )
    accuracy = f"{right} of {len(predicted)} right ({number(right / len(predicted))})"
    yield Plot(
        "confusion",
        "Which classes are confused",
        pictures.draw_confusion(table, images.classes),
        f"Run {run['run']} at the end of training, on its validation images: {accuracy}. {often}",
        f"Confusion matrix: {accuracy}. {often}",
    )
    wrong = pictures.most_wrong(shares, images.val_labels, pictures.WRONG)
    if len(wrong):
        yield Plot(
            "mistakes",
            "Confidently wrong",
            pictures.draw_wrong(images, wrong),
            f"The {count(len(wrong), 'validation image')} that run {run['run']} gets wrong with "
            "the most confidence: true class → predicted class, and the probability it gives.",
            "; ".join(
                f"{images.classes[r['label']]} taken for {images.classes[r['predicted']]}, "
                f"{percent(r['confidence'])} sure"
                for r in wrong.to_dict("records")
            )
            + ".",
        )
