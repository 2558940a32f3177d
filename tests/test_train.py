"""``sweeplab train`` as its users know it: what it leaves, what it says, what it refuses."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from conftest import Command
from sweeplab.runs.folder import RunFolder, read_record
from sweeplab.sweeps.folder import SweepFolder, read_sweep
from sweeplab.training import ENGINE_VERSION
from sweeplab.training import stream_stack as real_stream_stack

NO_REPORT = "hydra.sweeper.report=false"
QUICK = ("data=digits", "epochs=1")
GRID = (*QUICK, "optimizer.lr=0.01,0.1", "seed=range(2)")


def tables(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "runs.csv").read_bytes(), (folder / "curves.parquet").read_bytes()


def contents(folder: Path) -> dict[str, bytes]:
    """The results in a sweep's folder: curves and weights of every run."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for name in ("curves.csv", "weights.safetensors")
        for path in folder.rglob(name)
    }


def test_one_run_leaves_a_folder_curves_and_two_figures(sweeplab: Command, tmp_path: Path) -> None:
    done = sweeplab("train", "data=digits", "hydra.run.dir=here")
    assert done.code == 0
    assert "After 150 iterations" in done.out
    assert "Run folder: here" in done.out
    run = tmp_path / "here"
    names = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert names >= {
        ".hydra/config.yaml",
        ".hydra/overrides.yaml",
        ".hydra/hydra.yaml",
        "curves.csv",
        "weights.safetensors",
        "run.json",
        "train.log",
    }
    assert len([name for name in names if name.endswith(".png")]) == 2
    curves = pd.read_csv(run / "curves.csv")
    assert curves["iteration"].tolist() == list(range(151))
    evaluated = curves.dropna(subset="val_accuracy")["iteration"]
    assert evaluated.tolist() == list(range(0, 151, 10))
    assert yaml.safe_load((run / ".hydra" / "overrides.yaml").read_text()) == ["data=digits"]


