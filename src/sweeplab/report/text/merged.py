"""What sets merged sweeps apart, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sweeplab.sweeps.tables import CONFIG, Sweep
from sweeplab.words import count, knob_name, listed, value_text

MOST_VALUES = 8
VERSIONS = ("python", "packages", "platform", "cpu")  # what may change a run's last bits


def merged(sweep: Sweep) -> list[tuple[str, str]]:
    """Each merged sweep with what sets it apart: the values that it alone has."""
    entries = []
    for name, rows in sweep.runs.groupby("sweep", sort=False):
        others = sweep.runs[sweep.runs["sweep"] != name]
        own = []
        for key in CONFIG:
            values = [v for v in rows[key].drop_duplicates() if v not in set(others[key])]
            if values:
                own.append(f"{knob_name(key)} {_some(values)}")
        text = count(len(rows), "run")
        entries.append((str(name), f"{text}; only here: {'; '.join(own)}" if own else text))
    return entries


def differences(sweep: Sweep) -> list[str]:
    """Sentences on how merged sweeps differ, and whether they may be compared; none for one."""
    names = list(dict.fromkeys(sweep.runs["sweep"]))
    if len(names) < 2:
        return []
    parts = "; ".join(f"{name}: {text}" for name, text in merged(sweep))
    doubles = sum("is counted once" in reason for _, reason in sweep.skipped)
    said = [
        f"{len(names)} sweeps are merged here. {parts}."
        + (
            f" {count(doubles, 'run')} that {'is' if doubles == 1 else 'are'} in more than one "
            f"{'is' if doubles == 1 else 'are'} counted once."
            if doubles
            else ""
        )
    ]
    return [*said, *_other_data(sweep.runs), *_other_environments(sweep)]


def _other_data(runs: pd.DataFrame) -> list[str]:
    """Runs that ask for the same images but were trained on others."""
    keys = [key for key in CONFIG if key.startswith("data.") and key != "data.root"]
    several = runs.groupby(keys)["data_checksum"].nunique()
    if several.max() < 2:
        return []
    return [
        "The merged sweeps ask for the same images but were trained on different ones: their "
        "data checksums differ, and their accuracies do not compare."
    ]


def _other_environments(sweep: Sweep) -> list[str]:
    """What differs between the places where the sweeps were trained, and may change results."""
    seen: dict[str, dict[str, set[str]]] = {}
    for row in sweep.runs[["sweep", "folder"]].to_dict("records"):
        for name, value in _flat(sweep.environments.get(str(row["folder"]), {})).items():
            seen.setdefault(name, {}).setdefault(str(row["sweep"]), set()).add(value)
    differ = [
        f"{name} ({'; '.join(f'{s}: {listed(sorted(v))}' for s, v in by.items())})"
        for name, by in seen.items()
        if len({frozenset(values) for values in by.values()}) > 1
    ]
    if not differ:
        return []
    return [f"They were trained in different environments: {', '.join(differ)}."]


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key in VERSIONS:
        value = environment.get(key)
        if isinstance(value, Mapping):
            found |= {str(name): str(version) for name, version in value.items()}
        elif value is not None:
            found[key] = value if isinstance(value, str) else json.dumps(value)
    return found


def _some(values: list[Any]) -> str:
    texts = [value_text(value) for value in values]
    if len(texts) <= MOST_VALUES:
        return listed(texts)
    return f"{', '.join(texts[:MOST_VALUES])} and {len(texts) - MOST_VALUES} more"
