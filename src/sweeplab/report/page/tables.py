"""The page's tables: settings, runs, and runs that did not complete."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
from markupsafe import Markup

from sweeplab.report.page.pieces import Column, Table, command
from sweeplab.statistics import Analysis
from sweeplab.sweeps.settings import DRAW, ranked
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, knob_name, number, parts_of, value_text

# DataTables sorts a hyphen below all numbers.
NONE = "-"
MOST_ROWS = 2_000


def settings_table(sweep: Sweep, analysis: Analysis, *, key: str, title: str) -> Table:
    """Every setting, the best first."""
    order = ranked(sweep.settings)
    table = pd.concat([order, sweep.settings.drop(order.index)])
    standing = dict.fromkeys(analysis.could_be_best, "tied") | {analysis.recommended: "recommended"}
    table["standing"] = [standing.get(setting, "") for setting in table["setting"]]
    table["rank"] = range(1, len(table) + 1)
    columns = [
        Column("rank", "rank"),
        Column("standing", "standing"),
        *_knobs(sweep),
        _metric(
            "validation accuracy",
            "final_val_accuracy",
            f"after the last iteration, mean over completed {sweep.replicates}",
        ),
        _metric(
            "±", "half_width", f"half the 95 % t interval of that mean over {sweep.replicates}"
        ),
        Column("n", "n", hint=f"completed {sweep.replicates}"),
        _metric("training accuracy", "final_train_accuracy", "after the last iteration, mean"),
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
    ]
    intro = (
        "A setting is a configuration without its seed. Ranked by the mean validation accuracy "
        f"after the last iteration, over the {sweep.replicates} that completed."
    )
    return Table(key, title, intro, columns, table.head(MOST_ROWS), "standing", "Settings")


def runs_table(sweep: Sweep) -> Table:
    """Every run, with the command that trains it again."""
    columns = [
        *_which(sweep),
        _metric("validation accuracy", "final_val_accuracy", "after the last iteration"),
        _metric("training accuracy", "final_train_accuracy", "after the last iteration"),
        _metric("validation loss", "final_val_loss", "after the last iteration, nats"),
        _metric(
            "at best iteration", "best_val_accuracy", "validation accuracy at the best iteration"
        ),
        Column("best iteration", "best_iteration", _whole),
        Column("iterations", "iterations", _whole),
        Column("train it again", "folder", partial(command, brief=True)),
    ]
    shown = sweep.runs.head(MOST_ROWS)
    intro = (
        f"{count(len(shown), 'run')}. “copy” takes the command, sweeplab reproduce and the run's "
        "folder, that trains it again from its saved configuration and compares curves and "
        "weights. All of it is in runs.csv and curves.parquet."
    )
    if left_out := len(sweep.runs) - len(shown):
        intro += f" {count(left_out, 'more run')} only there."
    return Table("runs", "Runs", intro, columns, shown, "status")


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
    return Column(title, name, lambda value: NONE if pd.isna(value) else number(value, 4), hint)


def _whole(value: Any) -> str:
    return NONE if pd.isna(value) else str(int(value))
