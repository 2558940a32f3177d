"""The page's tables: settings, runs, and runs that did not complete."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markupsafe import Markup

from sweeplab.report.page.commands import command
from sweeplab.report.page.pieces import Cell, Column, Record, Table
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
    table = pd.concat([order, rest])
    standing = dict.fromkeys(analysis.could_be_best, "tied") | {analysis.recommended: "recommended"}
    table["standing"] = [standing.get(setting, "") for setting in table["setting"]]
    table["rank"] = range(1, len(table) + 1)
    columns = [
        _as_it_is("rank"),
        _as_it_is("standing"),
        *_knobs(sweep),
        _metric(
            "validation accuracy",
            "final_val_accuracy",
            "after the last iteration, mean over completed seeds",
        ),
        _metric("±", "half_width", "half the 95 % t interval of that mean over seeds"),
        _as_it_is("n", "completed seeds"),
        _metric("training accuracy", "final_train_accuracy", "after the last iteration, mean"),
        _metric("gap", "gap", "training less validation accuracy"),
        _metric("validation loss", "final_val_loss", "after the last iteration, mean, nats"),
        _metric(
            "at best iteration",
            "best_val_accuracy",
            "validation accuracy at each run's best iteration, mean",
        ),
        *(_as_it_is(status, "runs") for status in ("diverged", "failed") if table[status].any()),
    ]
    intro = (
        "A setting is a configuration without its seed. Ranked by the mean validation accuracy "
        "after the last iteration, over the seeds that completed."
    )
    return Table(key, title, intro, columns, _records(table), _recommended, "Settings")


def runs_table(sweep: Sweep) -> Table:
    """Every run, with the command that trains it again."""
    columns = [
        *([_as_it_is("sweep")] if sweep.runs["sweep"].nunique() > 1 else []),
        _as_it_is("run", "its folder within the sweep's"),
        _as_it_is("status"),
        *_knobs(sweep),
        _as_it_is("seed"),
        _metric("validation accuracy", "final_val_accuracy", "after the last iteration"),
        _metric("training accuracy", "final_train_accuracy", "after the last iteration"),
        _metric("validation loss", "final_val_loss", "after the last iteration, nats"),
        _metric(
            "at best iteration", "best_val_accuracy", "validation accuracy at the best iteration"
        ),
        Column("best iteration", lambda run: _whole(run["best_iteration"])),
        Column("iterations", lambda run: _whole(run["iterations"])),
        Column("train it again", lambda run: command(run["folder"], brief=True)),
    ]
    records = _records(sweep.runs)
    left_out = len(sweep.runs) - len(records)
    intro = (
        f"{count(len(records), 'run')}. “copy” takes the command, sweeplab reproduce and the run's "
        "folder, that trains it again from its saved configuration and compares curves and "
        "weights. All of it is in runs.csv and curves.parquet."
    )
    if left_out:
        intro += f" {count(left_out, 'more run')} only there."
    return Table("runs", "Runs", intro, columns, records, _incomplete)


def trouble_table(sweep: Sweep) -> Table | None:
    """The runs that failed or diverged, with the reason; None if there are none."""
    bad = sweep.runs[sweep.runs["status"] != "completed"]
    if not len(bad):
        return None
    bad = bad.sort_values("status", ascending=False, kind="stable")
    columns = [
        *([_as_it_is("sweep")] if sweep.runs["sweep"].nunique() > 1 else []),
        _as_it_is("run"),
        _as_it_is("status"),
        *_knobs(sweep),
        _as_it_is("seed"),
        Column("reason", _reason),
        Column("train it again", lambda run: command(run["folder"])),
    ]
    intro = (
        "A diverged run's loss stopped being finite: a result, and counted as such. A failed run "
        "ended with an error; the same command with the same sweep folder trains it again."
    )
    title = "Failed and diverged runs"
    return Table("trouble", title, intro, columns, _records(bad), _incomplete)


def _as_it_is(name: str, hint: str = "") -> Column:
    return Column(name, lambda record: str(record[name]), hint)


def _metric(title: str, name: str, hint: str) -> Column:
    return Column(title, lambda record: _four(record[name]), hint)


def _knobs(sweep: Sweep) -> list[Column]:
    def column(knob: str) -> Column:
        return Column(knob_name(knob), lambda record: value_text(record[knob]))

    return [column(knob) for knob in sweep.knobs]


def _records(frame: pd.DataFrame) -> list[Record]:
    rows = frame.head(MOST_ROWS).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _recommended(setting: Record) -> str:
    return "recommended" if setting["standing"] == "recommended" else ""


def _incomplete(run: Record) -> str:
    return "" if run["status"] == "completed" else "bad"


def _reason(run: Record) -> Cell:
    if run["status"] == "diverged":
        return f"loss not finite at iteration {_whole(run['diverged_at'])}"
    return Markup('<span class="wrap">{}</span>').format(run["error"] or "unknown")


def _four(value: Any) -> str:
    return NONE if pd.isna(value) else number(value, 4)


def _whole(value: Any) -> str:
    return NONE if pd.isna(value) else str(int(value))
