"""The parts of a sweep whose accuracies compare: those measured on the same validation images."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from sweeplab.data_keys import VALIDATING
from sweeplab.sweeps.tables import Sweep, varying
from sweeplab.words import called, knob_name, value_text


def comparable(sweep: Sweep) -> dict[str, Sweep]:
    """The sweep's runs by what they were validated on, in words, in order of appearance.

    Accuracies on different images do not compare, so each part is judged and drawn by itself. Nor
    does the accuracy of a run that halving stopped with that of one of full length.
    """
    groups = sweep.runs.groupby(validation_set(sweep.runs), sort=False)
    return {str(label): _part(sweep, runs) for label, runs in groups}


def validation_set(runs: pd.DataFrame) -> pd.Series[str]:
    """What each run was validated on, with as many words as tell the sets of ``runs`` apart."""
    # What goes with the data set alone needs no words.
    keys = [key for name in VALIDATING if (key := f"data.{name}") in runs]
    several = runs.groupby("data.name")[keys[1:]].nunique().max() > 1
    label = runs["data.name"].astype(str).rename("validation_set")
    if several[["data.val_size", "data.val_start"]].any():
        label = (
            label
            + ", "
            + runs["data.val_size"].astype(str)
            + f" validation {called(runs['data.name'])}s"
        )
    if several["data.val_start"]:
        label = label + " from " + runs["data.val_start"].astype(str)
    for key in [key for key in keys[1:] if several[key] and "val_" not in key]:
        label = label + f", {knob_name(key)} " + runs[key].map(value_text)
    return label


def _part(sweep: Sweep, runs: pd.DataFrame) -> Sweep:
    early = runs["status"] == "stopped"
    if early.all():  # a search that was interrupted
        early = ~early
    stopped, runs = runs[early], runs[~early].reset_index(drop=True)
    curves, early_curves = (
        sweep.curves.merge(some[["sweep", "run"]], on=["sweep", "run"]) for some in (runs, stopped)
    )
    return replace(
        sweep,
        runs=runs,
        curves=curves,
        knobs=varying(runs),
        stopped=stopped,
        stopped_curves=early_curves,
    )
