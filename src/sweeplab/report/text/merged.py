"""What sets merged sweeps apart, and whether they compare, in words."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from typing import Any

import pandas as pd

from sweeplab.provenance import arithmetic, flat, matters
from sweeplab.sweeps.comparable import validation_set
from sweeplab.sweeps.tables import CONFIG, Sweep, varying
from sweeplab.words import count, examples, knob_name, listed, some, value_text

MOST_VALUES = 8


def merged(sweep: Sweep) -> list[tuple[str, str]]:
    """Each merged sweep with what was swept in it, and the values that it alone has."""
    runs = sweep.runs
    if runs["sweep"].nunique() < 2:
        return []
    return [
        (str(name), _alone(here, runs[runs["sweep"] != name]))
        for name, here in runs.groupby("sweep", sort=False)
    ]


def differences(sweep: Sweep) -> list[str]:
    """Sentences on how merged sweeps differ, and what of them compares; of one, if it is mixed."""
    runs = sweep.runs
    if runs["sweep"].nunique() < 2:
        return _mixed(sweep)
    parts = {str(name): part for name, part in runs.groupby(validation_set(runs), sort=False)}
    several = len(parts) > 1
    sentences = [
        _how_many(sweep),
        _several_sets(parts) if several else "",
        *(_together(f"On {name}, " if several else "", part) for name, part in parts.items()),
        _other_data(runs),
        _other_environments(sweep),
        *_mixed(sweep),
    ]
    return [sentence for sentence in sentences if sentence]


def environments(sweep: Sweep) -> pd.DataFrame:
    """Where each run was made: a row a run of ``sweep.runs``, a column an entry, as text."""
    rows = [
        {name: _text(value) for name, value in flat(sweep.environments.get(folder, {})).items()}
        for folder in sweep.runs["folder"]
    ]
    return pd.DataFrame(rows, index=sweep.runs.index)


def _alone(here: pd.DataFrame, others: pd.DataFrame) -> str:
    text = count(len(here), "run")
    if swept := varying(here):
        text += f" over {listed([knob_name(key) for key in swept])}"
    own = {key: here.loc[~here[key].isin(others[key]), key].unique() for key in CONFIG}
    only = [f"{knob_name(key)} {_some(values)}" for key, values in own.items() if len(values)]
    return f"{text}; only here: {'; '.join(only)}" if only else text


def _how_many(sweep: Sweep) -> str:
    text = f"{sweep.runs['sweep'].nunique()} sweeps are merged here."
    doubles = sum("is counted once" in reason for _, reason in sweep.skipped)
    if not doubles:
        return text
    is_are = "is" if doubles == 1 else "are"
    return f"{text} {count(doubles, 'run')} that {is_are} in more than one {is_are} counted once."


def _several_sets(parts: dict[str, pd.DataFrame]) -> str:
    sets = [f"{name} ({_sweeps(part)})" for name, part in parts.items()]
    return (
        f"They were validated on {len(parts)} different sets of {examples()}: {listed(sets)}. "
        "Accuracies are compared within each set only, so each has an answer of its own."
    )


def _together(start: str, runs: pd.DataFrame) -> str:
    """Of a knob that changes only from sweep to sweep, and so along with all else that does."""
    by_sweep = runs.groupby("sweep", sort=False)
    knobs = varying(runs)
    bound = [key for key in knobs if by_sweep[key].nunique().max() == 1]
    differ = [key for key in knobs if by_sweep[key].agg(frozenset).nunique() > 1]
    if not bound or len(differ) < 2:
        return ""
    key = bound[0]
    by_value = [
        f"{value_text(value)} in {_sweeps(rows)}" for value, rows in runs.groupby(key, sort=False)
    ]
    others = listed([knob_name(other) for other in differ if other != key])
    return (
        f"{start}{knob_name(key)} changes only from sweep to sweep ({'; '.join(by_value)}), and "
        f"{others} with it: which of them makes a difference between sweeps cannot be told."
    )


def _other_data(runs: pd.DataFrame) -> str:
    """Of runs that ask for the same images but were trained on others."""
    keys = [key for key in CONFIG if key.startswith("data.") and key != "data.root"]
    if runs.groupby(keys)["data_checksum"].nunique().max() < 2:
        return ""
    return (
        f"The merged sweeps ask for the same {examples()} but were trained on different ones: "
        "their data checksums differ, and their accuracies do not compare."
    )


def _other_environments(sweep: Sweep) -> str:
    """Of what differs between the places where the sweeps were trained, and may change results."""
    differ = []
    for name, texts in environments(sweep).items():
        by_sweep = texts.dropna().groupby(sweep.runs["sweep"], sort=False).unique()
        if matters(str(name)) and by_sweep.map(frozenset).nunique() > 1:
            by = [f"{one}: {listed(sorted(values))}" for one, values in by_sweep.items()]
            differ.append(f"{str(name).removeprefix('packages.')} ({'; '.join(by)})")
    return f"They were trained in different environments: {', '.join(differ)}." if differ else ""


def _mixed(sweep: Sweep) -> list[str]:
    """Of runs whose last bits were decided by different vector instructions; none if all alike."""
    kinds = Counter(filter(None, map(arithmetic, sweep.environments.values())))
    if len(kinds) < 2:
        return []
    kinds_said = [f"{kind} ({count(n, 'run')})" for kind, n in kinds.most_common()]
    return [
        "These runs were trained with different vector instructions, whose sums differ in the last "
        f"bits: {some(kinds_said)}."
    ]


def _sweeps(runs: pd.DataFrame) -> str:
    return listed(runs["sweep"].unique().tolist())


def _text(value: Any) -> str:
    if isinstance(value, list):  # the words of a command
        return shlex.join(map(str, value))
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)


def _some(values: Any) -> str:
    texts = [value_text(value) for value in values]
    more = len(texts) - MOST_VALUES
    return listed([*texts[:MOST_VALUES], f"{more} more"] if more > 0 else texts)