def test_the_tutorials_numbers_come_out(
    sweeplab: Command, tmp_path: Path, mnist_root: Path
) -> None:
    done = sweeplab("train", f"data.root='{mnist_root}'", "hydra.run.dir=here")
    assert done.code == 0
    record = json.loads((tmp_path / "here" / "run.json").read_text())
    curves = pd.read_csv(tmp_path / "here" / "curves.csv")
    final = record["final"]
    assert final["iteration"] == 310
    assert 0.93 <= final["train_loss"] <= 1.01
    assert 0.90 <= curves["batch_loss"].tail(31).mean() <= 1.01
    assert 0.82 <= final["train_accuracy"] <= 0.84
    assert 0.78 <= final["val_accuracy"] <= 0.82


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["batch_size=0"], 1, "batch_size must be at least 1, but is 0"),
        (["optimizer.lr=-1"], 1, "optimizer.lr must be above 0"),
        (["data.train_size=999999"], 1, "data.train_size must not exceed 1100"),
        (["optmizer.lr=1"], 2, "Did you mean optimizer.lr?"),
        (["batch_size=many"], 1, "could not be converted to Integer"),
        (["data=letters"], 1, "Could not find 'data/letters'"),
        (["-m", "batch_size=0,64"], 1, "1 of 2 combinations are wrong, so none is trained"),
        (["-m", "optimizer.lr=interval(0,1)"], 1, "optimizer.lr sweeps over an interval"),
        (["-m", "hydra.launcher.on_failure=retry"], 1, "on_failure must be one of continue, stop"),
        (["-m", "seed=1,2", "hydra.sweep.subdir=same"], 1, "every run a folder of its own"),
        (["-m", "seed=1,2", "hydra.sweep.subdir=../${seed}"], 1, "within the sweep's folder, but"),
        (["-m", "seed=1,2", "hydra.sweep.subdir=/tmp/${seed}"], 1, "but is '/tmp/1' for a run"),
        (["-m", "seed=1,2", "hydra.sweep.subdir=images/${seed}"], 1, "which is the sweep's own"),
        (["-m", "seed=1,2", "hydra.sweep.subdir=.stacks/${seed}"], 1, "that begins with a dot"),
        (["-m", "seed=1,2", "hydra.sweep.subdir=a/.b/${seed}"], 1, "that begins with a dot"),
        (["--dry-run"], 2, "--dry-run shows what a sweep would train"),
        (["experiments/nothing.yaml"], 1, "There is no file experiments/nothing.yaml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_gets_one_clear_message_and_leaves_nothing(
    sweeplab: Command, tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    data = [] if any("data=" in word or ".yaml" in word for word in words) else ["data=digits"]
    done = sweeplab("train", *words, *data)
    assert done.code == code
    assert message in done.text
    assert "Traceback" not in done.text
    assert done.text.startswith("Usage: " if code == 2 else "sweeplab: ")  # nothing of Hydra's
    assert "what is complete is kept" not in done.text  # as of a disk that is full
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_run_is_never_written_over_another(sweeplab: Command, tmp_path: Path) -> None:
    assert sweeplab("train", *QUICK, "hydra.run.dir=here").code == 0
    before = contents(tmp_path)
    again = sweeplab("train", *QUICK, "hydra.run.dir=here")
    assert again.code == 0
    assert "Complete already" in again.out
    other = sweeplab("train", *QUICK, "seed=1", "hydra.run.dir=here")
    assert other.code == 1
    assert "holds another run, which is kept" in other.err
    assert contents(tmp_path) == before
    assert sweeplab("reproduce", "here").code == 0


def test_divergence_is_a_result(sweeplab: Command, tmp_path: Path) -> None:
    words = ("optimizer.lr=1000", "optimizer.weight_decay=1")
    done = sweeplab("train", *QUICK, "epochs=5", *words, "hydra.run.dir=here")
    assert done.code == 0
    record = read_record(RunFolder(tmp_path / "here"))
    assert record.status == "diverged"
    assert f"stopped being finite at iteration {record.diverged_at}" in done.out
    assert len(pd.read_csv(tmp_path / "here" / "curves.csv")) == (record.diverged_at or 0) + 1
    assert sweeplab("reproduce", "here").out.startswith("identical")


def test_a_sweep_leaves_a_folder_a_run_and_a_report(sweeplab: Command, tmp_path: Path) -> None:
    done = sweeplab(
        "train",
        "-m",
        "optimizer.lr=0.001,0.01,0.1",
        "optimizer.weight_decay=0,0.01",
        "seed=0,1",
        "data=digits",
        "hydra.sweep.dir=s",
    )
    assert done.code == 0
    assert "12 runs to train in 1 stack" in done.out
    assert "Report: s/report.html" in done.out
    assert (tmp_path / "s" / "report.html").stat().st_size > 10_000
    runs = pd.read_csv(tmp_path / "s" / "runs.csv")
    assert sorted(runs["run"].astype(str)) == sorted(map(str, range(12)))
    # The last key runs fastest, as in Hydra's own sweeps.
    assert runs["optimizer.lr"].tolist() == [0.001] * 4 + [0.01] * 4 + [0.1] * 4
    assert runs["seed"].tolist() == [0, 1] * 6
    assert [job.state for job in read_sweep(SweepFolder(tmp_path / "s")).jobs] == ["completed"] * 12
    one = sweeplab("reproduce", "s/7")
    assert (one.code, one.out.strip()) == (0, "identical")
    every = sweeplab("reproduce", "s")
    assert (every.code, every.out.strip()) == (0, "12 runs retrained: 12 identical")


def test_every_launcher_gives_the_same_bits(sweeplab: Command, tmp_path: Path) -> None:
    for launcher in ("stacked", "basic", "joblib"):
        done = sweeplab(
            "train",
            "-m",
            *GRID,
            NO_REPORT,
            f"hydra/launcher={launcher}",
            f"hydra.sweep.dir={launcher}",
        )
        assert done.code == 0, done.text
    stacked = contents(tmp_path / "stacked")
    assert len(stacked) == 8
    for launcher in ("basic", "joblib"):
        assert contents(tmp_path / launcher) == stacked
        # In a worker process too the command is the one that was typed.
        command = read_record(RunFolder(tmp_path / launcher / "2")).environment["command"]
        assert command[:3] == ["sweeplab", "train", "-m"]
        for name in ("config", "overrides"):
            ours, theirs = (
                yaml.safe_load((tmp_path / each / "2" / ".hydra" / f"{name}.yaml").read_text())
                for each in ("stacked", launcher)
            )
            assert ours == theirs
    # A single run too.
    sweeplab("train", *QUICK, "optimizer.lr=0.1", "seed=1", "hydra.run.dir=alone")
    assert (tmp_path / "alone" / "curves.csv").read_bytes() == stacked["3/curves.csv"]
    assert (tmp_path / "alone" / "weights.safetensors").read_bytes() == stacked[
        "3/weights.safetensors"
    ]


def test_repeating_a_command_trains_only_what_is_missing(sweeplab: Command, tmp_path: Path) -> None:
    command = ("train", "-m", *GRID, NO_REPORT, "hydra.sweep.dir=s")
    sweeplab(*command)
    left_alone = tables(tmp_path / "s")
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "s").rglob("run.json")}
    (tmp_path / "s" / "2" / "curves.csv").unlink()
    (tmp_path / "s" / "1" / "run.json").write_text("{")
    done = sweeplab(*command)
    assert "2 runs to train in 1 stack, 2 complete already" in done.out
    assert tables(tmp_path / "s") == left_alone
    kept = {path for path, stamp in stamps.items() if path.stat().st_mtime_ns == stamp}
    assert {path.parent.name for path in kept} == {"0", "3"}


