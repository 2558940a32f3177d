"""The page's tables: settings, runs, and runs that did not complete."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from sweeplab.report.page.commands import command
from sweeplab.report.page.html import Column, Row, Table
from sweeplab.statistics import Analysis
from sweeplab.sweeps.settings import ranked
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, knob_name, number, value_text

# DataTables sorts a hyphen below all numbers.
NONE = "-"
MOST_ROWS = 2_000


def settings_table(sweep: Sweep, analysis: Analysis, *, key: str, title: str) -> Table:
    """Every setting, the best first."""
    order = ranked(sweep.settings)
    rest = sweep.settings[~sweep.settings["setting"].isin(order["setting"])]
    bad = [status for status in ("diverged", "failed") if sweep.settings[status].any()]
    rows = []
    for place, record in enumerate(_records(pd.concat([order, rest])), start=1):
        setting = int(record["setting"])
        standing = (
            "recommended"
            if setting == analysis.recommended
            else "tied"
            if setting in analysis.could_be_best
            else ""
        )
        rows.append(
            Row(
                [
                    str(place),
                    standing,
                    *(value_text(record[knob]) for knob in sweep.knobs),
                    _cell(record["final_val_accuracy"]),
                    _cell(record["half_width"]),
                    str(record["n"]),
                    _cell(record["final_train_accuracy"]),
                    _cell(record["gap"]),
                    _cell(record["final_val_loss"]),
                    _cell(record["best_val_accuracy"]),
                    *(str(record[status]) for status in bad),
                ],
                "recommended" if standing == "recommended" else "",
            )
        )
    columns = [
        Column("rank"),
        Column("standing"),
        *(Column(knob_name(knob)) for knob in sweep.knobs),
        Column("validation accuracy", "after the last iteration, mean over completed seeds"),
        Column("±", "half the 95 % t interval of that mean over seeds"),
        Column("n", "completed seeds"),
        Column("training accuracy", "after the last iteration, mean"),
        Column("gap", "training less validation accuracy"),
        Column("validation loss", "after the last iteration, mean, nats"),
        Column("at best iteration", "validation accuracy at each run's best iteration, mean"),
        *(Column(status, "runs") for status in bad),
    ]
    intro = (
        "A setting is a configuration without its seed. Ranked by the mean validation accuracy "
        "after the last iteration, over the seeds that completed."
    )
    return Table(key, title, intro, columns, rows[:MOST_ROWS])


def runs_table(sweep: Sweep) -> Table:
    """Every run, with the command that trains it again."""
    shown = sweep.runs.head(MOST_ROWS)
    several = sweep.runs["sweep"].nunique() > 1
    rows = [
        Row(
            [
                *([record["sweep"]] if several else []),
                record["run"],
                record["status"],
                *(value_text(record[knob]) for knob in sweep.knobs),
                str(record["seed"]),
                _cell(record["final_val_accuracy"]),
                _cell(record["final_train_accuracy"]),
                _cell(record["final_val_loss"]),
                _cell(record["best_val_accuracy"]),
                _whole(record["best_iteration"]),
                _whole(record["iterations"]),
                command(record["folder"], brief=True),
            ],
            "" if record["status"] == "completed" else "bad",
        )
        for record in _records(shown)
    ]
    columns = [
        *([Column("sweep")] if several else []),
        Column("run", "its folder within the sweep's"),
        Column("status"),
        *(Column(knob_name(knob)) for knob in sweep.knobs),
        Column("seed"),
        Column("validation accuracy", "after the last iteration"),
        Column("training accuracy", "after the last iteration"),
        Column("validation loss", "after the last iteration, nats"),
        Column("at best iteration", "validation accuracy at the best iteration"),
        Column("best iteration"),
        Column("iterations"),
        Column("train it again"),
    ]
    left_out = len(sweep.runs) - len(shown)
    intro = (
        f"{count(len(shown), 'run')}. “copy” takes the command, sweeplab reproduce and the run's "
        "folder, that trains it again from its saved configuration and compares curves and "
        "weights. All of it is in runs.csv and curves.parquet."
    )
    if left_out:
        intro += f" {count(left_out, 'more run')} only there."
    return Table("runs", "Runs", intro, columns, rows)


def trouble_table(sweep: Sweep) -> Table | None:
    """The runs that failed or diverged, with the reason; None if there are none."""
    bad = sweep.runs[sweep.runs["status"] != "completed"]
    if not len(bad):
        return None
    bad = bad.sort_values("status", ascending=False, kind="stable")
    rows = [
        Row(
            [
                record["run"],
                record["status"],
                *(value_text(record[knob]) for knob in sweep.knobs),
                str(record["seed"]),
                _reason(record),
                command(record["folder"]),
            ],
            "bad",
        )
        for record in _records(bad.head(MOST_ROWS))
    ]
    columns = [
        Column("run"),
        Column("status"),
        *(Column(knob_name(knob)) for knob in sweep.knobs),
        Column("seed"),
        Column("reason"),
        Column("train it again"),
    ]
    return Table(
        "trouble",
        "Failed and diverged runs",
        "A diverged run's loss stopped being finite: a result, and counted as such. A failed run "
        "ended with an error; the same command with the same sweep folder trains it again.",
        columns,
        rows,
    )


def _reason(record: dict[str, Any]) -> str | Markup:
    if record["status"] == "diverged":
        return f"loss not finite at iteration {_whole(record['diverged_at'])}"
    return Markup('<span class="wrap">{}</span>').format(escape(record["error"] or "unknown"))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _cell(value: Any) -> str:
    text = number(value, 4)
    return NONE if text == "–" else text


def _whole(value: Any) -> str:
    return NONE if pd.isna(value) else str(int(value))
