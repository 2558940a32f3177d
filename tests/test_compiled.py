"""The engine's compiled steps, held to the same sums in float64 and to PyTorch's operators."""

from __future__ import annotations

import ctypes
import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Command
from sweeplab import compiled
from sweeplab.config import DataConfig, OptimizerConfig, RunConfig
from sweeplab.data import load
from sweeplab.results import LOSSES
from sweeplab.runs.folder import RunFolder, read_record
from sweeplab.training import train_one
from sweeplab.training.stacked import plain, steps, train_stack
from sweeplab.training.stacked.block import Block
from sweeplab.training.stacked.grouping import seed_of_each
from sweeplab.training.stacked.recurrence import Recurrence

DIGITS = DataConfig(name="digits", train_size=150, val_size=60, val_start=1000)

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler here"
)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    yield
    compiled._loaded.cache_clear()


def test_they_are_in_use_where_there_is_a_compiler() -> None:
    assert compiled.level() in ("avx512", "avx2", "default"), "install sweeplab anew: make install"
    assert compiled.steps() is not None


shapes = {
    "runs": st.integers(1, 5),
    "classes": st.sampled_from([2, 3, 10, 17]),
    "count": st.sampled_from([1, 5, 16, 63, 64, 65, 130, 500]),
    "parts": st.sampled_from([1, 2]),
    "scale": st.sampled_from([0.01, 1.0, 30.0, 1e4]),
}


@settings(max_examples=60, deadline=None)
@given(
    **shapes,
    k=st.sampled_from([1, 7, 40, 64, 65, 150]),
    many=st.booleans(),
    seed=st.integers(0, 99),
)
def test_scores_are_brought_up_to_date_and_read(
    runs: int,
    classes: int,
    count: int,
    parts: int,
    scale: float,
    k: int,
    many: bool,
    seed: int,
) -> None:
    make = torch.Generator().manual_seed(seed)
    runs = runs + 9 if many else runs  # of one seed: then rows are copied first
    groups = [slice(0, runs - 1), slice(runs - 1, runs)] if runs > 1 else [slice(0, 1)]
    images = torch.randint(50, (len(groups), k), generator=make)
    block = Block(images, images, groups, torch.tensor(seed_of_each(groups)))
    # As in training: of more columns than are read.
    whole = torch.randn(parts, runs, classes, count + 7, generator=make) * scale
    scores = whole[..., 3 : count + 3]
    kernel = torch.randn(50, count + 9, generator=make)[:, 5 : count + 5]
    lefts = torch.randn(runs, parts, classes, k, generator=make) * scale
    carry = torch.rand(runs, 4, parts, parts, generator=make)[:, -1]
    true = torch.randint(classes, (count,), generator=make)
    state = torch.einsum("rpq,qrcn->prcn", carry.double(), scores.double())
    rows = kernel.double()[images[block.seen]]  # [P, k, n]
    expected = state + torch.einsum("rpck,rkn->prcn", lefts.double(), rows)
    untouched = whole[..., :3].clone(), whole[..., count + 3 :].clone()
    before = scores.clone()
    found = steps.bring_up(scores, lefts, kernel, block, carry, true)
    assert found is not None
    torch.testing.assert_close(scores.double(), expected, rtol=1e-4, atol=1e-4 * scale)
    for kept, was in zip((whole[..., :3], whole[..., count + 3 :]), untouched, strict=True):
        assert torch.equal(kept, was)
    now = scores[0].double()
    likelihood = torch.log_softmax(now, 1)[:, true, range(count)].sum(1)
    torch.testing.assert_close(found[0], likelihood, rtol=2e-5, atol=2e-6 * count)
    right = (scores[0].amax(1) == scores[0][:, true, range(count)]).sum(1)
    assert found[1].tolist() == right.tolist()
    assert torch.equal(steps.read_off(scores[0], true), found)
    plain.bring_up(before, lefts, kernel, block, carry)
    torch.testing.assert_close(before, scores, rtol=1e-4, atol=1e-4 * scale)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 3e38])
def test_scores_out_of_range_are_seen(value: float) -> None:
    """A run has diverged if its loss is not a finite number."""
    for place in (0, 70, 99):
        scores = torch.zeros(2, 10, 100)
        scores[1, 4, place] = value
        likelihood, right = steps.read_off(scores, torch.full((100,), 5))
        theirs = plain.read_off(scores, torch.full((100,), 5))[0]
        assert torch.equal(torch.isfinite(likelihood), torch.isfinite(theirs)), value
        assert right[0] == 100


@settings(max_examples=60, deadline=None)
@given(
    size=st.sampled_from([1, 3, 4, 7, 16, 22, 64, 67]),
    updates=st.integers(1, 5),
    classes=st.sampled_from([2, 3, 10, 17]),
    momentum=st.sampled_from([0.0, 0.9]),
    decay=st.sampled_from([0.0, 0.1]),
    lr=st.sampled_from([1e-3, 1.0]),
)
def test_a_block_of_updates_is_that_of_the_operators(
    size: int, updates: int, classes: int, momentum: float, decay: float, lr: float
) -> None:
    make = torch.Generator().manual_seed(size + updates)
    examples, columns, groups = 120, 150, [slice(0, 2), slice(2, 5)]
    features = torch.rand(columns, 30, generator=make)
    kernel = features[:examples] @ features.T
    images = torch.randint(examples, (2, updates * size), generator=make)
    labels = torch.randint(classes, (examples,), generator=make)
    block = Block(images, labels[images], groups, torch.tensor(seed_of_each(groups)))
    optimizer = OptimizerConfig(lr, decay, momentum)
    config = RunConfig(data=DIGITS, batch_size=size, optimizer=optimizer)
    by = Recurrence([config] * 5, torch.device("cpu")).factors(0, updates)
    scores = torch.randn(2 if momentum else 1, 5, classes, columns, generator=make)
    found = steps.gradients(scores, kernel, block, by)
    expected = plain.gradients(scores, kernel, block, by)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-4, atol=2e-5 * size)


