"""Successive halving: runs that are stopped, and those that go on as if they never had been."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sweeplab
from sweeplab.config import OptimizerConfig, RunConfig, to_dict
from sweeplab.data import load
from sweeplab.errors import SweeplabError
from sweeplab.figures.plots.halving import rungs
from sweeplab.provenance import environment
from sweeplab.reproduce import reproduce
from sweeplab.runs.folder import RunFolder, goes_on, is_complete, read_record
from sweeplab.runs.saved_config import to_yaml
from sweeplab.runs.state import read_state
from sweeplab.runs.write import end_stopped, write_hydra_files, write_result
from sweeplab.sweeps.comparable import comparable
from sweeplab.sweeps.tables import Sweep, load_sweep
from sweeplab.task.prepare import identify
from sweeplab.task.search.halving import Halving
from sweeplab.training import Part, train_stack
from tests.conftest import ROOT, Command
from tests.test_search import study_in
from tests.trained import DIGITS, command

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


# ------------------------------------------------------------------ rungs


@pytest.mark.parametrize(
    ("begin", "factor", "epochs", "ends"),
    [
        (1, 3, 9, [1, 3, 9]),
        (1, 3, 10, [1, 3, 10]),  # a rung at 9 would be cut off by one epoch
        (1, 3, 27, [1, 3, 9, 27]),
        (2, 2, 20, [2, 4, 8, 20]),
        (5, 4, 20, [5, 20]),
    ],
)
def test_each_rung_is_at_least_so_much_longer(
    begin: int, factor: int, epochs: int, ends: list[int]
) -> None:
    halving = Halving(begin, factor)
    assert halving.ends(epochs) == ends
    rungs = halving.rungs(epochs)
    assert [rung.begin for rung in rungs] == [0, *ends[:-1]]
    assert [rung.end for rung in rungs] == [*ends[:-1], None]


LR = "optimizer.lr"
SMALL = ("data=digits", "data.train_size=200", "data.val_size=100", "epochs=9", "eval_every=epoch")
SEARCH = ("train", "-m", "hydra/sweeper=search", *SMALL, "optimizer.schedule=cosine")
SPACE = ("optimizer.lr=tag(log,interval(0.001,3))", "seed=range(2)")
HALVED = ("hydra.sweeper.method=sobol", "hydra.sweeper.budget=9", "hydra.sweeper.halving={from: 1}")


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Nine learning rates, of which three are trained for 3 epochs, and one for all 9."""
    where = tmp_path_factory.mktemp("halved") / "sweep"
    code, text = command(*SEARCH, *SPACE, *HALVED, f"hydra.sweep.dir={where}")
    assert code == 0, text
    (where / "printed.txt").write_text(text)
    return load_sweep(where)


def test_the_best_third_goes_on(halved: Sweep) -> None:
    after = halved.runs.groupby(LR)["stopped_after"].first().fillna(9)
    assert sorted(after) == [1] * 6 + [3] * 2 + [9]
    assert len(halved.runs) == 18
    curves = halved.curves.merge(halved.runs[["run", LR]], on="run")
    for end, going in ((1, [3, 9]), (3, [9])):
        at = curves[curves["epoch"] == end].dropna(subset="val_accuracy")
        means = at.groupby(LR)["val_accuracy"].mean()
        assert means[after[means.index].isin(going)].min() >= means[after == end].max()


def test_what_went_on_has_the_bits_of_a_whole_run(halved: Sweep, tmp_path: Path) -> None:
    chosen = halved.runs[halved.runs["status"] == "completed"]
    lr = chosen[LR].iloc[0]
    whole = tmp_path / "whole"
    words = ("-m", *SMALL, "optimizer.schedule=cosine", f"optimizer.lr={lr}", "seed=range(2)")
    code, text = command("train", *words, f"hydra.sweep.dir={whole}", "hydra.sweeper.report=false")
    assert code == 0, text
    for seed, folder in zip(chosen["seed"], chosen["folder"], strict=True):
        for name in ("curves.csv", "weights.safetensors"):
            assert (Path(folder) / name).read_bytes() == (whole / str(seed) / name).read_bytes()


