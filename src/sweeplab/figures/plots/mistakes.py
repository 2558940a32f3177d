"""The validation images that a model gets wrong with the most confidence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sweeplab.errors import SweeplabError
from sweeplab.figures.model import draw_pictures, find_model, need_model, need_pictures
from sweeplab.figures.plots import Analysis, Plot, series
from sweeplab.figures.theme import styled
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, example, percent, shortened

MOST = 10


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """The mistakes of the recommended setting's model, where it makes any."""
    model = find_model(sweep, analysis.recommended)
    if model is None or not (model.is_itself and model.images.pictures):
        return
    wrong = most_wrong(model.probabilities, model.images.val_labels, MOST)
    if not len(wrong):
        return
    classes = model.images.classes
    yield Plot(
        "mistakes",
        "Confidently wrong",
        mistakes(sweep, analysis.recommended),
        f"The {count(len(wrong), f'validation {example()}')} that run {model.run['run']} gets "
        "wrong with the most confidence: true class → predicted class, and the probability it "
        "gives.",
        series(
            f"{classes[r['label']]} taken for {classes[r['predicted']]}, "
            f"{percent(r['confidence'])} sure"
            for r in wrong.to_dict("records")
        ),
    )


@styled
def mistakes(sweep: Sweep, setting: int | None = None) -> Figure:
    """The most confidently wrong validation images of a setting's model: truth and prediction.

    Raises:
        SweeplabError: the model or its images are not there, or it makes no mistake.
    """
    model = need_model(sweep, setting)
    images = need_pictures(model)
    table = most_wrong(model.probabilities, images.val_labels, MOST)
    if not len(table):
        raise SweeplabError(f"Run {model.run['run']} gets every validation {example()} right.")
    titles = [
        f"{shortened(images.classes[row['label']], 9)} → "
        f"{shortened(images.classes[row['predicted']], 9)}\n"
        f"{percent(row['confidence'])} sure"
        for row in table.to_dict("records")
    ]
    pictures = images.val_images[table["image"].to_numpy()]
    return draw_pictures(pictures, titles, columns=5, brightest=images.brightest)


def most_wrong(shares: NDArray[np.float64], labels: NDArray[np.int64], most: int) -> pd.DataFrame:
    """The wrongly classified images, the most confident first: ``image``, ``label``,
    ``predicted``, ``confidence``."""
    table = pd.DataFrame(
        {"label": labels, "predicted": shares.argmax(axis=1), "confidence": shares.max(axis=1)}
    )
    wrong = table[table["label"] != table["predicted"]].rename_axis("image").reset_index()
    return wrong.sort_values("confidence", ascending=False, kind="stable").head(most)
