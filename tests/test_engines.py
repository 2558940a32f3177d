"""What both engines promise, and that the stacked one agrees with the specification.

Expected values come from elsewhere: scikit-learn's logistic regression, SGD written out in
float64 NumPy, accuracies counted by NumPy from the returned weights.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import own_data
from sweeplab.config import KNOBS, DataConfig, OptimizerConfig, RunConfig, replaced
from sweeplab.data import SOURCES, Dataset, load
from sweeplab.data.source import RawData
from sweeplab.errors import ConfigError
from sweeplab.results import ACCURACIES, LOSSES, RunResult
from sweeplab.training import reference
from sweeplab.training.reference import train_one
from sweeplab.training.schedule import batch_order
from sweeplab.training.stacked import (
    STACK_WIDTH,
    engine,
    panel,
    plan_stacks,
    stack_key,
    stream_stack,
    train_stack,
)
from sweeplab.training.stacked.forms import Sizes, by_scores

Engine = Callable[[RunConfig, Dataset], RunResult]

SMALL = DataConfig(name="digits", train_size=150, val_size=60, val_start=1000)
# lr * weight_decay = 1000: every step multiplies the weights with -999 until they overflow.
DIVERGING = OptimizerConfig(lr=1.0, weight_decay=1000.0)


def stack_alone(config: RunConfig, dataset: Dataset) -> RunResult:
    return train_stack([config], dataset)[0]


def stack_among_others(config: RunConfig, dataset: Dataset) -> RunResult:
    """Third of six, next to a diverging run, others with other knobs, and one of another seed."""
    others = [
        dataclasses.replace(config, optimizer=DIVERGING),
        dataclasses.replace(config, optimizer=OptimizerConfig(lr=0.3, momentum=0.5)),
        dataclasses.replace(config, optimizer=OptimizerConfig(0.3, momentum=0.5, nesterov=True)),
        dataclasses.replace(config, optimizer=OptimizerConfig(schedule="cosine", warmup=0.4)),
        dataclasses.replace(config, seed=config.seed + 1),
    ]
    return train_stack([*others[:2], config, *others[2:]], dataset)[2]


@pytest.fixture(params=[train_one, stack_alone, stack_among_others])
def train(request: pytest.FixtureRequest) -> Engine:
    return request.param


def run_config(
    lr: float = 0.1, weight_decay: float = 0.0, momentum: float = 0.0, **fields: object
) -> RunConfig:
    base = RunConfig(data=SMALL, batch_size=32, epochs=3, eval_every=5, device="cpu")
    optimizer = OptimizerConfig(lr=lr, weight_decay=weight_decay, momentum=momentum)
    return dataclasses.replace(base, optimizer=optimizer, **fields)


def sgd_in_numpy(config: RunConfig, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Softmax regression by SGD in float64, by the textbook: batch losses [T], weights [C, D + 1].

    The last column is the bias. It starts from what ``torch.manual_seed; nn.Linear`` gives.
    """
    torch.manual_seed(config.seed)
    linear = torch.nn.Linear(dataset.features, dataset.classes)
    weight = torch.cat([linear.weight, linear.bias[:, None]], 1).detach().double().numpy()
    images = np.hstack(
        [dataset.train_images.double().numpy(), np.ones((config.data.train_size, 1))]
    )
    labels = dataset.train_labels.numpy()
    optimizer, velocity, losses = config.optimizer, np.zeros_like(weight), []
    size = config.batch_size
    for epoch in range(config.epochs):
        order = batch_order(config.seed, epoch, len(labels)).numpy()
        for start in range(0, len(labels) - size + 1, size):
            chosen = order[start : start + size]
            scores = images[chosen] @ weight.T
            exp = np.exp(scores - scores.max(1, keepdims=True))
            probability = exp / exp.sum(1, keepdims=True)
            losses.append(-np.log(probability[np.arange(size), labels[chosen]]).mean())
            onehot = np.eye(dataset.classes)[labels[chosen]]
            gradient = (probability - onehot).T @ images[chosen] / size
            gradient = gradient + optimizer.weight_decay * weight
            velocity = optimizer.momentum * velocity + gradient
            step = gradient + optimizer.momentum * velocity if optimizer.nesterov else velocity
            weight = weight - optimizer.lr * step
    return np.array(losses), weight


