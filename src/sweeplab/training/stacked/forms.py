"""Which of two forms a run is trained in, by weights or by scores, as its configuration says.

Both are SGD, and agree to rounding. By scores evaluation is free of products, and an update costs
what the images are, not what the pixels are; it is far cheaper for small batches, dearer for large
ones. The choice is made by counting, never by what a run is trained with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from sweeplab.config import RunConfig
from sweeplab.data import Dataset
from sweeplab.training.schedule import evaluated_of, evaluation_gap, iterations
from sweeplab.training.stacked.grouping import FEW, PANEL_BYTES, PANEL_RUNS

LARGEST_KERNEL = 2**28  # bytes
LARGEST_BLOCK = 320  # images in the batches of a block

# Measured on Zen 4, and found to choose well on an Intel Xeon with compiled steps too, in
# floating-point operations of a product, of which a core does 100 in a nanosecond: reading,
# changing and writing a number; and copying one that `FEW` runs share.
CHANGED = 20.0
COPIED = 8.0 / FEW
# And taking loss and accuracy from a score.
READ = 10.0


def updates_of_a_block(config: RunConfig) -> int:
    """Updates between two evaluations, or as many as a block of scores should have."""
    gap = min(evaluation_gap(config), iterations(config))
    largest = max(1, LARGEST_BLOCK // config.batch_size)
    return ceil(gap / ceil(gap / largest))


@dataclass(frozen=True)
class Sizes:
    """Of a data set, as an engine of many runs reads it."""

    train: int  # N
    val: int  # M
    features: int  # F, with the constant one
    classes: int  # C

    @property
    def all(self) -> int:
        return self.train + self.val


def sizes_of(dataset: Dataset) -> Sizes:
    """Those of a data set all of whose features are used."""
    counts = len(dataset.train_labels), len(dataset.val_labels)
    return Sizes(*counts, dataset.features + 1, dataset.classes)


def by_scores(config: RunConfig, sizes: Sizes) -> bool:
    """Whether a run is trained by scores: they fit, and take less time."""
    fits = 4 * sizes.train * sizes.all <= LARGEST_KERNEL
    return fits and scores_cost(config, sizes) < weights_cost(config, sizes)


def scores_cost(config: RunConfig, sizes: Sizes) -> float:
    """Of an update of one run, in operations; what both forms share is left out."""
    size, classes = config.batch_size, sizes.classes
    parts = 2 if config.optimizer.momentum else 1
    updates = updates_of_a_block(config)
    moved = parts * (2 * size + CHANGED / updates) * classes + COPIED * size
    within = (updates - 1) * size * size * classes
    kernel = 2 * sizes.train * (sizes.all - sizes.train / 2) * sizes.features / FEW
    return moved * sizes.all + within + kernel / iterations(config)


def weights_cost(config: RunConfig, sizes: Sizes) -> float:
    """As :func:`scores_cost`."""
    size, classes, features = config.batch_size, sizes.classes, sizes.features
    changed = (3 if config.optimizer.momentum else 1) * CHANGED * features * classes
    gap = min(evaluation_gap(config), iterations(config))
    return (
        (4 * size * classes + COPIED * size) * features
        + changed
        + evaluation_cost(config, sizes) / gap
    )


def evaluation_cost(config: RunConfig, sizes: Sizes) -> float:
    """Of an evaluation of one run by weights, in operations. By scores it takes no product."""
    return 2.0 * (evaluated_of(config) + sizes.val) * sizes.features * sizes.classes


def state_bytes(config: RunConfig, sizes: Sizes) -> int:
    """What one run needs while it is trained, beside the data set."""
    parts = 2 if config.optimizer.momentum else 1
    batch = 3 * config.batch_size
    if by_scores(config, sizes):
        numbers = parts * (2 * sizes.all + sizes.train + sizes.features + batch)
    else:
        numbers = (3 + parts) * sizes.features + batch
    return 4 * sizes.classes * numbers


def evaluation_share(runs: Iterable[tuple[RunConfig, Sizes, int]]) -> float:
    """The share of evaluations in the arithmetic of so many runs of each configuration."""
    training = evaluating = 0.0
    for config, sizes, count in runs:
        updates = iterations(config)
        gap = min(evaluation_gap(config), updates)
        each = READ * (evaluated_of(config) + sizes.val) * sizes.classes
        if by_scores(config, sizes):
            update = scores_cost(config, sizes)
        else:
            products = evaluation_cost(config, sizes)
            update = weights_cost(config, sizes) - products / gap
            each += products
        training += count * updates * update
        evaluating += count * (ceil(updates / gap) + 1) * each
    return evaluating / (training + evaluating)


def stack_bytes(config: RunConfig, sizes: Sizes, runs: int, threads: int) -> int:
    """What so many runs need at once while they are trained, beside the data set."""
    each = state_bytes(config, sizes)
    width = max(min(PANEL_RUNS, PANEL_BYTES // each), 1)
    kernel = 4 * sizes.train * sizes.all if by_scores(config, sizes) else 0
    return kernel + min(runs, threads * width) * each
