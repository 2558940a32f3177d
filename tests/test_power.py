"""The power cut under sweeps, `prune` and `evaluate`, on real ext4 and XFS.

A file system in a file is mounted and, at a random moment, shut down by the ioctl that file systems
have for this test: nothing more reaches the file, not even the journal. Mounted again, it holds
what a machine finds after a power cut. Needs root, and mkfs; skips where nothing can be mounted.

`python tests/test_power.py FILESYSTEM CUTS SEED` is the same for as long as one likes.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest
from test_kills import RUNS, left_alone, results, start

from sweeplab.errors import RunFolderError
from sweeplab.runs.folder import RunFolder, read_test
from sweeplab.sweeps.find import complete_runs
from sweeplab.sweeps.folder import SweepFolder

PROGRAM = Path(sys.executable).with_name("sweeplab")
FILESYSTEMS = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}
SIZE = 320 * 2**20  # the smallest XFS
# FS_IOC_SHUTDOWN of ext4, XFS_IOC_GOINGDOWN of XFS; 2: without writing the journal.
SHUTDOWN, AT_ONCE = 0x8004587D, struct.pack("I", 2)
WHEN = ("in mid-sweep", "after exit", "in prune", "in evaluate")


@dataclass
class Figures:
    """What a soak has seen."""

    cuts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WHEN, 0))
    complete_before: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WHEN, 0))
    lost: int = 0  # runs that were complete, and are gone or have other bits
    wrong: int = 0  # files of complete runs with other bits than those of a sweep left alone
    damaged: int = 0  # runs that have a run.json and are not what it says
    looks_before: int = 0  # at the test set
    looks_lost: int = 0
    tables_differ: int = 0  # sweeps that, gone on with, do not end as one left alone
    said: set[str] = field(default_factory=set)  # by commands whose disk went away


class Disk:
    """A file system in a file."""

    def __init__(self, kind: str, base: Path) -> None:
        self.image, self.path, self.kind = base / "image", base / "disk", kind
        self.path.mkdir()
        with self.image.open("wb") as file:
            file.truncate(SIZE)
        subprocess.run([*FILESYSTEMS[kind], str(self.image)], check=True, capture_output=True)

    def mount(self) -> None:
        words = ["mount", "-o", "loop", "-t", self.kind, str(self.image), str(self.path)]
        subprocess.run(words, check=True, capture_output=True)

    def cut(self) -> None:
        file = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(file, SHUTDOWN, AT_ONCE)
        finally:
            os.close(file)

    def unmount(self) -> None:
        for _ in range(200):
            words = ["umount", str(self.path)]
            if subprocess.run(words, capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.path} stays busy")


@contextmanager
def mounted(kind: str, base: Path) -> Iterator[Disk]:
    disk = Disk(kind, base)
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()


Files = dict[str, dict[str, bytes]]  # curves and weights by run


def complete(sweep: Path) -> Files:
    """Curves and weights of the complete runs, by their folders' names."""
    return {
        run.path.name: {
            path.name: path.read_bytes() for path in (run.curves, run.weights) if path.exists()
        }
        for run, _ in complete_runs(SweepFolder(sweep)).values()
    }


def command(disk: Disk, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PROGRAM, *map(str, words)], cwd=disk.path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


