"""Where a sweep's runs were made: what they share, and where they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from sweeplab.report.text.merged import environments
from sweeplab.sweeps.settings import REPLICATES, SEED
from sweeplab.sweeps.tables import CONFIG, Sweep
from sweeplab.words import count, examples, knob_name, knob_value, some


def provenance(sweep: Sweep) -> dict[str, list[tuple[str, str]]]:
    """The fixed configuration, the data, and the environments of a sweep's runs, by heading."""
    runs = sweep.runs
    fixed = [key for key in CONFIG if key != SEED and runs[key].nunique() == 1]
    return {
        "The same for every run": [
            *((knob_name(key), knob_value(key, runs[key].iloc[0])) for key in fixed),
            *(
                (f"{knob_name(key)}s", ", ".join(map(str, runs[key].unique())))
                for key in REPLICATES
                if key == SEED or runs[key].nunique() > 1
            ),
        ],
        f"Data checksums (SHA-256 of the {examples()} and labels used)": [
            (str(name), _tally(checksums))
            for name, checksums in runs.groupby("data.name", sort=False)["data_checksum"]
        ],
        "Training": _training(runs),
        "Environment": [
            (str(name).replace(".", " "), _tally(texts.dropna()))
            for name, texts in environments(sweep).items()
        ],
    }


def _training(runs: pd.DataFrame) -> list[tuple[str, str]]:
    finished = ("finished", f"{runs['finished'].min()} to {runs['finished'].max()}")
    timed = runs.dropna(subset=["stack_seconds", "stack_runs"])
    if not len(timed):
        return [finished]
    shares = 1 / timed["stack_runs"].astype(float)
    time = (
        f"{(timed['stack_seconds'] * shares).sum():.1f} s of training for "
        f"{count(len(timed), 'run')}"
    )
    return [finished, ("time", time)]


def _tally(values: Iterable[str]) -> str:
    """The one value that all runs have, or the most frequent ones with their runs."""
    tally = Counter(values).most_common()
    if len(tally) == 1:
        return tally[0][0]
    return some([f"{value} ({count(n, 'run')})" for value, n in tally])
