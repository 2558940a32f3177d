"""A run is bit for bit the same whatever it is trained with.

This is what lets ``sweeplab reproduce`` retrain one run out of a thousand alone, and a sweep be
resumed with only what is missing. Every comparison here is of bytes, without a tolerance.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeplab.config import DataConfig, OptimizerConfig, RunConfig
from sweeplab.data import Dataset
from sweeplab.results import Curves, RunResult, State
from sweeplab.training.part import Part
from sweeplab.training.stacked import (
    engine,
    grouping,
    panel,
    product,
    scores,
    stream_stack,
    train_stack,
)
from sweeplab.training.stacked.forms import state_bytes
from sweeplab.training.stacked.images import compact


@lru_cache
def images(features: int, train: int, val: int, classes: int = 10) -> Dataset:
    """Random images with labels that can partly be learnt; an eighth of the pixels is always 0."""
    make = torch.Generator().manual_seed(features + train)
    pixels = torch.rand(train + val, features, generator=make)
    pixels[:, ::8] = 0
    labels = (pixels @ torch.randn(features, classes, generator=make)).argmax(1)
    return Dataset(
        train_images=pixels[:train],
        train_labels=labels[:train],
        val_images=pixels[train:],
        val_labels=labels[train:],
        image_shape=(1, features),
        brightest=1,
        class_names=tuple(map(str, range(classes))),
        checksum="",
    )


def config(
    dataset: Dataset, batch_size: int, updates: int, optimizer: OptimizerConfig, seed: int
) -> RunConfig:
    train = len(dataset.train_labels)
    return RunConfig(
        data=DataConfig("random", train_size=train, val_size=len(dataset.val_labels)),
        batch_size=batch_size,
        epochs=-(-updates // (train // batch_size)),
        optimizer=optimizer,
        seed=seed,
        eval_every=3,
        eval_train=train // 2 if train == 24 else 0,
        device="cpu",
    )


def bits(result: RunResult) -> dict[str, bytes]:
    arrays = {name: getattr(result.curves, name) for name in vars(result.curves)}
    arrays |= {"weight": result.weight, "bias": result.bias}
    # A run that has diverged may hold NaN, whose sign and payload mean nothing.
    return {
        name: np.where(np.isnan(values), np.nan, values).tobytes()
        for name, values in arrays.items()
    } | {"end": repr((result.status, result.diverged_at)).encode()}


def assert_same(result: RunResult, expected: RunResult) -> None:
    found, wanted = bits(result), bits(expected)
    different = [name for name in wanted if found[name] != wanted[name]]
    assert not different, (result.config, different)


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def assert_alone_as_together(
    runs: Sequence[RunConfig], dataset: Dataset, alone: Sequence[int], count: int
) -> None:
    with threads(count):
        together = train_stack(runs, dataset)
    for position in alone:
        assert_same(together[position], train_stack([runs[position]], dataset)[0])


@pytest.fixture(params=["by scores", "by weights"], autouse=True)
def form(request: pytest.FixtureRequest) -> Iterator[str]:
    """Both forms of training are held to all of this, whichever is cheaper."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (engine, panel):
            patch.setattr(module, "by_scores", lambda *_: request.param == "by scores")
        yield request.param


