"""Following a sweep while it trains, stopping it, and workers that hang."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from conftest import Command
from sweeplab.execute import handed
from sweeplab.execute.progress import Tally
from sweeplab.runs.folder import RunFolder, is_complete, read_record
from sweeplab.sweeps.find import runs_in
from sweeplab.sweeps.progress import Moment, append, in_words, latest, moments
from sweeplab.task.progress import SweepProgress

PROGRAM = Path(sys.executable).with_name("sweeplab")
QUIET = "hydra.sweeper.report=false"
TWO_WORKERS = ("hydra.launcher.executor=processes", "hydra.launcher.workers=2")
# One stack of many panels, which one thread trains one after another.
PANELS = ("-m", "data=digits", "epochs=150", "seed=range(128)", "eval_every=100", QUIET)
ENDLESS = ("-m", "data=digits", "epochs=5000", "seed=range(16)", "batch_size=32,64", QUIET)


def trained(*words: str, **more: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PROGRAM, "train", *words, "hydra.sweep.dir=s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        **more,  # type: ignore[call-overload]
    )


def wait_for(path: Path, text: str, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and re.search(text, path.read_text()):
            return
        time.sleep(0.1)
    raise AssertionError(f"{path} never said {text}")


def complete(folder: Path) -> list[RunFolder]:
    return [
        run for run in runs_in(folder) if run.record.exists() and is_complete(run, read_record(run))
    ]


@pytest.mark.parametrize("words", [(), TWO_WORKERS], ids=["inline", "processes"])
def test_ctrl_c_keeps_what_is_done_of_a_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    process = trained(*PANELS, *words)
    folder = tmp_path / "s"
    try:
        wait_for(folder / "progress.jsonl", '"done":[1-9]')
        os.killpg(process.pid, signal.SIGINT)
        started = time.monotonic()
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert time.monotonic() - started < 30
    assert process.returncode == 130, out
    kept = complete(folder)
    assert 1 <= len(kept) < 128
    assert f"{len(kept)} runs done and kept, {128 - len(kept)} left" in out
    states = [job["state"] for job in json.loads((folder / "sweep.json").read_text())["jobs"]]
    assert states.count("completed") == len(kept)
    assert moments(folder / "progress.jsonl")[-1].state == "stopped"


def test_progress_is_shown_before_any_run_is_done(tmp_path: Path) -> None:
    """The numbers on the terminal and in the file, from a tally worked out by hand."""
    tally = Tally(runs=2, diverged=1, work=30.0, kept=20.0, iterations=300, best=0.75, best_run="7")
    file = tmp_path / "progress.jsonl"
    progress = SweepProgress(runs=8, work=120.0, iterations=1200, tally=lambda: tally, file=file)
    progress.started -= 60.0  # a quarter of the work was done in a minute
    now = progress.moment()
    assert (now.part, now.done, now.iterations) == (0.25, 2, 300)
    assert now.elapsed == pytest.approx(60, abs=1)
    assert now.left == pytest.approx(180, abs=5)
    assert now.at_risk == pytest.approx(20, abs=1)
    assert in_words(now) == (
        "2 of 8 runs · 1 diverged · 60 s · about 3 min left · best so far 0.750 (run 7) · "
        "Ctrl-C would lose 20 s"
    )


def test_no_reader_can_break_the_file_and_no_line_can_break_a_reader(tmp_path: Path) -> None:
    file = tmp_path / "progress.jsonl"
    assert moments(file) == []
    first = Moment(at=1.0, state="training", runs=4, elapsed=5.0)
    append(file, first)
    with file.open("ab") as half:
        half.write(b'{"at": 2.0, "state": "trai')
    assert moments(file) == [first]
    with file.open("ab") as half:
        half.write(b'\n\xff\x00[]\n{"at": "soon"}\n')
    again = Moment(at=9.0, state="ended", runs=2, elapsed=0.5)
    append(file, again)
    assert moments(file) == [first, again]
    assert latest(moments(file)) == [again]  # the clock began anew: another command
    os.mkfifo(tmp_path / "pipe")
    assert moments(tmp_path / "pipe") == []
    append(tmp_path / "no" / "folder", first)  # a disk that takes nothing stops no training


def test_watch_follows_to_the_end(sweeplab: Command, tmp_path: Path) -> None:
    words = ("-m", "data=digits", "epochs=1", "seed=range(3)", "hydra.sweep.dir=s")
    assert sweeplab("train", *words, QUIET).code == 0
    done = sweeplab("watch", "s", "--page")
    assert done.code == 0
    assert "3 of 3 runs" in done.out
    page = (tmp_path / "s" / "progress.html").read_text()
    assert "3 of 3 done" in page
    assert 'http-equiv="refresh"' not in page  # it has ended
    (tmp_path / "other").mkdir()
    for folder, message in (("other", "not a sweep's folder"), ("s/0", "not a sweep's folder")):
        refused = sweeplab("watch", folder)
        assert refused.code == 1
        assert message in refused.err


def test_watch_says_when_whatever_trained_is_gone(sweeplab: Command, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    file = tmp_path / "s" / "progress.jsonl"
    append(file, Moment(at=time.time() - 3600, state="training", runs=4, done=1, elapsed=5.0))
    done = sweeplab("watch", "s", "--page")
    assert done.code == 1
    assert "gone" in done.out
    assert "hydra.sweep.dir=s" in done.out
    append(file, Moment(at=time.time(), state="training", runs=4, done=2, elapsed=6.0, best=0.5))
    threading.Timer(
        2.0,
        lambda: append(file, Moment(at=time.time(), state="stopped", runs=4, done=3, elapsed=7.0)),
    ).start()
    done = sweeplab("watch", "s", "--page")
    assert done.code == 1
    assert "3 of 4 runs" in done.out
    assert "It was stopped" in done.out


def test_a_worker_that_hangs_is_given_up(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handed, "SILENT_SECONDS", 4.0)
    stopped: list[int] = []

    def stop_one() -> None:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and not stopped:
            for child in psutil.Process().children():
                beats = list(Path("s/.stacks").glob("*.beats"))
                if "spawn_main" in " ".join(child.cmdline()) and len(beats) == 2:
                    child.suspend()
                    stopped.append(child.pid)
                    return
            time.sleep(0.05)

    words = ("-m", "data=digits", "epochs=300", "batch_size=32,64", "seed=range(8)", QUIET)
    thread = threading.Thread(target=stop_one)
    thread.start()
    done = sweeplab("train", *words, *TWO_WORKERS, "hydra.sweep.dir=s")
    thread.join()
    assert stopped
    assert done.code == 0, done.text
    assert "again (1 of 2): its worker process gave no sign of life for" in done.out
    assert len(complete(tmp_path / "s")) == 16
    assert not psutil.pid_exists(stopped[0])


def test_ctrl_c_ends_a_sweep_whose_workers_are_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    process = trained(*ENDLESS, *TWO_WORKERS)
    try:
        wait_for(tmp_path / "s" / "progress.jsonl", '"best":0')
        children = psutil.Process(process.pid).children()
        workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        assert len(workers) == 2
        for worker in workers:
            worker.suspend()
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert time.monotonic() - started < 30  # two seconds, on a machine that is not busy
    assert process.returncode == 130, out
    assert "Traceback" not in out
    assert not psutil.wait_procs(workers, timeout=5)[1]


@pytest.mark.parametrize("threads", [3, 8])
def test_a_limit_on_threads_is_said(tmp_path: Path, threads: int) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("root has no such limit, and only root can become somebody who has one")
    tmp_path.chmod(0o777)
    read = "+dac_override,+dac_read_search"  # of what root has installed
    words = ["setpriv", "--reuid=64999", "--clear-groups", f"--inh-caps={read}"]
    words += [f"--ambient-caps={read}", "bash", "-c", f'ulimit -u {threads}; exec "$@"', "-"]
    sweep = ("-m", "data=digits", "epochs=1", "seed=range(4)", QUIET, "hydra.sweep.dir=s")
    done = subprocess.run(
        [*words, PROGRAM, "train", *sweep, *TWO_WORKERS],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "The system refuses another thread: `ulimit -u` shows" in done.stderr
