"""Where a sweep's runs were made: what they share, and where they differ."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sweeplab.report.page.html import Facts
from sweeplab.report.text.merged import merged
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
    fixed.append(("seeds", _values(runs["seed"].astype(str).tolist(), counted=False)))
    data = [
        (str(name), _values(rows["data_checksum"].tolist()))
        for name, rows in runs.groupby("data.name", sort=False)
    ]
    found = [
        Facts("The same for every run", fixed),
        Facts("Data checksums (SHA-256 of the images and labels used)", data),
        Facts("Training", _training(sweep)),
        Facts("Environment", _environment(sweep)),
    ]
    if runs["sweep"].nunique() > 1:
        found.insert(0, Facts("Merged sweeps", merged(sweep)))
    return found


def _training(sweep: Sweep) -> list[tuple[str, str]]:
    runs = sweep.runs
    timed = runs.dropna(subset=["stack_seconds", "stack_runs"])
    entries = [("finished", f"{runs['finished'].min()} to {runs['finished'].max()}")]
    if len(timed):
        shares = 1 / timed["stack_runs"].astype(float)
        seconds = float((timed["stack_seconds"] * shares).sum())
        entries.append(
            (
                "time",
                f"{seconds:.1f} s of training for {count(len(timed), 'run')}, which were trained "
                f"in {count(round(float(shares.sum())), 'stack')}",
            )
        )
    return entries


def _environment(sweep: Sweep) -> list[tuple[str, str]]:
    seen: dict[str, list[str]] = {}
    for environment in sweep.environments.values():
        for name, value in _flat(environment).items():
            seen.setdefault(name, []).append(value)
    return [(name, _values(values)) for name, values in seen.items()]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key} ")
        elif key == "command" and isinstance(value, list):
            found[f"{prefix}{key}"] = shlex.join(map(str, value))
        else:
            text = "none" if value is None else value
            found[f"{prefix}{key}"] = text if isinstance(text, str) else json.dumps(text)
    return found


def _values(values: list[str], *, counted: bool = True) -> str:
    tally = Counter(values)
    if len(tally) == 1:
        return next(iter(tally))
    if not counted:
        return ", ".join(tally)
    shown = [f"{value} ({count(n, 'run')})" for value, n in tally.most_common(MOST_VALUES)]
    more = len(tally) - len(shown)
    return "; ".join(shown) + (f"; and {count(more, 'other')}" if more else "")
