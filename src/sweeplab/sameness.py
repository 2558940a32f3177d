"""Whether two results of one run are the same, and where they first part."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sweeplab.results import ACCURACIES, LOSSES, Curves

# What rounding in another order does to the losses and weights of a run on another machine. An
# accuracy moves by whole examples, when one of them lies on the border between two classes.
CURVE_TOLERANCES = {  # relative, absolute
    **dict.fromkeys(LOSSES, (1e-4, 1e-4)),
    **dict.fromkeys(ACCURACIES, (0, 0.005)),
}
WEIGHT_TOLERANCE = 1e-4  # relative, and absolute

Weights = tuple[NDArray[np.float32], NDArray[np.float32]]  # [C, D], [C]
Verdict = Literal["identical", "equal within tolerance", "different", "not retrained"]


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
    before, after = len(saved.curves) - 1, len(new.curves) - 1
    if before != after:
        return Comparison("different", f"it had {before} iterations, and has now {after}")
    first = _first_difference(saved.curves, new.curves)
    if not first and _same_weights(saved.weights, new.weights, tolerance=0):
        return Comparison("identical")
    where = first or "the curves are identical, the weights are not"
    close = all(
        _same(getattr(saved.curves, name), getattr(new.curves, name), *tolerances)
        for name, tolerances in CURVE_TOLERANCES.items()
    ) and _same_weights(saved.weights, new.weights, tolerance=WEIGHT_TOLERANCE)
    return Comparison("equal within tolerance" if close else "different", where)


def _first_difference(saved: Curves, new: Curves) -> str:
    """In words; empty when the curves are identical."""
    differences = []
    for field in fields(Curves):
        a, b = getattr(saved, field.name), getattr(new, field.name)
        rows = np.flatnonzero((a != b) & ~(np.isnan(a) & np.isnan(b)))
        differences += [(int(row), field.name, a[row], b[row]) for row in rows[:1]]
    if not differences:
        return ""
    row, name, was, now = min(differences)
    return f"first at iteration {row}: {name} was {_text(was)}, and is now {_text(now)}"


def _same_weights(saved: Weights | None, new: Weights | None, *, tolerance: float) -> bool:
    if saved is None or new is None:
        return saved is new
    return all(
        a.shape == b.shape and _same(a, b, tolerance, tolerance)
        for a, b in zip(saved, new, strict=True)
    )


def _same(a: NDArray[Any], b: NDArray[Any], relative: float, absolute: float) -> bool:
    return np.allclose(a, b, rtol=relative, atol=absolute, equal_nan=True)


def _text(value: Any) -> str:
    return "nothing" if np.isnan(value) else str(value)