# Rates that learn, that oscillate, that diverge in float32 at once and after some steps.
optimizers = st.builds(
    OptimizerConfig,
    lr=st.one_of(st.floats(1e-4, 10), st.sampled_from([1e-30, 0.1, 1e20, 1e38])),
    weight_decay=st.one_of(st.just(0.0), st.floats(1e-6, 1), st.sampled_from([10.0, 1e4, 1e30])),
    momentum=st.one_of(st.just(0.0), st.just(0.0), st.floats(0.1, 0.95)),
    nesterov=st.booleans(),
    schedule=st.sampled_from(["constant", "constant", "cosine", "linear"]),
    warmup=st.sampled_from([0.0, 0.0, 0.3, 1.0]),
).map(lambda o: o if o.momentum else dataclasses.replace(o, nesterov=False))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_run_is_the_same_alone_and_in_any_stack(data: st.DataObject) -> None:
    train = data.draw(st.sampled_from([5, 24, 70]), label="N")
    dataset = images(
        data.draw(st.sampled_from([1, 3, 64, 100]), label="D"),
        train,
        data.draw(st.sampled_from([1, 9, 530]), label="M"),
        data.draw(st.sampled_from([2, 3, 10]), label="C"),
    )
    batch_size = data.draw(st.integers(1, train), label="B")
    drawn = data.draw(
        st.lists(st.tuples(optimizers, st.integers(0, 2)), min_size=1, max_size=20), label="runs"
    )
    # Repeated and shuffled: equal runs at many positions, in panels full and part empty.
    runs = [config(dataset, batch_size, 8, optimizer, seed) for optimizer, seed in drawn]
    runs *= data.draw(st.integers(1, 4), label="copies")
    data.draw(st.randoms(use_true_random=False), label="order").shuffle(runs)
    alone = data.draw(
        st.lists(st.integers(0, len(runs) - 1), min_size=1, max_size=4), label="alone"
    )
    with pytest.MonkeyPatch.context() as patch:
        if not data.draw(st.booleans(), label="compiled"):
            patch.setattr("sweeplab.compiled.steps", lambda: None)
        assert_alone_as_together(
            runs, dataset, alone, data.draw(st.sampled_from([1, 2]), label="threads")
        )


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize(("features", "train", "val"), [(784, 2000, 500), (64, 1000, 400)])
@pytest.mark.parametrize("batch_size", [1, 2, 10, 64, "N"])
def test_every_place_of_a_panel_gives_the_same_bits(
    form: str, features: int, train: int, val: int, batch_size: int | str, momentum: float
) -> None:
    """The shapes that matter, one run at all 16 places, its neighbours different each time."""
    if batch_size == "N" and form == "by scores":
        train = 300  # whole sets are never trained so, and larger ones take long
    dataset = images(features, train, val)
    size = train if batch_size == "N" else int(batch_size)
    updates = 12
    watched = config(dataset, size, updates, OptimizerConfig(0.05, 0.01, momentum), seed=1)
    # A partial epoch is not to be had, so a small batch gets less data instead.
    if size < 64:
        dataset = dataclasses.replace(
            dataset,
            train_images=dataset.train_images[: size * updates],
            train_labels=dataset.train_labels[: size * updates],
        )
        watched = config(dataset, size, updates, watched.optimizer, seed=1)
    draw = random.Random(0)
    neighbours = [
        dataclasses.replace(
            watched,
            optimizer=OptimizerConfig(
                draw.choice([1e-3, 0.1, 1.0, 1e38]), draw.choice([0, 1e-3, 1e4]), momentum
            ),
        )
        for _ in range(15)
    ]
    (expected,) = train_stack([watched], dataset)
    assert expected.status == "completed"
    for place in range(16):
        draw.shuffle(neighbours)
        runs = [*neighbours[:place], watched, *neighbours[place:]]
        with threads(1 + place % 2):
            assert_same(train_stack(runs, dataset)[place], expected)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_joint_and_single_products_give_the_same_bits(
    momentum: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where this machine fails the trial of a joint product, each run has one of its own."""
    dataset = images(784, 200, 120)
    runs = [
        config(dataset, 20, 20, OptimizerConfig(0.1, decay, momentum), seed)
        for seed, decays in enumerate([(0,), (0, 0.1), (0.01,) * 17])
        for decay in decays
    ]
    joint = train_stack(runs, dataset)
    # The ways are chosen by now, and kept.
    monkeypatch.setattr(product, "_exact", lambda *_: False)
    for result, expected in zip(train_stack(runs, dataset), joint, strict=True):
        assert_same(result, expected)


def test_the_trial_of_joint_products_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = product._mkl

    def backwards(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """As a library might: another order of summation where there are many rows."""
        if len(left) < 50:
            return exact(left, right)
        return exact(left.flip(1), right.flip(0))

    monkeypatch.setattr(product, "_way", lambda *_: backwards)
    left, right = torch.randn(160, 620), torch.randn(620, 60)
    expected = torch.cat([exact(part, right) for part in left.split(10)])
    assert not torch.equal(backwards(left, right), expected)
    assert torch.equal(product.product(left, right, 10), expected)


def test_more_panels_than_cores_and_mixed_seeds_give_the_same_bits() -> None:
    dataset = images(784, 640, 300)
    draw = random.Random(1)
    runs = [
        config(
            dataset,
            64,
            10,
            OptimizerConfig(
                draw.uniform(0.01, 1), draw.choice([0, 0.1, 1e4]), draw.choice([0, 0.5])
            ),
            seed=draw.randrange(3),
        )
        for _ in range(120)
    ]
    together = train_stack(runs, dataset)
    assert {result.status for result in together} == {"completed", "diverged"}
    for count in (1, 2):
        order = draw.sample(range(len(runs)), 50)
        with threads(count):
            some = train_stack([runs[position] for position in order], dataset)
        for position, result in zip(order, some, strict=True):
            assert_same(result, together[position])
    for position in draw.sample(range(len(runs)), 10):
        assert_same(train_stack([runs[position]], dataset)[0], together[position])


@pytest.fixture
def often_refreshed() -> Iterator[None]:
    """Scores are computed from weights again after few updates, as else in long runs alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "REFRESHED", 7)
        yield


