"""What a sweep combines: spaced values, keys that move together, several grids, and what not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.core.config_loader import ConfigLoader

from sweeplab.config import RunConfig, flatten
from sweeplab.errors import ConfigError
from sweeplab.report import analysis
from sweeplab.sweeps.tables import load_sweep
from sweeplab.task.conditions import parse_condition
from sweeplab.task.grid import Space, expand
from sweeplab.task.spaced import spaced
from tests.conftest import Command
from tests.test_explorer import unpacked

LR, BATCH, DECAY = "optimizer.lr", "batch_size", "optimizer.weight_decay"
TINY = ("data=digits", "data.train_size=64", "data.val_size=40", "epochs=1", "eval_every=2")


def values(combinations: list[list[str]], key: str) -> list[str]:
    return [
        word.split("=")[1] for job in combinations for word in job if word.startswith(f"{key}=")
    ]


# ------------------------------------------------------------------ spaced values


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        (LR, "logspace(0.001, 1, 4)", ["0.001", "0.01", "0.1", "1"]),
        (LR, "logspace(0.01,1,5)", ["0.01", "0.0316", "0.1", "0.316", "1"]),
        (LR, "logspace(1,0.01,3)", ["1", "0.1", "0.01"]),
        ("optimizer.momentum", "linspace(0.1,0.5,5)", ["0.1", "0.2", "0.3", "0.4", "0.5"]),
        (BATCH, "logspace(4,256,7)", ["4", "8", "16", "32", "64", "128", "256"]),
        (BATCH, "linspace(1,3,9)", ["1", "2", "3"]),
    ],
)
def test_spaced_values_read_as_a_person_would_write_them(
    key: str, text: str, expected: list[str]
) -> None:
    assert spaced(key, text) == expected


@pytest.mark.parametrize("kind", ["lin", "log"])
@pytest.mark.parametrize(("low", "high", "many"), [(0.1, 0.1001, 7), (1e-5, 3, 50), (7, 5000, 3)])
def test_tidy_values_stay_within_a_hundredth_of_a_step_of_their_places(
    kind: str, low: float, high: float, many: int
) -> None:
    exact = np.geomspace(low, high, many) if kind == "log" else np.linspace(low, high, many)
    tidy = np.array(spaced(LR, f"{kind}space({low},{high},{many})"), dtype=float)
    steps = np.diff(exact)
    nearest = np.minimum(np.r_[steps[0], steps], np.r_[steps, steps[-1]])
    assert (np.abs(tidy - exact) <= nearest / 100).all()
    assert (tidy[0], tidy[-1]) == (low, high)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("optimizer.lr=logspace(0.01,1,3)", ["0.01", "0.1", "1"]),
        ("optimizer.lr='logspace(0.01,1,3)'", ["0.01", "0.1", "1"]),
        ("optimizer.lr=0,logspace(0.01,1,3),5", ["0", "0.01", "0.1", "1", "5"]),
        ("optimizer.lr=choice(logspace(0.01,1,3))", ["0.01", "0.1", "1"]),
        ("optimizer.lr=range(0.1,0.5,0.1)", ["0.1", "0.2", "0.3", "0.4"]),
        ("optimizer.lr=range(1,4)", ["1", "2", "3"]),
    ],
)
def test_spaced_values_stand_wherever_values_do(
    loader: ConfigLoader, line: str, expected: list[str]
) -> None:
    assert values(expand(loader, Space(), [line]), LR) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("logspace(0,1,4)", "must be above 0"),
        ("logspace(-3,0,4)", "not exponents"),
        ("logspace(1,2)", "three numbers"),
        ("linspace(1,2,x)", "three numbers"),
        ("linspace(1,1,3)", "two different numbers"),
        ("linspace(0,1,1)", "2 to 10,000 values, and not 1"),
        ("linspace(0,inf,3)", "two different numbers"),
    ],
)
def test_spaced_values_that_cannot_be_had_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        spaced(LR, text)


# ------------------------------------------------------------------ grids


def test_a_list_in_yaml_stands_for_its_values(loader: ConfigLoader) -> None:
    params = {BATCH: [16, 64], DECAY: [0, "logspace(0.01,0.1,2)"], "optimizer.nesterov": [True]}
    combinations = expand(loader, Space(params=params))
    assert values(combinations, BATCH) == ["16"] * 3 + ["64"] * 3
    assert values(combinations, DECAY) == ["0", "0.01", "0.1"] * 2
    assert set(values(combinations, "optimizer.nesterov")) == {"true"}


def test_several_grids_are_trained_one_after_another(loader: ConfigLoader) -> None:
    space = Space(params={"seed": "0,1"}, grids=[{LR: "0.1,1"}, {LR: 0.5, "seed": 7}])
    assert expand(loader, space, ["epochs=2"]) == [
        ["seed=0", "optimizer.lr=0.1", "epochs=2"],
        ["seed=0", "optimizer.lr=1", "epochs=2"],
        ["seed=1", "optimizer.lr=0.1", "epochs=2"],
        ["seed=1", "optimizer.lr=1", "epochs=2"],
        ["seed=7", "optimizer.lr=0.5", "epochs=2"],
    ]


def test_keys_of_a_group_move_together(loader: ConfigLoader) -> None:
    space = Space(params={LR: "0.1,0.2", "seed": "range(2)", BATCH: [16, 64]}, zip=[[LR, BATCH]])
    assert expand(loader, space) == [
        ["optimizer.lr=0.1", "batch_size=16", "seed=0"],
        ["optimizer.lr=0.1", "batch_size=16", "seed=1"],
        ["optimizer.lr=0.2", "batch_size=64", "seed=0"],
        ["optimizer.lr=0.2", "batch_size=64", "seed=1"],
    ]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (Space({LR: "1,2", BATCH: "1,2,3"}, zip=[[LR, BATCH]]), "optimizer.lr has 2, batch_size"),
        (Space({LR: "1,2"}, zip=[[LR, BATCH]]), "batch_size, which the sweep gives no values"),
        (Space({LR: "1,2"}, zip=[[LR]]), "two keys or more"),
        (Space({LR: "1,2"}, zip=["lr"]), "two keys or more"),
        (Space({LR: "1,2", BATCH: "1,2"}, zip=[[LR, BATCH], [LR, "seed"]]), "optimizer.lr twice"),
        (Space({LR: []}), "empty list for optimizer.lr"),
        (Space(grids=["optimizer.lr=1"]), "must be a list of grids"),  # type: ignore[list-item]
        (Space({LR: "interval(0,1)"}), "hydra/sweeper=search"),
        (Space({"seed": "range(100000000)"}), "seed has 100,000,000 values"),
        (Space({"seed": "range(2000)", LR: "range(1,2000)"}), "3,998,000 combinations"),
    ],
)
def test_what_is_no_grid_is_refused_before_it_is_expanded(
    loader: ConfigLoader, space: Space, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        expand(loader, space)


# ------------------------------------------------------------------ what is left out


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("batch_size > data.train_size", False),
        ("batch_size*10 <= data.train_size and not optimizer.nesterov", True),
        ("optimizer.lr in [0.01, 0.1]", True),
        ("data.name == 'digits' or seed % 2 == 1", False),
        ("0.001 < optimizer.lr < 0.1", True),
        ("optimizer.nesterov == true", False),
        ("-seed + 1 != 1", False),
    ],
)
def test_a_condition_is_pythons_over_the_keys(condition: str, holds: bool) -> None:
    config = RunConfig()  # the tutorial's values: batch 64, 2,000 images, learning rate 0.01
    assert parse_condition(condition).holds(flatten(config)) is holds


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("lr > 1", "'lr' is no key of the configuration; optimizer.lr is one"),
        ("batch > 1", "batch_size is one"),
        ("__import__('os').system('true')", "more than keys, values and signs"),
        ("(lambda: 1)() > 0", "more than keys"),
        ("seed ** 99999 > 1", "sign \\(Pow\\)"),
        ("data.name[0] == 'm'", "more than keys"),
        ("f'{seed}' == '1'", "more than keys"),
        ("seed >", "no expression"),
        ("-" * 400 + "1", "longer than 300"),
        ("", "no expression"),
    ],
)
def test_what_is_no_condition_is_refused(condition: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_condition(condition)


@pytest.mark.parametrize(
    "condition", ["seed / (epochs - 10) > 1", "data.name < 3", "'a' * 99999999999 == 'b'"]
)
def test_a_condition_that_cannot_be_worked_out_says_so(condition: str) -> None:
    with pytest.raises(ConfigError, match="fails"):
        parse_condition(condition).holds(flatten(RunConfig()))


def test_excluded_combinations_are_counted_and_not_trained(
    sweeplab: Command, tmp_path: Path
) -> None:
    where = f"hydra.sweep.dir={tmp_path / 'sweep'}"
    asked: tuple[Any, ...] = (
        *("train", "-m", *TINY, "batch_size=8,32,64", "optimizer.lr=0.1,1", where),
        "hydra.sweeper.exclude=['batch_size > 40 and optimizer.lr < 1']",
        "hydra.sweeper.report=false",
    )
    said = sweeplab(*asked, "--dry-run").text
    assert "1 of 6 combinations left out: batch_size > 40 and optimizer.lr < 1 (1)." in said
    assert "left out: data=digits" in said
    assert sweeplab(*asked).code == 0
    runs = load_sweep(tmp_path / "sweep").runs
    assert sorted(zip(runs[BATCH], runs[LR], strict=True)) == [
        (8, 0.1),
        (8, 1.0),
        (32, 0.1),
        (32, 1.0),
        (64, 1.0),
    ]


def test_invalid_combinations_can_be_left_out(sweeplab: Command, tmp_path: Path) -> None:
    asked = (
        *("train", "-m", "data=digits", "data.val_size=40", "epochs=1", "eval_every=99"),
        *("data.train_size=30,60,99999", "batch_size=16,50"),
        *(f"hydra.sweep.dir={tmp_path / 'sweep'}", "hydra.sweeper.report=false"),
    )
    refused = sweeplab(*asked)
    assert refused.code == 1
    assert "3 of 6 combinations are wrong" in refused.text
    said = sweeplab(*asked, "hydra.sweeper.skip_invalid=true")
    assert said.code == 0
    assert "3 of 6 combinations left out: invalid (3)." in said.text
    assert len(load_sweep(tmp_path / "sweep").runs) == 3


def test_an_experiment_may_be_grids_alone(sweeplab: Command, tmp_path: Path) -> None:
    experiment = tmp_path / "two.yaml"
    experiment.write_text(
        "# Which of two?\nhydra:\n  sweeper:\n    report: false\n    zip: [[batch_size, seed]]\n"
        "    grids:\n    - {batch_size: [8, 16], seed: [1, 2]}\n"
        "    - {batch_size: [4], seed: [7]}\n"
    )
    where = tmp_path / "sweep"
    assert sweeplab("train", experiment, *TINY, f"hydra.sweep.dir={where}").code == 0
    runs = load_sweep(where).runs
    assert set(zip(runs[BATCH], runs["seed"], strict=True)) == {(8, 1), (16, 2), (4, 7)}


def test_nothing_left_is_said(sweeplab: Command, tmp_path: Path) -> None:
    nothing = sweeplab(
        *("train", "-m", *TINY, "seed=1,2", f"hydra.sweep.dir={tmp_path / 'sweep'}"),
        "hydra.sweeper.exclude=['seed > 0']",
    )
    assert nothing.code == 1
    assert "all 2 combinations were left out (seed > 0 (2))" in nothing.text
    assert not (tmp_path / "sweep").exists()


# ------------------------------------------------------------------ in the report


def test_keys_that_move_together_are_one_knob_of_the_report(
    sweeplab: Command, tmp_path: Path
) -> None:
    where = tmp_path / "sweep"
    ended = sweeplab(
        *("train", "-m", *TINY, "optimizer.lr=0.01,0.1,1", "batch_size=8,16,32", "seed=range(3)"),
        *(f"{DECAY}=0,0.3", "hydra.sweeper.zip=[[optimizer.lr,batch_size]]"),
        f"hydra.sweep.dir={where}",
    )
    assert ended.code == 0, ended.text
    sweep = load_sweep(where)
    assert sweep.knobs == ["batch_size+optimizer.lr", DECAY]
    assert len(sweep.settings) == 6
    assert sorted(zip(sweep.settings[LR], sweep.settings[BATCH], strict=True))[::2] == [
        (0.01, 8),
        (0.1, 16),
        (1.0, 32),
    ]
    effects = analysis(sweep).importance["effect"].tolist()
    assert not {LR, BATCH} & set(effects)
    assert "batch size with learning rate" in (where / "report.html").read_text().lower()
    explorer = unpacked(sweep, where)["knobs"][0]
    assert explorer["texts"] == ["8 with 0.01", "16 with 0.1", "32 with 1"]
    assert "+" not in (where / "runs.csv").read_text().splitlines()[0]


def test_knobs_that_cross_are_not_one(sweeplab: Command, tmp_path: Path) -> None:
    where = tmp_path / "sweep"
    crossed = ("optimizer.lr=0.1,1", "batch_size=8,16", "hydra.sweeper.report=false")
    assert sweeplab("train", "-m", *TINY, *crossed, f"hydra.sweep.dir={where}").code == 0
    assert load_sweep(where).knobs == [BATCH, LR]
