"""Faults of disks, folders, data and clocks: nothing complete is lost, nothing wrong is accepted.

``docs/reliability.md`` has a row for each of these tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import string
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from conftest import Command
from report_sweeps import curves
from sweeplab.config import RunConfig
from sweeplab.data import dataset
from sweeplab.errors import NewerFormatError
from sweeplab.provenance import environment
from sweeplab.results import RunResult
from sweeplab.runs.folder import RunFolder, RunIdentity, damaged_files, is_complete, read_record
from sweeplab.runs.record import signature
from sweeplab.runs.write import write_result
from sweeplab.sweeps.find import complete_runs, runs_in
from sweeplab.sweeps.folder import JobEntry, SweepFolder, SweepRecord, write_sweep
from sweeplab.sweeps.plan import plan
from sweeplab.sweeps.tables import load_sweep
from sweeplab.task.compose import quoted
from sweeplab.task.words import resume_advice

NO_REPORT = "hydra.sweeper.report=false"
GRID = ("-m", "data=digits", "epochs=1", "optimizer.lr=0.1,0.5", "seed=range(2)", NO_REPORT)
PROGRAM = Path(sys.executable).with_name("sweeplab")


def stamps(folder: Path) -> dict[str, tuple[int, bytes]]:
    """When each complete run was written, and its curves."""
    return {
        run.path.name: (run.record.stat().st_mtime_ns, run.curves.read_bytes())
        for run in runs_in(folder)
        if run.record.exists() and is_complete(run, read_record(run))
    }


def lost(before: dict[str, tuple[int, bytes]], folder: Path) -> set[str]:
    """The runs that were complete before and are not as they were."""
    after = stamps(folder)
    return {name for name, stamp in before.items() if after.get(name) != stamp}


def wrong(folder: Path) -> list[Path]:
    """The runs that count as complete and whose files are not what was written."""
    return [
        run.path
        for run, record in complete_runs(SweepFolder(folder)).values()
        if damaged_files(run, record)
    ]


def one_message(text: str) -> str:
    """The last lines of a command's output, which must hold no traceback."""
    assert "Traceback" not in text, text
    return " ".join(text.split())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A file system of its own: call it with mount options to make it, and again to change it."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = False

    def mount(options: str) -> Path:
        nonlocal mounted
        words = ["-o", f"remount,{options}"] if mounted else ["-t", "tmpfs", "-o", options]
        done = subprocess.run(
            ["mount", *words, "tmpfs", place], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounted = True
        return place

    if shutil.which("mount") is None:
        pytest.skip("there is no mount")
    yield mount
    if mounted:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def sweep(sweeplab: Command, tmp_path: Path) -> Path:
    """Four complete runs in ``s``."""
    assert sweeplab("train", *GRID, "hydra.sweep.dir=s").code == 0
    return tmp_path / "s"


def test_disk_full(sweeplab: Command, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("size=400k")
    words = ("-m", "data=digits", "epochs=2", "batch_size=25,50,100,200", "seed=range(8)")
    done = sweeplab("train", *words, NO_REPORT, "hydra.sweep.dir=disk/s")
    assert done.code == 1
    message = one_message(done.text)
    assert "No space left on device" in message
    assert "what is complete is kept" in message
    assert not list(disk.rglob("*.part"))
    assert wrong(disk / "s") == []
    before = stamps(disk / "s")
    assert before
    small_disk("size=20m")
    done = sweeplab("train", *words, NO_REPORT, "hydra.sweep.dir=disk/s")
    assert done.code == 0
    assert f"{len(before)} complete already" in done.out
    assert lost(before, disk / "s") == set()
    assert len(stamps(disk / "s")) == 32


def test_disk_full_for_a_single_run_and_for_a_report(
    sweeplab: Command, small_disk: Callable[[str], Path], sweep: Path
) -> None:
    disk = small_disk("size=8k")
    done = sweeplab("train", "data=digits", "hydra.run.dir=disk/run")
    assert done.code == 1
    assert "No space left on device" in one_message(done.text)
    small_disk("size=200k")
    shutil.rmtree(disk / "run")
    shutil.copytree(sweep, disk / "s")
    before = stamps(disk / "s")
    done = sweeplab("report", "disk/s")
    assert done.code == 1
    assert "No space left on device" in one_message(done.text)
    assert lost(before, disk / "s") == set()


def test_file_size_limit(tmp_path: Path) -> None:
    """The same without a file system of its own: the limit that `ulimit -f` sets."""
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (16000, 16000));"
        "from sweeplab.cli.main import main; main()"
    )
    words = ("train", "-m", "data=digits", "epochs=1,99", NO_REPORT, "hydra.sweep.dir=s")
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "File too large" in one_message(done.stdout + done.stderr)
    assert "curves.csv" in done.stdout + done.stderr
    assert not list(tmp_path.rglob("*.part"))
    assert wrong(tmp_path / "s") == []


