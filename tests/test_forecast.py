"""What a sweep is to take is said before it starts, where it is out of proportion."""

from __future__ import annotations

import dataclasses

import pytest

from conftest import Command
from sweeplab import compiled
from sweeplab.config import DataConfig, OptimizerConfig, RunConfig
from sweeplab.execute.options import Options
from sweeplab.task import forecast
from sweeplab.training import Sizes, evaluation_share

# All of MNIST, at the tutorial's cadence: 937 updates an epoch of 64 images, 10 epochs.
WHOLE = RunConfig(data=DataConfig(train_size=60_000), batch_size=64, epochs=10, eval_every=10)
SIZES = Sizes(60_000, 10_000, 785, 10)


def test_the_share_is_what_the_products_come_to() -> None:
    share = evaluation_share([(WHOLE, SIZES, 1)])
    # Two products of a batch an update, one of all images an evaluation, by 785 x 10 weights.
    update, evaluation = 2 * 2 * 64, 2 * 70_000
    expected = 938 * evaluation / (938 * evaluation + 9370 * update)
    assert share == pytest.approx(expected, abs=0.01)
    assert share > 0.95
    seldom = dataclasses.replace(WHOLE, eval_every="epoch")
    assert evaluation_share([(seldom, SIZES, 1)]) < share
    # Of many runs, the few that cost more count for what they cost.
    small = dataclasses.replace(WHOLE, data=DataConfig(train_size=100))
    both = evaluation_share([(WHOLE, SIZES, 1), (small, Sizes(100, 50, 785, 10), 1)])
    assert both == pytest.approx(share, abs=0.001)


def test_the_cadence_that_makes_it_a_tenth_is_named() -> None:
    runs = [(WHOLE, SIZES)] * 3
    line = forecast.evaluation_line(forecast.alike(runs))
    assert line == (
        "Evaluation will take 98 % of this sweep's arithmetic. With 'eval_every=10 epochs' it "
        "would take 10 %."
    )
    for every, said in (("10 epochs", ""), ("epoch", "")):
        quiet = dataclasses.replace(WHOLE, eval_every=every)
        assert forecast.evaluation_line([(quiet, SIZES, 3)]) == said
    fewer = dataclasses.replace(WHOLE, eval_train=1000)
    assert "With eval_every=" in forecast.evaluation_line([(fewer, SIZES, 1)])
    short = dataclasses.replace(WHOLE, epochs=1, batch_size=30_000)
    line = forecast.evaluation_line([(short, SIZES, 1)])
    assert "; eval_train=1000, fewer training" in line
    assert "With eval_every" not in line  # of so few updates no cadence evaluates less


def test_the_memory_is_said_where_it_does_not_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "get_num_threads", lambda: 1)
    wide = dataclasses.replace(WHOLE, optimizer=OptimizerConfig(momentum=0.9))
    runs = [(wide, Sizes(50_000, 50_000, 769, 1000), 64)]
    options = Options()
    assert forecast.memory_line(runs, options, there=2.5e9) == ""
    line = forecast.memory_line(runs, options, there=1e9)
    assert "This sweep needs about 2.0 GB of memory" in line
    assert "307.6 MB of it for the data" in line
    assert line.endswith("1.0 GB are free: fewer examples need less.")
    several = Options(executor="processes", workers=4)
    assert "hydra.launcher.workers=1" in forecast.memory_line(runs, several, there=2.5e9)
    assert forecast.memory_line(runs, Options(executor="slurm"), there=1.0) == ""
    free = forecast.free_bytes()
    assert free is None or free > 1e6


def test_it_is_said_before_a_sweep_and_by_a_dry_run(sweeplab: Command) -> None:
    words = ("train", "-m", "data=digits", "optimizer.lr=0.1,0.2", "epochs=2", "eval_every=1")
    quiet = ("hydra.sweep.dir=s", "hydra.sweeper.report=false")
    for more in (("--dry-run",), ()):
        done = sweeplab(*words, *quiet, *more)
        assert done.code == 0
        assert "Evaluation will take 9" in done.out
    assert "Evaluation will" not in sweeplab(*words, *quiet).out  # nothing is left to train
    other = (*words[:-1], "eval_every=99", "eval_train=50", "data.val_size=50")
    assert "Evaluation will" not in sweeplab(*other, *quiet, "--dry-run").out


def test_it_is_said_that_training_could_be_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(compiled.SWITCH, raising=False)
    monkeypatch.setattr(compiled, "level", lambda: "none")
    assert "install a compiler (gcc or clang)" in forecast.steps_line(100)
    assert forecast.steps_line(99) == ""  # it would be over before this is read
    monkeypatch.setenv(compiled.SWITCH, "0")
    assert forecast.steps_line(100) == ""  # it was asked for
    monkeypatch.undo()
    monkeypatch.setattr(compiled, "level", lambda: "avx2")
    assert forecast.steps_line(100) == ""