class Soak:
    """Cuts, and what they cost."""

    def __init__(self, disk: Disk, alone: Path, seed: int) -> None:
        self.disk, self.alone, self.draw = disk, alone, random.Random(seed)
        self.sweep, self.figures = disk.path / "s", Figures()
        self.expected = complete(alone)

    def cut(self, when: str, before: Files | None = None) -> None:
        """Cut the power, and note what was complete a moment before."""
        self.before = complete(self.sweep) if before is None else before
        self.disk.cut()
        self.figures.cuts[when] += 1
        self.figures.complete_before[when] += len(self.before)

    def look(self) -> None:
        """Mount again, and hold the runs against what they were."""
        self.disk.unmount()
        self.disk.mount()
        after = complete(self.sweep)
        for name, files in self.before.items():
            kept = after.get(name, {})
            # Weights that `prune` removed are no loss, and neither are some that are there again.
            both = kept.keys() & files.keys()
            self.figures.lost += not both or any(kept[file] != files[file] for file in both)
        with_record = {path.parent.name for path in self.sweep.glob("*/run.json")}
        self.figures.damaged += len(with_record - set(after))
        self.figures.wrong += sum(
            after[name][file] != content
            for name in after
            for file, content in self.expected[name].items()
            if file in after[name]
        )

    def in_mid_sweep(self) -> None:
        shutil.rmtree(self.sweep, ignore_errors=True)
        process = start(self.disk.path)
        enough = self.draw.randrange(1, RUNS * 3 // 4)
        while process.poll() is None and len(list(self.sweep.glob("*/run.json"))) < enough:
            time.sleep(0.001)
        time.sleep(self.draw.uniform(0, 0.1))
        self.cut("in mid-sweep")
        assert process.wait(60) != 0
        self.look()
        self.go_on()

    def after_exit(self) -> None:
        shutil.rmtree(self.sweep, ignore_errors=True)
        assert start(self.disk.path).wait() == 0
        self.cut("after exit")
        self.look()
        assert len(self.before) == RUNS
        self.go_on()

    def in_prune(self) -> None:
        if self.draw.random() < 0.5:
            self.during("in prune", "prune", "s", "--weights")
        else:
            assert command(self.disk, "prune", "s", "--weights").wait() == 0
            self.cut("in prune")
        self.look()

    def in_evaluate(self) -> None:
        runs = [RunFolder(self.sweep / str(n)) for n in self.draw.sample(range(RUNS), RUNS)]
        run = next(run for run in runs if run.weights.exists())
        looks = self.draw.randrange(1, 3)
        for _ in range(looks):
            assert command(self.disk, "evaluate", f"s/{run.path.name}").wait() == 0
        if self.draw.random() < 0.5:
            self.during("in evaluate", "evaluate", f"s/{run.path.name}")
        else:
            self.cut("in evaluate")
        self.look()
        self.figures.looks_before += looks
        try:
            record = read_test(run)
        except RunFolderError:
            record = None
        self.figures.looks_lost += max(0, looks - (len(record.opened) if record else 0))

    def during(self, when: str, *words: str) -> None:
        """Cut the power at a random moment of a command's writing."""
        stamp, before = _stamp(self.sweep), complete(self.sweep)
        process = command(self.disk, *words)
        while process.poll() is None and _stamp(self.sweep) == stamp:
            pass
        time.sleep(self.draw.uniform(0, 0.02))
        self.cut(when, before)
        out, _ = process.communicate(timeout=60)
        if process.returncode:
            self.figures.said.add(out.strip().splitlines()[-1].replace(str(self.disk.path), ""))

    def go_on(self) -> None:
        """The same command, to its end."""
        assert start(self.disk.path).wait() == 0
        self.figures.tables_differ += results(self.sweep) != results(self.alone)
        self.figures.tables_differ += any(
            (self.sweep / name).read_bytes() != (self.alone / name).read_bytes()
            for name in ("runs.csv", "curves.parquet")
        )


def _stamp(sweep: Path) -> int:
    """Another number after each change of a folder in the sweep's."""
    return sum(entry.stat().st_mtime_ns for entry in os.scandir(sweep) if entry.is_dir())


def soak(disk: Disk, alone: Path, cuts: int, seed: int) -> Figures:
    it = Soak(disk, alone, seed)
    for number in range(cuts):
        (it.in_mid_sweep, it.after_exit, it.in_evaluate, it.in_prune)[number % 4]()
        print(json.dumps(asdict(it.figures), default=list), flush=True)
    return it.figures


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(FILESYSTEMS))
def test_a_power_cut_loses_nothing_complete(tmp_path: Path, kind: str) -> None:
    alone = left_alone(tmp_path / "alone")
    try:
        place = mounted(kind, tmp_path)
        disk = place.__enter__()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"{kind} cannot be mounted here: {error}")
    try:
        seen = soak(disk, alone, cuts=8, seed=1)
    finally:
        place.__exit__(None, None, None)
    assert (seen.lost, seen.wrong, seen.damaged) == (0, 0, 0)
    assert (seen.looks_lost, seen.tables_differ) == (0, 0)
    assert set(seen.cuts.values()) == {2}
    assert all(seen.complete_before.values())
    assert seen.looks_before > 0
    assert all("Input/output error" in line for line in seen.said)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        untouched = left_alone(Path(place) / "alone")
        with mounted(sys.argv[1], Path(place)) as one:
            soak(one, untouched, int(sys.argv[2]), int(sys.argv[3]))
