"""Sweeps killed at random moments, of training and of writing: nothing complete is lost.

`python tests/test_kills.py inline|processes|search KILLS SEED [SIGKILL,SIGTERM,worker]` is the same
for as long as one likes.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import pytest

from sweeplab.runs.folder import RunFolder, damaged_files, is_complete, read_record
from sweeplab.sweeps.find import complete_runs
from sweeplab.sweeps.folder import SweepFolder

PROGRAM = Path(sys.executable).with_name("sweeplab")
# Many short runs in small stacks: about half of the time goes into writing them.
GRID = ("-m", "data=digits", "epochs=1", "optimizer.lr=0.1,1", "seed=range(100)")
RUNS = 200
# As many that depend on the results of those before them.
SEARCH = (
    *("-m", "hydra/sweeper=search", "data=digits", "epochs=1", "seed=range(10)"),
    *("optimizer.lr=tag(log,interval(0.01,3))", "optimizer.weight_decay=choice(0,0.001,0.01)"),
    *("hydra.sweeper.budget=20", "hydra.sweeper.batch=5"),
)
SWEEPS = {
    "inline": GRID,
    "processes": (*GRID, "hydra.launcher.executor=processes", "hydra.launcher.workers=2"),
    "search": SEARCH,
}


@dataclass
class Figures:
    """What a soak has seen."""

    kills: int = 0
    sweeps: int = 0  # killed again and again until they were complete
    complete_before: int = 0  # runs, summed over the kills
    lost: int = 0  # of these, gone or changed after the kill or after the next start
    wrongly_accepted: int = 0  # runs that count as complete, and are not what they should be
    tables_differ: int = 0  # sweeps whose tables are not those of one left alone
    exit_codes: str = ""


def complete(sweep: Path) -> dict[str, tuple[bytes, ...]]:
    """The files of the complete runs by the runs' folders."""
    found = {}
    for run, record in complete_runs(SweepFolder(sweep)).values():
        names = sorted({*record.files, "run.json"})
        found[run.path.name] = tuple((run.path / name).read_bytes() for name in names)
    return found


def results(sweep: Path) -> dict[str, tuple[bytes, bytes]]:
    """Curves and weights of the runs that count as complete."""
    return {
        name: (
            (sweep / name / "curves.csv").read_bytes(),
            (sweep / name / "weights.safetensors").read_bytes(),
        )
        for name in complete(sweep)
    }


def start(folder: Path, which: str = "inline") -> subprocess.Popen[bytes]:
    common = ("hydra.sweeper.report=false", "hydra.launcher.width=10", "hydra.sweep.dir=s")
    return subprocess.Popen(
        [PROGRAM, "train", *SWEEPS[which], *common],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def left_alone(folder: Path, which: str = "inline") -> Path:
    folder.mkdir()
    assert start(folder, which).wait() == 0
    return folder / "s"


def kill(process: subprocess.Popen[bytes], how: str) -> None:
    """SIGKILL or SIGTERM for the command, or SIGKILL for one of its workers."""
    victim = process.pid
    if how == "worker":
        children = psutil.Process(process.pid).children(recursive=True)
        workers = [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]
        if workers:
            os.kill(random.choice(workers), signal.SIGKILL)
            return
    os.kill(victim, signal.SIGTERM if how == "SIGTERM" else signal.SIGKILL)


def soak(
    base: Path,
    alone: Path,
    executor: str,
    kills: int,
    seed: int,
    kinds: Sequence[str] = ("SIGKILL", "SIGKILL", "SIGTERM", "worker"),
) -> Figures:
    """Kill sweeps ``kills`` times, each at a random moment and in a way drawn from ``kinds``."""
    kinds = [kind for kind in kinds if kind != "worker" or executor == "processes"]
    draw = random.Random(seed)
    expected, tables = results(alone), ("runs.csv", "curves.parquet")
    assert len(expected) == RUNS
    figures, codes = Figures(), set()
    while figures.kills < kills:
        folder = base / f"{executor}-{figures.sweeps}"
        folder.mkdir()
        sweep, finished = folder / "s", False
        while not finished:
            before_start = complete(sweep) if sweep.is_dir() else {}
            process = start(folder, executor)
            more = figures.kills < kills and draw.random() < 0.9
            if more:
                new_runs = len(before_start) + draw.randrange(RUNS // 5)
                while process.poll() is None and len(list(sweep.glob("*/run.json"))) < new_runs:
                    time.sleep(0.001)
                time.sleep(draw.uniform(0, 0.05))
            before = complete(sweep) if sweep.is_dir() else {}
            how = draw.choice(kinds)
            if more and process.poll() is None:
                kill(process, how)
                figures.kills += 1
                figures.complete_before += len(before)
            finished = process.wait() == 0
            codes.add(process.returncode)
            _wait_for_orphans(process.pid)
            after = complete(sweep)
            figures.lost += sum(after.get(name) != files for name, files in before.items())
            figures.lost += sum(after.get(name) != files for name, files in before_start.items())
            figures.wrongly_accepted += _wrong(sweep, expected)
        figures.sweeps += 1
        figures.tables_differ += any(
            (sweep / name).read_bytes() != (alone / name).read_bytes() for name in tables
        )
        figures.tables_differ += results(sweep) != expected
    figures.exit_codes = " ".join(map(str, sorted(codes)))
    return figures


def _wrong(sweep: Path, expected: dict[str, tuple[bytes, bytes]]) -> int:
    wrong = 0
    for name, files in results(sweep).items():
        run = RunFolder(sweep / name)
        record = read_record(run)
        sound = is_complete(run, record) and not damaged_files(run, record)
        wrong += not sound or files != expected[name]
    return wrong


def _wait_for_orphans(session: int) -> None:
    """Workers that outlive their parent for a moment may still write."""
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session:
                process.wait(timeout=20)
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return left_alone(tmp_path_factory.mktemp("kills") / "alone")


@pytest.mark.parametrize(("executor", "kills"), [("inline", 2), ("processes", 1)])
def test_kills_at_random_moments_lose_nothing(
    tmp_path: Path, alone: Path, executor: str, kills: int
) -> None:
    figures = soak(tmp_path, alone, executor, kills, seed=1)
    assert figures.kills == kills
    assert figures.complete_before > 0
    if executor == "inline":  # in the other a worker may have been the victim
        assert {"-9", "143"} & set(figures.exit_codes.split())
    assert (figures.lost, figures.wrongly_accepted, figures.tables_differ) == (0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("executor", list(SWEEPS))
def test_a_hundred_kills_lose_nothing(tmp_path: Path, executor: str) -> None:
    alone = left_alone(tmp_path / "alone", executor)
    figures = soak(tmp_path, alone, executor, kills=60, seed=2)
    assert {"-9", "143"} & set(figures.exit_codes.split())
    assert figures.complete_before > 0
    assert (figures.lost, figures.wrongly_accepted, figures.tables_differ) == (0, 0, 0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        seen = soak(
            Path(place),
            left_alone(Path(place) / "alone", sys.argv[1]),
            sys.argv[1],
            int(sys.argv[2]),
            int(sys.argv[3]),
            *([sys.argv[4].split(",")] if sys.argv[4:] else []),
        )
        print(json.dumps(asdict(seen)))
