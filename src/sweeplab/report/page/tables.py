"""The page's tables: settings, what each knob does, and runs that did not complete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from sweeplab.figures.slices import thinned
from sweeplab.report.page.pieces import Column, Effect, Table, command
from sweeplab.statistics import Analysis
from sweeplab.sweeps.settings import DRAW, ranked, setting_numbers
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import (
    capital,
    change,
    count,
    knob_name,
    number,
    over_training,
    parts_of,
    value_text,
)

MOST_ROWS = 500
MOST_RUNS = 12  # named in one cell
MOST_VALUES = 9  # of a knob


def settings_table(sweep: Sweep, analysis: Analysis, *, key: str, title: str) -> Table:
    """Every setting, the best first."""
    order = ranked(sweep.settings)
    table = pd.concat([order, sweep.settings.drop(order.index)])
    standing = dict.fromkeys(analysis.could_be_best, "could be the best") | {
        analysis.recommended: "recommended"
    }
    table["standing"] = [standing.get(setting, "") for setting in table["setting"]]
    table["rank"] = range(1, len(table) + 1)
    names: dict[Any, list[str]] = {}
    for setting, run in zip(
        setting_numbers(sweep.runs, sweep.knobs), sweep.runs["run"], strict=True
    ):
        names.setdefault(setting, []).append(str(run))
    table["names"] = [_names(names[setting]) for setting in table["setting"]]
    over = over_training(zip(sweep.runs["eval_train"], sweep.runs["data.train_size"], strict=True))
    after = f"after the last iteration, mean{f', {over}' if over else ''}"
    columns = [
        Column("rank", "rank"),
        _metric(
            "validation accuracy",
            "final_val_accuracy",
            f"after the last iteration, mean over completed {sweep.replicates}",
        ),
        _metric(
            "±", "half_width", f"half the 95 % t interval of that mean over {sweep.replicates}"
        ),
        *_knobs(sweep),
        Column("standing", "standing"),
        Column("n", "n", hint=f"completed {sweep.replicates}"),
        _metric("training accuracy", "final_train_accuracy", after),
        _metric("gap", "gap", "training less validation accuracy"),
        _metric("validation loss", "final_val_loss", "after the last iteration, mean, nats"),
        _metric(
            "at best iteration",
            "best_val_accuracy",
            "validation accuracy at each run's best iteration, mean",
        ),
        *(
            Column(status, status, hint="runs")
            for status in ("diverged", "failed")
            if table[status].any()
        ),
        Column("runs", "names", hint="their folders within the sweep's"),
    ]
    intro = Markup(
        "A setting is a configuration without its seed. Ranked by the mean validation accuracy "
        "after the last iteration, over the {} that completed. To train a run again: {}"
    ).format(sweep.replicates, command(str(sweep.runs["folder"].iloc[0])))
    if left_out := len(table) - MOST_ROWS:
        intro += f" {count(left_out, 'more setting')} only in runs.csv." if left_out > 0 else ""
    return Table(key, title, intro, columns, table.head(MOST_ROWS), "standing", "Settings")


def _names(runs: list[str]) -> str:
    more = len(runs) - MOST_RUNS
    return ", ".join(runs[:MOST_RUNS]) + (f" and {more:,} more" if more > 0 else "")


def effect_tables(analysis: Analysis, said: Mapping[str, str]) -> list[Effect]:
    """What each knob does: the best that each of its values allows, against the best of all.

    Args:
        analysis: of a part.
        said: a sentence a knob, by its key.
    """
    tables = []
    for knob, values in analysis.effects.groupby("knob", sort=False):
        every = values.to_dict("records")
        # A search tries as many values as settings.
        shown = thinned(every, [row for row in every if row["top"]], MOST_VALUES)
        rows = [
            (
                value_text(row["value"]),
                number(row["best_mean"]),
                ""
                if row["top"] or pd.isna(row["difference"])
                else change(row["difference"], row["low"], row["high"]),
                "the best"
                if row["top"]
                else "no setting ran to the end"
                if pd.isna(row["best_mean"])
                else "worse"
                if row["clear"]
                else "no clear difference",
            )
            for row in shown
        ]
        if left_out := len(values) - len(rows):
            rows.append((f"{left_out:,} more", "", "", ""))
        tables.append(Effect(capital(knob_name(str(knob))), said.get(str(knob), ""), rows))
    return tables


def trouble_table(sweep: Sweep) -> Table | None:
    """The runs that failed or diverged, with the reason; None if there are none."""
    bad = sweep.runs[sweep.runs["status"] != "completed"]
    if not len(bad):
        return None
    bad = bad.sort_values("status", ascending=False, kind="stable").head(MOST_ROWS)
    stopped = "loss not finite at iteration " + bad["diverged_at"].astype("str")
    reason = stopped.where(bad["status"] == "diverged", bad["error"].fillna("unknown"))
    columns = [
        *_which(sweep),
        Column("reason", "reason", Markup('<span class="wrap">{}</span>').format),
        Column("train it again", "folder", command),
    ]
    intro = (
        "A diverged run's loss stopped being finite: a result, and counted as such. A failed run "
        "ended with an error; the same command with the same sweep folder trains it again."
    )
    frame = bad.assign(reason=reason)
    return Table("trouble", "Failed and diverged runs", intro, columns, frame, "status")


def _which(sweep: Sweep) -> list[Column]:
    """What a run is called, and what it was asked to do."""
    return [
        *([Column("sweep", "sweep")] if sweep.runs["sweep"].nunique() > 1 else []),
        Column("run", "run", hint="its folder within the sweep's"),
        Column("status", "status"),
        *_knobs(sweep),
        Column("seed", "seed"),
        *([Column("draw", DRAW)] if sweep.runs[DRAW].nunique() > 1 else []),
    ]


def _knobs(sweep: Sweep) -> list[Column]:
    parts = [part for knob in sweep.knobs for part in parts_of(knob)]
    return [Column(knob_name(part), part, value_text) for part in parts]


def _metric(title: str, name: str, hint: str) -> Column:
    return Column(title, name, lambda value: number(value, 4), hint)
