"""Run folders and sweep folders: round trips, damage, signatures, plans, locks."""

from __future__ import annotations

import json
import multiprocessing
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from conftest import reseal
from sweeplab import config as run_config
from sweeplab.config import OptimizerConfig, RunConfig
from sweeplab.errors import ConfigError, RunFolderError, SweeplabError
from sweeplab.parse import from_dict
from sweeplab.results import Curves, RunResult, best_metrics, final_metrics
from sweeplab.runs import curves as curve_files
from sweeplab.runs import files, folder, write
from sweeplab.runs.curves import curves_problem, curves_problems
from sweeplab.runs.folder import (
    RunFolder,
    RunIdentity,
    damaged_files,
    is_complete,
    read_record,
)
from sweeplab.runs.record import StackShare, signature
from sweeplab.runs.saved_config import to_yaml
from sweeplab.sweeps.find import complete_runs
from sweeplab.sweeps.folder import (
    JobEntry,
    SweepFolder,
    SweepRecord,
    locked,
    read_sweep,
    write_sweep,
)
from sweeplab.sweeps.plan import plan


def hand_made_curves() -> Curves:
    """Four updates of two epochs, evaluated after 0, 2 and 4."""
    nan = np.nan
    return Curves(
        iteration=np.arange(5),
        epoch=np.array([0, 1, 1, 2, 2]),
        examples=np.arange(5) * 8,
        batch_loss=np.array([nan, 2.0, 1.5, 1.25, 1.1], np.float32),
        train_loss=np.array([2.1, nan, 1.6, nan, 1.2], np.float32),
        train_accuracy=np.array([0.1, nan, 0.6, nan, 0.7]),
        val_loss=np.array([2.2, nan, 1.7, nan, 1.75], np.float32),
        val_accuracy=np.array([0.1, nan, 0.55, nan, 0.55]),
    )


def result(curves: Curves, **changes: Any) -> RunResult:
    values: dict[str, Any] = {
        "config": RunConfig(),
        "status": "completed",
        "curves": curves,
        "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        "bias": np.array([0.5, -0.5], np.float32),
        "diverged_at": None,
        "device": "cpu",
        "seconds": 1.5,
        "stack_runs": 3,
    }
    return RunResult(**(values | changes))


