"""Which of two forms a run is trained in, by weights or by scores, as its configuration says.

Both are SGD, and agree to rounding. By scores evaluation is free of products, and an update costs
what the images are, not what the pixels are; it is far cheaper for small batches, dearer for large
ones. The choice is made by counting, never by what a run is trained with.
"""

from __future__ import annotations

from math import ceil

from sweeplab.config import RunConfig
from sweeplab.training.schedule import evaluated_of, evaluation_gap, iterations
from sweeplab.training.stacked.grouping import FEW
from sweeplab.training.stacked.images import CompactImages

LARGEST_KERNEL = 2**28  # bytes
LARGEST_BLOCK = 320  # images in the batches of a block

# Measured on Zen 4, in floating-point operations of a product, of which a core does 100 in a
# nanosecond: reading, changing and writing a number; and copying one that `FEW` runs share.
CHANGED = 20.0
COPIED = 8.0 / FEW


def updates_of_a_block(config: RunConfig) -> int:
    """Updates between two evaluations, or as many as a block of scores should have."""
    gap = min(evaluation_gap(config), iterations(config))
    largest = max(1, LARGEST_BLOCK // config.batch_size)
    return ceil(gap / ceil(gap / largest))


def by_scores(config: RunConfig, images: CompactImages) -> bool:
    """Whether a run is trained by scores: they fit, and take less time."""
    fits = 4 * len(images.labels) * len(images.images) <= LARGEST_KERNEL
    return fits and scores_cost(config, images) < weights_cost(config, images)


def scores_cost(config: RunConfig, images: CompactImages) -> float:
    """Of an update of one run, in operations; what both forms share is left out."""
    trained, everything = len(images.labels), len(images.images)
    size, classes = config.batch_size, images.classes
    parts = 2 if config.optimizer.momentum else 1
    updates = updates_of_a_block(config)
    moved = parts * (2 * size + CHANGED / updates) * classes + COPIED * size
    within = (updates - 1) * size * size * classes
    kernel = 2 * trained * (everything - trained / 2) * images.features / FEW
    return moved * everything + within + kernel / iterations(config)


def weights_cost(config: RunConfig, images: CompactImages) -> float:
    """As :func:`scores_cost`."""
    size, classes, features = config.batch_size, images.classes, images.features
    changed = (3 if config.optimizer.momentum else 1) * CHANGED * features * classes
    asked = evaluated_of(config) + len(images.images) - len(images.labels)
    evaluated = 2 * asked * features * classes
    return (
        (4 * size * classes + COPIED * size) * features
        + changed
        + evaluated / min(evaluation_gap(config), iterations(config))
    )
