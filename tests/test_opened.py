"""The report and the test images: which run to ask, what they said, and how often they were."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from test_page import Reader

from conftest import Command
from report_sweeps import write_run
from sweeplab.report.build import build_report
from sweeplab.report.text.opened import looks
from sweeplab.sweeps.tables import load_sweep

ONCE = ["2026-11-23T10:00:00+00:00"]


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Two settings of three seeds; the recommended one is clearly better, run 1 in its middle."""
    folder = tmp_path / "s"
    for i, (rate, last) in enumerate(
        [(0.1, 0.90), (0.1, 0.88), (0.1, 0.86), (1.0, 0.2), (1.0, 0.18), (1.0, 0.16)]
    ):
        write_run(folder / str(i), [0.1, last], optimizer__lr=rate, seed=i % 3)
    return folder


def evaluated(run: Path, opened: list[str], /, **other: Any) -> None:
    record = {
        "accuracy": 0.875, "low": 0.86, "high": 0.89, "examples": 1000, "confusion": [[1000]],
        "classes": ["0"], "weights_sha256": "", "opened": opened,
    }  # fmt: skip
    (run / "test.json").write_text(json.dumps(record | other))


def answer(folder: Path, *more: Path) -> str:
    html = build_report(load_sweep([folder, *more]), formats=()).read_text()
    start = html.index('<section id="answer"')
    return " ".join(Reader(html[start : html.index("</section>", start)]).text.split())


def test_the_report_names_the_run_to_ask(sweep: Path) -> None:
    text = answer(sweep)
    assert "The test images have not been opened." in text
    assert "run 1, the middle one of its setting's 3 runs" in text
    page = (sweep / "report.html").read_text()
    assert f"sweeplab evaluate {sweep / '1'}</code><button" in page


def test_its_test_accuracy_is_shown_once_it_was_asked(sweep: Path) -> None:
    evaluated(sweep / "1", ONCE)
    text = answer(sweep)
    assert (
        "On the test images, run 1 has an accuracy of 0.8750 (0.8600 to 0.8900). These 1,000 "
        "images had no part in training or choosing, and were opened once for it (2026-11-23)."
    ) in text
    assert "sweeplab evaluate" not in text
    assert "too high by luck: to choose" not in text


def test_looking_again_is_counted(sweep: Path) -> None:
    evaluated(sweep / "1", [*ONCE, "2026-11-24T10:00:00+00:00", "2026-11-24T11:00:00+00:00"])
    text = answer(sweep)
    assert "opened 3 times for it (2026-11-23 and 2026-11-24)" in text


def test_several_runs_make_the_best_of_them_optimistic(sweep: Path) -> None:
    evaluated(sweep / "1", ONCE)
    evaluated(sweep / "3", ONCE * 2)
    text = answer(sweep)
    assert (
        "for other settings than this one: run 3: 0.8750 (0.8600 to 0.8900), opened twice" in text
    )
    assert "opened 3 times, for 2 runs of this sweep" in text
    assert "The highest of several test accuracies is too high by luck" in text


def test_other_runs_alone_do_not_answer(sweep: Path) -> None:
    evaluated(sweep / "3", ONCE)
    text = answer(sweep)
    assert "The test images were not opened for the setting to use." in text
    assert f"sweeplab evaluate {sweep / '1'}" in text


@pytest.mark.parametrize(
    "damage",
    [
        {"accuracy": 1.5},
        {"accuracy": float("nan")},
        {"opened": []},
        {"opened": "often"},
        {"low": None},
    ],
)
def test_a_damaged_record_is_named(sweep: Path, damage: dict[str, Any]) -> None:
    evaluated(sweep / "1", ONCE, **damage)
    found, damaged = looks(load_sweep(sweep))
    assert found == []
    assert len(damaged) == 1
    assert damaged[0].startswith(f"{sweep / '1' / 'test.json'} is damaged: its ")
    assert "test.json is damaged: its " in answer(sweep)


def test_merged_sweeps_tell_their_runs_apart(sweep: Path, tmp_path: Path) -> None:
    other = tmp_path / "t"
    write_run(other / "1", [0.1, 0.5], optimizer__lr=0.5)
    evaluated(sweep / "1", ONCE)
    evaluated(other / "1", ONCE)
    found, _ = looks(load_sweep([sweep, other]))
    assert [look.run for look in found] == ["s/1", "t/1"]


def test_evaluate_and_report_work_together(sweeplab: Command, tmp_path: Path) -> None:
    grid = ("data=digits", "epochs=1", "optimizer.lr=0.01,0.1", "seed=0,1")
    assert sweeplab("train", "-m", *grid, "hydra.sweep.dir=s").code == 0
    page = tmp_path / "s" / "report.html"
    [command] = re.findall(r"sweeplab (evaluate s/\d)</code>", page.read_text())
    said = sweeplab(*command.split())
    [accuracy] = re.findall(r"Test accuracy (0\.\d{4})", said.out)
    assert "`sweeplab report s` adds it to the report." in said.out
    assert sweeplab("report", "s").code == 0
    text = " ".join(Reader(page.read_text()).text.split())
    assert f"On the test images, run {command[-1]} has an accuracy of {accuracy} (" in text
    assert "opened once for it" in text
