"""The parts of a sweep whose accuracies compare: those measured on the same validation images."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from sweeplab.sweeps.tables import Sweep, varying


def comparable(sweep: Sweep) -> dict[str, Sweep]:
    """The sweep's runs by what they were validated on, in words, in order of appearance.

    Accuracies on different images do not compare, so each part is judged and drawn by itself.
    """
    groups = sweep.runs.groupby(validation_set(sweep.runs), sort=False)
    return {str(label): _part(sweep, runs.reset_index(drop=True)) for label, runs in groups}


def validation_set(runs: pd.DataFrame) -> pd.Series[str]:
    """What each run was validated on, with as many words as tell the sets of ``runs`` apart."""
    # What goes with the data set alone needs no words.
    several = runs.groupby("data.name")[["data.val_size", "data.val_start"]].nunique().max() > 1
    label = runs["data.name"].astype(str).rename("validation_set")
    if several.any():
        label = label + ", " + runs["data.val_size"].astype(str) + " validation images"
    if several["data.val_start"]:
        label = label + " from " + runs["data.val_start"].astype(str)
    return label


def _part(sweep: Sweep, runs: pd.DataFrame) -> Sweep:
    curves = sweep.curves.merge(runs[["sweep", "run"]], on=["sweep", "run"])
    return replace(sweep, runs=runs, curves=curves, knobs=varying(runs))