# Another value of every knob that decides a result, told apart from that of `run_config`.
OTHER = {
    "data.name": "negative",
    "data.train_size": 100,
    "data.val_size": 30,
    "data.val_start": 1100,
    "data.train_draw": 1,
    "data.label": "number",
    "data.order": "shuffled",
    "data.order_seed": 1,
    "data.balanced": True,
    "data.scale": "standardize",
    "data.size": 9,
    "data.colour": "rgb",
    "batch_size": 16,
    "epochs": 2,
    "optimizer.lr": 0.2,
    "optimizer.weight_decay": 0.5,
    "optimizer.momentum": 0.5,
    "optimizer.nesterov": True,
    "optimizer.schedule": "cosine",
    "optimizer.warmup": 0.5,
    "seed": 1,
    "eval_every": 4,
    "eval_train": 40,
}


# `data.test_share` chooses what no engine sees: tests of `evaluate` hold it.
@pytest.mark.parametrize(
    "key",
    [key for key, known in KNOBS.items() if known.role != "place" and key != "data.test_share"],
)
def test_no_knob_is_ignored(
    train: Engine, key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def negative(data: DataConfig) -> RawData:
        raw = digits.read(data)
        assert raw.brightest is not None
        return dataclasses.replace(raw, images=raw.brightest - raw.images)

    digits = SOURCES["digits"]
    monkeypatch.setitem(SOURCES, "negative", dataclasses.replace(digits, read=negative))
    config = run_config(momentum=0.3)
    if key == "data.label":
        table = own_data.wine().drop(columns="sort").assign(other=lambda t: 2 - t["number"])
        table.to_csv(tmp_path / "wine.csv", index=False)
        data = {"name": "arrays", "path": str(tmp_path / "wine.csv"), "label": "other"}
    elif key in ("data.size", "data.colour"):
        data = {"name": "images", "path": str(own_data.photos(tmp_path / "photos")), "size": 8}
        data |= {"root": str(tmp_path)}
    else:
        data = {"order": "shuffled"} if key == "data.order_seed" else {}
    if "path" in data:
        few = {"train_size": 60, "val_size": 40, "val_start": 0, "order": "shuffled"}
        data = few | data
    config = replaced(config, {f"data.{name}": value for name, value in data.items()})
    other = replaced(config, {key: OTHER[key]})
    one, two = (train(chosen, load(chosen.data)) for chosen in (config, other))
    assert not (
        np.array_equal(one.curves.train_loss, two.curves.train_loss, equal_nan=True)
        and np.array_equal(one.curves.val_loss, two.curves.val_loss, equal_nan=True)
        and np.array_equal(one.weight, two.weight)
    ), f"{key} changes nothing"


@pytest.mark.parametrize(
    ("every", "rows"),
    [("epoch", [0, 4, 8, 12]), ("0.5 epoch", range(0, 13, 2)), ("2 epochs", [0, 8, 12])],
)
def test_evaluations_may_come_by_the_epoch(train: Engine, every: str, rows: Sequence[int]) -> None:
    config = run_config(eval_every=every)
    result = train(config, load(config.data))
    assert result.curves.evaluated.tolist() == list(rows)


def test_a_knob_that_an_engine_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    config = run_config(momentum=0.5)
    for module in (reference, engine):
        monkeypatch.setattr(module, "OBEYED", frozenset({"optimizer.lr"}))
    for train in (train_one, stack_alone):
        with pytest.raises(
            ConfigError, match=r"optimizer\.momentum is 0\.5, and train_\w+ does not"
        ):
            train(config, load(config.data))


@pytest.mark.parametrize("batch_size", [1, 7, 32, 150])
@pytest.mark.parametrize(
    "optimizer",
    [
        OptimizerConfig(lr=0.05),
        OptimizerConfig(lr=0.05, weight_decay=0.1),
        OptimizerConfig(lr=0.02, weight_decay=0.01, momentum=0.9),
        OptimizerConfig(lr=0.02, weight_decay=0.01, momentum=0.9, nesterov=True),
        OptimizerConfig(lr=0.5, weight_decay=2.0),  # no weight survives a step: 1 - lr * decay = 0
        OptimizerConfig(lr=0.5, weight_decay=3.0),  # and here each changes its sign
    ],
    ids=str,
)
def test_training_is_sgd_on_cross_entropy(
    train: Engine, optimizer: OptimizerConfig, batch_size: int
) -> None:
    config = run_config(batch_size=batch_size, epochs=2)
    config.optimizer = optimizer
    dataset = load(config.data)
    losses, weight = sgd_in_numpy(config, dataset)
    result = train(config, dataset)
    # float32 against float64 over at most 300 updates of weights below 1.
    np.testing.assert_allclose(result.curves.batch_loss[1:], losses, atol=2e-5, rtol=2e-5)
    np.testing.assert_allclose(result.weight, weight[:, :-1], atol=1e-5, rtol=0)
    np.testing.assert_allclose(result.bias, weight[:, -1], atol=1e-5, rtol=0)


SCHEDULERS: dict[str, Callable[[torch.optim.Optimizer, int], Any]] = {
    "constant": lambda sgd, _: torch.optim.lr_scheduler.ConstantLR(sgd, 1.0),
    "cosine": torch.optim.lr_scheduler.CosineAnnealingLR,
    "linear": lambda sgd, steps: torch.optim.lr_scheduler.LinearLR(sgd, 1.0, 0.0, steps),
}


@pytest.mark.parametrize("warmup", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("schedule", SCHEDULERS)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_learning_rate_follows_pytorchs_schedulers(
    train: Engine, schedule: str, warmup: float, momentum: float
) -> None:
    config = run_config(batch_size=15, epochs=4)  # 10 iterations an epoch
    optimizer = {"lr": 0.05, "weight_decay": 0.01, "momentum": momentum, "nesterov": momentum > 0}
    config.optimizer = OptimizerConfig(**optimizer, schedule=schedule, warmup=warmup)
    dataset = load(config.data)

    torch.manual_seed(config.seed)
    model = torch.nn.Linear(dataset.features, dataset.classes)
    sgd = torch.optim.SGD(model.parameters(), **optimizer)
    rising, total = int(10 * warmup), 40
    chain = [SCHEDULERS[schedule](sgd, total - rising)]
    if rising:
        first = torch.optim.lr_scheduler.LinearLR(sgd, 1 / rising, 1.0, rising - 1)
        chain = [first, SCHEDULERS[schedule](sgd, total - rising)]
        scheduler = torch.optim.lr_scheduler.SequentialLR(sgd, chain, [rising])
    else:
        [scheduler] = chain
    for epoch in range(config.epochs):
        for batch in batch_order(config.seed, epoch, 150).split(15):
            loss = torch.nn.functional.cross_entropy(
                model(dataset.train_images[batch]), dataset.train_labels[batch]
            )
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            scheduler.step()

    result = train(config, dataset)
    np.testing.assert_allclose(result.weight, model.weight.detach(), atol=1e-5, rtol=0)
    np.testing.assert_allclose(result.bias, model.bias.detach(), atol=1e-5, rtol=0)


def test_it_converges_to_scikit_learns_logistic_regression(train: Engine) -> None:
    # The minimum of the mean cross-entropy plus weight_decay / 2 * |weights|^2, bias included:
    # scikit-learn's C multiplies the sum of the losses instead, so C = 1 / (weight_decay * N).
    data = DataConfig(name="digits", train_size=500, val_size=100, val_start=1000)
    decay = 0.05
    config = run_config(
        lr=0.5, weight_decay=decay, momentum=0.8, data=data, batch_size=500, epochs=400
    )
    config.eval_every = 400
    dataset = load(data)
    images = np.hstack([dataset.train_images.double().numpy(), np.ones((500, 1))])
    model = LogisticRegression(C=1 / (decay * 500), fit_intercept=False, tol=1e-10, max_iter=5000)
    model.fit(images, dataset.train_labels.numpy())
    result = train(config, dataset)
    # Weights reach 0.5 here. What is left is the rounding of a float32 gradient: about 1e-6.
    np.testing.assert_allclose(result.weight, model.coef_[:, :-1], atol=1e-5, rtol=0)
    np.testing.assert_allclose(result.bias, model.coef_[:, -1], atol=1e-5, rtol=0)


def test_row_0_is_the_initial_weights(train: Engine) -> None:
    config = run_config(lr=1e-30, epochs=1, seed=5)
    dataset = load(config.data)
    result = train(config, dataset)
    torch.manual_seed(5)
    linear = torch.nn.Linear(dataset.features, dataset.classes)
    np.testing.assert_array_equal(result.weight, linear.weight.detach().numpy())
    np.testing.assert_array_equal(result.bias, linear.bias.detach().numpy())
    expected = torch.nn.functional.cross_entropy(linear(dataset.val_images), dataset.val_labels)
    assert result.curves.val_loss[0] == pytest.approx(expected.item(), abs=1e-6)
    assert np.isnan(result.curves.batch_loss[0])


@pytest.mark.parametrize(
    ("eval_every", "evaluated"), [(1, list(range(13))), (5, [0, 5, 10, 12]), (99, [0, 12])]
)
def test_rows_and_evaluations(train: Engine, eval_every: int, evaluated: list[int]) -> None:
    # 150 examples make 4 whole batches of 32; 3 epochs make 12 updates.
    config = run_config(eval_every=eval_every)
    result = train(config, load(config.data))
    curves = result.curves
    assert (result.status, result.diverged_at, len(curves)) == ("completed", None, 13)
    assert curves.iteration.tolist() == list(range(13))
    assert curves.epoch.tolist() == [0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]
    assert curves.examples.tolist() == [32 * t for t in range(13)]
    assert np.isfinite(curves.batch_loss[1:]).all()
    for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
        assert np.flatnonzero(np.isfinite(getattr(curves, name))).tolist() == evaluated
    assert result.config is config
    assert result.weight.shape == (10, 64)
    assert result.bias.shape == (10,)
    assert {result.weight.dtype, result.bias.dtype, curves.batch_loss.dtype} == {np.dtype("f4")}
    assert curves.val_accuracy.dtype == np.float64


def test_the_last_row_is_what_the_weights_give(train: Engine) -> None:
    config = run_config(lr=0.3, epochs=10)
    dataset = load(config.data)
    result = train(config, dataset)
    for images, labels, loss, accuracy in (
        (dataset.train_images, dataset.train_labels, "train_loss", "train_accuracy"),
        (dataset.val_images, dataset.val_labels, "val_loss", "val_accuracy"),
    ):
        scores = images.double().numpy() @ result.weight.T.astype(float) + result.bias
        true = scores[np.arange(len(labels)), labels.numpy()]
        expected_loss = np.mean(np.log(np.exp(scores).sum(1)) - true)
        expected = np.mean(scores.argmax(1) == labels.numpy())
        assert getattr(result.curves, loss)[-1] == pytest.approx(expected_loss, abs=1e-6)
        assert getattr(result.curves, accuracy)[-1] == expected
        assert 0.7 < expected < 1  # neither chance nor perfection: the comparison means something


@pytest.mark.parametrize("form", ["by scores", "by weights"])
@pytest.mark.parametrize("size", [150, 40])
def test_training_accuracy_over_the_first_examples(
    train: Engine, size: int, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (engine, panel):
        monkeypatch.setattr(module, "by_scores", lambda *_: form == "by scores")
    config = run_config(lr=0.3, epochs=8)
    config.data = dataclasses.replace(SMALL, train_size=size)
    dataset = load(config.data)
    whole, result = (
        train(dataclasses.replace(config, eval_train=count), dataset) for count in (0, 45)
    )
    count = min(size, 45)  # smaller training sets nest in larger ones, and so do these
    images, labels = dataset.train_images[:count].double().numpy(), dataset.train_labels[:count]
    scores = images @ result.weight.T.astype(float) + result.bias
    true = scores[np.arange(count), labels.numpy()]
    loss = np.mean(np.log(np.exp(scores).sum(1)) - true)
    assert result.curves.train_accuracy[-1] == np.mean(scores.argmax(1) == labels.numpy())
    assert result.curves.train_loss[-1] == pytest.approx(loss, abs=1e-6)
    # What is looked at changes nothing that is trained.
    np.testing.assert_allclose(result.weight, whole.weight, atol=1e-6, rtol=0)
    np.testing.assert_allclose(result.curves.val_loss, whole.curves.val_loss, atol=1e-6)
    same = np.array_equal(result.curves.train_loss, whole.curves.train_loss, equal_nan=True)
    assert same == (size == 40)


def test_divergence_is_a_result(train: Engine) -> None:
    config = run_config(eval_every=1)
    config.optimizer = DIVERGING
    result = train(config, load(config.data))
    # The weights start near 0.1 and grow 999-fold a step: 1e38 is passed after 13 steps, the
    # last of the 12 here is not enough.
    assert result.status == "completed"
    longer = dataclasses.replace(config, epochs=20)
    result = train(longer, load(config.data))
    assert result.status == "diverged"
    assert result.diverged_at in {13, 14, 15}
    curves = result.curves
    assert len(curves) == result.diverged_at + 1
    assert np.isfinite(curves.batch_loss[1:-1]).all()
    assert np.isfinite(curves.val_loss[:-1]).all()
    # The end shows in the batch's loss, or in the evaluation after a last finite one.
    assert np.isnan(curves.val_loss[-1])
    assert not np.isfinite(curves.batch_loss[-1]) or np.isnan(curves.train_loss[-1])
    assert np.abs(result.weight).max() > 1e35


def test_a_diverged_run_is_not_evaluated(train: Engine) -> None:
    config, dataset = run_config(epochs=20, eval_every=99), load(SMALL)
    config.optimizer = DIVERGING
    end = train(config, dataset).diverged_at
    assert end is not None
    # The same run, with an evaluation due at the very update whose batch gave the end away.
    result = train(dataclasses.replace(config, eval_every=end), dataset)
    assert result.diverged_at == end
    assert result.curves.evaluated.tolist() == [0]


def test_the_weights_of_a_diverged_run_are_those_of_that_moment() -> None:
    # Evaluated after each update, it ends when its scores overflow and its weights do not yet.
    config, dataset = run_config(epochs=20, eval_every=1), load(SMALL)
    config.optimizer = DIVERGING
    expected, result = train_one(config, dataset), stack_among_others(config, dataset)
    assert result.diverged_at == expected.diverged_at
    assert np.isfinite(expected.weight).all()
    scale = np.abs(expected.weight).max()
    assert scale > 1e35
    np.testing.assert_allclose(result.weight / scale, expected.weight / scale, atol=1e-5)


def test_seeds_are_replicates(train: Engine) -> None:
    dataset = load(SMALL)
    first, again, other = (train(run_config(seed=seed), dataset) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.weight, again.weight)
    np.testing.assert_array_equal(first.curves.batch_loss, again.curves.batch_loss)
    assert np.abs(first.weight - other.weight).max() > 0.05


def test_training_leaves_the_random_state_alone(train: Engine) -> None:
    state = torch.get_rng_state()
    train(run_config(), load(SMALL))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.fixture(params=["digits", "mnist"])
def tutorial_data(request: pytest.FixtureRequest) -> DataConfig:
    if request.param == "digits":
        return DataConfig(name="digits", train_size=1000, val_size=400, val_start=1000)
    if not os.environ.get("SWEEPLAB_DATA"):
        pytest.skip("SWEEPLAB_DATA does not say where MNIST is")
    return DataConfig(root=os.environ["SWEEPLAB_DATA"])


def test_a_stack_agrees_with_the_specification(tutorial_data: DataConfig) -> None:
    """At the tutorial's length: losses and weights to 1e-5, accuracies to one image."""
    knobs = [(0.01, 0, 0), (0.1, 1e-3, 0), (0.01, 1e-2, 0.9), (0.03, 0.1, 0.5), (1.0, 1000, 0)]
    configs = [
        RunConfig(data=tutorial_data, seed=seed, optimizer=OptimizerConfig(*map(float, knob)))
        for seed, knob in enumerate(knobs)
    ]
    dataset = load(tutorial_data)
    for config, result in zip(configs, train_stack(configs, dataset), strict=True):
        expected = train_one(config, dataset)
        assert (result.status, result.diverged_at) == (expected.status, expected.diverged_at)
        if result.status == "diverged":
            continue
        assert len(result.curves) == len(expected.curves)
        np.testing.assert_allclose(result.weight, expected.weight, atol=1e-5, rtol=0)
        np.testing.assert_allclose(result.bias, expected.bias, atol=1e-5, rtol=0)
        for name in LOSSES:
            np.testing.assert_allclose(
                getattr(result.curves, name), getattr(expected.curves, name), atol=1e-5, rtol=1e-5
            )
        for name, images in zip(
            ACCURACIES, (dataset.train_images, dataset.val_images), strict=True
        ):
            difference = getattr(result.curves, name) - getattr(expected.curves, name)
            assert np.nanmax(np.abs(difference)) <= 1.5 / len(images)


def test_a_stack_rejects_runs_that_cannot_share_one() -> None:
    dataset = load(SMALL)
    with pytest.raises(ValueError, match=r"must share .*batch_size.* run 1 has .*16.* run 0 has"):
        train_stack([run_config(), run_config(batch_size=16)], dataset)
    with pytest.raises(ValueError, match=r"data.train_size = 149 .* has 150"):
        train_stack([run_config(data=dataclasses.replace(SMALL, train_size=149))], dataset)
    with pytest.raises(ConfigError, match=r"optimizer\.lr"):
        train_stack([run_config(lr=-1.0)], dataset)


def test_an_empty_stack_is_no_results() -> None:
    assert train_stack([], load(SMALL)) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu_is_a_readable_error() -> None:
    with pytest.raises(ConfigError, match=r"device is 'cuda', but .* 'auto' or 'cpu'"):
        train_stack([run_config(device="cuda")], load(SMALL))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cuda_agrees_with_the_specification() -> None:
    config = run_config(weight_decay=0.01, momentum=0.5, device="cuda")
    dataset = load(config.data)
    result, expected = train_stack([config], dataset)[0], train_one(config, dataset)
    assert result.device == "cuda"
    np.testing.assert_allclose(result.weight, expected.weight, atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(("weight_decay", "momentum"), [(0.0, 0.0), (1e-3, 0.0), (1e-3, 0.9)])
def test_rounding_does_not_add_up_over_ten_thousand_iterations(
    weight_decay: float, momentum: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    lr = 0.02 if momentum else 0.1
    config = run_config(lr, weight_decay, momentum, batch_size=10, epochs=670, eval_every=500)
    dataset = load(SMALL)
    expected = train_one(config, dataset)
    assert len(expected.curves) == 10_051
    for scores, compiled_steps in itertools.product((True, False), repeat=2):
        with monkeypatch.context() as patch:
            for module in (engine, panel):
                patch.setattr(module, "by_scores", lambda *_, scores=scores: scores)
            if not compiled_steps:
                patch.setattr("sweeplab.compiled.steps", lambda: None)
            result = stack_alone(config, dataset)
        np.testing.assert_allclose(result.weight, expected.weight, atol=2e-4, rtol=0)
        for name in (*LOSSES, *ACCURACIES):
            np.testing.assert_allclose(
                getattr(result.curves, name),
                getattr(expected.curves, name),
                atol=0 if name in ACCURACIES else 2e-5,
                rtol=0 if name in ACCURACIES else 1e-4,
            )


def test_results_come_as_they_are_done() -> None:
    configs = [run_config(seed=seed % 3) for seed in range(40)]
    dataset = load(SMALL)
    whole = train_stack(configs, dataset)
    assert {result.stack_runs for result in whole} == {40}
    assert [result.config for result in whole] == configs
    started = time.perf_counter()
    streamed = list(stream_stack(configs, dataset))
    elapsed = time.perf_counter() - started
    assert sorted(position for position, _ in streamed) == list(range(40))
    assert len({result.stack_runs for _, result in streamed} - {40}) > 0
    # No second is counted twice, though panels train side by side.
    assert 0 < sum(result.seconds / result.stack_runs for _, result in streamed) <= elapsed
    for position, result in streamed:
        np.testing.assert_array_equal(result.weight, whole[position].weight)


def test_watched_training_shows_each_evaluation_of_the_runs_that_go_on() -> None:
    seen: dict[int, dict[int, float]] = {}

    def watch(iteration: int, accuracies: Mapping[int, float]) -> None:
        for position, accuracy in accuracies.items():
            seen.setdefault(position, {})[iteration] = accuracy

    stays = run_config(epochs=20)
    configs = [
        stays,
        dataclasses.replace(stays, optimizer=DIVERGING),
        run_config(epochs=20, seed=1),
    ]
    for position, result in stream_stack(configs, load(SMALL), watch):
        rows = result.curves.evaluated
        curve = result.curves.iteration[rows], result.curves.val_accuracy[rows]
        assert seen[position] == dict(zip(*(values.tolist() for values in curve), strict=True))
    assert len(seen[1]) < len(seen[0]) == len(seen[2])


def test_an_interruption_ends_the_training_and_restores_the_threads() -> None:
    threads = torch.get_num_threads()
    # 400,000 updates, more than 20 seconds; in a panel of its own, because it has momentum.
    long = run_config(momentum=0.5, epochs=100_000, eval_every=10**9)
    gone = dataclasses.replace(long, optimizer=DIVERGING)
    started = time.perf_counter()
    results = stream_stack([gone, long], load(SMALL))
    assert next(results)[0] == 0
    results.close()
    assert time.perf_counter() - started < 10
    assert torch.get_num_threads() == threads


def test_the_plan_keeps_apart_what_cannot_be_mixed() -> None:
    configs = [
        run_config(seed=seed, momentum=momentum, batch_size=batch_size)
        for batch_size in (8, 16)
        for momentum in (0.0, 0.9)
        for _ in range(STACK_WIDTH // 2)
        for seed in (1, 0)
    ]
    stacks = plan_stacks(configs)
    assert sorted(position for stack in stacks for position in stack) == list(range(len(configs)))
    assert [len(stack) for stack in stacks] == [STACK_WIDTH] * 4
    for stack in stacks:
        assert len({stack_key(configs[position]) for position in stack}) == 1
        seeds = [(configs[i].optimizer.momentum, configs[i].seed) for i in stack]
        assert seeds == sorted(seeds)


@pytest.mark.parametrize(
    ("batch_size", "train_size", "val_size", "scores"),
    [(1, 2000, 500, True), (4, 2000, 500, True), (16, 2000, 500, True), (256, 2000, 500, False)]
    # The inner products of so many images would take gigabytes.
    + [(size, 55_000, 5000, False) for size in (1, 4, 64, 256)],
)
def test_the_form_of_training_follows_from_the_sizes(
    batch_size: int, train_size: int, val_size: int, *, scores: bool
) -> None:
    """MNIST's 644 pixels that are ever used, the bias, and padding to a whole line."""
    data = DataConfig(train_size=train_size, val_size=val_size)
    run = RunConfig(data=data, batch_size=batch_size)
    assert by_scores(run, Sizes(train_size, val_size, features=656, classes=10)) is scores