@pytest.mark.parametrize("launcher", ["stacked", "basic"])
def test_a_larger_grid_adds_only_the_new_runs(
    sweeplab: Command, tmp_path: Path, launcher: str
) -> None:
    common = ("train", "-m", *QUICK, NO_REPORT, f"hydra/launcher={launcher}", "hydra.sweep.dir=s")
    sweeplab(*common, "optimizer.lr=0.1,1", "seed=0,1")
    done = sweeplab(*common, "optimizer.lr=0.01,0.1,1", "seed=0,1,1.0e0")
    assert done.code == 1  # 1.0e0 is no integer
    done = sweeplab(*common, "optimizer.lr=1e-2,0.10,1.0", "seed=0,1")
    assert done.code == 0
    assert "2 runs to train" in done.out
    assert "4 complete already" in done.out
    runs = pd.read_csv(tmp_path / "s" / "runs.csv").set_index("run")
    assert runs["optimizer.lr"].to_dict() == {0: 0.1, 1: 0.1, 2: 1, 3: 1, 4: 0.01, 5: 0.01}


def test_one_run_asked_for_twice_is_trained_once(sweeplab: Command, tmp_path: Path) -> None:
    done = sweeplab(
        "train", "-m", *QUICK, NO_REPORT, "optimizer.lr=0.1,0.10,1e-1", "hydra.sweep.dir=s"
    )
    assert "1 run to train in 1 stack, 2 repeats dropped" in done.out
    assert [path.name for path in (tmp_path / "s").iterdir() if path.name.isdecimal()] == ["0"]


def test_a_dry_run_shows_the_jobs_and_trains_none(sweeplab: Command, tmp_path: Path) -> None:
    done = sweeplab("train", "-m", *GRID, "--dry-run", "hydra.sweep.dir=s")
    assert done.code == 0
    assert "4 runs to train in 1 stack" in done.out
    assert "optimizer.lr=0.1 seed=1" in done.out
    assert "nothing was trained" in done.out
    assert not (tmp_path / "s").exists()


def broken_for_seed_1(configs: Any, dataset: Any, *rest: Any) -> Any:
    if any(config.seed == 1 for config in configs):
        raise RuntimeError("seed 1 is broken")
    return real_stream_stack(configs, dataset, *rest)


