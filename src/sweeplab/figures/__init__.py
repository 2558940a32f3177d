"""The report's figures: each a function from a tidy frame to a matplotlib ``Figure``.

What a figure shows is computed by a function of its own, apart from the drawing, and is what the
tests look at. With ``sweep = sweeplab.load_sweep(...)`` and a knob such as ``"optimizer.lr"``:

- ``draw_knob(axis_points(sweep.runs, knob), isolation(sweep.settings, knob), knob)``
- ``draw_heatmaps(sweep.settings, pairs(sweep.knobs))``
- ``draw_parallel(sweep.settings, sweep.knobs, None)``
- ``draw_best_iteration(best_shares(sweep.runs))``
- ``draw_importance(importance_table(analysis(sweep)))``, with ``analysis`` and
  ``importance_table`` of :mod:`sweeplab.report`
- ``draw_train_size(size_table(sweep.runs, at, sweep.knobs))``
- ``draw_overview(points, {setting: label}, "iteration")``, of
  ``points = evaluations(sweep.runs.assign(setting=...), sweep.curves, ["setting"])``
- ``draw_by_knob(bands, knob, "iteration")`` and ``draw_facets``, of
  ``bands = seed_bands(held_at(points, at, sweep.knobs, [knob]), [knob], "iteration", EVALUATED)``
- ``draw_batch_size({"epochs": bands, ...}, best_rates(sweep.settings, at, sweep.knobs))``
- ``draw_loss(sweep.curves, title)`` and ``draw_accuracy`` for a single run
- ``draw_templates``, ``draw_confusion``, ``draw_wrong`` and ``draw_first_images`` of ``Images``,
  which ``read_images`` finds in a sweep's folder ``images``

``at`` is a setting (a row of ``sweep.settings`` as a dict) whose values the other knobs keep.
Names are imported when first used: drawing waits for matplotlib, reading tables does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "bands": ["EVALUATED", "evaluations", "seed_bands"],
    "batch_size": ["best_rates", "draw_batch_size"],
    "best_iteration": ["best_shares", "draw_best_iteration"],
    "heatmaps": ["draw_heatmaps", "pair_table", "pairs"],
    "images": [
        *("Images", "confusion", "draw_confusion", "draw_first_images", "draw_templates"),
        *("draw_wrong", "most_wrong", "probabilities", "read_images"),
    ],
    "importance": ["draw_importance"],
    "knobs": ["axis_points", "draw_knob", "isolation"],
    "learning_curves": ["draw_by_knob", "draw_facets"],
    "overview": ["draw_overview"],
    "parallel": ["coordinates", "draw_parallel"],
    "slices": ["best_over_others", "held_at", "levels"],
    "train_size": ["draw_train_size", "size_table"],
    "training": ["draw_accuracy", "draw_loss"],
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
