"""The rules of a configuration, and its way to and from plain values."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeplab import config
from sweeplab.config import DataConfig, OptimizerConfig, RunConfig
from sweeplab.errors import ConfigError
from sweeplab.parse import from_dict


def test_the_defaults_are_the_tutorials() -> None:
    assert config.flatten(RunConfig()) == {
        "data.name": "mnist",
        "data.root": "data",
        "data.train_size": 2000,
        "data.val_size": 500,
        "data.val_start": 2000,
        "data.train_draw": 0,
        "data.path": "",
        "data.label": "",
        "data.test_share": 0.0,
        "data.order": "file",
        "data.order_seed": 0,
        "data.balanced": False,
        "data.scale": "unit",
        "data.size": 0,
        "data.colour": "grey",
        "data.on_broken": "skip",
        "batch_size": 64,
        "epochs": 10,
        "optimizer.lr": 0.01,
        "optimizer.weight_decay": 0.0,
        "optimizer.momentum": 0.0,
        "optimizer.nesterov": False,
        "optimizer.schedule": "constant",
        "optimizer.warmup": 0.0,
        "seed": 0,
        "eval_every": 10,
        "device": "auto",
        "eval_train": 0,
    }
    assert config.problems(RunConfig()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, but is 0"),
        ({"epochs": 0}, "epochs must be at least 1, but is 0"),
        ({"eval_every": "0 epochs"}, "eval_every must be a number of iterations, `epoch`, or as"),
        ({"eval_every": "an epoch"}, "eval_every must be a number of iterations, `epoch`, or as"),
        ({"eval_every": -1}, "eval_every must be at least 1, but is -1"),
        ({"optimizer.lr": -1.0}, "optimizer.lr must be above 0 and at most 3.0e+38"),
        ({"optimizer.lr": float("nan")}, "optimizer.lr must be above 0"),
        ({"optimizer.lr": float("inf")}, "optimizer.lr must be above 0"),
        ({"optimizer.lr": 1e-300}, "optimizer.lr must be a number that float32, in which training"),
        ({"optimizer.weight_decay": 1e-50}, "optimizer.weight_decay must be a number that float32"),
        (
            {"optimizer.momentum": 0.99999999999},
            "optimizer.momentum must be a number that float32, in which",
        ),
        (
            {"optimizer.weight_decay": -0.1},
            "optimizer.weight_decay must be at least 0 and at most 3.0e+38",
        ),
        ({"optimizer.weight_decay": float("nan")}, "optimizer.weight_decay must be at least 0"),
        ({"optimizer.momentum": 1.0}, "optimizer.momentum must be at least 0 and below 1"),
        ({"seed": -1}, "seed must be at least 0, but is -1"),
        ({"seed": 2**32}, "seed must be at most 4294967295, but is 4294967296"),
        ({"epochs": 2**31}, "epochs must be at most 2147483647, but is 2147483648"),
        ({"data.root": "a\0b"}, "data.root must be text without a NUL character, but is 'a"),
        ({"device": "tpu"}, "device must be one of auto, cpu, cuda, but is 'tpu'"),
        ({"data.train_size": -1}, "data.train_size must be at least 0, but is -1"),
        ({"data.order": "sorted"}, "data.order must be one of file, shuffled, but is 'sorted'"),
        ({"data.order_seed": 1}, "data.order_seed needs data.order=shuffled, but data.order is"),
        ({"data.test_share": 1.0}, "data.test_share must be at least 0 and below 1, but is 1.0"),
        ({"data.size": -1}, "data.size must be at least 0 and at most 1024, but is -1"),
        ({"data.colour": "red"}, "data.colour must be one of grey, rgb, but is 'red'"),
        ({"optimizer.nesterov": True}, "optimizer.nesterov needs optimizer.momentum above 0"),
        ({"optimizer.schedule": "step"}, "optimizer.schedule must be one of constant, cosine"),
        ({"optimizer.warmup": -0.5}, "optimizer.warmup must be at least 0, but is -0.5"),
        ({"optimizer.warmup": 11.0}, "optimizer.warmup must be at most epochs, 10, but is 11.0"),
        ({"batch_size": 2001}, "batch_size must not exceed data.train_size"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_rule(change: dict[str, Any], message: str) -> None:
    found = config.problems(config.replaced(RunConfig(), change))
    assert len(found) == 1
    assert found[0].startswith(message)


def test_every_broken_rule_is_told_at_once() -> None:
    wrong = config.replaced(RunConfig(), {"epochs": 0, "seed": -2, "optimizer.lr": 0.0})
    with pytest.raises(ConfigError) as caught:
        config.check(wrong)
    for key in ("epochs", "seed", "optimizer.lr"):
        assert key in str(caught.value)


def test_types_are_converted_where_nothing_is_lost() -> None:
    read = from_dict({"optimizer": {"lr": 1, "weight_decay": "1e-1"}, "batch_size": "32"})
    assert read.optimizer.lr == 1.0
    assert isinstance(read.optimizer.lr, float)
    assert read.optimizer.weight_decay == 0.1
    assert read.batch_size == 32


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("10", 10),
        ("epoch", "epoch"),
        ("1 epoch", "epoch"),
        ("0.50  epochs", "0.5 epoch"),
        ("2 epoch", "2 epochs"),
    ],
)
def test_every_so_many_epochs_is_written_in_one_way(written: str, means: int | str) -> None:
    assert from_dict({"eval_every": written}).eval_every == means


@pytest.mark.parametrize(
    ("values", "key"),
    [({"batch_size": "many"}, "batch_size"), ({"optimizer": {"rate": 1}}, "optimizer.rate")],
)
def test_a_wrong_type_or_key_is_named(values: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        from_dict(values, where="config.yaml")


def test_what_cannot_change_a_result_is_no_part_of_the_identity() -> None:
    here = config.identity(RunConfig())
    there = config.replaced(RunConfig(), {"data.root": "elsewhere", "device": "cpu"})
    assert config.identity(there) == here
    assert config.identity(config.replaced(RunConfig(), {"seed": 1})) != here


reals = st.floats(min_value=1e-30, max_value=1e30)
configs = st.builds(
    RunConfig,
    data=st.builds(
        DataConfig, root=st.text(alphabet="abc /é='\"{}", min_size=1), train_size=st.integers(1, 9)
    ),
    batch_size=st.integers(1, 10**9),
    optimizer=st.builds(OptimizerConfig, lr=reals, weight_decay=reals),
    seed=st.integers(0, 2**32 - 1),
)


@given(configs)
def test_plain_values_come_back_as_the_same_configuration(original: RunConfig) -> None:
    assert from_dict(config.to_dict(original)) == original


@given(configs, configs)
def test_replacing_every_key_gives_the_other_configuration(a: RunConfig, b: RunConfig) -> None:
    before = copy.deepcopy(a)  # its nodes too
    assert config.replaced(a, config.flatten(b)) == b
    assert a == before
