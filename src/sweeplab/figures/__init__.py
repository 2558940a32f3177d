"""Figures of a sweep for reports and notebooks, each a function that returns a matplotlib figure.

With ``sweep = sweeplab.load_sweep(...)`` and ``knob`` one of ``sweep.knobs``:

- ``learning_curves(sweep, hue="optimizer.lr", col="batch_size", x="epochs")``: small multiples
- ``knob(sweep, "optimizer.lr")``: accuracy against one knob
- ``heatmap(sweep, "optimizer.lr", "batch_size")``, and ``heatmaps(sweep)`` of all pairs
- ``importance(sweep)``: how much each knob mattered
- ``best_iteration(sweep)``: when in training runs were at their best
- ``train_size(sweep)`` and ``batch_size(sweep)``: the questions about these two knobs
- ``best_rate(sweep)`` and ``power_law(sweep)``: lines on logarithmic axes through their answers
- ``budget(sweep)``: what the uncertainty of the answer is made of
- ``early(sweep)`` and ``tries(sweep)``: what less training, or fewer settings, would have found
- ``halving(sweep)``: which settings a search stopped, and when
- ``templates(sweep)``, ``confusion(sweep)``, ``mistakes(sweep)``: one setting's model
- ``first_images(sweep)``: the first training images
- ``loss(sweep, "17")`` and ``accuracy(sweep, "17")``: one run's curves

A figure is its caller's to go on with: ``figure.axes`` has its axes, in the units of the data, and
``figure.savefig("name.pdf")`` writes it. Where a figure holds knobs fixed, ``setting`` is the
number in ``sweep.settings`` of the setting whose values they have; by default that of the highest
mean. Means carry 95 % t intervals over seeds. Names are imported when first used: drawing waits for
matplotlib, reading tables does not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from typing import Any

from sweeplab.words import speaking_of

# The functions that a file of figures/plots is named after, and those that share one.
_NAMES = (
    "batch_size best_iteration best_rate budget confusion early first_images halving heatmap "
    "importance knob learning_curves mistakes power_law templates train_size tries"
)
_HOME = {name: name for name in _NAMES.split()}
_HOME |= {"heatmaps": "heatmap", "loss": "training", "accuracy": "training"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return _speaking(getattr(import_module(f"{__name__}.plots.{_HOME[name]}"), name))


@cache
def _speaking(draw: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(draw)
    def drawn(sweep: Any, *args: Any, **kwargs: Any) -> Any:
        with speaking_of(sweep.runs.get("data.name", ())):  # a table of one's own has none
            return draw(sweep, *args, **kwargs)

    return drawn


def __dir__() -> list[str]:
    return sorted(_HOME)
