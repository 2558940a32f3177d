"""A run's weights on the test set. Every look is counted."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sweeplab.config import RunConfig
from sweeplab.data import inputs_of, load_test, only_reading
from sweeplab.errors import RunFolderError
from sweeplab.inputs import Inputs
from sweeplab.model import logits
from sweeplab.results import MANY_CLASSES, top5
from sweeplab.runs.durable import alone_in
from sweeplab.runs.files import sha256
from sweeplab.runs.folder import (
    RunFolder,
    damaged_files,
    edits,
    is_pruned,
    read_config,
    read_record,
    read_test,
    read_weights,
)
from sweeplab.runs.record import TestRecord
from sweeplab.runs.scaled import read_inputs
from sweeplab.runs.write import now, write_test


def evaluate(folder: RunFolder) -> TestRecord:
    """Accuracy on the test set, recorded in the run's folder with the time of asking.

    Raises:
        RunFolderError: the folder holds no complete run, or one without weights.
        DataError: the data set cannot be had.
    """
    # Of two that look at once, the later counts the look of the other.
    with alone_in(folder.path):
        return _evaluate(folder)


def _evaluate(folder: RunFolder) -> TestRecord:
    config, inputs, weight, bias = load_run(folder)
    with only_reading():
        images, labels = load_test(config.data, inputs)
    opened = _opened(folder)
    scores = logits(weight, bias, torch.from_numpy(images))  # [M, C]
    predicted = scores.argmax(dim=1)  # [M]
    classes = inputs.classes
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (labels.numpy(), predicted.numpy()), 1)
    correct = int(np.trace(confusion))
    low, high = wilson_interval(correct, len(labels))
    record = TestRecord(
        accuracy=correct / len(labels),
        low=low,
        high=high,
        examples=len(labels),
        confusion=confusion.tolist(),
        top5=top5(scores.numpy(), labels.numpy()) if len(classes) >= MANY_CLASSES else None,
        classes=list(classes),
        weights_sha256=sha256(folder.weights.read_bytes()),
        opened=[*opened, now()],
    )
    write_test(folder, record)
    return record


def wilson_interval(correct: int, examples: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion (Wilson 1927; Brown, Cai and DasGupta 2001)."""
    from scipy.stats import binomtest

    interval = binomtest(correct, examples).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def load_run(folder: RunFolder) -> tuple[RunConfig, Inputs, Tensor, Tensor]:
    """A run's configuration, how it scaled its examples, and its weights, all as it left them.

    Raises:
        RunFolderError: the folder holds no complete run, or one without weights, or was changed.
    """
    record = read_record(folder)
    if folder.weights.name not in record.files:
        raise RunFolderError(
            f"{folder.path} {record.status}, and has no weights to use. Choose a completed run."
        )
    if is_pruned(folder.weights, record):
        raise RunFolderError(
            f"The weights of {folder.path} were pruned. `sweeplab reproduce --restore` brings them "
            "back."
        )
    for needed in {folder.weights.name, folder.inputs.name} & {*damaged_files(folder, record)}:
        raise RunFolderError(
            f"{folder.path / needed} is not the file that the run wrote. The same command with the "
            "same sweep folder trains the run again."
        )
    weight, bias = read_weights(folder)
    config = read_config(folder)
    if edits(record, config):
        raise RunFolderError(
            f"{folder.config} is not the configuration that the run was trained with: it was "
            "changed since. Undo that; run.json has the values."
        )
    with only_reading():
        inputs = read_inputs(folder) or inputs_of(config.data)
    for kind, there, due in (
        ("classes", len(weight), len(inputs.classes)),
        ("features", weight.shape[1], inputs.features),
    ):
        if there != due:
            raise RunFolderError(
                f"{folder.weights} is damaged: it is for {there} {kind}, and {config.data.name} "
                f"has {due}."
            )
    return config, inputs, torch.from_numpy(weight), torch.from_numpy(bias)


def _opened(folder: RunFolder) -> list[str]:
    """The times of earlier looks at the test set."""
    try:
        earlier = read_test(folder)
    except RunFolderError as error:
        raise RunFolderError(
            f"{str(error).rstrip('.')}. It counts the looks at the test set. Delete it to start "
            "counting anew."
        ) from error
    return earlier.opened if earlier else []
