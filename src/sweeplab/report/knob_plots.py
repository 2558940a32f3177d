"""The figures of the knobs: alone, in pairs, all together, and two with questions of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from sweeplab.figures import batch_size, heatmaps, knobs, parallel
from sweeplab.figures import train_size as sizes
from sweeplab.figures.bands import EVALUATED, seed_bands
from sweeplab.figures.importance import draw_importance
from sweeplab.figures.learning_curves import draw_by_knob
from sweeplab.figures.plot import Plot
from sweeplab.figures.slices import held_at, levels, thinned
from sweeplab.report.captions import (
    above_limit,
    bands_note,
    bars_note,
    curves_note,
    diverged_note,
)
from sweeplab.report.material import Material
from sweeplab.report.text.importance import importance_note, importance_table
from sweeplab.statistics import Analysis
from sweeplab.sweeps.settings import METRIC
from sweeplab.words import (
    count,
    knob_name,
    listed,
    number,
    percent,
    plus_minus,
    setting_text,
    value_text,
)


def importance_plots(analysis: Analysis) -> Iterator[Plot]:
    """How much each knob mattered, where that is known."""
    table = importance_table(analysis)
    if table.empty:
        return
    yield Plot(
        "importance",
        "Shares of the differences between runs",
        draw_importance(table),
        importance_note(analysis),
        "; ".join(
            f"{row['name']}: {percent(row['share'])}"
            + (f" ({percent(row['low'])} to {percent(row['high'])})" if row["low"] >= 0 else "")
            for row in table.sort_values("share", ascending=False).to_dict("records")
        )
        + ".",
    )


def knob_plots(m: Material) -> Iterator[Plot]:
    """For each knob, accuracy against it and learning curves by it."""
    for key in m.sweep.knobs:
        points = knobs.axis_points(m.sweep.runs, key)
        best = knobs.isolation(m.sweep.settings, key)
        name, slug = knob_name(key), key.replace(".", "-")
        by_mean = best.sort_values("mean", kind="stable")
        low, top = by_mean.iloc[0], by_mean.iloc[-1]
        said = (
            f"It goes from {number(low['mean'])} at {value_text(low['value'])} to "
            f"{number(top['mean'])} at {value_text(top['value'])}."
            if len(best) > 1
            else f"Only {name} = {value_text(top['value'])} has completed runs."
        )
        others = len(m.sweep.knobs) > 1
        yield Plot(
            f"knob-{slug}",
            f"Accuracy against {name}",
            knobs.draw_knob(points, best, key, alone=not others),
            f"Left: every run at its {name}, its validation accuracy after training. "
            + (
                "Right: for each value its best setting, the other knobs free"
                if others
                else "Right: the mean of each value"
            )
            + f"{bars_note(best['n'])}. {said}"
            + diverged_note(points),
            f"Final validation accuracy of the best setting for each {name}: "
            + "; ".join(
                f"{value_text(r['value'])}: {plus_minus(r['mean'], r['half_width'])}"
                for r in best.to_dict("records")
            )
            + ".",
        )
        yield from _slice(m, key)


def _slice(m: Material, key: str) -> Iterator[Plot]:
    here = held_at(m.points, m.at, m.sweep.knobs, [key])
    here = here[here["status"] == "completed"]
    shown = thinned(levels(here, key), [m.at[key]])
    if len(shown) < 2:
        return
    x = "examples" if key == "batch_size" and m.x == "epochs" else m.x
    bands = seed_bands(here[here[key].isin(shown)], [key], x, EVALUATED)
    last = bands.groupby(key, sort=True).last()
    rest = setting_text(m.at, [k for k in m.sweep.knobs if k != key])
    left_out = len(levels(here, key)) - len(shown)
    yield Plot(
        f"curves-{key.replace('.', '-')}",
        f"Learning curves by {knob_name(key)}",
        draw_by_knob(bands, key, x),
        (f"With {rest}. " if rest else "")
        + bands_note(bands["n"])
        + above_limit(here, "train_loss")
        + curves_note(bands, [key], x)
        + (f" {count(left_out, 'value')} in between not drawn." if left_out else ""),
        f"At the end, by {knob_name(key)}: "
        + "; ".join(
            f"{value_text(value)}: training accuracy {number(row['train_accuracy'])}, validation "
            f"accuracy {number(row['val_accuracy'])}, validation loss {number(row['val_loss'])}"
            for value, row in last.iterrows()
        )
        + ".",
    )


def pair_plots(m: Material) -> Iterator[Plot]:
    """Heat maps of pairs, and parallel coordinates of three knobs or more."""
    names = m.sweep.knobs
    shown = heatmaps.pairs(names)
    if shown:
        missing = len(names) * (len(names) - 1) // 2 - len(shown)
        best = m.at
        yield Plot(
            "pairs",
            "Best accuracy for each pair of values",
            heatmaps.draw_heatmaps(
                m.sweep.settings, shown, m.analysis.recommended, m.analysis.could_be_best
            ),
            "Each cell is the mean final validation accuracy over seeds of the best setting with "
            "these two values"
            + (", the other knobs free. " if len(names) > 2 else ". ")
            + ("All panels share one colour scale. " if len(shown) > 1 else "")
            + "Bright is better; the colour follows the logarithm of the error rate, so that "
            "differences among good settings show"
            + (f"; {count(missing, 'further pair')} not drawn." if missing else ".")
            + (
                " Marked are the recommended setting's cell, of which it need not be the best, and "
                "those whose best setting is tied with it."
                if len(names) > 2
                else ""
            ),
            f"Heat maps of {listed([f'{knob_name(a)} by {knob_name(b)}' for a, b in shown])}. The "
            f"recommended setting is {setting_text(best, names)} with {number(best[METRIC])}.",
        )
    if len(names) >= 3:
        yield Plot(
            "parallel",
            "All settings through all knobs",
            parallel.draw_parallel(m.sweep.settings, names, m.analysis.recommended),
            "One line a setting, from its values to its mean final validation accuracy. Where "
            "bright lines gather on an axis, that value is in the best settings. Lines are moved "
            "apart a little so that they do not hide one another.",
            f"{count(len(m.sweep.settings), 'setting')}; mean final validation accuracy from "
            f"{number(m.sweep.settings[METRIC].min())} to "
            f"{number(m.sweep.settings[METRIC].max())}.",
        )


def train_size_plots(m: Material) -> Iterator[Plot]:
    """Accuracy and gap against the training-set size, where that was swept."""
    if sizes.SIZE not in m.sweep.knobs:
        return
    table = sizes.size_table(m.sweep.runs, m.at, m.sweep.knobs)
    if table[sizes.SIZE].nunique() < 2:
        return
    fixed = [k for k in m.sweep.knobs if k not in (sizes.SIZE, sizes.DECAY)]
    rest = setting_text(m.at, fixed)
    decay = sizes.DECAY in table
    yield Plot(
        "train-size",
        "What more training images bring",
        sizes.draw_train_size(table),
        (f"With {rest}. " if rest else "")
        + f"Accuracies at the end of training, means over seeds{bars_note(table['n'])}. The gap is "
        "what the model knows of its training images that it cannot use on others: "
        + _gap_text(table[table[sizes.DECAY] == m.at[sizes.DECAY]] if decay else table)
        + (f", at weight decay {value_text(m.at[sizes.DECAY])}." if decay else "."),
        "By number of training images: "
        + "; ".join(
            f"{value_text(r[sizes.SIZE])}"
            + (f" at weight decay {value_text(r[sizes.DECAY])}" if decay else "")
            + f": training {number(r['final_train_accuracy'])}, validation "
            f"{number(r['final_val_accuracy'])}, gap {number(r['gap'])}"
            for r in table.to_dict("records")
        )
        + ".",
    )


def _gap_text(table: pd.DataFrame) -> str:
    ends = table.sort_values(sizes.SIZE).iloc[[0, -1]].to_dict("records")
    return " and ".join(
        f"{number(row['gap'])} with {value_text(row[sizes.SIZE])} images" for row in ends
    )


def batch_size_plots(m: Material) -> Iterator[Plot]:
    """Batch sizes on three clocks, where they were swept."""
    if batch_size.BATCH not in m.sweep.knobs:
        return
    best = batch_size.best_rates(m.sweep.settings, m.at, m.sweep.knobs)
    if len(best) < 2:
        return
    best = best[best[batch_size.BATCH].isin(thinned(levels(best, batch_size.BATCH)))]
    here = m.points[m.points["setting"].isin(best["setting"])]
    clocks = {
        x: seed_bands(here, [batch_size.BATCH], x, ["val_accuracy"])
        for x in ("iteration", "epochs", "examples")
    }
    rated = batch_size.RATE in m.sweep.knobs
    fixed = [k for k in m.sweep.knobs if k not in (batch_size.BATCH, batch_size.RATE)]
    rest = setting_text(m.at, fixed)
    yield Plot(
        "batch-size",
        "Batch size on three clocks",
        batch_size.draw_batch_size(clocks, best),
        (f"With {rest}. " if rest else "")
        + (
            "Each size at its own best learning rate, because the rate that suits one batch size "
            "need not suit another. "
            if rated
            else ""
        )
        + "Against iterations large batches have an advantage, as they see more examples in each; "
        "against epochs and examples small ones have it, as they make more updates. "
        + bands_note(clocks["iteration"]["n"])
        + curves_note(clocks["epochs"], [batch_size.BATCH], "epochs"),
        "Final validation accuracy by batch size: "
        + "; ".join(
            f"{value_text(r[batch_size.BATCH])}"
            + (f" at learning rate {value_text(r[batch_size.RATE])}" if rated else "")
            + f": {plus_minus(r[METRIC], r['half_width'])}"
            for r in best.to_dict("records")
        )
        + ".",
    )
