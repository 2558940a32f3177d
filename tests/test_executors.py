"""Inline, processes and SLURM: the same folders, whatever happens to a worker."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from conftest import ROOT, Command
from sweeplab.config import RunConfig
from sweeplab.data import load
from sweeplab.execute.files import Stack, StackFiles, StackRun
from sweeplab.execute.options import Options
from sweeplab.execute.stack import train_and_write
from sweeplab.execute.stack import train_file as real_train_file
from sweeplab.runs.folder import RunFolder, read_record
from sweeplab.task.prepare import identify
from sweeplab.training import stream_stack as real_stream_stack

PROGRAM = Path(sys.executable).with_name("sweeplab")
QUIET = "hydra.sweeper.report=false"
# Two batch sizes, so two stacks; 16 runs.
GRID = ("-m", "data=digits", "epochs=1", "batch_size=32,64", "optimizer.lr=0.1,1", "seed=range(4)")
# Two stacks that take a while.
LONG = ("-m", "data=digits", "epochs=3000", "batch_size=32,64", "seed=range(16)", QUIET)
TWO_WORKERS = ("hydra.launcher.executor=processes", "hydra.launcher.workers=2")


def has_slurm() -> bool:
    return (
        bool(shutil.which("sbatch"))
        and not subprocess.run(["sinfo", "--noheader"], capture_output=True, check=False).returncode
    )


slurm = [
    pytest.mark.slurm,
    pytest.mark.skipif(not has_slurm(), reason="no SLURM answers here"),
    pytest.mark.xdist_group("slurm"),
]
EVERY_WORKER = [
    pytest.param(TWO_WORKERS, id="processes"),
    pytest.param(("hydra.launcher.executor=slurm",), id="slurm", marks=slurm),
]


@pytest.fixture(autouse=True)
def _workers_find_this_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)


def everything(folder: Path) -> dict[str, bytes]:
    """What a sweep leaves that must not depend on how it was distributed."""
    names = ("curves.csv", "weights.safetensors", "runs.csv", "curves.parquet", "config.yaml")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.name in names
    }


def error_of(run: Path) -> str:
    """Why the run in this folder failed."""
    error = read_record(RunFolder(run)).error
    assert error
    return error.message


def wait_for(what: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


@pytest.mark.parametrize("words", EVERY_WORKER)
def test_every_executor_leaves_the_same_folders(
    sweeplab: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    assert sweeplab("train", *GRID, QUIET, "hydra.sweep.dir=inline/s").code == 0
    done = sweeplab("train", *GRID, QUIET, *words, "hydra.sweep.dir='a b,c=d é/s'")
    assert done.code == 0, done.text
    assert "16 runs to train in 2 stacks" in done.out
    here, there = tmp_path / "inline" / "s", tmp_path / "a b,c=d é" / "s"
    assert len(everything(here)) == 16 * 3 + 2
    assert everything(there) == everything(here)
    assert {path.name for path in there.iterdir()} == {path.name for path in here.iterdir()}
    for i in range(16):
        assert "validation  loss" in (there / str(i) / "train.log").read_text()
        environment = read_record(RunFolder(there / str(i))).environment
        assert environment["command"][:3] == ["sweeplab", "train", "-m"]
        assert environment["threads"] == 1
    assert sweeplab("reproduce", there).out.strip() == "16 runs retrained: 16 identical"


def dies(path: str, threads: int) -> None:
    """A worker that trains half of its stack and is killed then, while a file says so."""
    deaths = Path("deaths")
    stack = StackFiles(Path(path)).read()
    if stack.runs[0].identity.config.batch_size == 32 and int(deaths.read_text()):
        deaths.write_text(str(int(deaths.read_text()) - 1))
        train_and_write(replace(stack, runs=stack.runs[: len(stack.runs) // 2]))
        os.kill(os.getpid(), signal.SIGKILL)
    real_train_file(path, threads)


@pytest.mark.parametrize("words", EVERY_WORKER)
def test_a_killed_worker_costs_its_stack_only_and_is_tried_again(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    sweeplab("train", *GRID, QUIET, "hydra.sweep.dir=inline/s")
    Path("deaths").write_text("1")
    monkeypatch.setattr("sweeplab.execute.distribute.train_file", dies)
    words = (*words, "hydra.launcher.width=8", "hydra.sweep.dir=killed/s")
    done = sweeplab("train", *GRID, QUIET, *words)
    assert done.code == 0, done.text
    # What it had finished before is not trained again.
    assert "Trying 4 runs again (1 of 2): " in done.out
    assert Path("deaths").read_text() == "0"
    assert everything(tmp_path / "killed" / "s") == everything(tmp_path / "inline" / "s")


def test_a_worker_lost_too_often_is_reported_and_mended_later(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("deaths").write_text("99")
    command = ("train", *GRID, QUIET, *TWO_WORKERS, "hydra.sweep.dir=s/s")
    with monkeypatch.context() as patch:
        patch.setattr("sweeplab.execute.distribute.train_file", dies)
        done = sweeplab(*command, "hydra.launcher.retries=0")
    assert done.code == 1
    runs = pd.read_csv("s/s/runs.csv").set_index("run")
    # Of the eight in its stack, four were complete when the worker died.
    assert runs["status"][:8].tolist().count("failed") == 4
    assert set(runs["status"][8:]) == {"completed"}
    failed = runs.index[runs["status"] == "failed"][0]
    error = error_of(tmp_path / "s" / "s" / str(failed))
    assert "its worker process was ended by signal 9 (SIGKILL)" in error
    assert "tried 1 time, among 4 runs" in error
    assert error in done.out
    done = sweeplab(*command)
    assert done.code == 0
    assert "4 runs to train" in done.out
    sweeplab("train", *GRID, QUIET, "hydra.sweep.dir=alone/s")
    assert everything(tmp_path / "s" / "s") == everything(tmp_path / "alone" / "s")


def fits_four(configs: Any, dataset: Any, *rest: Any) -> Any:
    if len(configs) > 4:
        raise MemoryError
    return real_stream_stack(configs, dataset, *rest)


def test_a_stack_too_wide_for_the_memory_is_halved(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeplab("train", *GRID, QUIET, "hydra.sweep.dir=wide/s")
    monkeypatch.setattr("sweeplab.execute.stack.stream_stack", fits_four)
    done = sweeplab("train", *GRID, QUIET, "hydra.sweep.dir=narrow/s")
    assert done.code == 0
    # Said once: the second stack starts with what fits.
    assert done.out.count("Memory does not hold a stack of 8 runs here, but one of 4") == 1
    assert "hydra.launcher.width=4" in done.out
    assert everything(tmp_path / "narrow" / "s") == everything(tmp_path / "wide" / "s")


def test_a_run_that_never_fits_fails(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(configs: Any, dataset: Any, *rest: Any) -> Any:
        if any(config.seed == 1 for config in configs):
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return real_stream_stack(configs, dataset, *rest)

    monkeypatch.setattr("sweeplab.execute.stack.stream_stack", full)
    done = sweeplab("train", *GRID, QUIET, "hydra.sweep.dir=s")
    assert done.code == 1
    runs = pd.read_csv("s/runs.csv")
    assert set(runs["seed"][runs["status"] == "failed"]) == {1}
    assert "can't allocate memory" in done.out


def start(tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PROGRAM, "train", *words, "hydra.sweep.dir=s"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        children = psutil.Process(process.pid).children(recursive=True)
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.NoSuchProcess:
        return []


@pytest.mark.parametrize(
    ("words", "stop", "code"),
    [
        pytest.param((), signal.SIGTERM, 143, id="inline-SIGTERM"),
        pytest.param(TWO_WORKERS, signal.SIGTERM, 143, id="processes-SIGTERM"),
        pytest.param(TWO_WORKERS, signal.SIGINT, 130, id="processes-SIGINT"),
    ],
)
def test_stopped_it_says_how_to_go_on(
    tmp_path: Path, words: tuple[str, ...], stop: signal.Signals, code: int
) -> None:
    process = start(tmp_path, *LONG, *words)
    wait_for((tmp_path / "s" / "sweep.json").exists)
    workers = wait_for(lambda: workers_of(process)) if words else []
    time.sleep(1)
    os.killpg(process.pid, stop)  # as a terminal does: the workers get it too
    out, _ = process.communicate(timeout=30)
    assert process.returncode == code, out
    assert "Traceback" not in out
    assert "0 runs done and kept, 32 left" in out
    assert out.strip().splitlines()[-1].endswith("hydra.sweep.dir=s")
    assert not psutil.wait_procs(workers, timeout=5)[1]
    assert not (tmp_path / "s" / ".stacks").exists()


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    process = start(tmp_path, *LONG, *TWO_WORKERS)
    workers = wait_for(lambda: len(found := workers_of(process)) == 2 and found)
    process.kill()
    assert not psutil.wait_procs(workers, timeout=20)[1]
    process.communicate()


def described(config: RunConfig, folder: Path) -> Stack:
    identity = identify(config, load(config.data).checksum)
    return Stack([StackRun(RunFolder(folder), identity, {"config": ""})], ["sweeplab"])


def test_a_worker_trains_no_other_data_and_with_no_other_engine(
    digits: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = described(digits, tmp_path / "0")
    other = replace(stack.runs[0], identity=identify(digits, "0" * 64))
    train_and_write(replace(stack, runs=[other]))
    assert "have changed since the sweep started" in error_of(tmp_path / "0")
    monkeypatch.setattr("sweeplab.execute.stack.ENGINE_VERSION", 99)
    train_and_write(stack)
    assert "this sweeplab has engine version 99" in error_of(tmp_path / "0")
    monkeypatch.undo()
    train_and_write(stack)
    assert read_record(RunFolder(tmp_path / "0")).status == "completed"


def test_two_sweeps_of_one_second_get_a_folder_each(sweeplab: Command, tmp_path: Path) -> None:
    # A clock that shows the year alone stands for two commands in the same second.
    words = ("-m", "data=digits", "epochs=1", QUIET, "hydra.sweep.dir=outputs/${now:%Y}")
    assert sweeplab("train", *words, "seed=1").code == 0
    done = sweeplab("train", *words, "seed=2,3")
    assert done.code == 0, done.text
    assert sweeplab("train", *words, "seed=4", "hydra/launcher=basic").code == 0
    first, second, third = sorted((tmp_path / "outputs").iterdir())
    assert [second.name, third.name] == [f"{first.name}_2", f"{first.name}_3"]
    seeds = [pd.read_csv(each / "runs.csv")["seed"].tolist() for each in (first, second, third)]
    assert seeds == [[1], [2, 3], [4]]
    assert f"Tables: outputs/{second.name}/runs.csv" in done.out
    assert len(list((tmp_path / "outputs").rglob("run.json"))) == 4


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("executor=slrum", "must be one of inline, processes, slurm, but is 'slrum'"),
        ("retries=-1", "hydra.launcher.retries must be at least 0, but is -1"),
        ("workers=0", "hydra.launcher.workers must be at least 1, but is 0"),
    ],
)
def test_options_are_checked(sweeplab: Command, option: str, message: str) -> None:
    done = sweeplab("train", *GRID, f"hydra.launcher.{option}", "hydra.sweep.dir=s")
    assert done.code == 1
    assert message in done.err
    assert not Path("s").exists()


def test_what_slurm_needs_is_said(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("train", *GRID, "hydra.launcher.executor=slurm", "hydra.sweep.dir=s")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "submitit", None)
        done = sweeplab(*command)
    assert done.code == 1
    assert "pip install 'sweeplab[slurm]'" in done.err
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = sweeplab(*command)
    assert done.code == 1
    assert "Start the command on a login node" in done.err
    assert not (tmp_path / "s" / ".stacks").exists()


def test_the_default_options_are_sound() -> None:
    Options().check()
    assert (Options().executor, Options().on_failure) == ("inline", "continue")


def test_hydras_scan_of_the_plugins_is_light() -> None:
    program = (
        "import sys; from hydra.core.plugins import Plugins; Plugins.instance();"
        "assert 'sweeplab.execute.options' in sys.modules;"
        "sys.exit(bool({'torch', 'pandas', 'numpy', 'sweeplab.data'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def jobs(state: str) -> list[str]:
    words = ["squeue", "--noheader", "--array", f"--states={state}", "--format=%i"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


@pytest.fixture
def _no_jobs_left() -> Iterator[None]:
    yield
    subprocess.run(["scancel", "--me"], check=False)


@pytest.mark.usefixtures("_no_jobs_left")
class TestSlurm:
    pytestmark = slurm

    def test_a_repeated_command_waits_for_the_jobs_of_one_that_was_killed(
        self, sweeplab: Command, tmp_path: Path
    ) -> None:
        grid = [word.replace("=3000", "=100") for word in LONG]
        sweeplab("train", *grid, "hydra.sweep.dir=inline/s")
        words = (*grid, "hydra.launcher.executor=slurm", "hydra.launcher.array_parallelism=1")
        process = start(tmp_path, *words)
        wait_for(lambda: len(list((tmp_path / "s" / ".stacks").glob("*.job"))) == 2)
        process.kill()
        process.communicate()
        submitted = jobs("PENDING,RUNNING,COMPLETING")
        assert submitted
        done = sweeplab("train", *words, "hydra.sweep.dir=s")
        assert done.code == 0, done.text
        assert "of an earlier command" in done.out
        assert "submitted" not in done.out
        assert everything(tmp_path / "s") == everything(tmp_path / "inline" / "s") | {
            name: content for name, content in everything(tmp_path / "s").items() if "/" not in name
        }
        assert not (tmp_path / "s" / ".stacks").exists()

    def test_ctrl_c_cancels_the_jobs(self, tmp_path: Path) -> None:
        process = start(tmp_path, *LONG, "hydra.launcher.executor=slurm")
        wait_for(lambda: list((tmp_path / "s" / ".stacks").glob("*.job")))
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 130, out
        assert "0 runs done and kept, 32 left" in out
        wait_for(lambda: not jobs("PENDING,RUNNING,COMPLETING"))

    def test_a_job_that_the_scheduler_ends_is_reported(self, tmp_path: Path) -> None:
        process = start(
            tmp_path, *LONG, "hydra.launcher.executor=slurm", "hydra.launcher.retries=0"
        )
        wait_for(lambda: jobs("RUNNING"))
        subprocess.run(["scancel", "--me"], check=False)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "Traceback" not in out
        runs = pd.read_csv(tmp_path / "s" / "runs.csv")
        assert set(runs["status"]) == {"failed"}
        error = error_of(tmp_path / "s" / "0")
        assert "ended as CANCELLED" in error
        assert "It was tried 1 time, among 16 runs" in error

    def test_a_job_that_asks_for_more_than_there_is_is_told(self, tmp_path: Path) -> None:
        words = ("hydra.launcher.executor=slurm", "hydra.launcher.cpus=99")
        process = start(tmp_path, *LONG, *words)
        assert process.stdout is not None
        said = iter(process.stdout.readline, "")
        line = next(line for line in said if "SLURM has not started a job" in line)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert "waits for ever" in line
        assert "hydra.launcher.cpus=99" in line

    def test_the_command_of_the_documentation_runs(self, sweeplab: Command) -> None:
        page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8").replace("\\\n", " ")
        [line] = re.findall(r"^\$ (sweeplab train .*)$", page, flags=re.M)
        _, *words = shlex.split(line)
        done = sweeplab(*words, "epochs=1", QUIET)
        assert done.code == 0, done.text
        assert "240 runs to train in 3 stacks: outputs/first" in done.out
        assert "240 runs: 240 completed." in done.out

    def test_a_refusal_is_one_message(self, sweeplab: Command) -> None:
        words = ("hydra.launcher.executor=slurm", "hydra.launcher.partition=nowhere")
        done = sweeplab("train", *GRID, *words, "hydra.sweep.dir=s")
        assert done.code == 1
        assert "sweeplab: SLURM took no jobs: sbatch: error:" in done.err
        assert "Traceback" not in done.text
        assert not Path("s/.stacks").exists()