def test_the_study_knows_what_was_stopped(halved: Sweep) -> None:
    trials = study_in(halved.path).trials
    states = [trial.state.name for trial in trials]
    assert (states.count("PRUNED"), states.count("COMPLETE")) == (8, 1)
    assert sorted(len(trial.intermediate_values) for trial in trials) == [1] * 6 + [2] * 3
    assert all(set(trial.intermediate_values) <= {1, 3} for trial in trials)
    assert not list(halved.path.glob("*/state.safetensors"))


def test_the_report_and_the_terminal_say_what_was_stopped(halved: Sweep) -> None:
    stopped = "Halving stopped 16 runs, of 8 of 9 settings, after 1 or 3 of 9 epochs"
    # 18 runs to epoch 1, 6 from 1 to 3, 2 from 3 to 9, of 18 times 9.
    trained = "26 % of all iterations were trained"
    left = "The one setting that is left is learning rate ="
    page = " ".join((halved.path / "report.html").read_text().split())
    printed = " ".join((halved.path / "printed.txt").read_text().split())
    for text in (page, printed):
        assert stopped in text
        assert trained in text.replace("\u202f", " ").replace("\xa0", " ")
        assert left in text
    assert halved.adaptive
    assert halved.settings["stopped"].sum() == 16


def test_the_figure_shows_each_setting_as_far_as_it_went(halved: Sweep) -> None:
    table = rungs(halved)
    ends = table.groupby("setting")["end"].first()
    assert sorted(ends) == [1] * 6 + [3] * 2 + [9]
    assert (table.groupby("setting")["epoch"].max() == ends).all()
    assert len(sweeplab.figures.halving(halved).axes) == 1
    one = halved.curves[halved.curves["epoch"] == 1].dropna(subset="val_accuracy")
    runs = halved.runs.merge(one[["run", "val_accuracy"]], on="run")
    errors = 1 - runs.groupby(LR, sort=False)["val_accuracy"].mean()
    assert sorted(table.loc[table["epoch"] == 1, "error"]) == pytest.approx(sorted(errors))
    [part] = comparable(halved).values()
    assert rungs(part)["error"].sum() == pytest.approx(table["error"].sum())
    with pytest.raises(SweeplabError, match="No run of this sweep was stopped"):
        sweeplab.figures.halving(replace(part, stopped=part.stopped.iloc[:0]))


def test_other_commands_know_stopped_runs(halved: Sweep) -> None:
    stopped = halved.runs[halved.runs["status"] == "stopped"].iloc[0]["folder"]
    assert "complete: 18 runs, 16 stopped" in command("ls", halved.path)[1]
    assert "stopped after" in command("ls", stopped)[1]
    code, text = command("reproduce", halved.path)
    assert (code, "18 identical" in text) == (0, True), text
    code, text = command("prune", halved.path, "--keep-best", 1, "--dry-run")
    assert code == 0
    assert "16 runs" in text


def test_the_same_command_trains_nothing_again(halved: Sweep) -> None:
    before = {path: path.stat().st_mtime_ns for path in halved.path.glob("*/run.json")}
    where_to = (f"hydra.sweep.dir={halved.path}", "hydra.sweeper.report=false")
    code, text = command(*SEARCH, *SPACE, *HALVED, *where_to)
    assert code == 0, text
    assert "to train" not in text
    assert {path: path.stat().st_mtime_ns for path in halved.path.glob("*/run.json")} == before


def test_a_grid_trains_whole_what_was_stopped(halved: Sweep, tmp_path: Path) -> None:
    import shutil

    where = tmp_path / "sweep"
    shutil.copytree(halved.path, where)
    stopped = halved.runs[halved.runs["status"] == "stopped"].iloc[0]
    words = (*SMALL, "optimizer.schedule=cosine", f"optimizer.lr={stopped[LR]}", "seed=0,1")
    where_to = (f"hydra.sweep.dir={where}", "hydra.sweeper.report=false")
    code, text = command("train", "-m", *words, *where_to)
    assert code == 0, text
    assert "2 runs to train" in text
    runs = load_sweep(where).runs
    assert (runs.loc[runs[LR] == stopped[LR], "status"] == "completed").all()