def some_runs(
    data: st.DataObject, dataset: Dataset, batch_size: int, epochs: int, every: int | str
) -> list[RunConfig]:
    return [
        dataclasses.replace(
            config(dataset, batch_size, 1, data.draw(optimizers), seed=seed % 3),
            epochs=epochs,
            eval_every=every,
        )
        for seed in range(data.draw(st.integers(1, 4), label="R"))
    ]


@settings(max_examples=12, deadline=None)
@given(data=st.data())
@pytest.mark.usefixtures("often_refreshed")
def test_a_run_that_is_stopped_and_goes_on_is_the_same(data: st.DataObject) -> None:
    dataset = images(8, data.draw(st.sampled_from([24, 40]), label="N"), val=19)
    batch_size = data.draw(st.sampled_from([7, 24]), label="B")
    cuts = sorted(data.draw(st.sets(st.integers(1, 5), min_size=1, max_size=3), label="cuts"))
    every = data.draw(st.sampled_from([1, "epoch"]), label="eval_every")
    runs = some_runs(data, dataset, batch_size, epochs=6, every=every)
    whole = train_stack(runs, dataset)
    left, results = dict(enumerate(runs)), {}
    states: dict[int, State] = {}
    for until in [*cuts, None]:
        part = Part([states[place] for place in left] if states else (), until)
        ended = dict(zip(left, train_stack([*left.values()], dataset, part), strict=True))
        results |= ended
        states = {place: run.state for place, run in ended.items() if run.state is not None}
        for run in (ended[place] for place in states):
            assert run.status == "stopped"
            assert run.curves.epoch[-1] == until
        # Some go no further, so the others have other neighbours.
        left = {place: runs[place] for place in states if place == 0 or until != cuts[0]}
        states = {place: states[place] for place in left}
        if not left:
            break
    for place in {*range(len(runs))} if len(cuts) == 1 else {0}:
        if results[place].status != "stopped":
            assert_same(results[place], whole[place])
    assert results[0].status != "stopped"
    for place, run in results.items():  # what was stopped is the beginning of the whole run
        rows = len(run.curves)
        for name, values in vars(run.curves).items():
            assert values.tobytes() == getattr(whole[place].curves, name)[:rows].tobytes(), name


@settings(max_examples=12, deadline=None)
@given(data=st.data())
@pytest.mark.usefixtures("often_refreshed")
def test_a_run_that_goes_on_from_any_moment_is_the_same(data: st.DataObject) -> None:
    dataset = images(8, data.draw(st.sampled_from([24, 40]), label="N"), val=19)
    batch_size = data.draw(st.sampled_from([3, 7, 24]), label="B")
    every = data.draw(st.sampled_from([2, 5, "epoch"]), label="eval_every")
    runs = some_runs(data, dataset, batch_size, epochs=5, every=every)
    moments: dict[int, list[State]] = {place: [] for place in range(len(runs))}

    def keep(states: Iterator[tuple[int, State]]) -> None:
        for place, state in states:  # what it gets is overwritten later
            curves = {name: values.copy() for name, values in vars(state.curves).items()}
            moments[place].append(State(Curves(**curves), state.tensors))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panel, "KEEP_SECONDS", 0.0)
        patch.setattr(panel, "KEEP_SHARE", 0)
        whole = dict(stream_stack(runs, dataset, keep=keep))
    # Each from a moment of its own, or from its first weights.
    begins = [
        data.draw(st.sampled_from([None, *moments[place]]), label="from")
        for place in range(len(runs))
    ]
    for place, result in stream_stack(runs, dataset, part=Part(begins)):
        assert_same(result, whole[place])


def test_no_run_stops_where_it_is_not_evaluated() -> None:
    dataset = images(8, 24, val=19)
    run = config(dataset, 7, 30, OptimizerConfig(), seed=0)  # evaluated after 3, 6, ... updates
    with pytest.raises(ValueError, match="no evaluation falls on the end of epoch 2"):
        train_stack([dataclasses.replace(run, eval_every=4)], dataset, Part(until=2))


def test_panels_of_many_classes_are_narrow_and_change_no_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = images(20, 40, 30, 50)
    runs = [config(dataset, 8, 6, OptimizerConfig(0.01 * i, momentum=0.9), 0) for i in range(1, 9)]
    wide = train_stack(runs, dataset)
    each = state_bytes(runs[0], compact(dataset, torch.device("cpu"), 40).sizes)
    assert each >= 4 * 50 * 21 * 2  # at least weights and velocities
    monkeypatch.setattr(grouping, "PANEL_BYTES", 3 * each)
    assert max(map(len, grouping.plan_panels(runs, 1, each))) == 3
    for result, expected in zip(train_stack(runs, dataset), wide, strict=True):
        assert_same(result, expected)
