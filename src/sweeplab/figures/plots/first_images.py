"""The first training images with their labels, of data that nobody has seen yet."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from sweeplab.errors import RunFolderError
from sweeplab.figures.model import draw_pictures
from sweeplab.figures.plots import Analysis, Plot
from sweeplab.figures.theme import styled
from sweeplab.sweeps.images import find_images
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import examples, listed, shortened

KNOWN = {"mnist", "fashion_mnist", "digits", "kmnist", "emnist_letters", "cifar10", "cifar100"}


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:  # noqa: ARG001
    """The images, where they are kept and not known to everybody."""
    images = find_images(sweep)
    if images is None or not images.pictures or set(sweep.runs["data.name"]) <= KNOWN:
        return
    labels = listed([images.classes[label] for label in images.train_labels])
    yield Plot(
        "images",
        f"The first {len(images.train_images)} training {examples()}",
        first_images(sweep),
        f"Of {sweep.runs['data.name'].iloc[0]}, as the model sees them, with their labels.",
        f"Labels in order: {labels}.",
    )


@styled
def first_images(sweep: Sweep) -> Figure:
    """The first training images of a sweep's data set with their labels.

    Raises:
        RunFolderError: the sweep keeps no images.
    """
    images = find_images(sweep)
    if images is None or not images.pictures:
        raise RunFolderError(f"{sweep.path} has no images of its data set.")
    return draw_pictures(
        images.train_images,
        [shortened(images.classes[label]) for label in images.train_labels],
        columns=min(9, len(images.train_images)),
        brightest=images.brightest,
    )
