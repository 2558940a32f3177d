"""The part of a run's configuration that chooses its examples: every key of ``data``."""

from __future__ import annotations

from dataclasses import dataclass

from sweeplab.knobs import LARGEST_INT, LARGEST_SEED, OneOf, Range, Text, knob

# Data whose examples are features, or rows of a table; those of all others are images. Sentences
# speak of "examples" or of "images" by this alone (``words.speaking_of``).
FEATURES = frozenset({"arrays"})


@dataclass
class DataConfig:
    """Which examples a run sees.

    The validation examples are ``val_start .. val_start + val_size - 1``, in the order that
    ``order`` says, whatever ``train_size`` is; training takes the first ``train_size`` of the
    others, in the order that ``train_draw`` puts them in, so smaller training sets of one draw nest
    in larger ones. A source that brings validation examples
    of its own has them counted by themselves, and trains on all the others.
    """

    name: str = knob(
        "mnist",
        "which data; on the command line it is `data=NAME`",
        "data set",
        Text(),
    )
    root: str = knob(
        "data",
        "the folder that holds the files, or where they go",
        "data folder",
        Text(),
        role="place",
    )
    train_size: int = knob(
        2000,
        "train on the first so many examples (0: all); smaller sets nest in larger ones",
        "training-set size",
        Range(0, LARGEST_INT),
        short="images",
        unit="images",
        ordered=True,
    )
    val_size: int = knob(
        500,
        "examples to validate on, the same for every `data.train_size` (0: a fifth of all, or all "
        "that the source keeps for it)",
        "validation images",
        Range(0, LARGEST_INT),
        unit="images",
    )
    val_start: int = knob(
        2000,
        "the first of them, counted from 0",
        "first validation image",
        Range(0, LARGEST_INT),
    )
    train_draw: int = knob(
        0,
        "which of the other examples make up the training set: 0 the first, 1, 2, ... a random "
        "draw each; several draws are replicates of a setting",
        "training draw",
        Range(0, LARGEST_INT),
        short="draw",
        role="replicate",
        off=0,
    )
    path: str = knob(
        "",
        "your own data: a file of arrays for `data=arrays`, a folder for `data=images`",
        "data file",
        Text(),
        role="place",
    )
    label: str = knob(
        "",
        "the column of a `.csv` or `.parquet` file that holds the classes; empty: `label` or `y`",
        "label column",
        Text(),
        off="",
    )
    test_share: float = knob(
        0.0,
        "the share of your own data kept for `sweeplab evaluate`, where they bring no test set",
        "test share",
        Range(0, 1, high_open=True),
        off=0.0,
    )
    order: str = knob(
        "file",
        "`shuffled`, or `file`: as the examples stand there",
        "order of the examples",
        OneOf(("file", "shuffled")),
        off="file",
    )
    order_seed: int = knob(
        0,
        "which shuffled order",
        "seed of the order",
        Range(0, LARGEST_SEED),
        off=0,
    )
    balanced: bool = knob(
        False,
        "train on the same number of each class: `data.train_size` is a multiple of the classes",
        "balanced classes",
        off=False,
    )
    scale: str = knob(
        "unit",
        "`unit`: bytes / 255, other numbers / the largest; `standardize`: each feature has mean 0 "
        "and deviation 1 over the training examples; `l2`: each example has length 1; `none`",
        "scaling",
        OneOf(("unit", "standardize", "l2", "none")),
        off="unit",
    )
    size: int = knob(
        0,
        "height and width that photographs of `data=images` are brought to",
        "photograph size",
        Range(0, 1024),
        unit="pixels",
        ordered=True,
        off=0,
    )
    colour: str = knob(
        "grey",
        "`grey` or `rgb`, of `data=images`",
        "colour",
        OneOf(("grey", "rgb")),
        off="grey",
    )
    on_broken: str = knob(
        "skip",
        "`skip` files that are no whole image, and name them, or `stop`",
        "broken files",
        OneOf(("skip", "stop")),
        role="place",
    )


# Keys that play no part in which examples validate: they choose others, or scale them all.
_OF_OTHERS = frozenset(
    {"root", "path", "on_broken", "train_size", "train_draw", "test_share", "balanced", "scale"}
)
# Of the others, those that change how a validation example looks, and not which it is.
_OF_LOOKS = frozenset({"size", "colour"})
# The keys, without ``data.``, that choose the validation examples.
VALIDATING = tuple(
    name for name in DataConfig.__dataclass_fields__ if name not in _OF_OTHERS | _OF_LOOKS
)
# The keys that choose them and how they look.
SHOWING = tuple(name for name in DataConfig.__dataclass_fields__ if name not in _OF_OTHERS)
