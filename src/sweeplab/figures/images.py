"""The images of a data set, and what a model sees in them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from sweeplab.errors import RunFolderError
from sweeplab.figures.layout import Cell, blank, panels
from sweeplab.figures.theme import INK, MUTED, RULE, on_colour, styled
from sweeplab.words import percent

WRONG = 12


@dataclass(frozen=True)
class Images:
    """Pixels of the first training images and of all validation images. M validation images."""

    train_images: NDArray[np.uint8]  # [18, h, w]
    train_labels: NDArray[np.int64]  # [18]
    val_images: NDArray[np.uint8]  # [M, h, w]
    val_labels: NDArray[np.int64]  # [M]
    classes: tuple[str, ...]
    brightest: int  # the pixel value that the model sees as 1


def read_images(path: Path) -> Images:
    """The content of ``images/<data set>.safetensors`` in a sweep's folder.

    Raises:
        RunFolderError: it is damaged.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        images = Images(
            **{
                name: tensors[name]
                for name in ("train_images", "train_labels", "val_images", "val_labels")
            },
            classes=tuple(map(str, json.loads(about["classes"]))),
            brightest=int(about.get("brightest", 255)),
        )
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
    if not _sound(images):
        raise RunFolderError(f"{path} is damaged: images, labels and classes do not fit together.")
    return images


def _sound(images: Images) -> bool:
    pairs = (
        (images.train_images, images.train_labels),
        (images.val_images, images.val_labels),
    )
    return images.brightest > 0 and all(
        pictures.ndim == 3
        and pictures.dtype == np.uint8
        and pictures.size > 0
        and pictures.shape[1:] == images.val_images.shape[1:]
        and labels.dtype.kind in "iu"
        and labels.shape == pictures.shape[:1]
        and 0 <= int(labels.min()) <= int(labels.max()) < len(images.classes)
        for pictures, labels in pairs
    )


