"""What a training run leaves in memory: its curves, its weights, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sweeplab.config import KNOBS, RunConfig, flatten

# Of a configuration, in a result's line; others where they are not the usual.
ALWAYS_NAMED = ("data.name", "data.train_size", "batch_size", "epochs", "optimizer.lr", "seed")
Status = Literal["completed", "diverged", "stopped"]

LOSSES = ("batch_loss", "train_loss", "val_loss")
ACCURACIES = ("train_accuracy", "val_accuracy")
# What is taken over the whole sets, with what it is called. Everything else takes them from here.
METRICS = {
    "train_loss": "training loss",
    "train_accuracy": "training accuracy",
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
}


@dataclass(frozen=True, repr=False)
class Curves:
    """One row for each number of updates done, from 0 (the initial weights) to T.

    All fields have shape ``[T + 1]``. ``batch_loss[t]`` is the mean cross-entropy, in nats, of
    batch ``t`` under the weights *before* update ``t``; row 0 has none. The other four are taken
    over the whole training set, or its first ``eval_train`` examples, and the whole validation set
    *after* ``t`` updates, in the rows whose iteration is a multiple of ``eval_every`` and in the
    last; elsewhere they hold NaN. Only finite
    evaluations are kept: at the first loss that is not finite the run has diverged and ends.
    """

    iteration: NDArray[np.int64]
    epoch: NDArray[np.int64]  # completed or in progress, from 1; 0 in row 0
    examples: NDArray[np.int64]  # training examples seen so far
    batch_loss: NDArray[np.float32]
    train_loss: NDArray[np.float32]
    train_accuracy: NDArray[np.float64]  # fraction of 1
    val_loss: NDArray[np.float32]
    val_accuracy: NDArray[np.float64]

    @property
    def evaluated(self) -> NDArray[np.intp]:
        """The rows that hold an evaluation."""
        return np.flatnonzero(np.isfinite(self.val_loss))

    @property
    def evaluations(self) -> Curves:
        """The rows that hold an evaluation alone, so that no curve has gaps."""
        return Curves(**{name: values[self.evaluated] for name, values in vars(self).items()})

    def plot(self, metric: str = "accuracy", ax: Any = None) -> Any:
        """Draw a training and a validation curve over the iterations.

        Args:
            metric: ``accuracy`` or ``loss``.
            ax: matplotlib axes to draw on; a new figure's if None.

        Returns:
            The axes.

        Raises:
            ValueError: there is no such metric.
        """
        if metric not in ("accuracy", "loss"):
            raise ValueError(f"metric must be 'accuracy' or 'loss', but is {metric!r}.")
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots()
        rows = self.evaluations
        for part, label in (("train", "training"), ("val", "validation")):
            values = getattr(rows, f"{part}_{metric}")
            ax.plot(rows.iteration, values, label=label)
        ax.set(xlabel="iterations", ylabel=metric if metric == "accuracy" else "loss (nats)")
        ax.legend()
        return ax

    def __len__(self) -> int:
        return len(self.iteration)

    def __repr__(self) -> str:
        return f"<Curves: {len(self)} rows, {len(self.evaluated)} of them evaluations>"


@dataclass(frozen=True)
class State:
    """How far a run was: training goes on from there with the bits of one that never ended."""

    curves: Curves
    tensors: Mapping[str, NDArray[Any]]  # what the form of training keeps of the run

    @property
    def updates(self) -> int:
        """Those that are done."""
        return len(self.curves) - 1


@dataclass(frozen=True, repr=False)
class RunResult:
    """The outcome of training one configuration.

    ``diverged`` means that a loss stopped being finite; the curves then end at that iteration,
    ``diverged_at``, and the weights are the ones of that moment, which may not be finite.
    ``stopped`` means that the caller wanted no more epochs for now: ``state`` leads on.
    """

    config: RunConfig
    status: Status
    curves: Curves
    weight: NDArray[np.float32]  # [C, D]
    bias: NDArray[np.float32]  # [C]
    diverged_at: int | None
    device: str  # where it ran: "cpu" or "cuda"
    seconds: float  # wall time of the stack, or the part of one, that it was trained in
    stack_runs: int  # how many runs shared that time
    state: State | None = None  # of a stopped run

    def __repr__(self) -> str:
        swept = {
            key: value
            for key, value in flatten(self.config).items()
            if key in ALWAYS_NAMED or (KNOBS[key].role != "place" and value != KNOBS[key].default)
        }
        setting = ", ".join(f"{key.rsplit('.', 1)[-1]}={value}" for key, value in swept.items())
        if self.diverged_at is not None:
            how = f"diverged at iteration {self.diverged_at}"
        else:
            final = final_metrics(self.curves)
            how = (
                f"validation accuracy {final.val_accuracy:.4f}, training accuracy "
                f"{final.train_accuracy:.4f} after {final.iteration} iterations"
            )
        return f"<RunResult: {how}\n {setting}>"


@dataclass(frozen=True)
class Metrics:
    """One row of the curves, chosen by a rule."""

    iteration: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float


def final_metrics(curves: Curves) -> Metrics:
    """The last evaluated row."""
    return _metrics(curves, int(curves.evaluated[-1]))


def best_metrics(curves: Curves) -> Metrics:
    """The evaluated row of the highest validation accuracy, the earliest of equals."""
    rows = curves.evaluated
    return _metrics(curves, int(rows[np.argmax(curves.val_accuracy[rows])]))


def _metrics(curves: Curves, row: int) -> Metrics:
    values = {name: float(getattr(curves, name)[row]) for name in METRICS}
    return Metrics(iteration=int(curves.iteration[row]), **values)


MANY_CLASSES = 20  # from so many on, the five most probable classes are worth asking for
UNEVEN = 0.02  # how far accuracy over classes must lie from accuracy, to be told


def top5(scores: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """How often the true class is among the five of the highest scores ``[M, C]``."""
    true = np.take_along_axis(scores, labels[:, None], axis=1)
    return float(((scores > true).sum(axis=1) < 5).mean())


def balanced(confusion: NDArray[Any]) -> float:
    """The mean over classes of how many of each are right, from counts ``[C, C]``, true by row.

    Classes without an example are left out (Brodersen et al., The Balanced Accuracy and Its
    Posterior Distribution, 2010).
    """
    there = confusion.sum(axis=1)
    return float((confusion.diagonal()[there > 0] / there[there > 0]).mean())


def uneven(confusion: NDArray[Any]) -> bool:
    """Whether accuracy averaged over classes tells another story than accuracy over examples."""
    return bool(abs(balanced(confusion) - confusion.trace() / confusion.sum()) > UNEVEN)


def confused(confusion: NDArray[Any]) -> list[tuple[int, int]]:
    """The pairs (true class, predicted) that are mistaken, the most frequent first."""
    wrong = confusion * (1 - np.eye(len(confusion), dtype=confusion.dtype))
    pairs = np.argsort(-wrong, axis=None, kind="stable")[: int((wrong > 0).sum())]
    return [(int(i), int(j)) for i, j in zip(*np.divmod(pairs, len(wrong)), strict=True)]
