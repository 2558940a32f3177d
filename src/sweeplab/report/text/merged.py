"""What sets merged sweeps apart, and whether they compare, in words."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

import pandas as pd

from sweeplab.provenance import flat, matters
from sweeplab.sweeps.comparable import validation_set
from sweeplab.sweeps.tables import CONFIG, Sweep, varying
from sweeplab.words import count, knob_name, listed, value_text

MOST_VALUES = 8


def merged(sweep: Sweep) -> list[tuple[str, str]]:
    """Each merged sweep with what was swept in it, and the values that it alone has."""
    sweeps = _by_sweep(sweep.runs)
    if len(sweeps) < 2:
        return []
    entries = []
    for name, runs in sweeps.items():
        others = sweep.runs[sweep.runs["sweep"] != name]
        own = []
        for key in CONFIG:
            values = [v for v in runs[key].unique() if v not in set(others[key])]
            if values:
                own.append(f"{knob_name(key)} {_some(values)}")
        swept = varying(runs)
        text = count(len(runs), "run")
        text += f" over {listed([knob_name(key) for key in swept])}" if swept else ""
        entries.append((name, f"{text}; only here: {'; '.join(own)}" if own else text))
    return entries


def differences(sweep: Sweep) -> list[str]:
    """Sentences on how merged sweeps differ, and what of them compares; none for one sweep."""
    sweeps = _by_sweep(sweep.runs)
    if len(sweeps) < 2:
        return []
    doubles = sum("is counted once" in reason for _, reason in sweep.skipped)
    is_are = "is" if doubles == 1 else "are"
    merged_here = f"{len(sweeps)} sweeps are merged here."
    if doubles:
        merged_here += (
            f" {count(doubles, 'run')} that {is_are} in more than one {is_are} counted once."
        )
    by_set = sweep.runs.groupby(validation_set(sweep.runs), sort=False)
    parts = {str(name): runs for name, runs in by_set}
    said = [merged_here, *_several_sets(parts)]
    for name, runs in parts.items():
        said += _changing_together(f"On {name}, " if len(parts) > 1 else "", runs)
    return [*said, *_other_data(sweep.runs), *_other_environments(sweep)]


def environments(sweep: Sweep) -> pd.DataFrame:
    """Where each run was made: a row a run of ``sweep.runs``, a column an entry, as text."""
    rows = [
        {name: _text(value) for name, value in flat(sweep.environments.get(folder, {})).items()}
        for folder in sweep.runs["folder"]
    ]
    return pd.DataFrame(rows, index=sweep.runs.index)


def _by_sweep(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {str(name): rows for name, rows in runs.groupby("sweep", sort=False)}


def _several_sets(parts: dict[str, pd.DataFrame]) -> list[str]:
    if len(parts) < 2:
        return []
    sets = [f"{name} ({listed(list(_by_sweep(runs)))})" for name, runs in parts.items()]
    return [
        f"They were validated on {len(parts)} different sets of images: {listed(sets)}. "
        "Accuracies are compared within each set only, so each has an answer of its own."
    ]


def _changing_together(start: str, runs: pd.DataFrame) -> list[str]:
    """Knobs that change only from sweep to sweep, and so along with all else that does."""
    sweeps = _by_sweep(runs)
    knobs = varying(runs)
    bound = [key for key in knobs if all(rows[key].nunique() == 1 for rows in sweeps.values())]
    differ = [key for key in knobs if len({frozenset(rows[key]) for rows in sweeps.values()}) > 1]
    if not bound or len(differ) < 2:
        return []
    key = bound[0]
    by_value = [
        f"{value_text(value)} in {listed(list(_by_sweep(rows)))}"
        for value, rows in runs.groupby(key, sort=False)
    ]
    others = listed([knob_name(other) for other in differ if other != key])
    return [
        f"{start}{knob_name(key)} changes only from sweep to sweep ({'; '.join(by_value)}), and "
        f"{others} with it: which of them makes a difference between sweeps cannot be told."
    ]


def _other_data(runs: pd.DataFrame) -> list[str]:
    """Runs that ask for the same images but were trained on others."""
    keys = [key for key in CONFIG if key.startswith("data.") and key != "data.root"]
    if runs.groupby(keys)["data_checksum"].nunique().max() < 2:
        return []
    return [
        "The merged sweeps ask for the same images but were trained on different ones: their "
        "data checksums differ, and their accuracies do not compare."
    ]


def _other_environments(sweep: Sweep) -> list[str]:
    """What differs between the places where the sweeps were trained, and may change results."""
    differ = []
    for name, texts in environments(sweep).items():
        by_sweep = texts.dropna().groupby(sweep.runs["sweep"], sort=False).unique()
        if matters(str(name)) and by_sweep.map(frozenset).nunique() > 1:
            by = [f"{one}: {listed(sorted(values))}" for one, values in by_sweep.items()]
            differ.append(f"{str(name).removeprefix('packages.')} ({'; '.join(by)})")
    if not differ:
        return []
    return [f"They were trained in different environments: {', '.join(differ)}."]


def _text(value: Any) -> str:
    if isinstance(value, list):  # the words of a command
        return shlex.join(map(str, value))
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)


def _some(values: Sequence[Any]) -> str:
    texts = [value_text(value) for value in values]
    if len(texts) <= MOST_VALUES:
        return listed(texts)
    return f"{', '.join(texts[:MOST_VALUES])} and {len(texts) - MOST_VALUES} more"
