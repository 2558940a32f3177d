"""Where a sweep's runs were made: what they share, and where they differ."""

from __future__ import annotations

from collections import Counter

from sweeplab.report.page.pieces import Facts
from sweeplab.report.text.merged import environments
from sweeplab.sweeps.tables import CONFIG, Sweep
from sweeplab.words import count, knob_name, value_text

MOST_VALUES = 4


def provenance(sweep: Sweep) -> list[Facts]:
    """The fixed configuration, the data, and the environments of a sweep's runs."""
    runs = sweep.runs
    fixed = [
        (knob_name(key), value_text(runs[key].iloc[0]))
        for key in CONFIG
        if key != "seed" and runs[key].nunique() == 1
    ]
    fixed.append(("seeds", ", ".join(map(str, runs["seed"].unique()))))
    data = [
        (str(name), _tally(rows["data_checksum"].tolist()))
        for name, rows in runs.groupby("data.name", sort=False)
    ]
    made = [
        (str(name).replace(".", " "), _tally(texts.dropna().tolist()))
        for name, texts in environments(sweep).items()
    ]
    return [
        Facts("The same for every run", fixed),
        Facts("Data checksums (SHA-256 of the images and labels used)", data),
        Facts("Training", _training(sweep)),
        Facts("Environment", made),
    ]


def _training(sweep: Sweep) -> list[tuple[str, str]]:
    runs = sweep.runs
    finished = ("finished", f"{runs['finished'].min()} to {runs['finished'].max()}")
    timed = runs.dropna(subset=["stack_seconds", "stack_runs"])
    if not len(timed):
        return [finished]
    shares = 1 / timed["stack_runs"].astype(float)
    seconds = float((timed["stack_seconds"] * shares).sum())
    time = (
        f"{seconds:.1f} s of training for {count(len(timed), 'run')}, which were trained in "
        f"{count(round(float(shares.sum())), 'stack')}"
    )
    return [finished, ("time", time)]


def _tally(values: list[str]) -> str:
    """The one value that all runs have, or the most frequent ones with their runs."""
    tally = Counter(values)
    if len(tally) == 1:
        return values[0]
    shown = [f"{value} ({count(n, 'run')})" for value, n in tally.most_common(MOST_VALUES)]
    more = len(tally) - len(shown)
    return "; ".join(shown) + (f"; and {count(more, 'other')}" if more else "")
