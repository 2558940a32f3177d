"""Successive halving: runs that are stopped, and those that go on as if they never had been."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeplab.config import OptimizerConfig, RunConfig, to_dict
from sweeplab.data import load
from sweeplab.provenance import environment
from sweeplab.reproduce import reproduce
from sweeplab.runs.folder import RunFolder, goes_on, is_complete, read_record
from sweeplab.runs.saved_config import to_yaml
from sweeplab.runs.state import read_state
from sweeplab.runs.write import end_stopped, write_hydra_files, write_result
from sweeplab.task.prepare import identify
from sweeplab.training import Part, train_stack
from tests.trained import DIGITS

STOPPED = RunConfig(
    data=DIGITS,
    epochs=6,
    eval_every="epoch",
    optimizer=OptimizerConfig(lr=0.3, momentum=0.9, schedule="cosine", warmup=2.0),
)


def write_stopped(path: Path, config: RunConfig = STOPPED, until: int = 2) -> RunFolder:
    """A run that was stopped after some epochs, in its folder."""
    dataset, folder = load(config.data), RunFolder(path)
    result = train_stack([config], dataset, Part(until=until))[0]
    write_hydra_files(folder, {"config": to_yaml(to_dict(config))})
    write_result(folder, identify(config, dataset.checksum), result, environment())
    return folder


# ------------------------------------------------------------------ a run's folder


def test_a_stopped_run_goes_on_from_its_folder(tmp_path: Path) -> None:
    folder = write_stopped(tmp_path / "0")
    record = read_record(folder)
    assert (record.status, record.stopped_after, record.final) == ("stopped", 2, None)
    assert record.last is not None
    assert record.last.iteration == 2 * (200 // 64)
    assert goes_on(folder, record)
    dataset = load(STOPPED.data)
    state = read_state(folder, record)
    went_on = train_stack([STOPPED], dataset, Part([state]))[0]
    whole = train_stack([STOPPED], dataset)[0]
    assert went_on.status == "completed"
    for name, values in vars(whole.curves).items():
        np.testing.assert_array_equal(getattr(went_on.curves, name), values)
    assert went_on.weight.tobytes() == whole.weight.tobytes()
    assert went_on.bias.tobytes() == whole.bias.tobytes()


def test_a_stopped_run_is_complete_for_those_who_want_no_more(tmp_path: Path) -> None:
    folder = write_stopped(tmp_path / "0")
    record = read_record(folder)
    assert [is_complete(folder, record, until) for until in (1, 2, 3, None)] == [
        True,
        True,
        False,
        False,
    ]
    end_stopped([(folder, record)])
    ended = read_record(folder)
    assert not goes_on(folder, ended)
    assert not folder.state.exists()
    assert is_complete(folder, ended, 2)
    assert unchanged(ended) == unchanged(record)


def unchanged(record: object) -> dict[str, object]:
    return {
        name: getattr(record, name)
        for name in ("status", "stopped_after", "last", "best", "signature", "finished")
    }


def test_a_stopped_run_is_reproduced_as_far_as_it_went(tmp_path: Path) -> None:
    folders = [
        write_stopped(tmp_path / str(until), replace(STOPPED, seed=until), until)
        for until in (1, 2, 6)
    ]
    again = list(reproduce(folders))
    assert [one.comparison.verdict for one in again] == ["identical"] * 3
    assert [read_record(folder).status for folder in folders] == ["stopped"] * 2 + ["completed"]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_run_that_diverges_is_not_stopped(tmp_path: Path, momentum: float) -> None:
    optimizer = OptimizerConfig(lr=1e38, momentum=momentum)
    folder = write_stopped(tmp_path / "0", replace(STOPPED, optimizer=optimizer), until=2)
    assert read_record(folder).status == "diverged"
    assert not folder.state.exists()
