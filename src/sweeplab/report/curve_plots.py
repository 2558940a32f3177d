"""The figures of training: every run, facets, and where in training runs were at their best."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from sweeplab.figures import best_iteration, training
from sweeplab.figures.bands import EVALUATED, seed_bands
from sweeplab.figures.learning_curves import draw_facets
from sweeplab.figures.overview import draw_overview
from sweeplab.figures.plot import Plot
from sweeplab.figures.slices import held_at, levels, thinned
from sweeplab.report.captions import above_limit, bands_note, curves_note
from sweeplab.report.material import Material
from sweeplab.sweeps.settings import ranked
from sweeplab.words import (
    count,
    knob_name,
    listed,
    number,
    setting_text,
)

MOST_FACETS = 12


def curve_plots(m: Material) -> Iterator[Plot]:
    """Every run's curves, and the accuracy in facets."""
    runs = m.sweep.runs
    if not len(m.points):
        return
    if len(runs) == 1:
        yield from _single(m)
        return
    order = ranked(m.sweep.settings)
    top = {
        int(row["setting"]): setting_text(row, m.sweep.knobs, short=True) or "mean over seeds"
        for row in order.head(3).to_dict("records")
    }
    finals = runs["final_val_accuracy"].dropna()
    named = "best setting" if len(top) == 1 else f"{len(top)} settings with the highest mean"
    yield Plot(
        "overview",
        "Every run",
        draw_overview(m.points, top, m.x),
        f"All {count(m.points.groupby(['sweep', 'run']).ngroups, 'run')} in grey"
        + (f"; in colour the {named}. {bands_note(order.head(3)['n'])}" if top else ".")
        + above_limit(m.points, "val_loss"),
        f"Validation accuracy at the end of training: from {number(finals.min())} to "
        f"{number(finals.max())}, median {number(finals.median())}."
        if len(finals)
        else "No run came to the end of its training.",
    )
    if not top:
        return
    yield from _facets(m)


def _facets(m: Material) -> Iterator[Plot]:
    names = m.sweep.knobs
    if len(names) < 2:
        return
    hue = "optimizer.lr" if "optimizer.lr" in names else names[0]
    others = sorted((k for k in names if k != hue), key=lambda k: len(levels(m.points, k)))
    facets = [others[0]]
    if len(others) > 1 and len(levels(m.points, others[0])) * len(levels(m.points, others[1])) <= (
        MOST_FACETS
    ):
        facets = [key for key in names if key in others[:2]]
    here = held_at(m.points, m.at, names, [hue, *facets])
    here = here[here["status"] == "completed"]
    here = here[here[hue].isin(thinned(levels(here, hue), [m.at[hue]]))]
    combinations = here[facets].drop_duplicates().sort_values(facets).to_dict("records")
    cells = thinned(combinations, [{k: m.at[k] for k in facets}], MOST_FACETS)
    cells = [{str(key): value for key, value in cell.items()} for cell in cells]
    bands = seed_bands(here, [hue, *facets], m.x, EVALUATED)
    rest = setting_text(m.at, [k for k in names if k not in (hue, *facets)])
    last = bands.sort_values(m.x).groupby([*facets, hue], sort=True).last().reset_index()
    left_out = len(combinations) - len(cells)
    yield Plot(
        "facets",
        f"Accuracy during training, by {listed([knob_name(k) for k in (*facets, hue)])}",
        draw_facets(bands, hue, facets, cells, m.x),
        (f"With {rest}. " if rest else "")
        + "Solid: validation; dashed: training, without its band. "
        + bands_note(bands["n"])
        + curves_note(bands, [*facets, hue], m.x)
        + (f" {count(left_out, 'panel')} left out." if left_out else ""),
        "Validation accuracy at the end: "
        + "; ".join(
            f"{setting_text(r, [*facets, hue])}: {number(r['val_accuracy'])}"
            for r in last.to_dict("records")
        )
        + ".",
    )


def _single(m: Material) -> Iterator[Plot]:
    run = m.sweep.runs.iloc[0]
    stopped = None if pd.isna(run["diverged_at"]) else int(run["diverged_at"])
    about = setting_text(run.to_dict(), ["batch_size", "optimizer.lr"])
    yield Plot(
        "loss",
        "Loss",
        training.draw_loss(m.sweep.curves, f"Loss ({about})", stopped),
        "The loss of each batch, faint, and of the whole training and validation set.",
        f"Validation loss at the end: {number(run['final_val_loss'])}; training loss: "
        f"{number(run['final_train_loss'])}.",
    )
    yield Plot(
        "accuracy",
        "Accuracy",
        training.draw_accuracy(m.sweep.curves, f"Accuracy ({about})", stopped),
        "Accuracy on the whole training and validation set during training.",
        f"Validation accuracy at the end: {number(run['final_val_accuracy'])}; training accuracy: "
        f"{number(run['final_train_accuracy'])}.",
    )


def length_plots(m: Material) -> Iterator[Plot]:
    """Where in training the best iterations fell."""
    table = best_iteration.best_shares(m.sweep.runs)
    total = int(table["runs"].sum())
    if total < 2:
        return
    last = int(table["runs"].iloc[-1])
    early = int(table["runs"].iloc[:5].sum())
    yield Plot(
        "best-iteration",
        "When each run was at its best",
        best_iteration.draw_best_iteration(table),
        "The iteration of each completed run's highest validation accuracy, the earliest of "
        "equals, as a share of its training. All at the end: train longer. All early: stop "
        "sooner, or regularise.",
        f"Of {count(total, 'completed run')}, {last} were best at the very last iteration and "
        f"{early} in the first half of training.",
    )
