"""``sweeplab prune``: what goes, what stays, and that what went comes back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import Command, reseal
from sweeplab.config import OptimizerConfig, RunConfig
from sweeplab.data import load
from sweeplab.errors import SweeplabError
from sweeplab.evaluation import evaluate
from sweeplab.runs.folder import RunFolder, damaged_files, is_complete, read_record
from sweeplab.runs.saved_config import to_yaml
from sweeplab.runs.write import write_failure, write_hydra_files
from sweeplab.statistics.predictions import read_correct
from sweeplab.sweeps.comparable import comparable
from sweeplab.sweeps.find import complete_runs
from sweeplab.sweeps.folder import SweepFolder, locked, read_sweep
from sweeplab.sweeps.prune import Rules, plan_removals, remove
from sweeplab.sweeps.tables import load_sweep
from sweeplab.task.prepare import identify
from trained import DIGITS, configs, write_trained

BEST = {"2", "3"}  # the runs of learning rate 0.5
DIVERGED, FAILED = "4", "5"


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two settings of two seeds, a diverged run, and a failed one."""
    monkeypatch.chdir(tmp_path)
    bad = replace(configs(1)[0], optimizer=OptimizerConfig(lr=1e30, weight_decay=1.0))
    path = write_trained(tmp_path / "s", [*configs(2), bad]).path
    assert read_record(RunFolder(path / DIVERGED)).status == "diverged"
    failed = RunFolder(path / FAILED)
    config = RunConfig(data=DIGITS, seed=9)
    write_hydra_files(failed, {"config": to_yaml({"seed": 9})})
    write_failure(failed, identify(config, load(DIGITS).checksum), RuntimeError("bad luck"), {})
    return path


def names(path: Path) -> set[str]:
    return {run.name for run in path.iterdir() if run.name.isdecimal()}


