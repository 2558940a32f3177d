"""Where a report goes: into its sweep's folder, and of several never into one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Command
from report_sweeps import write_run
from sweeplab.errors import RunFolderError
from sweeplab.report.build import build_report
from sweeplab.sweeps.folder import SweepFolder, SweepRecord, write_sweep
from sweeplab.sweeps.place import place
from sweeplab.sweeps.tables import load_sweep, write_tables


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """Two sweeps, ``grid/a`` and ``decay/b``, of a run each."""
    for name, rate in (("grid/a", 0.1), ("decay/b", 0.2)):
        write_run(tmp_path / name / "0", [0.1, 0.5], optimizer__lr=rate)
        write_sweep(SweepFolder(tmp_path / name), SweepRecord(name, "", []))
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_report_of_two_sweeps_leaves_both_as_they_are(sweeplab: Command, outputs: Path) -> None:
    assert sweeplab("report", "grid/a", "--format", "svg").code == 0
    before = files(outputs / "grid" / "a"), files(outputs / "decay" / "b")
    done = sweeplab("report", "grid/a", "decay/b", "--format", "svg")
    assert "Report: grid/a+b/report.html" in done.out
    assert (files(outputs / "grid" / "a"), files(outputs / "decay" / "b")) == before
    made = {path.name for path in (outputs / "grid" / "a+b").iterdir()}
    assert made == {"runs.csv", "curves.parquet", "report.html", "figures"}
    assert len((outputs / "grid" / "a+b" / "runs.csv").read_text().splitlines()) == 3
    # It is no sweep: what looks for those does not see it.
    assert "a+b" not in sweeplab("ls", ".").out
    assert sweeplab("report", "grid/a", "decay/b", "--format", "svg").out == done.out


def test_a_report_goes_where_it_is_told(sweeplab: Command, outputs: Path) -> None:
    before = files(outputs / "grid" / "a")
    done = sweeplab("report", "grid/a", "--output", "mine/page", "--format", "svg")
    assert "Report: mine/page/report.html" in done.out
    assert files(outputs / "grid" / "a") == before
    # Its own folder may be named as such.
    done = sweeplab("report", "grid/a", "--output", str(outputs / "grid" / "a"), "--format", "svg")
    assert "Report: grid/a/report.html" in done.out
    assert (outputs / "grid" / "a" / "answers.json").is_file()


@pytest.mark.parametrize("other", ["decay/b", "decay/b/0"])
def test_a_report_is_not_written_over_another(sweeplab: Command, outputs: Path, other: str) -> None:
    before = files(outputs / "decay" / "b")
    done = sweeplab("report", "grid/a", "decay/b", "--output", other, "--format", "svg")
    assert done.code == 1
    assert "would be written over. Choose another: --output FOLDER" in done.err
    assert files(outputs / "decay" / "b") == before


def test_what_is_made_of_runs_goes_beside_their_sweep(outputs: Path) -> None:
    write_run(outputs / "grid" / "a" / "1", [0.1, 0.5], optimizer__lr=0.3)
    runs = load_sweep([outputs / "grid" / "a" / name for name in ("0", "1")])
    assert place(runs) == outputs / "grid" / "0+1"
    before = files(outputs / "grid" / "a")
    write_tables(runs)
    assert build_report(runs, formats=()) == outputs / "grid" / "0+1" / "report.html"
    assert files(outputs / "grid" / "a") == before


def test_many_sweeps_have_a_short_name_of_their_own(tmp_path: Path) -> None:
    paths = [tmp_path / f"{'long ' * 8}{i}" for i in range(6)]
    for path in paths:
        write_run(path / "0", [0.1, 0.5])
    five, six = place(load_sweep(paths[:5])).name, place(load_sweep(paths)).name
    assert five != six
    assert len(six) < 100


def test_a_run_is_reported_in_its_own_folder(outputs: Path) -> None:
    run = load_sweep(outputs / "grid" / "a" / "0")
    assert place(run) == outputs / "grid" / "a" / "0"
    with pytest.raises(RunFolderError, match="is the folder of a sweep"):
        place(run, outputs / "decay" / "b")
