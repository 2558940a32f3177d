"""A page of ten thousand made-up runs, for what its explorer does with them."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from report_sweeps import LR, WD
from sweeplab.config import KNOBS, RunConfig, flatten
from sweeplab.report.page.explorer import explorer
from sweeplab.report.page.html import render
from sweeplab.report.page.pieces import Group, Page, Table
from sweeplab.sweeps.tables import Sweep

RATES, DECAYS, SIZES, BATCHES, SEEDS = 10, 10, 5, 5, 4
POINTS = 26


def many(folder: Path) -> Sweep:
    """Ten thousand runs: 2,500 settings of four knobs, four seeds each, 26 evaluations a curve."""
    values = {
        LR: np.geomspace(0.001, 3, RATES).round(5),
        WD: [0.0, *np.geomspace(1e-5, 0.1, DECAYS - 1).round(7)],
        "data.train_size": [100, 200, 500, 1000, 2000],
        "batch_size": [4, 16, 64, 250, 1000],
        "seed": range(SEEDS),
    }
    runs = pd.DataFrame([*itertools.product(*values.values())], columns=[*values])
    rng = np.random.default_rng(0)
    end = 0.92 - 0.05 * (np.log10(runs[LR]) + 1).abs() - runs[WD] - 10 / runs["data.train_size"]
    end = (end + rng.normal(0, 0.005, len(runs))).clip(0.1, 1)
    usual = flatten(RunConfig())
    runs = runs.assign(**{key: usual[key] for key in KNOBS if key not in values})
    runs = runs.assign(
        run=[str(i) for i in range(len(runs))],
        sweep="many",
        folder=[str(folder / str(i)) for i in range(len(runs))],
        status="completed",
        best_iteration=250,
        final_iteration=250,
    )
    for which in ("final", "best"):
        for name, value in (("val", end), ("train", end + 0.03)):
            runs[f"{which}_{name}_accuracy"] = value
            runs[f"{which}_{name}_loss"] = 2.4 - 2 * value
    step = np.arange(POINTS)
    shape = 1 - np.exp(-step / 5)
    curves = pd.DataFrame(
        {
            "run": np.repeat(runs["run"].to_numpy(), POINTS),
            "sweep": "many",
            "iteration": np.tile(step * 10.0, len(runs)),
            "examples": (np.outer(runs["batch_size"], step) * 10.0).ravel(),
        }
    )
    for name in ("val", "train"):
        accuracy = 0.1 + np.outer(runs[f"final_{name}_accuracy"] - 0.1, shape).ravel()
        curves[f"{name}_accuracy"] = accuracy
        curves[f"{name}_loss"] = 2.4 - 2 * accuracy
    return Sweep(folder, runs, curves, ["data.train_size", "batch_size", LR, WD], (folder,))


def page_of(sweep: Sweep, home: Path) -> str:
    """A page with nothing but the explorer of ``sweep``."""
    best = int(sweep.settings["final_val_accuracy"].idxmax())
    known: Any = SimpleNamespace(
        recommended=best, could_be_best=frozenset({best}), importance=pd.DataFrame()
    )
    table = Table("settings", "Settings", "", [], pd.DataFrame({"mark": []}), "mark")
    group = Group(
        title="",
        question="",
        lead="",
        setting="",
        picture=None,
        how="",
        findings=[],
        cautions=[],
        opened=[],
        explorer=explorer(sweep, known, home, key="explore", title="Explore the runs"),
        sections=[],
        settings=table,
        methods=[],
    )
    page = Page(
        title="many",
        question="",
        summary="",
        groups=[group],
        tables=[],
        provenance={},
        notes=[],
        merged=[],
        skipped=[],
    )
    return render(page)