def test_read_only_output_folder(
    sweeplab: Command, small_disk: Callable[[str], Path], sweep: Path
) -> None:
    disk = small_disk("size=20m")
    shutil.copytree(sweep, disk / "s")
    before = stamps(disk / "s")
    small_disk("ro")
    for words in (
        ("train", *GRID, "seed=range(3)", "hydra.sweep.dir=disk/s"),
        ("train", *GRID, "hydra.sweep.dir=disk/new"),
        ("train", "data=digits", "hydra.run.dir=disk/run"),
        ("report", "disk/s"),
        ("evaluate", "disk/s/0"),
        ("prune", "disk/s", "--weights"),
    ):
        done = sweeplab(*words)
        assert done.code == 1, words
        message = one_message(done.text)
        assert "Read-only file system" in message, words
        assert "Make it writable, or choose another folder" in message, words
    assert "complete: 4 runs" in sweeplab("ls", "disk").out
    assert sweeplab("reproduce", "disk/s").out.strip() == "4 runs retrained: 4 identical"
    assert lost(before, disk / "s") == set()


@pytest.mark.parametrize(
    "gone", ["run.json", "curves.csv", "weights.safetensors", ".hydra/config.yaml", "."]
)
def test_run_folder_half_deleted(sweeplab: Command, sweep: Path, gone: str) -> None:
    path = sweep / "1" / gone
    expected = (sweep / "1" / "curves.csv").read_bytes()
    others = {name: stamp for name, stamp in stamps(sweep).items() if name != "1"}
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    skipped = dict(load_sweep(sweep).skipped)
    if gone in ("run.json", "curves.csv"):
        assert str(sweep / "1") in skipped
    if gone != ".hydra/config.yaml":
        assert "damaged: 3 of 4 runs" in sweeplab("ls", sweep).out
        assert "1 run to train" in sweeplab("train", *GRID, "hydra.sweep.dir=s").out
        assert (sweep / "1" / "curves.csv").read_bytes() == expected
        assert "complete: 4 runs" in sweeplab("ls", sweep).out
    else:
        assert sweeplab("reproduce", sweep / "1").code == 1
    assert lost(others, sweep) == set()


@pytest.mark.parametrize("damage", ["cut", "flip"])
@pytest.mark.parametrize("name", ["curves.csv", "weights.safetensors"])
def test_damaged_file_is_found_by_its_checksum(
    sweeplab: Command, sweep: Path, name: str, damage: str
) -> None:
    path = sweep / "1" / name
    sound = path.read_bytes()
    others = {run: stamp for run, stamp in stamps(sweep).items() if run != "1"}
    changed = bytearray(sound)
    changed[len(sound) // 2] ^= 1
    path.write_bytes(sound[: len(sound) // 2] if damage == "cut" else bytes(changed))
    if name == "curves.csv":
        ((folder, reason),) = load_sweep(sweep).skipped
        assert folder == str(sweep / "1")
        assert "trains the run again" in reason
    else:
        done = sweeplab("evaluate", sweep / "1")
        assert done.code == 1
        assert "is not the file that the run wrote" in done.err
    done = sweeplab("reproduce", sweep)
    assert done.code == 1
    assert "s/1: " in done.out
    done = sweeplab("train", *GRID, "hydra.sweep.dir=s")
    assert "1 run to train in 1 stack, 3 complete already" in done.out
    assert path.read_bytes() == sound
    assert lost(others, sweep) == set()


@pytest.mark.parametrize("name", ["1/run.json", "sweep.json"])
def test_file_of_a_newer_version_is_kept(sweeplab: Command, sweep: Path, name: str) -> None:
    path = sweep / name
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"format": 3, "a new key": 1}))
    content = path.read_bytes()
    done = sweeplab("train", *GRID, "seed=range(3)", "hydra.sweep.dir=s")
    assert done.code == 1
    assert "use the version of sweeplab that wrote it, or a newer one" in one_message(done.err)
    assert path.read_bytes() == content
    assert not (sweep / "4").exists()
    if name == "1/run.json":
        with pytest.raises(NewerFormatError):
            complete_runs(SweepFolder(sweep))
        ((_, reason),) = load_sweep(sweep).skipped
        assert "has format 3" in reason
        assert sweeplab("reproduce", sweep / "1").code == 1
    else:
        assert "of a newer sweeplab" in sweeplab("ls", sweep).out


