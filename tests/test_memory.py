"""The kernel's own kills for want of memory, and a limit on a process's addresses."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sweeplab.execute.processes import _death
from sweeplab.sweeps.find import complete_runs
from sweeplab.sweeps.folder import SweepFolder

PROGRAM = Path(sys.executable).with_name("sweeplab")
GROUP = Path("/sys/fs/cgroup/memory/sweeplab-test")
RUNS = 192
WORDS = (
    *("train", "-m", "data=arrays", "data.path=wide.npz", "data.train_size=1800"),
    *("data.val_size=600", "batch_size=100,200", "epochs=1", "seed=range(96)"),
    *("hydra.sweeper.report=false", "hydra.sweep.dir=s"),
)


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A folder with data whose weights take room: 60 classes of 1,024 features."""
    random = np.random.default_rng(0)
    examples = random.normal(size=(3000, 1024)).astype(np.float32)
    np.savez(tmp_path / "wide.npz", X=examples, y=np.arange(3000) % 60)
    return tmp_path


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group whose processes the kernel kills beyond a limit."""
    try:
        GROUP.mkdir()
        (GROUP / "memory.limit_in_bytes").write_text("500M")
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    yield GROUP
    GROUP.rmdir()


def files(sweep: Path) -> dict[str, bytes]:
    complete = complete_runs(SweepFolder(sweep)).values() if sweep.is_dir() else []
    return {
        f"{run.path.name}/{name}": (run.path / name).read_bytes()
        for run, record in complete
        for name in ("run.json", *record.files)
    }


@pytest.mark.slow
def test_a_sweep_that_the_kernel_kills_for_memory_goes_on(wide: Path, group: Path) -> None:
    def enter() -> None:
        (group / "cgroup.procs").write_text(str(os.getpid()))

    killed = subprocess.run(
        [PROGRAM, *WORDS], cwd=wide, capture_output=True, check=False, preexec_fn=enter
    )
    assert killed.returncode == -9
    assert re.search(r"oom_kill [1-9]", (group / "memory.oom_control").read_text())
    before = files(wide / "s")
    again = subprocess.run([PROGRAM, *WORDS], cwd=wide, capture_output=True, text=True, check=True)
    done = len({name.split("/")[0] for name in before})
    assert f"{RUNS - done} runs to train" in again.stdout
    after = files(wide / "s")
    assert {name: after[name] for name in before} == before
    assert len(complete_runs(SweepFolder(wide / "s"))) == RUNS


@pytest.mark.slow
@pytest.mark.parametrize("gigabytes", [2, 6])
def test_a_limit_on_addresses_is_said(wide: Path, gigabytes: int) -> None:
    """With 2 GB PyTorch cannot be loaded; with 6 GB a sweep trains, and its tables find no room."""
    limit = gigabytes * 10**9
    done = subprocess.run(
        [PROGRAM, *WORDS], cwd=wide, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip
    assert done.returncode != 0 or gigabytes > 2
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert "sweeplab: There is not enough memory" in done.stderr
    before = files(wide / "s")
    subprocess.run([PROGRAM, *WORDS], cwd=wide, capture_output=True, check=True)
    after = files(wide / "s")
    assert {name: after[name] for name in before} == before
    assert len(complete_runs(SweepFolder(wide / "s"))) == RUNS


def test_how_a_worker_ended_is_told_and_not_guessed() -> None:
    assert _death(-9, memory=False) == "its worker process was ended by signal 9 (SIGKILL)"
    assert _death(-9, memory=True).endswith("has killed a process for want of memory meanwhile")
    assert _death(3, memory=False) == "its worker process ended with exit code 3"
