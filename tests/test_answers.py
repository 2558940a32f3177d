"""Page, terminal, ``ls`` and ``evaluate`` name one and the same run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from conftest import Command
from report_sweeps import write_grid
from sweeplab.errors import RunFolderError
from sweeplab.report.build import build_report
from sweeplab.sweeps.answers import read_answers
from sweeplab.sweeps.folder import SweepFolder
from sweeplab.sweeps.tables import load_sweep

GRID = ("-m", "data=digits", "epochs=1", "optimizer.lr=0.1,1.0", "hydra.sweep.dir=s")
NO_REPORT = "hydra.sweeper.report=false"


def test_everything_names_the_run_of_the_report(sweeplab: Command, tmp_path: Path) -> None:
    trained = sweeplab("train", *GRID, "seed=0,1,2")
    assert trained.code == 0, trained.text
    page = (tmp_path / "s" / "report.html").read_text()
    [run] = re.findall(r"If you want one setting, use learning rate = 1 \(run (\d)\)\.", page)
    accuracies = {
        i: json.loads((tmp_path / "s" / str(i) / "run.json").read_text()) for i in (3, 4, 5)
    }
    order = sorted(accuracies, key=lambda i: accuracies[i]["final"]["val_accuracy"])
    assert run == str(order[1])  # the middle one of the better rate's three seeds
    last = trained.out.splitlines()[-3:]
    assert f"use learning rate = 1 (run {run})." in " ".join(last)
    mean = sum(each["final"]["val_accuracy"] for each in accuracies.values()) / 3
    assert f"lr=1: {mean:.3f} (run {run})" in " ".join(sweeplab("ls", ".").out.split())
    again = sweeplab("report", "s")
    assert f"use learning rate = 1 (run {run})." in " ".join(again.out.split())

    evaluated = sweeplab("evaluate", "s")
    assert evaluated.code == 0, evaluated.text
    assert f"Run s/{run}, which the report names:" in evaluated.out
    assert [path.parent.name for path in (tmp_path / "s").glob("*/test.json")] == [run]


def test_a_report_that_is_absent_or_older_than_the_runs_names_none(
    sweeplab: Command, tmp_path: Path
) -> None:
    assert sweeplab("train", *GRID, "seed=0", NO_REPORT).code == 0
    listed = " ".join(sweeplab("ls", ".").out.split())
    assert "highest mean: lr=1.0: " in listed
    assert "(no report)" in listed
    asked = sweeplab("evaluate", "s")
    assert asked.code == 1
    assert "s has no report yet: `sweeplab report s` makes one." in asked.text

    assert sweeplab("report", "s").code == 0
    assert "no report" not in sweeplab("ls", ".").out
    assert sweeplab("train", *GRID, "seed=0,1", NO_REPORT).code == 0
    assert "(the report is older than the runs)" in " ".join(sweeplab("ls", ".").out.split())
    asked = sweeplab("evaluate", "s")
    assert asked.code == 1
    assert "is older than its runs: `sweeplab report s` anew." in asked.text
    assert not list(tmp_path.glob("s/*/test.json"))


def test_an_answer_reaches_no_folder_outside_of_its_sweep(tmp_path: Path) -> None:
    folder = SweepFolder(write_grid(tmp_path / "s"))
    jobs = [
        {"number": i, "folder": str(i), "overrides": [], "signature": str(i), "state": "completed"}
        for i in range(len(list(folder.path.glob("*/run.json"))))
    ]
    record = {"name": "s", "question": "", "jobs": jobs, "format": 1}
    folder.record.write_text(json.dumps(record))
    build_report(load_sweep(folder.path), formats=())
    content = json.loads(folder.answers.read_text())
    assert read_answers(folder).answers[0].run == content["answers"][0]["run"]
    content["answers"][0]["run"] = "../elsewhere"
    folder.answers.write_text(json.dumps(content))
    with pytest.raises(RunFolderError, match="none within the sweep's folder"):
        read_answers(folder)
