"""``sweeplab.train`` and ``sweeplab.sweep`` with arrays in memory, as in a notebook."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import own_data
import sweeplab
from conftest import Command
from sweeplab.errors import ConfigError, DataError

GRID = {"optimizer.lr": [0.02, 0.2], "seed": range(2), "epochs": 2, "batch_size": 16}


def test_arrays_and_tensors_train_alike() -> None:
    x, y = own_data.features()
    config = sweeplab.RunConfig(batch_size=16, epochs=2)
    one = sweeplab.train(config, data=(x, y))
    two = sweeplab.train([config], data={"X": torch.from_numpy(x), "y": torch.from_numpy(y)})[0]
    assert np.array_equal(one.weight, two.weight)
    assert one.weight.shape == (10, 40)
    assert one.config.data.train_size == 256  # what is left of 400, without validation and test
    own = sweeplab.data_config("arrays")
    own.train_size = 100
    few = sweeplab.train(sweeplab.RunConfig(data=own, batch_size=16), data=(x, y))
    assert few.config.data.train_size == 100


def test_a_sweep_has_the_folder_of_the_command(sweeplab: Command, tmp_path: Path) -> None:
    import sweeplab as package

    x, y = own_data.features()
    sweep = package.sweep(GRID, data=(x, y), folder="sweep")
    assert len(sweep.runs) == 4
    assert sweep.knobs == ["optimizer.lr"]
    for name in ("report.html", "runs.csv", "curves.parquet", "sweep.json", "multirun.yaml"):
        assert (tmp_path / "sweep" / name).is_file(), name
    before = (tmp_path / "sweep/0/run.json").read_bytes()
    more = package.sweep(GRID | {"seed": [0, 1, 2]}, data=(x, y), folder="sweep", report=False)
    assert len(more.runs) == 6
    assert (tmp_path / "sweep/0/run.json").read_bytes() == before
    # The same numbers from a file are the same runs.
    own_data.npz(tmp_path / "f.npz")
    words = ("optimizer.lr=0.02,0.2", "seed=0,1", "epochs=2", "batch_size=16")
    done = sweeplab(
        "train", "-m", "data=arrays", "data.path=f.npz", *words, "hydra.sweep.dir=sweep"
    )
    assert "0 runs to train, 4 complete already" in done.out, done.text


def test_what_is_wrong_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    x, y = own_data.features()
    with pytest.raises(DataError, match="X has 400 examples, and y 399"):
        sweeplab.sweep(GRID, data=(x, y[:-1]), folder="sweep")
    with pytest.raises(ConfigError, match=r"optimizer\.rate"):
        sweeplab.sweep({"optimizer.rate": [1.0]}, data=(x, y), folder="sweep")
    with pytest.raises(ConfigError, match="batch_size must be at least 1"):
        sweeplab.sweep({"batch_size": [0, 16]}, data=(x, y), folder="sweep")
    with pytest.raises(DataError, match=r"data must be \(X, y\)"):
        sweeplab.sweep(GRID, data=x[0, 0], folder="sweep")
    with pytest.raises(DataError, match=r"data may hold X, y, .* but holds Xval"):
        sweeplab.sweep(GRID, data={"X": x, "y": y, "Xval": x}, folder="sweep")
    with pytest.raises(DataError, match="data must hold arrays, but its y is None"):
        sweeplab.sweep(GRID, data=(x, None), folder="sweep")
    assert not (tmp_path / "sweep").exists()


def test_of_many_unequal_classes_the_page_says_what_is_confused_and_what_accuracy_hides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make = np.random.default_rng(0)
    y = np.concatenate([np.repeat(np.arange(31), 6), np.zeros(400, int)])
    # Backwards in memory, as arrays that were turned around are.
    x = (make.normal(size=(len(y), 12)) + y[:, None] / 8).astype(np.float32)[::-1]
    data = {"X": x, "y": y[::-1], "X_val": x, "y_val": y[::-1]}
    grid = {"optimizer.lr": [0.01, 0.02], "epochs": 1, "batch_size": 64}
    sweeplab.sweep(grid, data=data, folder="sweep")
    page = Path("sweep/report.html").read_text()
    assert '<figure id="figure-confusion">' in page  # to be seen: no other place shows it
    assert "is among the five most probable ones of run" in page
    said = re.findall(
        r"averaged over classes, the accuracy of run (\d) is [\d.]+, and not (\d\.\d+)", page
    )
    [(run, plain)] = set(said)
    runs = sweeplab.load_sweep("sweep").runs.set_index("run")
    assert float(plain) == pytest.approx(runs.loc[run, "final_val_accuracy"], abs=1e-3)


def test_arrays_that_are_gone_are_asked_for_again(sweeplab: Command, tmp_path: Path) -> None:
    import sweeplab as package
    from sweeplab.data import arrays

    x, y = own_data.features()
    package.sweep({"epochs": 1, "batch_size": 16}, data=(x, y), folder="sweep", report=False)
    arrays._given.clear()  # as in another process
    done = sweeplab("reproduce", "sweep")
    assert done.code == 1
    assert "Hand them over again (data=(X, y)), or save them" in done.text
    shutil.rmtree("sweep")
