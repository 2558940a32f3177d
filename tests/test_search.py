"""``hydra/sweeper=search``: what is tried, in which order, and that no kill changes it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from hydra.core.config_loader import ConfigLoader
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import create_trial
from pandas.testing import assert_frame_equal

from sweeplab.report import analysis
from sweeplab.sweeps.tables import load_sweep
from sweeplab.task.grid import Space
from sweeplab.task.search.axes import Axis, Choices, Numbers, params_of, search_space
from sweeplab.task.search.suggest import METHODS, distributions, suggest
from tests.conftest import ROOT, Command

LR, BATCH = "optimizer.lr", "batch_size"
TINY = ("data=digits", "data.train_size=60", "data.val_size=80", "epochs=2", "eval_every=4")
AXES: list[Axis] = [Numbers(LR, 1e-3, 3.0, log=True), Choices(BATCH, ("8", "16", "32"))]
RANGES = ("optimizer.lr=tag(log,interval(1e-3,3))", "batch_size=choice(8,16,32)")
SEARCH = ("train", "-m", "hydra/sweeper=search", *TINY, *RANGES, "seed=range(2)")


def tried(folder: Path) -> list[tuple[float, int]]:
    """The settings of a search in the order in which they were tried."""
    runs = load_sweep(folder).runs
    runs = runs.sort_values("run", key=lambda names: names.astype(int))
    return list(dict.fromkeys(zip(runs[LR], runs[BATCH], strict=True)))


def study_in(folder: Path) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    return optuna.load_study(study_name="sweeplab", storage=storage)


# ------------------------------------------------------------------ the space


def test_the_space_is_written_in_hydras_grammar(loader: ConfigLoader) -> None:
    space = Space({"epochs": "range(2,9,3)", "optimizer.momentum": "interval(0,0.9)"})
    arguments = [
        *RANGES,
        "data.train_size=tag(log,int(interval(50,500)))",
        "seed=0,1",
        "device=cpu",
    ]
    found = search_space(loader, space, arguments)
    assert list(found.axes) == [
        Numbers("epochs", 2, 8, step=3),
        Numbers("optimizer.momentum", 0, 0.9),
        *AXES,
        Numbers("data.train_size", 50, 500, log=True, step=1),
    ]
    assert found.replicates == [["seed=0"], ["seed=1"]]
    assert found.fixed == ["device=cpu"]


@pytest.mark.parametrize(("share", "epochs"), [(0.0, 2), (0.25, 2), (0.5, 5), (0.999999, 8)])
def test_a_share_of_an_axis_is_a_value_on_it(share: float, epochs: int) -> None:
    lr = Numbers(LR, 1e-3, 10.0, log=True).at(share)
    assert lr == pytest.approx(10 ** (-3 + 4 * share), rel=1e-3)
    assert lr == float(f"{lr:.4g}")
    assert (
        Numbers("epochs", 2, 8, step=3).at(share)
        == [2, 2, 5, 8][[0, 0.25, 0.5, 0.999999].index(share)]
    )
    assert 50 <= Numbers("data.train_size", 50, 500, log=True, step=1).at(share) <= 500


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["seed=1,2"], "nothing to choose"),
        (["optimizer.lr=0.1", "seed=interval(0,9)"], "seeds are never searched for"),
        (["optimizer.lr=tag(log,interval(0,1))"], "both must be above 0"),
        (["optimizer.lr=interval(1,1)"], "must be below the second"),
        (["optimizer.lr=interval(-1,1)"], "must be above 0"),
        (["batch_size=choice(8)"], "1 value to choose from"),
        (["optimizer.lr=interval(0.1,1)", "hydra.sweeper.method=grid"], "one of random, sobol"),
        (["optimizer.lr=interval(0.1,1)", "hydra.sweeper.budget=0"], "budget must be at least 1"),
        (
            ["optimizer.lr=interval(0.1,1)", "hydra.sweeper.budget=3", "hydra.sweeper.batch=4"],
            "batch must be from 1 to hydra.sweeper.budget, 3",
        ),
        (["optimizer.lr=interval(0.1,1)", "hydra.sweeper.metric=speed"], "final_val_accuracy"),
        (["optimizer.lr=interval(0.1,1)", "hydra.sweeper.exclude=['lr>1']"], "optimizer.lr is one"),
        (["batch_size=int(interval(100,200))"], "Nearly every setting"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_is_written(
    sweeplab: Command, tmp_path: Path, words: list[str], message: str
) -> None:
    where = tmp_path / "sweep"
    ended = sweeplab(
        *("train", "-m", "hydra/sweeper=search", *TINY, f"hydra.sweep.dir={where}"), *words
    )
    assert ended.code in (1, 2)
    assert message in ended.text
    assert "Traceback" not in ended.text
    assert not where.exists()


def test_an_interval_under_the_grid_names_the_search(sweeplab: Command, tmp_path: Path) -> None:
    ended = sweeplab("train", "-m", *TINY, *RANGES, f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert ended.code == 1
    assert "hydra/sweeper=search" in ended.text


# ------------------------------------------------------------------ suggestions


@pytest.mark.parametrize("method", METHODS)
def test_a_suggestion_depends_on_seed_number_and_results_alone(method: str) -> None:
    told = [
        create_trial(
            params={LR: lr, BATCH: batch}, distributions=distributions(AXES), value=-abs(lr - 0.3)
        )
        for lr in (0.01, 0.1, 0.4, 2.0)
        for batch in ("8", "32")
    ]
    pending: list[dict[str, Any]] = [{LR: 0.25, BATCH: "8"}]
    asked: list[Any] = [method, AXES, 3, 9, told, pending, "maximize"]
    first = suggest(*asked)
    np.random.default_rng().random(7)
    random.random()
    assert suggest(*asked) == first
    if method != "gp":  # whose next setting is where it expects the most, whatever the seed
        assert suggest(method, AXES, 3, 10, told, pending, "maximize") != first
        assert suggest(method, AXES, 4, 9, told, pending, "maximize") != first
    assert suggest(method, AXES, 3, 10, told, [*pending, first], "maximize") != first
    assert 1e-3 <= first[LR] <= 3
    assert first[BATCH] in ("8", "16", "32")


@pytest.mark.parametrize("method", ["tpe", "gp"])
def test_methods_that_learn_ask_near_the_best(method: str) -> None:
    axes: list[Axis] = [Numbers(LR, 1e-4, 10.0, log=True)]
    rng = np.random.default_rng(0)
    told = []
    for lr in 10 ** rng.uniform(-4, 1, 30):
        value = -((np.log10(lr) + 1) ** 2)  # best at 0.1
        told.append(create_trial(params={LR: lr}, distributions=distributions(axes), value=value))
    asked = [suggest(method, axes, 0, n, told, [], "maximize")[LR] for n in range(8)]
    distance = np.abs(np.log10(asked) + 1)
    assert np.median(distance) < 0.5  # of five decades; chance gives 1.5 on average


def test_sobols_points_are_spread_over_the_axis() -> None:
    axes: list[Axis] = [Numbers("optimizer.momentum", 0.0, 0.9999)]
    values = [
        suggest("sobol", axes, 1, n, [], [], "maximize")["optimizer.momentum"] for n in range(16)
    ]
    # Of a (0, 4, 1)-net each sixteenth holds one point (Owen 1998).
    assert sorted(np.floor(np.array(values) / 0.9999 * 16).astype(int)) == list(range(16))


def test_a_configuration_is_recognised_as_a_setting_of_the_space() -> None:
    axes = [
        *AXES,
        Numbers("epochs", 2, 8, step=3),
        Choices("optimizer.nesterov", ("true", "false")),
    ]
    values = {LR: 0.1, BATCH: 16, "epochs": 5, "optimizer.nesterov": True}
    params = {LR: 0.1, BATCH: "16", "epochs": 5, "optimizer.nesterov": "true"}
    assert params_of(axes, values) == params
    for key, outside in ((LR, 5.0), (BATCH, 64), ("epochs", 4)):
        assert params_of(axes, values | {key: outside}) is None


# ------------------------------------------------------------------ searching


def test_a_search_tries_its_budget_with_every_seed(sweeplab: Command, tmp_path: Path) -> None:
    where = tmp_path / "sweep"
    words = (*SEARCH, f"hydra.sweep.dir={where}", "hydra.sweeper.budget=7")
    ended = sweeplab(*words, "hydra.sweeper.batch=3")
    assert ended.code == 0
    assert "Settings 7 to 7 of 7" in ended.text
    sweep = load_sweep(where)
    assert len(sweep.runs) == 14
    assert (sweep.settings["n"] == 2).all()
    assert sweep.adaptive
    found = analysis(sweep)
    assert found.importance.empty  # settings that crowd around the best say nothing of the space
    assert found.could_be_best
    assert "how much each knob mattered over the whole space is not known" in (
        (where / "report.html").read_text().replace("&#39;", "'")
    )
    study = study_in(where)
    by_lr = sweep.settings.set_index(LR)["final_val_accuracy"]
    for trial in study.trials:  # each was told the mean over its seeds
        assert trial.value == pytest.approx(by_lr[trial.params[LR]])
    again = sweeplab(*words, "hydra.sweeper.batch=3", "hydra.sweeper.report=false")
    assert again.code == 0
    assert len(load_sweep(where).runs) == 14
    budget = ("hydra.sweeper.budget=9", "hydra.sweeper.batch=3", "hydra.sweeper.report=false")
    more = sweeplab(*words[:-1], *budget)
    assert more.code == 0
    assert len(load_sweep(where).settings) == 9
    settings = [(trial.params[LR], int(trial.params[BATCH])) for trial in study.trials]
    assert tried(where) == settings


def test_a_search_learns_from_the_runs_that_are_there(sweeplab: Command, tmp_path: Path) -> None:
    where = f"hydra.sweep.dir={tmp_path / 'sweep'}"
    grid = ("train", "-m", *TINY, "optimizer.lr=0.01,0.5,9", "batch_size=8,16", "seed=range(2)")
    assert sweeplab(*grid, where, "hydra.sweeper.report=false").code == 0
    quick = ("hydra.sweeper.budget=2", "hydra.sweeper.batch=2", "hydra.sweeper.report=false")
    assert sweeplab(*SEARCH, where, *quick).code == 0
    trials = study_in(tmp_path / "sweep").trials
    known = [(t.params[LR], t.params[BATCH]) for t in trials if "batch" not in t.user_attrs]
    assert known == [(0.01, "16"), (0.01, "8"), (0.5, "16"), (0.5, "8")]  # 9 is no value of it
    assert len(trials) == 6


def test_settings_left_out_do_not_count(sweeplab: Command, tmp_path: Path) -> None:
    where = tmp_path / "sweep"
    ended = sweeplab(
        *("train", "-m", "hydra/sweeper=search", *TINY, f"hydra.sweep.dir={where}", RANGES[0]),
        *("batch_size=int(interval(8,120))", "hydra.sweeper.exclude=['optimizer.lr > 1']"),
        *("hydra.sweeper.budget=6", "hydra.sweeper.method=sobol", "hydra.sweeper.report=false"),
    )
    assert ended.code == 0
    runs = load_sweep(where).runs
    assert len(runs) == 6
    assert (runs[BATCH] <= 60).all()  # no more than data.train_size
    assert (runs[LR] <= 1).all()
    assert len(study_in(where).trials) > 6


def test_a_dry_run_of_a_search_writes_nothing(sweeplab: Command, tmp_path: Path) -> None:
    ended = sweeplab(*SEARCH, f"hydra.sweep.dir={tmp_path / 'sweep'}", "--dry-run")
    assert ended.code == 0
    assert "These would be the first of 60 settings." in ended.text
    assert not (tmp_path / "sweep").exists()


def test_a_diverged_setting_is_told_as_the_worst(sweeplab: Command, tmp_path: Path) -> None:
    where = tmp_path / "sweep"
    ended = sweeplab(
        *("train", "-m", "hydra/sweeper=search", *TINY, f"hydra.sweep.dir={where}", "batch_size=8"),
        *("optimizer.lr=1e38,0.1", "hydra.sweeper.budget=4", "hydra.sweeper.method=sobol"),
        *("hydra.sweeper.report=false", "hydra.sweeper.metric=final_val_loss"),
    )
    assert ended.code == 0
    values = {trial.params[LR]: float(trial.value or 0) for trial in study_in(where).trials}
    assert values["1e+38"] > 99 > values["0.1"] > 0


def test_anothers_journal_is_refused(sweeplab: Command, tmp_path: Path) -> None:
    where = f"hydra.sweep.dir={tmp_path / 'sweep'}"
    quick = ("hydra.sweeper.budget=2", "hydra.sweeper.batch=2", "hydra.sweeper.report=false")
    assert sweeplab(*SEARCH, where, *quick).code == 0
    other = sweeplab(*SEARCH, "optimizer.lr=interval(0.2,0.3)", where, *quick)
    assert other.code == 1
    assert "over other values or for another metric" in other.text
    (tmp_path / "sweep" / "study.journal").write_text("{}\nno journal\n{}\n")
    damaged = sweeplab(*SEARCH, where, *quick)
    assert damaged.code == 1
    assert "no journal of a search" in damaged.text
    assert "Traceback" not in damaged.text


# ------------------------------------------------------------------ killed


def killed_search(kills: int, folder: Path, rng: random.Random, how: Sequence[str]) -> int:
    """Search in ``folder``, killed at random moments; how often it was really killed.

    One kill falls as soon as a run is saved, so that it is never before the search began.
    """
    words = [*SEARCH, f"hydra.sweep.dir={folder}", *how, "hydra.sweeper.report=false"]
    argv = [sys.executable, "-c", "from sweeplab.cli.main import main; main()", *words]
    done = 0
    for _ in range(kills):
        search = subprocess.Popen(
            argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
        )
        if kills > 1:
            time.sleep(rng.uniform(0.5, 3))
        while kills == 1 and search.poll() is None and not list(folder.glob("*/run.json")):
            time.sleep(0.002)
        done += search.poll() is None
        search.send_signal(signal.SIGKILL)
        search.wait()
    subprocess.run(argv, check=True, capture_output=True)
    return done


def curves(folder: Path) -> pd.DataFrame:
    sweep = load_sweep(folder)
    runs = sweep.runs[["run", LR, BATCH, "seed"]]
    order = [LR, BATCH, "seed", "iteration"]
    return (
        sweep.curves.merge(runs, on="run")
        .drop(columns=["run", "sweep"])
        .sort_values(order, ignore_index=True)
    )


BY_BATCHES = ("hydra.sweeper.budget=12", "hydra.sweeper.batch=3")
HALVED = (
    *("epochs=9", "eval_every=epoch", "optimizer.momentum=0.9"),
    *("hydra.sweeper.budget=18", "hydra.sweeper.batch=9", "hydra.sweeper.halving={from: 1}"),
)


@pytest.mark.parametrize("how", [BY_BATCHES, HALVED], ids=["by batches", "halved"])
@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_search_that_is_killed_ends_as_if_left_alone(
    sweeplab: Command, tmp_path: Path, kills: int, how: Sequence[str]
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    left_alone = (*SEARCH, f"hydra.sweep.dir={whole}", *how, "hydra.sweeper.report=false")
    assert sweeplab(*left_alone).code == 0
    assert killed_search(kills, broken, random.Random(kills), how) > 0
    assert set(tried(broken)) == set(tried(whole))
    assert_frame_equal(curves(broken), curves(whole), check_exact=True)
    told = [
        {
            tuple(trial.params.values()): (trial.state, trial.value, trial.intermediate_values)
            for trial in study_in(folder).trials
        }
        for folder in (whole, broken)
    ]
    assert told[0] == told[1]
    assert not list(broken.glob("*/state.safetensors"))


def test_a_torn_line_of_the_journal_is_done_again(sweeplab: Command, tmp_path: Path) -> None:
    where = tmp_path / "sweep"
    quick = ("hydra.sweeper.batch=2", "hydra.sweeper.report=false", f"hydra.sweep.dir={where}")
    assert sweeplab(*SEARCH, *quick, "hydra.sweeper.budget=4").code == 0
    before = tried(where)
    journal = where / "study.journal"
    journal.write_bytes(journal.read_bytes()[:-9])
    assert sweeplab(*SEARCH, *quick, "hydra.sweeper.budget=4").code == 0
    assert tried(where) == before
    assert len(study_in(where).trials) == 4


def test_an_experiment_can_ask_for_a_search(sweeplab: Command, tmp_path: Path) -> None:
    where = tmp_path / "sweep"
    small = ("epochs=1", "data.train_size=128", "data.val_size=80", "eval_every=4")
    small += ("hydra.sweeper.report=false",)
    words = ("train", ROOT / "experiments" / "search.yaml", *small, f"hydra.sweep.dir={where}")
    ended = sweeplab(*words, "hydra.sweeper.budget=3", "hydra.sweeper.method=sobol", "seed=0,1")
    assert ended.code == 0, ended.text
    sweep = load_sweep(where)
    assert len(sweep.runs) == 6
    assert not sweep.adaptive  # Sobol's points do not look at results
    grid = sweeplab(*words, "--dry-run", "hydra/sweeper=grid", "hydra.sweeper.method=tpe")
    assert grid.code == 1  # which has no method: the command line's sweeper is the one that counts
    assert "'method' not in 'GridSweeperConf'" in grid.text