def contents(path: Path) -> dict[str, bytes]:
    return {str(f.relative_to(path)): f.read_bytes() for f in path.rglob("*") if f.is_file()}


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        (["--failed"], {FAILED}),
        (["--diverged"], {DIVERGED}),
        (["--failed", "--diverged"], {FAILED, DIVERGED}),
        (["--keep-best", "1"], {"0", "1"}),
        (["--keep-best", "0"], {"0", "1", "2", "3"}),
        (["--keep-best", "2"], set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_whole_runs_go_by_rule(
    sweeplab: Command, sweep: Path, words: list[str], gone: set[str]
) -> None:
    before = contents(sweep)
    done = sweeplab("prune", "s", *words, "--dry-run")
    assert done.code == 0
    assert "nothing was removed" in done.out
    assert contents(sweep) == before
    size = sum(len(text) for name, text in before.items() if name.split("/")[0] in gone)
    assert (f"({size} bytes)" in done.out) == bool(gone)
    done = sweeplab("prune", "s", *words)
    assert done.code == 0
    assert names(sweep) == {"0", "1", "2", "3", DIVERGED, FAILED} - gone
    for name, text in contents(sweep).items():
        if name not in ("sweep.json", ".lock"):
            assert text == before[name]
    states = {job.folder: job.state for job in read_sweep(SweepFolder(sweep)).jobs}
    assert {name for name, state in states.items() if state == "pruned"} == gone - {FAILED}
    kept = 5 - len(gone - {FAILED})  # the failed run is no job of this sweep.json
    listed = sweeplab("ls", "s").out
    assert f"complete: {kept} run" in listed
    assert (f"{5 - kept} pruned" in listed) == (kept < 5)


def test_weights_go_and_come_back_to_the_bit(sweeplab: Command, sweep: Path) -> None:
    before = contents(sweep)
    done = sweeplab("prune", "s", "--weights")
    assert done.code == 0
    went = set(before) - set(contents(sweep))
    assert went == {"0/weights.safetensors", "1/weights.safetensors"}
    assert f"({sum(len(before[name]) for name in went)} bytes)" in done.out
    for name in ("0", "1"):
        run = RunFolder(sweep / name)
        record = read_record(run)
        assert is_complete(run, record)
        assert damaged_files(run, record) == []
    assert len(complete_runs(SweepFolder(sweep))) == 5
    assert len(load_sweep(sweep).runs) == 6
    assert "complete: 5 runs" in sweeplab("ls", "s").out
    done = sweeplab("evaluate", "s/0")
    assert done.code == 1
    assert "`sweeplab reproduce --restore`" in done.err
    assert sweeplab("reproduce", "s/0").out.strip() == "identical"
    assert not (sweep / "0" / "weights.safetensors").exists()
    assert sweeplab("reproduce", "--restore", "s/0").out.strip() == "identical"
    assert sweeplab("reproduce", "--restore", "s/1").code == 0
    after = contents(sweep)
    assert {name: text for name, text in after.items() if name in before} == before
    # Again there is nothing to say about them.
    assert evaluate(RunFolder(sweep / "0")).examples == 297


def test_pruned_weights_that_come_out_otherwise_are_not_identical(
    sweeplab: Command, sweep: Path
) -> None:
    sweeplab("prune", "s", "--weights")
    path = sweep / "0" / "run.json"
    values = json.loads(path.read_text())
    values["files"]["weights.safetensors"]["sha256"] = "0" * 64
    path.write_text(json.dumps(values))
    reseal(path)
    done = sweeplab("reproduce", "--restore", "s/0")
    assert done.code == 1
    assert "the checksum of the pruned weights is another" in done.out
    assert not (sweep / "0" / "weights.safetensors").exists()


def test_the_same_command_trains_a_removed_run_again(sweeplab: Command, tmp_path: Path) -> None:
    words = ("train", "-m", "data=digits", "epochs=1", "seed=range(3)", "optimizer.lr=0.1,0.5")
    words = (*words, "hydra.sweeper.report=false", "hydra.sweep.dir=s")
    sweeplab(*words)
    before = {name: text for name, text in contents(tmp_path / "s").items() if "curves.csv" in name}
    assert sweeplab("prune", "s", "--keep-best", 1).code == 0
    done = sweeplab(*words)
    assert "3 runs to train in 1 stack, 3 complete already" in done.out
    after = contents(tmp_path / "s")
    assert {name: after[name] for name in before} == before


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("doubt", "reason"),
    [
        ("config", "its saved configuration was changed"),
        ("engine", "version 99 of the engine trained it"),
        ("data", "its data is other data now"),
        ("no data", "its data is not at hand"),
        ("machine", "it was trained with another cpu"),
        ("curves", "curves.csv is not the file that the run wrote"),
        ("test", "counts looks at the test set"),
        ("notes", "it holds files of others: notes.txt"),
    ],
)
def test_what_might_not_come_back_stays_until_told_twice(
    sweeplab: Command, sweep: Path, doubt: str, reason: str
) -> None:
    run = sweep / "0"
    record = run / "run.json"
    if doubt == "config":
        edit(run / ".hydra" / "config.yaml", "lr: 0.1", "lr: 0.2")
    elif doubt == "engine":
        values = json.loads(record.read_text())
        record.write_text(json.dumps(values | {"engine_version": 99}))
        reseal(record, sign=True)
    elif doubt == "data":
        values = json.loads(record.read_text())
        record.write_text(json.dumps(values | {"data_checksum": "other"}))
        reseal(record, sign=True)
    elif doubt == "no data":
        edit(run / ".hydra" / "config.yaml", "name: digits", "name: letters")
    elif doubt == "machine":
        edit(record, '"cpu": "', '"cpu": "another ')
        reseal(record)
    elif doubt == "curves":
        (run / "weights.safetensors").write_bytes(b"x" * 10)
        reason = "weights.safetensors is not the file"
    elif doubt == "test":
        evaluate(RunFolder(run))
    else:
        (run / "notes.txt").write_text("mine")
    before = contents(run)
    done = sweeplab("prune", "s", "--keep-best", 1)
    assert done.code == 0
    assert reason in done.out
    assert "--yes removes it too" in done.out
    assert contents(run) == before
    assert names(sweep) == {"0", *BEST, DIVERGED, FAILED}
    assert sweeplab("prune", "s", "--keep-best", 1, "--yes").code == 0
    assert "0" not in names(sweep)


def test_a_damaged_run_and_one_that_trains_are_left_alone(sweeplab: Command, sweep: Path) -> None:
    (sweep / "0" / "run.json").write_text("{")
    assert [removal.run.path.name for removal in plan_removals(sweep, Rules(keep_best=1))] == ["1"]
    with locked(SweepFolder(sweep)):
        done = sweeplab("prune", "s", "--keep-best", 1)
    assert done.code == 1
    assert "Another process is working in" in done.err
    assert names(sweep) >= {"0", "1"}


