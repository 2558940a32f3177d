"""Which runs and sweeps are in a folder: the same for training, report, ls, prune and reproduce."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load as load_tensors
from sklearn.datasets import load_digits

from conftest import Command
from report_sweeps import write_run
from sweeplab.runs.folder import RunFolder
from sweeplab.sweeps.comparable import comparable
from sweeplab.sweeps.find import runs_in, sweep_of, sweeps_in
from sweeplab.sweeps.folder import SweepFolder, SweepRecord, write_sweep
from sweeplab.sweeps.images import Images, find_images, read_images, write_images
from sweeplab.sweeps.tables import load_sweep

DEEP = "hydra.sweep.subdir=a/b/c/d/lr${optimizer.lr}/${hydra.job.num}"
GRID = ("-m", "data=digits", "epochs=1", "optimizer.lr=0.1,0.5", "seed=0,1", DEEP)


def test_runs_six_folders_deep_are_runs_of_the_sweep(sweeplab: Command, tmp_path: Path) -> None:
    words = ("train", *GRID, "hydra.sweep.dir=s", "hydra.sweeper.report=false")
    assert "4 runs to train" in sweeplab(*words).out
    sweep = tmp_path / "s"
    assert load_sweep(sweep).runs["run"].tolist() == [
        "a/b/c/d/lr0.1/0", "a/b/c/d/lr0.1/1", "a/b/c/d/lr0.5/2", "a/b/c/d/lr0.5/3"
    ]  # fmt: skip
    assert "0 runs to train, 4 complete already" in sweeplab(*words).out
    assert sweeplab("report", "s", "--format", "svg").code == 0
    assert "a/b/c/d/lr0.5/3" in (sweep / "report.html").read_text()
    listed = sweeplab("ls", ".").out
    assert "complete: 4 runs" in listed
    assert "lr=0.5" in listed
    assert sweeplab("reproduce", "s").out.strip() == "4 runs retrained: 4 identical"
    # One run is judged among all of its sweep, which is found from the run.
    assert "Removed: nothing." in sweeplab("prune", "s/a/b/c/d/lr0.5/2", "--keep-best", 1).out
    assert "Removed: 2 runs" in sweeplab("prune", "s", "--keep-best", 1).out
    assert "2 runs to train in 1 stack, 2 complete already" in sweeplab(*words).out


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """Two sweeps whose folders are dates of the same second, and a run outside of any."""
    outputs = tmp_path / "outputs"
    for name, lr in (("grid", 0.1), ("decay", 0.5)):
        for seed in (0, 1):
            run = outputs / name / "2026-11-24" / str(seed)
            write_run(run, [0.1, 0.3 + lr + seed / 100], optimizer__lr=lr, seed=seed)
        write_sweep(SweepFolder(outputs / name / "2026-11-24"), SweepRecord(name, "", []))
    write_run(outputs / "train" / "now", [0.1, 0.9], optimizer__lr=0.9)
    return outputs


def test_a_folder_of_sweeps_is_each_of_them(outputs: Path) -> None:
    loaded = load_sweep(outputs)
    assert loaded.runs[["sweep", "run"]].to_numpy().tolist() == [
        ["decay/2026-11-24", "0"],
        ["decay/2026-11-24", "1"],
        ["grid/2026-11-24", "0"],
        ["grid/2026-11-24", "1"],
        [f"{outputs.parent.name}/outputs", "train/now"],
    ]
    assert loaded.knobs == ["optimizer.lr"]
    assert loaded.settings["n"].tolist() == [2, 2, 1]
    assert loaded.path == outputs  # where its report goes
    assert sweeps_in(outputs) == [
        outputs / "decay" / "2026-11-24",
        outputs / "grid" / "2026-11-24",
        outputs / "train" / "now",
    ]


def test_its_report_says_what_it_compares(sweeplab: Command, outputs: Path) -> None:
    assert sweeplab("report", "outputs", "--format", "svg").code == 0
    page = (outputs / "report.html").read_text()
    assert "3 sweeps are merged here" in page
    assert "only here: learning rate 0.5" in page
    assert sorted(path.name for path in (outputs / "grid" / "2026-11-24").iterdir()) == [
        "0", "1", "sweep.json"
    ]  # fmt: skip


def test_names_have_as_many_folders_as_tell_them_apart(tmp_path: Path) -> None:
    paths = [tmp_path / side / "x" / "s" for side in ("left", "right")]
    for seed, path in enumerate(paths):
        write_run(path / "0", [0.1, 0.5], seed=seed)
    assert load_sweep(paths).runs["sweep"].tolist() == ["left/x/s", "right/x/s"]
    assert load_sweep(paths[0]).runs["sweep"].tolist() == ["s"]


def test_links_that_lead_back_are_followed_once(outputs: Path) -> None:
    sweep = outputs / "grid" / "2026-11-24"
    (sweep / "again").symlink_to(sweep)
    (sweep / "up").symlink_to(outputs)
    (sweep / ".hidden").mkdir()
    write_run(sweep / ".hidden" / "5", [0.1, 0.5])
    assert RunFolder(sweep / "0") in runs_in(sweep)
    assert not any(".hidden" in str(run.path) for run in runs_in(sweep))
    assert len(sweeps_in(outputs)) == 3


def test_a_run_in_a_sweeps_own_folder_hides_no_other(outputs: Path) -> None:
    sweep = outputs / "grid" / "2026-11-24"
    write_run(sweep, [0.1, 0.5], seed=7)
    assert {run.path.name for run in runs_in(sweep)} == {"2026-11-24", "0", "1"}


def test_the_sweep_of_a_run(outputs: Path) -> None:
    sweep = outputs / "grid" / "2026-11-24"
    assert sweep_of(sweep / "0").path == sweep
    assert sweep_of(sweep).path == sweep
    assert sweep_of(outputs / "train" / "now").path == outputs / "train" / "now"


def test_the_same_images_are_the_same_file(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 17, (12, 8, 8), dtype=np.uint8)
    labels = np.arange(12) % 3
    images = Images(pixels, labels, pixels, labels, ("a", "b", "é"), 16, 4, {"name": "x"}, 12)
    for number in range(8):  # safetensors alone has two entries in order by chance each time
        write_images(tmp_path / str(number), images)
    (content,) = {(tmp_path / str(number)).read_bytes() for number in range(8)}
    read = read_images(tmp_path / "0")
    assert (read.classes, read.choice, read.val_start) == (("a", "b", "é"), {"name": "x"}, 4)
    assert np.array_equal(read.val_images, pixels)
    assert np.array_equal(load_tensors(content)["train_labels"], labels)  # by safetensors alone


def test_each_validation_set_has_its_own_images(sweeplab: Command, tmp_path: Path) -> None:
    words = ("data=digits", "data.train_size=100", "epochs=1", "hydra.sweeper.report=false")
    sets = ("data.val_start=1000,1100", "data.val_size=100,150")
    assert sweeplab("train", "-m", *words, *sets, "hydra.sweep.dir=s").code == 0
    alone = ("data.val_start=1200", "data.val_size=100", "seed=0,1")
    assert sweeplab("train", "-m", *words, *alone, "hydra.sweep.dir=t").code == 0
    parts = comparable(load_sweep([tmp_path / "s", tmp_path / "t"]))
    assert len(parts) == 5
    pixels = load_digits().images
    for part in parts.values():
        start, size = part.runs[["data.val_start", "data.val_size"]].iloc[0]
        images = find_images(part)
        assert images is not None
        assert (images.val_images == pixels[start : start + size]).all()
        assert (images.train_images == pixels[:18]).all()