def test_a_failing_run_takes_no_neighbour_along(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("sweeplab.execute.stack.stream_stack", broken_for_seed_1)
        done = sweeplab("train", "-m", *GRID, "hydra.sweep.dir=s")
    assert done.code == 1
    assert done.out.count("RuntimeError: seed 1 is broken") == 2
    assert (tmp_path / "s" / "report.html").exists()
    runs = pd.read_csv(tmp_path / "s" / "runs.csv")
    assert runs["status"].tolist() == ["completed", "failed"] * 2
    error = read_record(RunFolder(tmp_path / "s" / "1")).error
    assert error
    assert "broken_for_seed_1" in error.traceback
    assert sweeplab("reproduce", "s/0").code == 0
    # Mended, the same command trains the failed runs alone.
    done = sweeplab("train", "-m", *GRID, NO_REPORT, "hydra.sweep.dir=s")
    assert done.code == 0
    assert "2 runs to train in 1 stack, 2 complete already" in done.out


def test_on_failure_stop_leaves_the_rest_for_later(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeplab.execute.stack.stream_stack", broken_for_seed_1)
    # Batch sizes differ, so each setting is a stack of its own.
    words = (*QUICK, "batch_size=32,64,100", "seed=1", NO_REPORT, "hydra.sweep.dir=s")
    done = sweeplab("train", "-m", *words, "hydra.launcher.on_failure=stop")
    assert done.code == 1
    states = [job.state for job in read_sweep(SweepFolder(tmp_path / "s")).jobs]
    assert states == ["failed", "planned", "planned"]


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def interrupted(configs: Any, dataset: Any, *rest: Any) -> Any:
        calls.append(configs)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real_stream_stack(configs, dataset, *rest)

    words = ("-m", *QUICK, "batch_size=32,64,100", NO_REPORT, "hydra.sweep.dir=a b")
    with monkeypatch.context() as patch:
        patch.setattr("sweeplab.execute.stack.stream_stack", interrupted)
        done = sweeplab("train", *words)
    assert done.code == 130
    assert "Traceback" not in done.text
    assert "1 run done and kept, 2 left" in done.out
    assert "hydra.sweep.dir=" in done.out.splitlines()[-1]
    done = sweeplab("train", *words)
    assert "2 runs to train in 2 stacks, 1 complete already" in done.out
    assert len(pd.read_csv(tmp_path / "a b" / "runs.csv")) == 3


def test_a_sweep_killed_at_any_moment_ends_with_the_same_tables(
    sweeplab: Command, tmp_path: Path
) -> None:
    words = ("-m", "data=digits", "epochs=4", "batch_size=4,8,16,32", "seed=range(4)", NO_REPORT)
    sweeplab("train", *words, "hydra.sweep.dir=alone")
    program = Path(sys.executable).with_name("sweeplab")
    kills = 0
    for runs_before_the_kill in (1, 9):
        process = subprocess.Popen(
            [program, "train", *words, "hydra.sweep.dir=killed"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if len(list((tmp_path / "killed").glob("*/run.json"))) >= runs_before_the_kill:
                process.send_signal(signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.002)
        process.wait()
    assert kills
    done = sweeplab("train", *words, "hydra.sweep.dir=killed")
    assert done.code == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "alone")
    alone, killed = (pd.read_csv(tmp_path / name / "runs.csv") for name in ("alone", "killed"))
    pd.testing.assert_frame_equal(alone.drop(columns="sweep"), killed.drop(columns="sweep"))


def test_hydras_own_features_keep_working(sweeplab: Command, tmp_path: Path) -> None:
    printed = sweeplab("train", "data=digits", "--cfg", "job")
    assert yaml.safe_load(printed.out)["data"]["name"] == "digits"
    assert (
        "data: arrays, cifar10, cifar100, digits, emnist_letters, fashion_mnist, images, "
        in sweeplab("train", "--help").out
    )
    done = sweeplab(
        "train",
        "-m",
        "data=digits",
        "epochs=1",
        "batch_size=32,64",
        NO_REPORT,
        "hydra.sweep.dir=s",
        "hydra.sweep.subdir=${hydra.job.override_dirname}",
        "hydra.job.config.override_dirname.exclude_keys=[data,epochs]",
    )
    assert done.code == 0
    assert {path.parent.name for path in (tmp_path / "s").rglob("run.json")} == {
        "batch_size=32",
        "batch_size=64",
    }
    log = (tmp_path / "s" / "batch_size=32" / "train.log").read_text()
    assert "validation  loss" in log
    assert logging.getLogger().handlers


def test_callbacks_are_called_for_every_job(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "noting.py").write_text(
        "from hydra.experimental.callback import Callback\n"
        "notes = []\n"
        "class Noting(Callback):\n"
        "    def on_job_start(self, config, **kwargs):\n"
        "        notes.append(('start', config.hydra.job.num, config.seed))\n"
        "    def on_job_end(self, config, job_return, **kwargs):\n"
        "        notes.append(('end', config.hydra.job.num, job_return.return_value))\n"
        "    def on_multirun_end(self, config, **kwargs):\n"
        "        notes.append('over')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    done = sweeplab(
        "train",
        "-m",
        *QUICK,
        "seed=5,6",
        NO_REPORT,
        "+hydra.callbacks.n._target_=noting.Noting",
        "hydra.sweep.dir=s",
    )
    assert done.code == 0, done.text
    import noting  # type: ignore[import-not-found]

    assert noting.notes[:2] == [("start", 0, 5), ("start", 1, 6)]
    # They end as their panels do, which train side by side.
    assert sorted(note[:2] for note in noting.notes[2:4]) == [("end", 0), ("end", 1)]
    assert all(0 < note[2] < 1 for note in noting.notes[2:4])
    assert noting.notes[4] == "over"


def test_an_experiment_of_ones_own(sweeplab: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "# Is a larger batch better?\n"
        "defaults:\n  - override /data: digits\n"
        "epochs: 1\n"
        "hydra:\n  sweeper:\n    params:\n      batch_size: 32,64\n      seed: range(2)\n"
    )
    done = sweeplab("train", "mine.yaml", "optimizer.lr=0.5", "seed=3", NO_REPORT)
    assert done.code == 0, done.text
    assert "2 runs to train" in done.out
    [folder] = (tmp_path / "outputs" / "mine").iterdir()
    sweep = read_sweep(SweepFolder(folder))
    assert (sweep.name, sweep.question) == ("mine", "Is a larger batch better?")
    runs = pd.read_csv(folder / "runs.csv")
    assert runs["batch_size"].tolist() == [32, 64]
    assert set(runs["seed"]) == {3}
    assert set(runs["optimizer.lr"]) == {0.5}
    # Typed again, it does the same. Hydra was handed other words.
    command = read_record(RunFolder(folder / "0")).environment["command"]
    assert command[:4] == ["sweeplab", "train", "mine.yaml", "optimizer.lr=0.5"]


@pytest.mark.parametrize("block", ["hydra:", "hydra:\n  sweeper:", "hydra:\n  job:"])
def test_a_block_whose_lines_are_commented_out_is_empty(
    sweeplab: Command, tmp_path: Path, block: str
) -> None:
    head = "# Is it?\ndefaults:\n  - override /data: digits\nepochs: 1\n"
    (tmp_path / "mine.yaml").write_text(f"{head}{block}\n#    batch_size: 32,64\n")
    assert sweeplab("train", "mine.yaml").code == 0
    (tmp_path / "mine.yaml").write_text(f"{head}{block} 3\n")
    done = sweeplab("train", "mine.yaml")
    assert done.code == 1
    assert "must hold keys, but is '3'" in done.err


def test_a_sweep_is_of_one_engine(sweeplab: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("train", "-m", "data=digits", "epochs=1", NO_REPORT, "hydra.sweep.dir=s")
    assert sweeplab(*words, "seed=0").code == 0
    monkeypatch.setattr("sweeplab.task.prepare.ENGINE_VERSION", 99)
    done = sweeplab(*words, "seed=1")
    assert done.code == 1
    assert f"trained by version {ENGINE_VERSION} of the engine, and this is version 99" in done.err


def test_a_sweep_is_of_the_same_images(sweeplab: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from sweeplab.data import arranged, dataset

    words = ("train", "-m", "data=digits", "epochs=1", NO_REPORT, "hydra.sweep.dir=s")
    assert sweeplab(*words, "seed=0").code == 0
    with monkeypatch.context() as changed:
        dataset._arrange.cache_clear()
        changed.setattr(arranged, "_checksum", lambda *_: "0" * 64)
        done = sweeplab(*words, "seed=1")  # a new run, on other images of the same name
    dataset._arrange.cache_clear()
    assert done.code == 1
    assert "are not those that the runs in" in done.err
    assert sweeplab(*words, "seed=1").code == 0


def test_a_refusal_under_another_launcher_is_told(sweeplab: Command, tmp_path: Path) -> None:
    words = ("train", "-m", "data=digits", "epochs=1", NO_REPORT, "hydra.sweep.dir=s", "seed=0,1")
    assert sweeplab(*words).code == 0
    (tmp_path / "s" / "1" / "run.json").write_text("{")
    done = sweeplab(*words, "hydra/launcher=basic")
    assert done.code == 1
    assert "run.json is damaged" in done.text


def test_a_sweep_that_another_has_slipped_into_counts_on_from_it(
    sweeplab: Command, process: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweeplab.task import claim

    words = ("train", "-m", "data=digits", "epochs=1", NO_REPORT, "hydra.sweep.dir=s", "seed=0,1")
    whole = claim.claim

    def slow(*arguments: Any) -> None:
        """Between planning and locking, another sweep comes and goes."""
        assert process(*words, "optimizer.lr=0.1").returncode == 0
        whole(*arguments)

    monkeypatch.setattr(claim, "claim", slow)
    assert sweeplab(*words, "optimizer.lr=0.2").code == 0
    runs = pd.read_csv(tmp_path / "s" / "runs.csv").set_index("run")
    assert runs["optimizer.lr"].to_dict() == {0: 0.1, 1: 0.1, 2: 0.2, 3: 0.2}


def test_data_sets_can_be_swept(sweeplab: Command, tmp_path: Path, mnist_root: Path) -> None:
    done = sweeplab(
        "train",
        "-m",
        "data=digits,mnist",
        f"data.root='{mnist_root}'",
        "data.train_size=200",
        "epochs=1",
        "seed=0,1",
        NO_REPORT,
        "hydra.sweep.dir=s",
    )
    assert done.code == 0, done.text
    runs = pd.read_csv(tmp_path / "s" / "runs.csv")
    assert runs["data.name"].tolist() == ["digits"] * 2 + ["mnist"] * 2
    assert sorted(path.name for path in (tmp_path / "s" / "images").iterdir()) == [
        "digits.safetensors",
        "mnist.safetensors",
    ]


def test_light_commands_do_not_import_torch(
    process: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "outputs").mkdir()
    for words in (["--help"], ["--version"], ["ls"], ["experiments"], ["train", "optmizer.lr=1"]):
        done = subprocess.run(
            [
                sys.executable,
                "-X",
                "importtime",
                "-c",
                f"import sys; sys.argv[1:] = {words}; from sweeplab.cli.main import main; main()",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
        assert "click" in imported
        assert not imported & {"torch", "pandas", "seaborn", "sklearn"}, words
    assert process("ls").returncode == 0


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="POSIX only")
def test_tab_completion_answers(sweeplab: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "sweeplab train optimizer.l"
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    assert "optimizer.lr=" in sweeplab("-sc", "query=bash").out


def test_job_logging_of_ones_own_is_followed(sweeplab: Command, tmp_path: Path) -> None:
    words = ("train", "-m", "data=digits", "epochs=1", "seed=3,4", NO_REPORT, "hydra.sweep.dir=s")
    files = "hydra.job_logging.handlers.file"
    assert sweeplab(*words, f"{files}.filename=all_${{hydra.job.num}}.log").code == 0
    for number in (0, 1):
        assert (tmp_path / f"all_{number}.log").read_text().count("validation  loss") == 1
    assert sweeplab(*words, "hydra.sweep.dir=v", "hydra.job_logging.root.level=ERROR").code == 0
    assert not (tmp_path / "v" / "0" / "train.log").exists()
    own = ("hydra.sweep.dir=t", f"+{files}.level=ERROR", f"{files}.delay=false")
    assert sweeplab(*words, *own).code == 0
    for number in (0, 1):
        assert (tmp_path / "t" / str(number) / "train.log").read_text() == ""
    form = "hydra.job_logging.formatters.simple.format='%(name)s|%(levelname)s|%(message)s'"
    assert sweeplab(*words, "hydra.sweep.dir=u", form).code == 0
    lines = (tmp_path / "u" / "0" / "train.log").read_text().splitlines()
    assert [line.split("|")[:2] for line in lines] == [["sweeplab.run", "INFO"]] * 3
    assert [line.split("|")[2].split()[0] for line in lines] == ["After", "training", "validation"]