def test_one_run_of_a_sweep_is_judged_among_all(sweeplab: Command, sweep: Path) -> None:
    assert "Removed: nothing." in sweeplab("prune", "s/2", "--keep-best", 1).out
    assert "Removed: 1 run" in sweeplab("prune", "s/0", "--keep-best", 1).out
    assert names(sweep) == {"1", *BEST, DIVERGED, FAILED}
    # A folder of sweeps is each of them.
    assert "Removed: 1 run" in sweeplab("prune", ".", "--keep-best", 1).out


def test_a_kill_while_pruning_leaves_sound_runs(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(sweep)
    removals = plan_removals(sweep, Rules(weights=True, keep_best=0))
    with monkeypatch.context() as patch:
        patch.setattr("sweeplab.runs.write.remove_file", _killed)
        with pytest.raises(KeyboardInterrupt):
            remove(removals)
    assert len(complete_runs(SweepFolder(sweep))) == 5
    assert contents(sweep)["0/weights.safetensors"] == before["0/weights.safetensors"]
    remove(plan_removals(sweep, Rules(weights=True, keep_best=0)))
    assert not list(sweep.glob("[0-3]/weights.safetensors"))
    removals = plan_removals(sweep, Rules(keep_best=0))
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", _killed)
        with pytest.raises(KeyboardInterrupt):
            remove(removals)
    # The run half removed is no run any more, and the others are as they were.
    assert len(complete_runs(SweepFolder(sweep))) == 4
    assert load_sweep(sweep).runs["run"].tolist() == ["1", "2", "3", "4", "5"]


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["s"], 2, "say what to remove: --weights"),
        (["nowhere", "--failed"], 1, "There is no folder nowhere"),
        (["s", "--keep-best", "-1"], 2, "-1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_request_that_makes_no_sense(
    sweeplab: Command, sweep: Path, words: list[str], code: int, message: str
) -> None:
    done = sweeplab("prune", *words)
    assert (done.code, "Traceback" in done.text) == (code, False)
    assert message in done.text
    assert names(sweep) == {"0", "1", "2", "3", DIVERGED, FAILED}


def test_a_file_name_in_run_json_leads_nowhere_else(sweep: Path) -> None:
    record = sweep / "0" / "run.json"
    values = json.loads(record.read_text())
    values["files"]["../../precious"] = values["files"]["weights.safetensors"]
    record.write_text(json.dumps(values))
    reseal(record)
    with pytest.raises(SweeplabError, match="outside of its folder"):
        read_record(RunFolder(sweep / "0"))


def test_runs_in_folders_within_folders_are_noted(sweeplab: Command, tmp_path: Path) -> None:
    sweeplab(
        "train", "-m", "data=digits", "epochs=1", "seed=0,1", "optimizer.lr=0.1,1",
        "hydra.sweeper.report=false", "hydra.sweep.dir=n",
        "hydra.sweep.subdir=of${seed}/${hydra.job.num}",
    )  # fmt: skip
    assert sweeplab("prune", "n", "--keep-best", "1").code == 0
    states = [job.state for job in read_sweep(SweepFolder(tmp_path / "n")).jobs]
    assert sorted(states) == ["completed", "completed", "pruned", "pruned"]


def test_pruned_weights_do_not_change_what_the_report_says(sweeplab: Command, sweep: Path) -> None:
    def says() -> tuple[list[bool], list[object]]:
        (part,) = comparable(load_sweep(sweep)).values()
        right = read_correct(part)
        assert right is not None
        known = [answer for answer in right if answer is not None]
        return [bool(bit) for answer in known for bit in answer], [len(known)]

    before, weights = says(), list(sweep.glob("*/weights.safetensors"))
    assert before[1] == [4]
    assert sweeplab("prune", "s", "--weights", "--keep-best", 0).code == 0
    assert len(list(sweep.glob("*/weights.safetensors"))) == len(weights) - 4
    assert says() == before
    # 100 images are 13 bytes.
    assert {path.stat().st_size for path in sweep.glob("*/correct.bits")} == {13}
    # What was kept is held against its checksum, and goes when the run is trained again.
    (sweep / "0" / "correct.bits").write_bytes(bytes(13))
    assert says()[1] == [3]
    assert len(complete_runs(SweepFolder(sweep))) == 4
