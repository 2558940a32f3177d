"""The comparison of two sides: its sentences, its figures, its table, and the page of them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sweeplab.config import KNOBS
from sweeplab.figures.plots import differences
from sweeplab.provenance import matters
from sweeplab.report.page.comparison import Answered, ComparisonPage, render_comparison
from sweeplab.report.page.pieces import Column, Table
from sweeplab.report.page.plots import FigureFiles
from sweeplab.report.text.compared import compared, values_text
from sweeplab.report.text.merged import environments
from sweeplab.runs.durable import make_folder
from sweeplab.runs.files import write_text
from sweeplab.statistics.paired import MEASURES, Paired
from sweeplab.statistics.versus import Part, versus
from sweeplab.sweeps.comparable import validation_set
from sweeplab.sweeps.settings import REPLICATES, count_statuses
from sweeplab.sweeps.sides import Side, apart
from sweeplab.terminal import shown
from sweeplab.words import (
    capital,
    change,
    count,
    examples,
    knob_name,
    listed,
    number,
    speaking_of,
    value_text,
)

PAGE = "comparison.html"
TABLE = "differences.csv"
MOST_ROWS = 500
NAMES = {
    "final_val_accuracy": "validation accuracy",
    "final_val_loss": "validation loss",
    "final_train_accuracy": "training accuracy",
    "final_train_loss": "training loss",
}
# Of where runs were made, what every run has its own of, or what changes none.
UNKNOWN = "not noted"
UNTOLD = ("command", "threads", "cpus")


@dataclass(frozen=True)
class Comparison:
    """What came of it."""

    page: Path
    sentences: list[str]  # for the terminal


def build_comparison(
    left: Side, right: Side, out: Path, *, formats: Sequence[str] = ("svg", "png")
) -> Comparison:
    """Compare B, the right side, with A, and write the page, its figures and its table to ``out``.

    Raises:
        StorageError: they cannot be written.
    """
    names = [*left.runs["data.name"], *right.runs["data.name"]]
    with speaking_of(names):
        return _build(left, right, out, formats)


def _build(left: Side, right: Side, out: Path, formats: Sequence[str]) -> Comparison:
    parts = versus(left, right)
    places = _places(left, right)
    code = [
        f"{name} is {a} in A, {b} in B"
        for name, a, b in places
        if _counts(name) and UNKNOWN not in (a, b)
    ]
    make_folder(out)
    files = FigureFiles(out / "figures", formats)
    answers, rows = [], []
    several = len(parts) > 1
    for place, part in enumerate(parts):
        if part.found is None:
            continue
        other = ["the data are other data: their checksums differ"] if part.other_data else []
        said = compared(part.found, part.differ, [*other, *code])
        prefix = f"{place + 1}-" if several else ""
        drawn = [files.write(plot, prefix, prefix) for plot in differences.plots(part.found)]
        answers.append(Answered(part.name if several else "", said, drawn, _tables(part, prefix)))
        rows.append(part.found.pairs.assign(validation_set=part.name))
    files.remove_stale()
    table = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()
    dropped = ["left", "right", *([] if several else ["validation_set"])]
    text = table.drop(columns=dropped, errors="ignore").to_csv(index=False, lineterminator="\n")
    write_text(out / TABLE, text)
    notes = _notes(left, right, parts)
    page = ComparisonPage(
        title=f"{_name(left)} and {_name(right)}",
        sides=[_described("A", left), _described("B", right)],
        answers=answers,
        notes=notes,
        differ=[*_knobs(left, right), *places],
        same=_same(left, right),
    )
    path = out / PAGE
    write_text(path, render_comparison(page))
    sentences = [f"{letter}: {folder} ({what})" for letter, folder, what in page.sides]
    for answer in answers:
        on = f"On {answer.name}: " if answer.name else ""
        sentences += [f"{on}{answer.said.lead}", *answer.said.findings, *answer.said.cautions]
    return Comparison(path, [*sentences, *notes])


def _name(side: Side) -> str:
    return f"run {side.run}" if side.run else side.name


def _described(letter: str, side: Side) -> tuple[str, str, str]:
    folder = str(shown(side.sweep.path / side.run if side.run else side.sweep.path))
    runs = count_statuses(side.runs)
    return letter, folder, f"and those of its setting, {runs}" if side.run else runs


def _places(left: Side, right: Side) -> list[tuple[str, str, str]]:
    """Where and by what the sides were trained, as far as that differs."""
    frames = [environments(side.sweep)[side.rows] for side in (left, right)]
    found = []
    for name in dict.fromkeys([*frames[0].columns, *frames[1].columns]):
        sides = [sorted(frame[name].dropna().unique()) if name in frame else [] for frame in frames]
        if sides[0] != sides[1] and str(name).split(".", maxsplit=1)[0] not in UNTOLD:
            a, b = (listed([_short(text) for text in side]) or UNKNOWN for side in sides)
            found.append((str(name).removeprefix("packages.").replace(".", " "), a, b))
    return found


def _short(text: str) -> str:
    return text[:12] if len(text) == 40 and text.isalnum() else text  # of a commit


def _counts(name: str) -> bool:
    """Whether an entry of :func:`_places` may change results: the commit stands for the code."""
    return matters(name) or name == "git commit"


def _knobs(left: Side, right: Side) -> list[tuple[str, str, str]]:
    rows = [
        (knob_name(each.key), values_text(each.left), values_text(each.right))
        for each in apart(left.runs, right.runs)
    ]
    for key in REPLICATES:
        a, b = (sorted(side.runs[key].unique().tolist()) for side in (left, right))
        if a != b:
            rows.append((f"{knob_name(key)}s", values_text(a), values_text(b)))
    sums = [set(side.runs["data_checksum"]) for side in (left, right)]
    if not sums[0] & sums[1]:
        a, b = (sorted(one[:12] for one in sum_)[:3] for sum_ in sums)
        rows.append(("data checksum", listed(a), listed(b)))
    return rows


def _same(left: Side, right: Side) -> str:
    differ = {each.key for each in apart(left.runs, right.runs)}
    same = [
        f"{knob_name(key)} {value_text(left.runs[key].iloc[0])}"
        for key, known in KNOBS.items()
        if known.role == "knob"
        and key not in differ
        and left.runs[key].nunique() == 1
        and left.runs[key].iloc[0] != known.off
    ]
    return f"The same in both: {listed(same)}." if same else ""


def _notes(left: Side, right: Side, parts: Sequence[Part]) -> list[str]:
    """On what cannot be compared."""
    notes = []
    if not parts:
        sets = [listed(sorted(validation_set(side.runs).unique())) for side in (left, right)]
        if sets[0] == sets[1]:  # each needs more words beside the other
            both = pd.concat([left.runs, right.runs], ignore_index=True)
            labels = validation_set(both)
            sets = [
                listed(sorted(part.unique()))
                for part in (labels[: len(left.runs)], labels[len(left.runs) :])
            ]
        notes.append(
            f"They were validated on different {examples()}, so their accuracies do not "
            f"compare: A on {sets[0]}, B on {sets[1]}."
        )
    notes += [
        f"On {part.name}, both ask for the same validation {examples()} and had different ones: "
        "their accuracies do not compare."
        for part in parts
        if part.found is None
    ]
    return notes


def _tables(part: Part, prefix: str) -> list[Table]:
    found = part.found
    if found is None or not len(found.pairs):
        return []
    of = f" on {part.name}" if prefix else ""
    tables = [_measures(found, f"{prefix}measures", f"Other measures{of}")]
    if len(found.pairs) > 1:
        tables.insert(0, _pairs(found, f"{prefix}settings", f"Settings{of}"))
    return tables


def _pairs(found: Paired, key: str, title: str) -> Table:
    table = found.pairs.sort_values("difference", ascending=False, kind="stable")
    by = [
        change(*row) for row in zip(table["difference"], table["low"], table["high"], strict=True)
    ]
    clear = ["clear" if each else "may be chance" for each in table["clear"]]
    table = table.assign(by=by, words=clear, mark="")
    columns = [
        *(Column(knob_name(name), name, value_text) for name in differences.knobs_of(found.pairs)),
        Column("A", "A", number, "mean validation accuracy after the last iteration"),
        Column("B", "B", number, "mean validation accuracy after the last iteration"),
        Column("B less A", "by", hint="with a 95 % interval; all hold at once"),
        Column("that is", "words"),
        Column("n", "seeds", hint="pairs of seeds, or of training sets"),
    ]
    more = len(table) - MOST_ROWS
    intro = "Every setting that both have, the largest difference first."
    if more > 0:
        intro += f" {count(more, 'more setting')} in {TABLE}."
    return Table(key, title, intro, columns, table.head(MOST_ROWS), "mark")


def _measures(found: Paired, key: str, title: str) -> Table:
    rows = found.measures.loc[list(MEASURES)]
    table = rows.assign(name=[capital(NAMES[name]) for name in rows.index], mark="")
    table["by"] = [_signed(b - a) for a, b in rows[["A", "B"]].to_numpy()]
    columns = [
        Column("measure", "name"),
        Column("A", "A", number),
        Column("B", "B", number),
        Column("B less A", "by"),
    ]
    intro = "After the last iteration, means over the pairs; losses in nats."
    return Table(key, title, intro, columns, table, "mark")


def _signed(difference: float) -> str:
    rounded = round(float(difference), 3) or 0.0  # never −0.000
    return f"{rounded:{'+' if rounded else ''}.3f}".replace("-", "−")
