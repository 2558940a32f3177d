"""A long run that is ended in its middle goes on from there, to the same bits."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeplab import provenance
from sweeplab.config import OptimizerConfig, RunConfig, to_dict
from sweeplab.data import load
from sweeplab.errors import StorageError
from sweeplab.execute import checkpoints, stack
from sweeplab.execute.checkpoints import read_checkpoint
from sweeplab.execute.files import Rung, Stack, StackRun
from sweeplab.execute.progress import Meter, work_of
from sweeplab.execute.stack import train_and_write
from sweeplab.runs.folder import RunFolder, read_record
from sweeplab.runs.saved_config import to_yaml
from sweeplab.task.prepare import identify
from sweeplab.training.stacked import panel
from tests.conftest import Command
from tests.trained import DIGITS

CONFIG = RunConfig(
    data=DIGITS,
    epochs=6,
    eval_every=5,
    optimizer=OptimizerConfig(0.3, momentum=0.9, schedule="cosine", warmup=2.0),
)
UPDATES = 6 * (200 // 64)
LRS = (0.3, 0.03, 1e38)  # the last diverges


def stack_in(folder: Path, rung: Rung = Rung()) -> Stack:  # noqa: B008 - it is frozen
    checksum = load(CONFIG.data).checksum
    configs = [replace(CONFIG, optimizer=replace(CONFIG.optimizer, lr=lr)) for lr in LRS]
    runs = [
        StackRun(
            RunFolder(folder / str(number)),
            identify(config, checksum),
            {"config": to_yaml(to_dict(config))},
            rung,
        )
        for number, config in enumerate(configs)
    ]
    return Stack(runs, ["sweeplab"])


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs are kept after every update, and trained in one panel."""
    monkeypatch.setattr(panel, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(panel, "KEEP_SHARE", 0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def ctrl_c_after(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Ctrl-C, in a moment when runs have been kept so often."""
    done = count(1)

    def kept(*told: Any) -> None:
        checkpoints.write_checkpoints(*told)
        if next(done) == times:
            raise KeyboardInterrupt

    monkeypatch.setattr(stack, "write_checkpoints", kept)


def trained(folder: Path) -> dict[str, bytes]:
    """The numbers of all runs in a folder."""
    names = ("curves.csv", "weights.safetensors")
    return {str(p.relative_to(folder)): p.read_bytes() for n in names for p in folder.rglob(n)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    train_and_write(stack_in(folder))
    assert read_record(stack_in(folder).runs[2].folder).status == "diverged"
    return trained(folder)


@pytest.mark.usefixtures("often")
def test_what_was_ended_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, bytes]
) -> None:
    runs = stack_in(tmp_path)
    for times in (3, 4):  # twice, the second time from a checkpoint
        ctrl_c_after(monkeypatch, times)
        with pytest.raises(KeyboardInterrupt):
            train_and_write(runs)
        assert not list(tmp_path.rglob("run.json"))
    states = [read_checkpoint(run) for run in runs.runs]
    before = [state.updates if state else 0 for state in states]
    assert min(before[:2]) > 1 >= before[2]  # the last diverges with its second update
    monkeypatch.undo()
    meter = Meter(runs.runs)
    train_and_write(runs, meter=meter)
    assert trained(tmp_path) == whole
    assert not list(tmp_path.rglob("checkpoint"))
    tally = meter.tally()
    assert tally.before == pytest.approx(work_of(runs.runs[:1]) * sum(before) / UPDATES)
    assert tally.kept == tally.work == pytest.approx(work_of(runs.runs))


@pytest.mark.usefixtures("often")
def test_a_checkpoint_counts_only_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctrl_c_after(monkeypatch, 3)
    runs = stack_in(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train_and_write(runs)
    run, other = runs.runs[:2]
    file = run.folder.checkpoint
    content = file.read_bytes()
    assert read_checkpoint(run)
    for place in (0, 31, 40, len(content) // 2, len(content) - 1):
        damaged = bytearray(content)
        damaged[place] ^= 1
        file.write_bytes(damaged)
        assert read_checkpoint(run) is None, place
    for short in (content[:-1], content[:40], b""):
        file.write_bytes(short)
        assert read_checkpoint(run) is None, len(short)
    file.write_bytes(other.folder.checkpoint.read_bytes())
    assert read_checkpoint(run) is None  # of another run
    file.write_bytes(content)
    assert read_checkpoint(run)
    machine = provenance._machine()
    monkeypatch.setattr(provenance, "_machine", lambda: machine | {"cpu": "another"})
    assert read_checkpoint(run) is None


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("rung", [Rung(0, 5), Rung(5, None)], ids=["first", "last"])
def test_a_rung_of_a_search_goes_on_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, bytes], rung: Rung
) -> None:
    """Runs that are to be stopped, and that go on after they were."""
    before = [Rung(0, 5)] if rung.begin else []
    for each in before:
        train_and_write(stack_in(tmp_path, each))
    ctrl_c_after(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        train_and_write(stack_in(tmp_path, rung))
    state = read_checkpoint(stack_in(tmp_path).runs[0])
    assert state
    assert state.updates == rung.begin * 3 + 1
    monkeypatch.undo()
    for each in (rung, Rung(5, None)):
        train_and_write(stack_in(tmp_path, each))
    assert trained(tmp_path) == whole
    assert read_record(stack_in(tmp_path).runs[0].folder).status == "completed"


@pytest.mark.usefixtures("often")
def test_a_disk_that_takes_no_checkpoint_ends_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, bytes]
) -> None:
    def full(path: Path) -> None:
        raise StorageError(errno.ENOSPC, "No space left on device", str(path))

    runs = stack_in(tmp_path)
    monkeypatch.setattr(checkpoints, "make_folder", full)
    meter = Meter(runs.runs)
    train_and_write(runs, meter=meter)
    assert not meter.kept
    assert trained(tmp_path) == whole


def test_what_is_in_training_is_not_taken_for_a_run(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel, "KEEP_SECONDS", 0.0)
    ctrl_c_after(monkeypatch, 1)
    words = (
        "-m",
        "data=digits",
        "epochs=3",
        "seed=0,1",
        "hydra.sweep.dir=s",
        "hydra.sweeper.report=false",
    )
    assert sweeplab("train", *words).code == 130
    assert (tmp_path / "s" / "0" / "checkpoint").is_file()
    assert "0 of 2 runs" in sweeplab("ls", "s").out
    assert sweeplab("report", "s").code == 1
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert sweeplab("train", *words).code == 0
    assert "complete: 2 runs" in sweeplab("ls", "s").out
    assert sweeplab("reproduce", "s/0").code == 0
