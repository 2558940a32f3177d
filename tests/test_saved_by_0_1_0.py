"""What 0.1.0 saved still loads, reports, resumes and reproduces.

``tests/data/sweeps-0.1.0`` holds three sweeps as that version wrote them: ``plain``; ``odd``, with
run folders two levels deep, momentum, and runs that diverged; ``referring``, in which the saved
configurations take ``data.val_start`` from another key, so that there are two validation sets.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from conftest import ROOT, Command
from sweeplab import load_sweep
from sweeplab.provenance import ENGINE_VERSION

SAVED = ROOT / "tests" / "data" / "sweeps-0.1.0"


def asked(name: str) -> list[str]:
    """The command that made the sweep, as its runs record it, without ``sweeplab train``."""
    record = json.loads(next((SAVED / name).rglob("run.json")).read_text())
    return [word for word in record["environment"]["command"][2:] if "sweep.dir" not in word]


@pytest.fixture(params=["plain", "odd", "referring"])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / request.param
    shutil.copytree(SAVED / request.param, folder)
    return folder


def test_it_loads(saved: Path) -> None:
    sweep = load_sweep(saved)
    assert not sweep.skipped
    # 0.1.0 wrote the same table from the same folders.
    columns = ["run", "status", "optimizer.lr", "final_val_accuracy", "signature"]
    table = pd.read_csv(SAVED / saved.name / "runs.csv", dtype={"run": str})
    pd.testing.assert_frame_equal(
        sweep.runs[columns], table[columns], check_dtype=False, check_exact=True
    )


def test_the_same_command_trains_nothing(saved: Path, sweeplab: Command) -> None:
    done = sweeplab("train", *asked(saved.name), f"hydra.sweep.dir={saved}")
    assert done.code == 0, done.text
    total = len(load_sweep(saved).runs)
    assert f"0 runs to train, {total} complete already" in done.out


def test_it_is_listed_as_trained_by_an_older_engine(saved: Path, sweeplab: Command) -> None:
    total = len(pd.read_csv(saved / "runs.csv"))
    listed = sweeplab("ls", saved).out
    assert f"complete: {total} runs" in listed
    assert "older" in listed
    (run, *_) = saved.rglob("run.json")
    assert "older" in sweeplab("ls", run.parent).out


def test_it_comes_back(saved: Path, sweeplab: Command) -> None:
    done = sweeplab("reproduce", saved)
    # The engine is another since, whose last bits are others, and it says so.
    assert done.code == 0, done.text
    assert "different" not in done.out
    assert f"version 1 of the engine trained it, and this is version {ENGINE_VERSION}" in done.out


def test_it_has_a_report(saved: Path, sweeplab: Command) -> None:
    done = sweeplab("report", saved, "--format", "svg")
    assert done.code == 0, done.text
    assert (saved / "report.html").stat().st_size > 10_000