def test_gradients_of_a_batch_are_softmax_less_onehot() -> None:
    make = torch.Generator().manual_seed(0)
    scores = torch.randn(4, 10, 130, generator=make) * 20
    true, seen = torch.randint(10, (2, 130), generator=make), torch.tensor([0, 1, 1, 0])
    wanted = torch.softmax(scores.double(), 1)
    log = torch.log_softmax(scores.double(), 1)
    expected = torch.stack([log[p, true[seen[p]], range(130)].sum() for p in range(4)])
    for p in range(4):
        wanted[p, true[seen[p]], range(130)] -= 1
    likelihood = steps.batch_gradients(scores, true, seen)
    torch.testing.assert_close(scores.double(), wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(likelihood.double(), expected, rtol=1e-5, atol=1e-4)


def test_the_width_of_the_vectors_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may be fused is fused for each, wherever a column lies."""
    levels = [level for level in ("avx512", "avx2") if compiled.library_path(level).is_file()]
    if len(levels) < 2 or compiled.level() != "avx512":
        pytest.skip("this processor has one width of vectors")
    dataset = load(DIGITS)
    results = []
    for level in levels:
        monkeypatch.setattr(compiled, "_highest", lambda level=level: level)
        compiled._loaded.cache_clear()
        results.append([train_stack([config], dataset)[0] for config in runs()])
    for wide, narrow in zip(*results, strict=True):
        assert np.array_equal(wide.weight, narrow.weight)
        assert np.array_equal(wide.curves.val_loss, narrow.curves.val_loss, equal_nan=True)


def runs() -> list[RunConfig]:
    base = RunConfig(data=DIGITS, batch_size=7, epochs=2, eval_every=4, device="cpu")
    optimizers = (OptimizerConfig(0.1, 0.01), OptimizerConfig(0.05, 0.0, 0.9, nesterov=True))
    return [
        dataclasses.replace(base, batch_size=size, optimizer=optimizer)
        for optimizer in optimizers
        for size in (7, 50)
    ]


@pytest.mark.parametrize("form", ["by scores", "by weights"])
def test_without_them_training_agrees_to_rounding(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("engine", "panel"):
        name = f"sweeplab.training.stacked.{module}.by_scores"
        monkeypatch.setattr(name, lambda *_: form == "by scores")
    dataset = load(DIGITS)
    for config in runs():
        (ours,), one = train_stack([config], dataset), train_one(config, dataset)
        with monkeypatch.context() as patch:
            patch.setattr(compiled, "steps", lambda: None)
            (theirs,) = train_stack([config], dataset)
        for other in (theirs, one):
            np.testing.assert_allclose(ours.weight, other.weight, atol=2e-5)
            for name in LOSSES:
                pair = getattr(ours.curves, name), getattr(other.curves, name)
                np.testing.assert_allclose(*pair, rtol=1e-4)


def test_a_run_says_which_steps_trained_it_and_is_repeated_with_them(
    sweeplab: Command, process: Callable[..., Any], tmp_path: Path
) -> None:
    words = ("train", "data=digits", "epochs=2", "hydra.run.dir=run")
    done = process(*words, SWEEPLAB_COMPILED="0")
    assert done.returncode == 0, done.stderr
    assert read_record(RunFolder(tmp_path / "run")).environment["arithmetic"]["steps"] == "none"
    done = process("reproduce", "run", SWEEPLAB_COMPILED="0")
    assert done.stdout.startswith("identical"), done.stdout
    done = sweeplab("reproduce", "run")
    assert done.code == 0
    assert done.out.startswith("equal within tolerance")
    assert "arithmetic.steps" in done.out


def test_a_sweep_of_both_says_how_to_have_its_runs_alike(
    sweeplab: Command, process: Callable[..., Any]
) -> None:
    words = ("train", "-m", "data=digits", "epochs=1", "hydra.sweep.dir=s")
    quiet = "hydra.sweeper.report=false"
    assert process(*words, "seed=0", quiet, SWEEPLAB_COMPILED="0").returncode == 0
    done = sweeplab(*words, "seed=0,1", quiet)
    said = " ".join(done.out.split())
    assert "compiled steps none) than are in use here" in said
    assert "To have them alike, set SWEEPLAB_COMPILED=0, or train in a new folder" in said


def test_steps_of_another_source_or_system_are_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = tmp_path / "steps.c"
    monkeypatch.setattr(compiled, "SOURCE", source)
    source.write_bytes(b"another")
    compiled._loaded.cache_clear()
    assert compiled.level() == "none"
    compiled.library_path(compiled._highest()).write_bytes(b"no library")
    compiled._loaded.cache_clear()
    with pytest.raises(OSError, match=r"header|short|magic"):
        ctypes.CDLL(str(compiled.library_path(compiled._highest())))
    assert compiled.level() == "none"