@pytest.mark.parametrize(
    ("method", "budget"),
    # Workers import PyTorch for each rung of each batch: one batch of them.
    [("random", 6), ("tpe", 12), ("gp", 12)],
)
def test_each_method_is_halved_by_workers_too(
    sweeplab: Command, tmp_path: Path, method: str, budget: int
) -> None:
    words = (*SEARCH, *SPACE, f"hydra.sweep.dir={tmp_path / 'a'}", "hydra.sweeper.report=false")
    words += (
        f"hydra.sweeper.budget={budget}",
        f"hydra.sweeper.method={method}",
        "batch_size=choice(20,40)",
    )
    words += ("hydra.sweeper.halving={from: 3, factor: 2}", "hydra.sweeper.batch=6")
    workers = ("hydra.launcher.executor=processes", "hydra.launcher.workers=2")
    ended = sweeplab(*words, *(workers if method == "random" else ()))
    assert ended.code == 0, ended.text
    sweep = load_sweep(tmp_path / "a")
    assert sorted(sweep.runs["stopped_after"].fillna(9)) == [3] * budget + [9] * budget
    assert sweep.adaptive


def test_all_examples_of_a_source_are_searched_and_halved(
    sweeplab: Command, tmp_path: Path
) -> None:
    scales = ("data.train_size=0", "data.scale=choice(unit,l2)")
    words = ("hydra.sweeper.budget=3", "hydra.sweeper.method=sobol", "hydra.sweeper.halving={}")
    where = (f"hydra.sweep.dir={tmp_path / 'sweep'}", "hydra.sweeper.report=false")
    ended = sweeplab(*SEARCH, *scales, *SPACE, "epochs=3", *words, *where)
    assert ended.code == 0, ended.text
    runs = load_sweep(tmp_path / "sweep").runs
    assert sorted(runs["status"]) == ["completed"] * 2 + ["stopped"] * 4
    assert (runs["data.train_size"] > 1000).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hydra.sweeper.halving={from: 0}"], "halving.from must be a whole number of at least 1"),
        (["hydra.sweeper.halving={factor: 1}"], "factor must be a whole number of at least 2"),
        (["hydra.sweeper.halving={from: 1.5}"], "from must be a whole number"),
        (["hydra.sweeper.halving={from: 20}"], "must be at most epochs, 9"),
        (["hydra.sweeper.halving={from: 4}"], "must be at most epochs, 9"),
        (["hydra.sweeper.halving={form: 1}"], "must be {from: EPOCHS, factor: NUMBER}"),
        (["hydra.sweeper.halving=3"], "must be {from: EPOCHS, factor: NUMBER}"),
        (["hydra.sweeper.halving={}", "epochs=choice(9,18)"], "epochs cannot be searched for"),
        (["hydra.sweeper.halving={}", "eval_every=2"], "set eval_every=epoch"),
        (
            ["hydra.sweeper.halving={}", "eval_every=4", "data.train_size=0"],  # all there are
            "set eval_every=epoch",
        ),
        (
            ["hydra.sweeper.halving={}", "eval_every=1", "batch_size=choice(20,40)"],
            "set eval_every=epoch",
        ),
        (["hydra.sweeper.halving={}", "hydra/launcher=basic"], "needs hydra/launcher=stacked"),
    ],
)
def test_what_cannot_be_halved_is_refused_before_anything_is_written(
    sweeplab: Command, tmp_path: Path, words: list[str], message: str
) -> None:
    ended = sweeplab(*SEARCH, *SPACE, f"hydra.sweep.dir={tmp_path / 'sweep'}", *words)
    assert ended.code == 1
    assert message in ended.text
    assert "Traceback" not in ended.text
    assert not (tmp_path / "sweep").exists()


def test_the_experiment_halves(sweeplab: Command, tmp_path: Path) -> None:
    words = ("train", ROOT / "experiments" / "halving.yaml", "epochs=3", "data.train_size=128")
    small = ("data.val_size=60", "hydra.sweeper.budget=3", "seed=0", "hydra.sweeper.report=false")
    ended = sweeplab(*words, *small, f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert ended.code == 0, ended.text
    assert sorted(load_sweep(tmp_path / "sweep").runs["status"]) == ["completed"] + ["stopped"] * 2
