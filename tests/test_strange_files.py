"""Files in run and sweep folders that are no files, are not ours, or cannot be read."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import Command
from report_sweeps import write_run
from sweeplab.errors import BusyError, RunFolderError
from sweeplab.execute.files import StackFiles, read_note
from sweeplab.execute.progress import last_beat
from sweeplab.runs.folder import RunFolder, read_config, read_test, read_weights
from sweeplab.runs.scaled import read_inputs
from sweeplab.sweeps.answers import read_answers
from sweeplab.sweeps.find import complete_runs, runs_in, sweeps_in
from sweeplab.sweeps.folder import (
    JobEntry,
    SweepFolder,
    SweepRecord,
    at_work,
    locked,
    read_sweep,
    write_sweep,
)
from sweeplab.sweeps.images import read_images
from sweeplab.sweeps.progress import Moment, append, moments
from sweeplab.sweeps.tables import load_sweep, write_tables
from sweeplab.task.finish import finish
from sweeplab.task.search.study import Study

Make = Callable[[Path], None]


def fifo(path: Path) -> None:
    os.mkfifo(path)


def zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


def outside(path: Path) -> None:
    path.symlink_to("/etc/passwd")


KINDS = pytest.mark.parametrize("make", [fifo, zero, sparse, outside])


@pytest.fixture(autouse=True)
def _never_waits() -> Iterator[None]:
    """What waits for a pipe would wait for ever."""

    def stop(*_: object) -> None:
        raise AssertionError("it waited")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """Two sweeps of two runs each, which nobody has trained."""
    outputs = tmp_path / "outputs"
    for name, lr in (("a", 0.1), ("b", 0.5)):
        for seed in (0, 1):
            write_run(outputs / name / str(seed), [0.1, 0.3 + lr], optimizer__lr=lr, seed=seed)
        write_sweep(SweepFolder(outputs / name), SweepRecord(name, "", []))
    return outputs


def replaced(path: Path, make: Make) -> None:
    path.unlink(missing_ok=True)
    make(path)


@KINDS
@pytest.mark.parametrize("name", ["run.json", "curves.csv", "weights.safetensors", "config.yaml"])
def test_a_file_of_a_run_that_is_no_file_is_named(
    sweeplab: Command, outputs: Path, make: Make, name: str
) -> None:
    run = RunFolder(outputs / "a" / "1")
    path = run.config if name == "config.yaml" else run.path / name
    replaced(path, make)
    read: dict[str, Callable[[RunFolder], Any]] = {
        "config.yaml": read_config,
        "weights.safetensors": read_weights,
    }
    if name in read:
        with pytest.raises(RunFolderError, match=name):
            read[name](run)
    else:
        ((skipped, why),) = load_sweep(outputs / "a").skipped
        assert skipped == str(run.path)
        assert name in why
    if name != "config.yaml":  # which other files say too
        assert len(complete_runs(SweepFolder(outputs / "a"))) == 1
    done = sweeplab("reproduce", run.path)
    assert done.code == 1
    assert path.name in done.text
    assert "Traceback" not in done.text
    assert sweeplab("ls", outputs).code == 0


@KINDS
def test_a_file_beside_the_runs_that_is_no_file_is_named(
    sweeplab: Command, outputs: Path, make: Make
) -> None:
    sweep, run = SweepFolder(outputs / "a"), RunFolder(outputs / "a" / "0")
    image = sweep.images_of("digits")
    image.parent.mkdir()
    sweep.stacks.mkdir()
    stack = StackFiles(sweep.stacks / "x.json")
    for path in (run.test, run.inputs, sweep.answers, image, sweep.progress, sweep.runs_table):
        replaced(path, make)
    for path in (stack.path, stack.done, stack.beats, sweep.study, sweep.owner, sweep.lock):
        replaced(path, make)
    for read, path in (
        (lambda: read_test(run), run.test),
        (lambda: read_inputs(run), run.inputs),
        (lambda: read_answers(sweep), sweep.answers),
        (lambda: read_images(image), image),
        (lambda: Study(sweep.study, [], "maximize"), sweep.study),
        (stack.read, stack.path),
    ):
        with pytest.raises(RunFolderError, match=path.name):
            read()
    assert (read_note(stack.done).job, last_beat(stack.beats)[0]) == (None, 0)
    assert moments(sweep.progress) == []
    assert not at_work(sweep)
    before = Path("/etc/passwd").stat().st_mtime_ns
    append(sweep.progress, Moment(at=0, state="training", runs=1))
    assert Path("/etc/passwd").stat().st_mtime_ns == before
    assert "complete: 0 runs" in sweeplab("ls", outputs).out
    replaced(sweep.record, make)
    with pytest.raises(RunFolderError, match=r"sweep\.json"):
        read_sweep(sweep)
    assert sweeplab("evaluate", run.path).code == 1


def test_links_within_a_folder_are_read_and_links_out_of_a_sweep_lead_to_runs_alone(
    outputs: Path,
) -> None:
    sweep = outputs / "a"
    weights = RunFolder(sweep / "0").weights
    weights.rename(weights.with_name("kept"))
    weights.symlink_to("kept")
    (sweep / "all").symlink_to("/")  # to look through it would take for ever
    (sweep / "moved").symlink_to(outputs / "b" / "0")
    (sweep / "up").symlink_to(outputs)
    assert [run.path.name for run in runs_in(sweep)] == ["0", "1", "moved"]
    assert len(complete_runs(SweepFolder(sweep))) == 3
    (outputs / "elsewhere").symlink_to(outputs / "b")
    assert len(sweeps_in(outputs)) == 3


@pytest.mark.parametrize("command", ["reproduce", "evaluate", "prune"])
def test_nothing_is_put_where_a_run_folder_says(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def download(*_: object) -> None:
        raise AssertionError("it was downloaded")

    monkeypatch.setattr("sweeplab.data.mnist._download", download)
    photos, strange = tmp_path / "photos", tmp_path / "strange"
    for label, number in (("dog", 0), ("cat", 1)):
        (photos / label).mkdir(parents=True)
        for i in range(80):
            pixels = np.full((8, 8), 10 * number + i, np.uint8)
            Image.fromarray(pixels).save(photos / label / f"{i}.png")
    root = {"data__root": str(strange)}
    write_run(tmp_path / "mnist", [0.1, 0.5], data__name="mnist", **root)
    write_run(tmp_path / "images", [0.1, 0.5], data__name="images", data__path=str(photos), **root)
    words = ["--keep-best", 0, "--dry-run"] if command == "prune" else []
    done = sweeplab(command, "mnist", *words)
    assert "nothing is put there for it" in done.text
    assert "sweeplab train -m data=mnist" in done.text
    sweeplab(command, "images", *words)
    assert not strange.exists()


def test_an_unreadable_file_costs_its_run_alone(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("train", "-m", "data=digits", "epochs=1", "seed=range(4)", "hydra.sweep.dir=s")
    words = (*words, "hydra.sweeper.report=false")
    assert sweeplab(*words).code == 0
    # Root is refused nothing, so the refusal is put in.
    bad = {
        (tmp_path / "s" / "1" / "run.json").stat().st_ino: errno.EIO,
        (tmp_path / "s" / "2" / "weights.safetensors").stat().st_ino: errno.EACCES,
        (tmp_path / "s" / "3" / "curves.csv").stat().st_ino: errno.EIO,
    }
    for number, name in ((1, "run.json"), (2, "weights.safetensors"), (3, "curves.csv")):
        os.link(
            tmp_path / "s" / str(number) / name, tmp_path / name
        )  # no other file gets its inode
    there = os.open

    def refused(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        number = there(path, flags, *rest, **named)
        if error := bad.get(os.fstat(number).st_ino):
            os.close(number)
            raise OSError(error, os.strerror(error), path)
        return number

    monkeypatch.setattr(os, "open", refused)
    listed = sweeplab("ls", "s").out
    assert "damaged: 3 of 4 runs, 1 damaged" in listed
    assert "3 runs to train in 1 stack, 1 complete already" in sweeplab(*words).out
    assert "0 runs to train, 4 complete already" in sweeplab(*words).out


def test_ls_lists_the_others_beside_what_it_cannot_read(
    sweeplab: Command, outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (outputs / "c").mkdir()
    write_sweep(SweepFolder(outputs / "c"), SweepRecord("c", "", []))
    closed, record = outputs / "c", SweepFolder(outputs / "a").record.stat().st_ino
    there, look, exists = os.open, os.scandir, os.path.exists

    def refused(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        number = there(path, flags, *rest, **named)
        if os.fstat(number).st_ino == record:
            os.close(number)
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return number

    def scandir(path: Any = ".") -> Any:
        if Path(path).absolute() == closed:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return look(path)

    monkeypatch.setattr(os, "open", refused)
    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(
        os.path, "exists", lambda path: closed not in Path(path).absolute().parents and exists(path)
    )
    done = sweeplab("ls", "outputs")
    assert done.code == 0
    rows = {line.split()[0]: line for line in done.out.splitlines()[1:]}
    assert set(rows) == {"outputs/a", "outputs/b", "outputs/c"}
    assert "unreadable: sweep.json" in rows["outputs/a"]
    assert "complete" in rows["outputs/b"]
    assert "unreadable" in rows["outputs/c"]


def test_a_lock_that_outlives_its_machine_says_how_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", missing)
    folder = SweepFolder(tmp_path)
    folder.lock.write_text("4711\nanother-host\n")
    folder.owner.write_text("process 4711 on another-host")
    assert at_work(folder)
    with pytest.raises(BusyError, match="process 4711 on another-host") as refusal, locked(folder):
        pass
    assert f"remove {folder.lock}" not in str(refusal.value)
    assert f"{folder.lock} is the lock" in str(refusal.value)
    assert "remove this file and repeat the command" in str(refusal.value)
    folder.lock.unlink()
    with locked(folder):
        assert at_work(folder)
    assert not at_work(folder)


def test_who_only_looks_keeps_nobody_from_working(tmp_path: Path) -> None:
    folder, stop = SweepFolder(tmp_path), threading.Event()
    with locked(folder):
        assert at_work(folder)
    folder.owner.write_text("of a process that was killed")
    seen = []

    def look() -> None:
        while not stop.is_set():
            seen.append(at_work(folder))

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for thread in lookers:
        thread.start()
    try:
        for _ in range(50):
            with locked(folder):
                pass
            folder.owner.write_text("of a process that was killed")
    finally:
        stop.set()
        for thread in lookers:
            thread.join()
    assert {True, False} >= set(seen)
    assert not at_work(folder)


def test_what_another_command_adds_stays_in_the_tables(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends between the first command's looking at the runs and its writing of the tables."""
    folder = SweepFolder(outputs / "a")
    other = locked(folder)
    other.__enter__()

    def load(path: Path) -> Any:
        loaded = load_sweep(path)
        if not (folder.path / "2").exists():
            job = JobEntry(2, "2", ["seed=2"], "", "planned")
            write_run(folder.path / "2", [0.1, 0.4], optimizer__lr=0.1, seed=2)
            write_sweep(folder, SweepRecord("a", "", [job]))
            write_tables(load_sweep(path))
            other.__exit__(None, None, None)
        return loaded

    monkeypatch.setattr("sweeplab.sweeps.tables.load_sweep", load)
    assert finish(folder, report=False) == 0
    assert len(folder.runs_table.read_text().splitlines()) == 1 + 3
    assert [job.state for job in read_sweep(folder).jobs] == ["completed"]