IDENTITY = RunIdentity(RunConfig(), signature(RunConfig(), "def", 1), "def", 1)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A complete run."""
    run = RunFolder(tmp_path / "7")
    config = yaml.safe_dump(run_config.to_dict(RunConfig()))
    write.write_hydra_files(run, {"config": config, "overrides": "[]", "hydra": "{}"})
    write.write_result(run, IDENTITY, result(hand_made_curves()), {"python": "3"})
    return run


def test_curves_csv_is_as_documented() -> None:
    assert curve_files.to_csv(hand_made_curves()).decode().splitlines() == [
        "iteration,epoch,examples,batch_loss,train_loss,train_accuracy,val_loss,val_accuracy",
        "0,0,0,,2.1,0.1,2.2,0.1",
        "1,1,8,2,,,,",
        "2,1,16,1.5,1.6,0.6,1.7,0.55",
        "3,2,24,1.25,,,,",
        "4,2,32,1.1,1.2,0.7,1.75,0.55",
    ]


float32s = hnp.arrays(np.float32, 6, elements=st.floats(width=32))
float64s = hnp.arrays(np.float64, 6, elements=st.floats(0, 1))


@settings(deadline=None)  # a busy machine is no failure
@given(float32s, float32s, float64s)
def test_curves_come_back_to_the_bit(
    batch_loss: np.ndarray, loss: np.ndarray, accuracy: np.ndarray
) -> None:
    batch_loss[0] = np.nan
    iteration = np.arange(6)
    original = Curves(
        iteration, iteration, iteration * 3, batch_loss, loss, accuracy, loss[::-1], accuracy
    )
    content = curve_files.to_csv(original)
    back = curve_files.from_table(curve_files.read_table(content, "here"))
    for name in curve_files.SCHEMA.names:
        a, b = getattr(original, name), getattr(back, name)
        assert a.dtype == b.dtype
        assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def test_best_is_the_earliest_of_equals_and_final_the_last() -> None:
    curves = hand_made_curves()
    assert best_metrics(curves).iteration == 2
    assert final_metrics(curves).iteration == 4
    assert final_metrics(curves).train_accuracy == 0.7


def test_a_run_comes_back_as_it_was_written(run: RunFolder) -> None:
    record = folder.read_record(run)
    assert record.status == "completed"
    assert record.signature == IDENTITY.signature
    assert record.final is not None
    assert record.final.val_loss == 1.75
    assert record.best is not None
    assert record.best.iteration == 2
    assert record.stack == StackShare(seconds=1.5, runs=3)
    weight, bias = folder.read_weights(run)
    assert np.array_equal(weight, [[0, 1, 2], [3, 4, 5]])
    assert np.array_equal(bias, [0.5, -0.5])
    assert folder.read_config(run) == RunConfig()
    assert folder.is_complete(run, record)
    assert folder.damaged_files(run, record) == []
    assert sorted(path.name for path in run.path.iterdir()) == [
        ".hydra",
        "curves.csv",
        "run.json",
        "weights.safetensors",
    ]


def test_a_diverged_run_has_no_final_values_and_no_weights_that_are_not_finite(
    tmp_path: Path,
) -> None:
    run = RunFolder(tmp_path)
    nowhere = np.full((2, 3), np.nan, np.float32)
    diverged = result(hand_made_curves(), status="diverged", diverged_at=4, weight=nowhere)
    record = write.write_result(run, IDENTITY, diverged, {})
    assert (record.final, record.diverged_at) == (None, 4)
    assert folder.is_complete(run, folder.read_record(run))
    with pytest.raises(RunFolderError, match="cannot be read"):
        folder.read_weights(run)


def test_a_failed_run_keeps_its_traceback_and_is_not_complete(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "new")
    try:
        raise RuntimeError("out of luck")
    except RuntimeError as error:
        write.write_failure(run, IDENTITY, error, {})
    record = folder.read_record(run)
    assert record.error is not None
    assert record.error.message == "RuntimeError: out of luck"
    assert "test_a_failed_run" in record.error.traceback
    assert not folder.is_complete(run, record)


@pytest.mark.parametrize("name", ["curves.csv", "weights.safetensors"])
def test_a_run_without_one_of_its_files_is_not_complete(run: RunFolder, name: str) -> None:
    record = folder.read_record(run)
    (run.path / name).unlink()
    assert not folder.is_complete(run, record)
    assert folder.damaged_files(run, record) == [name]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged"),
        (b"[]", "holds no JSON object"),
        (b'{"format": 99}', "use the version of sweeplab that wrote it"),
        (b'{"status": "completed"}', "damaged"),
        (b"\xff\xfe", "damaged"),
    ],
)
def test_a_run_json_that_is_none_says_so(run: RunFolder, content: bytes, message: str) -> None:
    run.record.write_bytes(content)
    with pytest.raises(RunFolderError, match=message):
        folder.read_record(run)


def test_entries_of_the_wrong_type_are_damage(run: RunFolder) -> None:
    values = json.loads(run.record.read_text())
    for change, message in (
        ({"status": "fine"}, "its status: invalid enum value 'fine'"),
        ({"config": 3}, "its config is a whole number, where a mapping is due"),
        ({"files": {"curves.csv": 1}}, "its files is a whole number, where a mapping is due"),
        ({"files": {"../run.json": {"bytes": 1, "sha256": "x"}}}, "a file outside of its folder"),
        ({"best": None}, "it completed without 'best'"),
    ):
        run.record.write_text(json.dumps(values | change))
        reseal(run.record)
        with pytest.raises(RunFolderError, match=message):
            folder.read_record(run)


def test_a_knob_that_is_on_or_off_comes_back_as_that(tmp_path: Path) -> None:
    config = RunConfig(optimizer=OptimizerConfig(momentum=0.9, nesterov=True))
    identity = RunIdentity(config, signature(config, "def", 1), "def", 1)
    run = RunFolder(tmp_path)
    write.write_result(run, identity, result(hand_made_curves()), {})
    assert folder.read_record(run).config == config
    run.record.write_text(run.record.read_text().replace('"nesterov": true', '"nesterov": 1'))
    reseal(run.record)
    with pytest.raises(RunFolderError, match="nesterov is a whole number, where true or false"):
        folder.read_record(run)


def test_a_key_that_an_older_sweeplab_did_not_know_has_its_default(run: RunFolder) -> None:
    values = json.loads(run.record.read_text())
    del values["config"]["optimizer"]["nesterov"], values["config"]["eval_every"]
    run.record.write_text(json.dumps(values))
    reseal(run.record)
    assert folder.read_record(run).config == RunConfig()


def test_damaged_curves_weights_and_config_say_so(run: RunFolder) -> None:
    run.curves.write_bytes(run.curves.read_bytes()[:90])
    with pytest.raises(RunFolderError, match=r"curves\.csv is damaged"):
        folder.read_curves(run)
    run.weights.write_bytes(b"\x00" * 20)
    with pytest.raises(RunFolderError, match=r"weights\.safetensors is damaged"):
        folder.read_weights(run)
    run.config.write_text("a: [")
    with pytest.raises(RunFolderError, match=r"config\.yaml is damaged"):
        folder.read_config(run)
    run.config.write_text("optimizer: {lr: fast}")
    with pytest.raises(ConfigError, match=r"config\.yaml .* optimizer\.lr"):
        folder.read_config(run)


def test_yaml_that_would_run_code_is_refused(run: RunFolder, tmp_path: Path) -> None:
    target = tmp_path / "made-by-yaml"
    run.config.write_text(f"data: !!python/object/apply:os.mkdir ['{target}']")
    with pytest.raises(RunFolderError):
        folder.read_config(run)
    assert not target.exists()


def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    files.write_text(path, "before")

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", broken)
    with pytest.raises(OSError, match="disk full"):
        files.write_text(path, "after")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_one_run_has_one_signature_however_its_values_are_written() -> None:
    def sign(text: str) -> str:
        return signature(from_dict(yaml.safe_load(text)), "data", 1)

    one = sign("optimizer: {lr: 0.1}")
    for same in ("{lr: 0.10}", "{lr: 1e-1}", "{lr: 0.1, weight_decay: -0.0}"):
        assert sign(f"optimizer: {same}") == one
    assert sign("{optimizer: {lr: 0.1}, device: cpu, data: {root: /elsewhere}}") == one
    for other in ("{optimizer: {lr: 0.2}}", "{optimizer: {lr: 0.1}, seed: 1}"):
        assert sign(other) != one
    config = from_dict({"optimizer": {"lr": 0.1}})
    assert signature(config, "other data", 1) != one
    assert signature(config, "data", 2) != one


def test_a_plan_trains_what_is_missing_and_keeps_numbers() -> None:
    first = plan(["a", "b", "a", "c"], complete=(), known={})
    assert (first.numbers, first.to_train, first.repeats) == ([0, 1, 0, 2], [0, 1, 3], 1)
    larger = plan(["x", "a", "b", "c"], complete={"a", "c"}, known={"a": 0, "b": 1, "c": 2})
    assert (larger.numbers, larger.to_train, larger.complete) == ([3, 0, 1, 2], [0, 2], 2)
    assert plan(["z"], complete=(), known={}, first=5).numbers == [5]


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.integers(0, 20)), st.sets(st.integers(0, 20)))
def test_every_run_asked_for_is_there_afterwards(asked: list[int], there: set[int]) -> None:
    names = [str(i) for i in asked]
    planned = plan(names, {str(i) for i in there}, known={str(i): i for i in there})
    trained = {names[i] for i in planned.to_train}
    assert trained == set(names) - {str(i) for i in there}
    assert len(planned.to_train) == len(trained)
    by_name = dict(zip(names, planned.numbers, strict=True))
    assert len(set(by_name.values())) == len(by_name)
    assert all(by_name[str(i)] == i for i in there if str(i) in by_name)


def test_a_sweep_record_comes_back(tmp_path: Path) -> None:
    sweep = SweepFolder(tmp_path)
    record = SweepRecord("grid", "Why?", [JobEntry(0, "0", ["seed=1"], "abc", "planned")])
    write_sweep(sweep, record)
    assert read_sweep(sweep) == record
    for content in ("{", "[]", '{"format": 1}', '{"format": 2}', '{"format": "x"}'):
        sweep.record.write_text(content)
        with pytest.raises(RunFolderError):
            read_sweep(sweep)


def test_complete_runs_leaves_out_what_is_damaged(run: RunFolder) -> None:
    sweep = SweepFolder(run.path.parent)
    assert {name: found.path.name for name, (found, _) in complete_runs(sweep).items()} == {
        IDENTITY.signature: "7"
    }
    run.curves.unlink()
    assert complete_runs(sweep) == {}


def _try_lock(path: Path, answer: Any) -> None:
    try:
        with locked(SweepFolder(path)):
            answer.put("")
    except SweeplabError as error:
        answer.put(str(error))


def _write_again_and_again(path: Path, identity: RunIdentity, answer: Any) -> None:
    try:
        for _ in range(40):
            write.write_result(RunFolder(path), identity, result(hand_made_curves()), {})
        answer.put("")
    except Exception as error:
        answer.put(repr(error))


def test_two_writers_of_one_run_leave_it_whole(run: RunFolder) -> None:
    """As an orphaned SLURM job and the command that was repeated without it."""
    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    writers = [
        context.Process(target=_write_again_and_again, args=(run.path, IDENTITY, answer))
        for _ in range(2)
    ]
    for writer in writers:
        writer.start()
    seen = 0
    while any(writer.is_alive() for writer in writers):
        assert is_complete(run, read_record(run))
        seen += 1
    assert [answer.get(timeout=20) for _ in writers] == ["", ""]
    assert seen > 0
    assert damaged_files(run, read_record(run)) == []
    assert not list(run.path.glob(".*.part"))


def test_a_second_process_is_told_who_is_at_work(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()

    def ask() -> str:
        other = context.Process(target=_try_lock, args=(tmp_path, answer))
        other.start()
        text: str = answer.get(timeout=60)
        other.join()
        return text

    with locked(SweepFolder(tmp_path)):
        assert f"process {os.getpid()}" in ask()
    assert ask() == ""


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.sampled_from([0.0, -0.0, 1, 1.0, True, "1", "true", "", "x " * 70])
    | st.sampled_from(["optimizer.lr=0.1,seed=0", "/a/b", "a/b ", "no", "=", "a=" + "b" * 98])
    | st.text(max_size=120)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["a", "key"]), inner, max_size=3)
    ),
)


@settings(max_examples=400, deadline=None)
@given(tree=TREES)
def test_yaml_reads_back_as_what_was_written(tree: Any) -> None:
    read = yaml.safe_load(to_yaml(tree))
    # `repr`, because 1, 1.0 and True are equal. Hydra and people see the order too.
    assert repr(read) == repr(yaml.safe_load(yaml.safe_dump(tree, sort_keys=False))) == repr(tree)


def test_yaml_looks_as_pyyaml_writes_it() -> None:
    tree = {"lr": 0.1, "data": {"name": "digits", "sizes": [1, "a b"], "none": {}}, "on": "on"}
    assert to_yaml(tree) == yaml.safe_dump(tree, sort_keys=False)


def csv_of(rows: int) -> bytes:
    """``curves.csv`` of a run of some updates, evaluated after each."""
    numbers = np.arange(rows, dtype=np.float32)
    curves = Curves(
        np.arange(rows), np.arange(rows), np.arange(rows) * 8, numbers / 3, numbers, numbers * 0.0,
        numbers, numbers * 0.0,
    )  # fmt: skip
    return curve_files.to_csv(curves)


@st.composite
def perhaps_damaged(draw: st.DrawFn) -> bytes:
    content = csv_of(draw(st.integers(1, 4)))
    if draw(st.booleans()):
        return content
    starts = [place for place in range(len(content) + 1) if content[:place].endswith(b"\n")]
    start = draw(st.sampled_from(starts) | st.integers(0, len(content)))
    end = min(start + draw(st.sampled_from([0, 1, 5, 12])), len(content))
    new = draw(st.sampled_from([b"", b",", b"\n", b"\n\n", b'"', b"-1", b"nan", b"x", b"1\n0,0"]))
    return content[:start] + new + content[end:]


@settings(max_examples=500, deadline=None)
@given(contents=st.lists(perhaps_damaged(), min_size=1, max_size=4))
def test_many_curves_read_and_checked_at_once_are_as_alone(contents: list[bytes]) -> None:
    def alone(content: bytes) -> str | tuple[dict[str, list[float]], str]:
        try:
            table = curve_files.read_table(content, "here")
        except RunFolderError:
            return "damaged"
        return repr(table.to_pydict()), curves_problem(table)

    read = curve_files.read_tables({str(i): content for i, content in enumerate(contents)})
    sound = [table for table in read if not isinstance(table, RunFolderError)]
    together = iter([])
    if sound:
        bounds = np.cumsum([0, *map(len, sound)])
        together = iter(curves_problems(pa.concat_tables(sound), bounds))
    for content, table in zip(contents, read, strict=True):
        if isinstance(table, RunFolderError):
            assert alone(content) == "damaged"
        else:
            assert alone(content) == (repr(table.to_pydict()), next(together))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"iteration": [0, 1, 3]}, "the iterations do not count from 0"),
        ({"epoch": [0, 2, 1]}, "epoch does not rise from 0"),
        ({"examples": [1, 2, 3]}, "examples does not rise from 0"),
        ({"examples": [0, None, 3]}, "examples has gaps"),
        ({"batch_loss": [None, 1.0, None]}, "batch_loss has gaps"),
        ({"batch_loss": [1.0, 1.0, 1.0]}, "batch_loss has gaps"),
        ({"val_loss": [1.0, None, 1.0]}, "its evaluations are not whole"),
        ({"val_loss": [1.0, float("inf"), 1.0]}, "val_loss is not finite"),
        ({"val_accuracy": [0.5, 1.5, 1.0]}, "val_accuracy is no fraction"),
    ],
)
def test_curves_that_no_run_leaves_are_refused(
    change: dict[str, list[float]], problem: str
) -> None:
    sound = {
        "iteration": [0, 1, 2], "epoch": [0, 1, 1], "examples": [0, 4, 8],
        "batch_loss": [None, 2.0, float("nan")], "train_loss": [1.0, 1.0, 1.0],
        "train_accuracy": [0.5, 0.5, 1.0], "val_loss": [1.0, 1.0, 1.0],
        "val_accuracy": [0.5, 0.5, 0.0],
    }  # fmt: skip
    good = pa.table(sound, schema=curve_files.SCHEMA)
    bad = pa.table(sound | change, schema=curve_files.SCHEMA)
    assert curves_problem(bad) == problem
    bounds = np.array([0, 3, 6, 6, 9])
    found = curves_problems(pa.concat_tables([good, bad, good]), bounds)
    assert found == ["", problem, "it has no rows", ""]


def test_equal_numbers_keep_their_own_text() -> None:
    texts = [to_yaml({"a": value}) for value in (0.0, -0.0, 1, 1.0, True)]
    assert texts == ["a: 0.0\n", "a: -0.0\n", "a: 1\n", "a: 1.0\n", "a: true\n"]


def test_the_first_broken_rule_says_what_is_wrong() -> None:
    table = curve_files.read_table(csv_of(3), "here").to_pydict()
    table |= {"iteration": [0, 5, 6], "val_accuracy": [-0.1, 0.5, 0.5]}
    assert "count from 0" in curves_problem(pa.table(table, schema=curve_files.SCHEMA))
    table["iteration"] = [0, 1, 2]
    assert "val_accuracy" in curves_problem(pa.table(table, schema=curve_files.SCHEMA))


def test_no_bit_of_a_record_can_be_another(run: RunFolder) -> None:
    record, content = folder.read_record(run), run.record.read_bytes()
    accepted = []
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        run.record.write_bytes(bytes(flipped))
        with suppress(RunFolderError):
            accepted.append((bit, folder.read_record(run) != record))
    assert accepted == []