def write_mnist(root: Path, seed: int = 0) -> Path:
    """120 training and 20 test images of noise, in MNIST's format; the training images' file."""
    rng = np.random.default_rng(seed)
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, count in (("train", 120), ("t10k", 20)):
        header = np.array([0x803, count, 28, 28], ">i4").tobytes()
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        (raw / f"{name}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = np.array([0x801, count], ">i4").tobytes()
        labels = (np.arange(count) % 10).astype(np.uint8)
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(header + labels.tobytes())
    return raw / "train-images-idx3-ubyte"


def forget_data() -> None:
    """As a new process would."""
    dataset._raw.cache_clear()
    dataset._arrange.cache_clear()


@pytest.mark.parametrize(
    ("damage", "launcher"),
    [("cut", "stacked"), ("flip", "stacked"), ("flip", "basic"), ("gone", "stacked")],
)
def test_data_file_damaged_after_the_sweep_started(
    sweeplab: Command, tmp_path: Path, damage: str, launcher: str
) -> None:
    path = write_mnist(tmp_path / "images")
    forget_data()
    sizes = ("data.root=images", "data.train_size=64", "data.val_size=20", "data.val_start=80")
    words = ("-m", *sizes, "batch_size=16", "epochs=1", NO_REPORT, f"hydra/launcher={launcher}")
    assert sweeplab("train", *words, "seed=0,1", "hydra.sweep.dir=s").code == 0
    before = stamps(tmp_path / "s")
    sound = path.read_bytes()
    changed = bytearray(sound)
    changed[16 + 400] ^= 0xFF
    if damage == "gone":
        shutil.rmtree(tmp_path / "images")
    else:
        path.write_bytes(sound[: len(sound) // 2] if damage == "cut" else bytes(changed))
    forget_data()
    done = sweeplab("train", *words, "seed=range(3)", "hydra.sweep.dir=s")
    assert done.code == 1
    message = one_message(done.err)
    expected = {"cut": "are damaged", "flip": "Restore the files", "gone": "MNIST is not in"}
    assert expected[damage] in message
    assert not (tmp_path / "s" / "2").exists()
    done = sweeplab("reproduce", "s")
    assert done.code == 1
    assert "identical" not in done.out.replace("not identical", "")
    expected["flip"] = "the data is other data"
    assert expected[damage] in done.out
    assert lost(before, tmp_path / "s") == set()
    assert len(load_sweep(tmp_path / "s").runs) == 2
    write_mnist(tmp_path / "images")
    forget_data()
    assert sweeplab("train", *words, "seed=range(3)", "hydra.sweep.dir=s").code == 0
    assert lost(before, tmp_path / "s") == set()
    assert sweeplab("reproduce", "s").out.strip() == "3 runs retrained: 3 identical"


def test_clock_going_backwards(
    sweeplab: Command, sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stamps(sweep)
    future = time.time() + 10**8
    for path in sweep.rglob("*"):
        os.utime(path, (future, future))
    before = {
        name: ((sweep / name / "run.json").stat().st_mtime_ns, old)
        for name, (_, old) in before.items()
    }
    ticks = iter(range(10**6, 0, -1))

    def earlier() -> str:
        return datetime.fromtimestamp(next(ticks), UTC).isoformat(timespec="seconds")

    monkeypatch.setattr("sweeplab.runs.write.now", earlier)
    monkeypatch.setattr(time, "time", lambda: float(next(ticks)))
    done = sweeplab("train", *GRID[:-1], "seed=range(3)", "hydra.sweep.dir=s")
    assert done.code == 0
    assert "2 runs to train in 1 stack, 4 complete already" in done.out
    assert lost(before, sweep) == set()
    finished = pd.DatetimeIndex(load_sweep(sweep).runs["finished"])
    assert finished.min().year == 1970
    assert (sweep / "report.html").stat().st_size > 10_000
    assert "complete: 6 runs" in sweeplab("ls", sweep).out
    assert sweeplab("reproduce", sweep).code == 0


def test_two_sweeps_of_one_folder_at_once(tmp_path: Path) -> None:
    words = ("train", "-m", "data=digits", "epochs=3", NO_REPORT, "hydra.sweep.dir=s")
    asked = ["seed=range(0,20)", "seed=range(20,40)"]
    processes = [
        subprocess.Popen(
            [PROGRAM, *words, seeds],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for seeds in asked
    ]  # fmt: skip
    texts = [process.communicate(timeout=300)[0] for process in processes]
    assert wrong(tmp_path / "s") == []
    seeds = set(load_sweep(tmp_path / "s").runs["seed"])
    assert 0 in (process.returncode for process in processes)
    for process, text, wanted in zip(processes, texts, (range(20), range(20, 40)), strict=True):
        if process.returncode == 0:
            assert set(wanted) <= seeds
        else:
            assert "Another process is working in" in one_message(text)
            assert not set(wanted) & seeds


def test_two_sweeps_started_in_the_same_second(tmp_path: Path) -> None:
    words = ("train", "-m", "data=digits", "epochs=1", NO_REPORT, "hydra.sweep.dir=outputs/same")
    processes = [
        subprocess.Popen(
            [PROGRAM, *words[:-1], f"seed={seed}", "hydra.job.name=twice"],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for seed in (0, 1)
    ]  # fmt: skip
    texts = [process.communicate(timeout=300)[0] for process in processes]
    ended = {}
    for run in runs_in(tmp_path / "outputs"):
        record = read_record(run)
        ended[record.config.seed] = is_complete(run, record)
    for seed, (process, text) in enumerate(zip(processes, texts, strict=True)):
        one_message(text)
        assert ended.get(seed, False) is (process.returncode == 0)
    assert any(ended.values())


def test_sweep_folder_moved(sweeplab: Command, sweep: Path, tmp_path: Path) -> None:
    table = (sweep / "runs.csv").read_text()
    before = stamps(sweep)
    home = tmp_path / "elsewhere" / "renamed"
    home.parent.mkdir()
    sweep.rename(home)
    assert lost(before, home) == set()
    assert sweeplab("reproduce", home).out.strip() == "4 runs retrained: 4 identical"
    assert sweeplab("report", home).code == 0
    assert (home / "runs.csv").read_text() == table.replace(",s,", ",renamed,")
    done = sweeplab("train", *GRID, "seed=range(3)", f"hydra.sweep.dir={home}")
    assert "2 runs to train in 1 stack, 4 complete already" in done.out
    assert lost(before, home) == set()
    assert not sweep.exists()


ODD = "a b, c=d (ü) 'q' \"w\" $HOME ${seed} [x] {y} #z ~ !; & \\"


def test_odd_path(sweeplab: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    home, images = tmp_path / ODD, tmp_path / f"images {ODD}"
    write_mnist(images)
    forget_data()
    sizes = ("data.train_size=64", "data.val_size=20", "data.val_start=80", "batch_size=16")
    words = ["-m", *sizes, "epochs=1", NO_REPORT, f"data.root={quoted(images)}", "seed=0,1"]
    done = sweeplab("train", *words, f"hydra.sweep.dir={quoted(home)}")
    assert done.code == 0, done.text
    before = stamps(home)
    assert set(before) == {"0", "1"}
    assert load_sweep(home).runs["data.root"].tolist() == [str(images)] * 2
    assert sweeplab("reproduce", home).out.strip() == "2 runs retrained: 2 identical"
    assert sweeplab("evaluate", home / "0").code == 0
    assert sweeplab("report", home).code == 0
    assert (home / "report.html").is_file()
    assert "complete: 2 runs" in sweeplab("ls", home).out
    # The line that an interrupted sweep prints goes through a shell as it is.
    (home / "1" / "run.json").unlink()
    capfd.readouterr()
    typed = ["sweeplab", "train", *words, "hydra.sweep.dir=replaced"]
    resume_advice(typed, home, done=1, left=1)
    line = capfd.readouterr().out.splitlines()[-1].strip()
    done = subprocess.run(
        ["bash", "-c", line.replace("sweeplab", str(PROGRAM), 1)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 run to train in 1 stack, 1 complete already" in done.stdout
    assert set(stamps(home)) == {"0", "1"}


@given(st.text(string.punctuation + " aü${}'\\", min_size=1, max_size=12))
@settings(max_examples=300, deadline=None)
def test_any_path_can_be_given_as_an_override(text: str) -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    path = Path("/x") / text.replace("/", "_")
    [override] = OverridesParser.create().parse_overrides([f"key={quoted(path)}"])
    assert not override.is_sweep_override()
    assert OmegaConf.create({"key": override.value()}).key == str(path)


def test_advice_after_an_experiment_names_its_file(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yaml").write_text(
        "# Why?\ndefaults:\n  - override /data: digits\nepochs: 1\n"
        "hydra: {sweeper: {params: {batch_size: '32,64'}}}\n"
    )

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sweeplab.execute.stack.stream_stack", interrupted)
        done = sweeplab("train", "mine.yaml", NO_REPORT, "hydra.sweep.dir=s")
    assert done.code == 130
    line = done.out.splitlines()[-1].strip()
    assert line == f"sweeplab train mine.yaml {NO_REPORT} hydra.sweep.dir=s"


def write_many(folder: Path, count: int) -> list[str]:
    """``count`` complete runs, of three evaluations each."""
    config, jobs = RunConfig(epochs=1, batch_size=1000), []
    rows = curves([0.1, 0.2, 0.3], every=1, batch=1000)
    weight, bias = np.zeros((10, 4), np.float32), np.zeros(10, np.float32)
    for seed in range(count):
        config = RunConfig(epochs=1, batch_size=1000, seed=seed)
        name = signature(config, "checksum", 1)
        run = RunFolder(folder / str(seed))
        run.path.mkdir(parents=True)
        result = RunResult(config, "completed", rows, weight, bias, None, "cpu", 1.0, count)
        write_result(run, RunIdentity(config, name, "checksum", 1), result, environment())
        jobs.append(JobEntry(seed, str(seed), [f"seed={seed}"], name, "completed"))
    write_sweep(SweepFolder(folder), SweepRecord("train", "", jobs))
    return [job.signature for job in jobs]


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_many_folders_in_one_sweep(
    sweeplab: Command, tmp_path: Path, count: int, capfd: pytest.CaptureFixture[str]
) -> None:
    names = write_many(tmp_path / "s", count)
    took = {}

    def timed(what: str, start: float) -> None:
        took[what] = time.perf_counter() - start

    start = time.perf_counter()
    complete = complete_runs(SweepFolder(tmp_path / "s"))
    planned = plan([*names, "new"], complete, {name: i for i, name in enumerate(names)})
    timed("plan", start)
    assert (planned.complete, planned.to_train, planned.numbers[-1]) == (count, [count], count)
    start = time.perf_counter()
    loaded = load_sweep(tmp_path / "s")
    timed("load_sweep", start)
    assert (len(loaded.runs), loaded.skipped) == (count, [])
    start = time.perf_counter()
    done = sweeplab("ls", "s")
    timed("ls", start)
    assert f"complete: {count:,} runs" in done.out
    with capfd.disabled():
        print("\n", count, {what: f"{seconds:.1f} s" for what, seconds in took.items()})
    # Ten times what an idle machine of 2 cores needs.
    assert all(seconds < 30 + count / 200 for seconds in took.values()), took


def test_nothing_that_a_file_holds_steers_the_terminal(sweeplab: Command, sweep: Path) -> None:
    # Two folders whose names look like a closing tag of the terminal library together.
    Path("[").mkdir()
    sweep.rename(Path("[", "x] :smile: \x1b[31m\udce4"))
    done = sweeplab("ls", ".")
    assert done.code == 0
    assert "[/x] :smile:" in done.out
    assert "\x1b" not in done.out
    assert re.search(r"complete: 4 runs", done.out)
