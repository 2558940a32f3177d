"""Whether two results of one run are the same, and where they first part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sweeplab.results import ACCURACIES, LOSSES, Curves

# What rounding in another order does to the losses and weights of a run on another machine. An
# accuracy moves by whole examples, when one of them lies on the border between two classes.
LOSS_TOLERANCE = 1e-4  # relative, and absolute below 1
WEIGHT_TOLERANCE = 1e-4
ACCURACY_TOLERANCE = 0.005

Weights = tuple[NDArray[np.float32], NDArray[np.float32]]  # [C, D], [C]
Verdict = Literal["identical", "equal within tolerance", "different"]


@dataclass(frozen=True)
class Outcome:
    """The parts of a result that are compared."""

    status: str
    curves: Curves
    weights: Weights | None


@dataclass(frozen=True)
class Comparison:
    """What came of holding a saved result against a new one."""

    verdict: Verdict
    where: str = ""  # the first difference, in words; empty when identical


def compare(saved: Outcome, new: Outcome) -> Comparison:
    """Compare bit for bit, and by tolerance where the bits differ."""
    if saved.status != new.status:
        return Comparison("different", f"it was {saved.status}, and is now {new.status}")
    if len(saved.curves) != len(new.curves):
        return Comparison(
            "different",
            f"it had {len(saved.curves) - 1} iterations, and has now {len(new.curves) - 1}",
        )
    first = _first_difference(saved.curves, new.curves)
    weights_same = _same_weights(saved.weights, new.weights)
    if first is None and weights_same:
        return Comparison("identical")
    where = first or "the curves are identical, the weights are not"
    close = _close_curves(saved.curves, new.curves) and _close_weights(saved.weights, new.weights)
    return Comparison("equal within tolerance" if close else "different", where)


def _first_difference(saved: Curves, new: Curves) -> str | None:
    names = ("iteration", "epoch", "examples", *LOSSES, *ACCURACIES)
    found: list[tuple[int, str]] = []
    for name in names:
        a, b = getattr(saved, name), getattr(new, name)
        rows = np.flatnonzero(~((a == b) | (np.isnan(a) & np.isnan(b))))
        if len(rows):
            found.append((int(rows[0]), name))
    if not found:
        return None
    row, name = min(found)
    a, b = getattr(saved, name)[row], getattr(new, name)[row]
    return f"first at iteration {row}: {name} was {_text(a)}, and is now {_text(b)}"


def _same_weights(saved: Weights | None, new: Weights | None) -> bool:
    if saved is None or new is None:
        return saved is new
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(saved, new, strict=True))


def _close_weights(saved: Weights | None, new: Weights | None) -> bool:
    if saved is None or new is None:
        return saved is new
    return all(
        a.shape == b.shape and _close(a, b, WEIGHT_TOLERANCE, WEIGHT_TOLERANCE)
        for a, b in zip(saved, new, strict=True)
    )


def _close_curves(saved: Curves, new: Curves) -> bool:
    return all(
        _close(getattr(saved, name), getattr(new, name), relative, absolute)
        for names, relative, absolute in (
            (LOSSES, LOSS_TOLERANCE, LOSS_TOLERANCE),
            (ACCURACIES, 0, ACCURACY_TOLERANCE),
        )
        for name in names
    )


def _close(a: NDArray[Any], b: NDArray[Any], relative: float, absolute: float) -> bool:
    return np.allclose(a, b, rtol=relative, atol=absolute, equal_nan=True)


def _text(value: Any) -> str:
    return "nothing" if np.isnan(value) else str(value)