def probabilities(
    weight: NDArray[np.float32], bias: NDArray[np.float32], images: Images
) -> NDArray[np.float64]:
    """The model's class probabilities for the validation images, ``[M, C]``."""
    pixels = images.val_images.reshape(len(images.val_images), -1)  # [M, D]
    inputs = pixels.astype(np.float32) / np.float32(images.brightest)
    logits = (inputs @ weight.T + bias).astype(np.float64)  # [M, C]
    logits -= logits.max(axis=1, keepdims=True)
    odds = np.exp(logits)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def confusion(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[Any]:
    """How many images of class i (row) were taken for class j (column), ``[C, C]``."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (labels, predicted), 1)
    return table


def most_wrong(shares: NDArray[np.float64], labels: NDArray[np.int64], most: int) -> pd.DataFrame:
    """The wrongly classified images, the most confident first: ``image``, ``label``,
    ``predicted``, ``confidence``."""
    predicted = shares.argmax(axis=1)
    confidence = shares.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    order = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    return pd.DataFrame(
        {
            "image": order,
            "label": labels[order],
            "predicted": predicted[order],
            "confidence": confidence[order],
        }
    )


@styled
def draw_first_images(images: Images) -> Figure:
    """The first training images with their labels, as the tutorial shows them."""
    count = len(images.train_images)
    titles = [images.classes[label] for label in images.train_labels]
    return _gallery(images.train_images, titles, columns=min(9, count), brightest=images.brightest)


@styled
def draw_wrong(images: Images, table: pd.DataFrame) -> Figure:
    """The most confidently wrong validation images: truth, prediction and confidence."""
    titles = [
        f"{images.classes[row['label']]} → {images.classes[row['predicted']]}\n"
        f"{percent(row['confidence'])} sure"
        for row in table.to_dict("records")
    ]
    pictures = images.val_images[table["image"].to_numpy()]
    return _gallery(pictures, titles, columns=6, brightest=images.brightest, title_rows=2)


@styled
def draw_templates(
    weights: Mapping[str, NDArray[np.float32]], shape: tuple[int, int], classes: Sequence[str]
) -> Figure:
    """For each model (title: ``weight [C, D]``) its C weight rows as images, one scale for all.

    Red adds to the evidence for a class, blue takes from it.
    """
    size, gap, top = 0.86, 0.06, 0.46
    columns = 5 if len(classes) <= 10 else 6
    rows = -(-len(classes) // columns)
    cell = Cell(
        width=columns * (size + gap) + 0.3,
        height=rows * (size + 0.24) + top + 0.1,
        left=0.15,
        right=0.15,
        top=top,
        bottom=0.08,
    )
    figure, axes = panels(len(weights), columns=3, cell=cell)
    for ax, (title, weight) in zip(axes, weights.items(), strict=True):
        blank(ax)
        ax.set_title(title, pad=4)
        # One scale a model: what differs between models is said by the number in its title.
        limit = float(np.abs(weight).max()) or 1.0
        ax.set_title(f"{title}\nlargest weight {limit:.2g}", fontsize=9, pad=6)
        for k, (row, name) in enumerate(zip(weight, classes, strict=True)):
            inset = ax.inset_axes(_inset(k, rows, columns))
            inset.imshow(row.reshape(shape), cmap="RdBu_r", vmin=-limit, vmax=limit)
            _bare(inset)
            inset.set_title(name, fontsize=8, pad=2, fontweight="normal", loc="center")
    return figure


@styled
def draw_confusion(table: NDArray[Any], classes: Sequence[str]) -> Figure:
    """Counts of true class (row) against predicted class (column); mistakes are shaded."""
    words = max(len(name) for name in classes) > 3
    cell = Cell(
        width=5.0,
        height=4.6 + (0.7 if words else 0),
        left=1.3 if words else 0.75,
        right=0.2,
        bottom=1.25 if words else 0.55,
    )
    figure, (ax,) = panels(1, cell=cell)
    wrong = table.astype(float)
    np.fill_diagonal(wrong, 0)
    # A single slip must not look like a pattern.
    most = max(float(wrong.max()) * 1.2, 6.0)
    wrong[wrong == 0] = np.nan
    sns.heatmap(
        wrong,
        ax=ax,
        cmap="rocket_r",
        vmin=0,
        vmax=most,
        cbar=False,
        linewidths=0.8,
        linecolor=RULE,
        xticklabels=classes,
        yticklabels=classes,
    )
    ax.grid(visible=False)
    ax.tick_params(length=0)
    ax.tick_params(axis="x", labelrotation=45 if words else 0)
    ax.tick_params(axis="y", labelrotation=0)
    colour_of = sns.color_palette("rocket_r", as_cmap=True)
    for i in range(len(classes)):
        for j in range(len(classes)):
            if i == j:
                ax.add_patch(Rectangle((j, i), 1, 1, facecolor="none", edgecolor=MUTED, zorder=3))
                colour, weight = INK, "bold"
            elif table[i, j] == 0:
                continue
            else:
                colour = on_colour(colour_of(table[i, j] / most))
                weight = "normal"
            ax.text(
                j + 0.5,
                i + 0.5,
                str(table[i, j]),
                ha="center",
                va="center",
                fontsize=8,
                color=colour,
                fontweight=weight,
            )
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    ax.set_title("validation images: true against predicted class")
    return figure


def _gallery(
    pictures: NDArray[np.uint8],
    titles: Sequence[str],
    *,
    columns: int,
    brightest: int,
    title_rows: int = 1,
) -> Figure:
    top = 0.12 + 0.15 * title_rows
    cell = Cell(width=1.15, height=1.0 + top, left=0.08, right=0.08, top=top, bottom=0.06)
    figure, axes = panels(len(pictures), columns=columns, cell=cell)
    for ax, picture, title in zip(axes, pictures, titles, strict=True):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=brightest, interpolation="nearest")
        _bare(ax)
        ax.set_title(title, fontsize=8, pad=3, fontweight="normal", loc="center")
    return figure


def _inset(place: int, rows: int, columns: int) -> tuple[float, float, float, float]:
    row, column = divmod(place, columns)
    width, height = 1 / columns, 1 / rows
    return (column * width + 0.03 * width, 1 - (row + 1) * height, 0.94 * width, 0.78 * height)


def _bare(ax: Axes) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    for side in ax.spines.values():
        side.set_visible(False)
