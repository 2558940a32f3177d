"""From run folders to tidy tables, against numbers worked out by hand."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from conftest import reseal
from report_sweeps import write_run
from sweeplab.errors import RunFolderError
from sweeplab.runs.folder import RunFolder, read_curves
from sweeplab.sweeps.settings import METRIC, ranked, t_half_width
from sweeplab.sweeps.tables import load_sweep, write_tables
from sweeplab.words import count, level_texts, natural, plus_minus, some, value_text

LR = "optimizer.lr"
COLUMNS = [
    "run",
    "sweep",
    "folder",
    "status",
    "data.name",
    "data.root",
    "data.train_size",
    "data.val_size",
    "data.val_start",
    "data.train_draw",
    "data.path",
    "data.label",
    "data.test_share",
    "data.order",
    "data.order_seed",
    "data.balanced",
    "data.scale",
    "data.size",
    "data.colour",
    "data.on_broken",
    "batch_size",
    "epochs",
    "optimizer.lr",
    "optimizer.weight_decay",
    "optimizer.momentum",
    "optimizer.nesterov",
    "optimizer.schedule",
    "optimizer.warmup",
    "seed",
    "eval_every",
    "device",
    "eval_train",
    "iterations",
    "final_iteration",
    "final_train_loss",
    "final_train_accuracy",
    "final_val_loss",
    "final_val_accuracy",
    "best_iteration",
    "best_train_loss",
    "best_train_accuracy",
    "best_val_loss",
    "best_val_accuracy",
    "diverged_at",
    "stopped_after",
    "error",
    "signature",
    "data_checksum",
    "finished",
    "stack_seconds",
    "stack_runs",
]


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Two learning rates of three and two seeds; of the second, one seed diverged, one failed."""
    folder = tmp_path / "lr"
    write_run(folder / "0", [0.1, 0.7, 0.80], optimizer__lr=0.1, seed=0)
    write_run(folder / "1", [0.1, 0.9, 0.82], optimizer__lr=0.1, seed=1)
    write_run(folder / "2", [0.1, 0.8, 0.84], optimizer__lr=0.1, seed=2)
    write_run(folder / "9", [0.1, 0.6], diverged_at=13, optimizer__lr=1.0, seed=0)
    write_run(folder / "10", None, optimizer__lr=1.0, seed=1)
    return folder


def test_one_row_a_run_in_the_order_of_their_numbers(sweep: Path) -> None:
    runs = load_sweep(sweep).runs
    assert list(runs.columns) == COLUMNS
    assert runs["run"].tolist() == ["0", "1", "2", "9", "10"]
    assert set(runs["sweep"]) == {"lr"}
    assert runs["status"].tolist() == ["completed"] * 3 + ["diverged", "failed"]
    assert runs[LR].tolist() == [0.1, 0.1, 0.1, 1.0, 1.0]


def test_final_and_best_values_of_a_run(sweep: Path) -> None:
    run = load_sweep(sweep).runs.iloc[1]
    assert (run["final_iteration"], run["final_val_accuracy"]) == (20, 0.82)
    assert (run["best_iteration"], run["best_val_accuracy"]) == (10, 0.9)
    assert run["best_train_accuracy"] == pytest.approx(0.95)
    # The curves' loss is 2.4 - 2 * accuracy, on validation 0.1 more.
    assert run["best_train_loss"] == pytest.approx(0.6)
    assert run["final_val_loss"] == pytest.approx(2.4 - 1.64 + 0.1)
    assert run["iterations"] == 20


def test_diverged_and_failed_runs_have_no_final_values(sweep: Path) -> None:
    diverged, failed = load_sweep(sweep).runs.iloc[3], load_sweep(sweep).runs.iloc[4]
    assert diverged["diverged_at"] == 13
    assert np.isnan(diverged["final_val_accuracy"])
    assert diverged["best_val_accuracy"] == 0.6
    assert np.isnan(failed["best_val_accuracy"])
    assert failed["error"] == "RuntimeError: a <planted> failure"
    assert pd.isna(failed["iterations"])


def test_curves_are_those_of_the_files(sweep: Path) -> None:
    curves = load_sweep(sweep).curves
    assert curves.groupby("run", sort=False).size().to_dict() == {
        "0": 21,
        "1": 21,
        "2": 21,
        "9": 11,
    }
    assert set(curves.drop(columns=["run", "sweep"]).dtypes) == {np.dtype("float64")}
    expected = read_curves(RunFolder(sweep / "1"))
    mine = curves[curves["run"] == "1"]
    for name in ("iteration", "examples", "batch_loss", "train_loss", "val_accuracy"):
        np.testing.assert_array_equal(
            mine[name], np.asarray(getattr(expected, name), dtype=float), err_msg=name
        )


def test_settings_by_hand(sweep: Path) -> None:
    loaded = load_sweep(sweep)
    assert loaded.knobs == [LR]
    first, second = loaded.settings.to_dict("records")
    assert (first[LR], first["n"], first["diverged"], first["failed"]) == (0.1, 3, 0, 0)
    assert first[METRIC] == pytest.approx(0.82)
    assert first["sd"] == pytest.approx(0.02)
    # t(0.975, 2) = 4.302653; 4.302653 * 0.02 / sqrt(3) = 0.049683
    assert first["half_width"] == pytest.approx(0.049683, abs=1e-6)
    assert first["gap"] == pytest.approx(0.05)
    assert (second[LR], second["n"], second["diverged"], second["failed"]) == (1.0, 0, 1, 1)
    assert np.isnan(second[METRIC])
    assert ranked(loaded.settings)[LR].tolist() == [0.1]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_the_interval_is_scipys(values: list[float]) -> None:
    half = t_half_width(np.array([np.std(values, ddof=1)]), np.array([len(values)]))[0]
    low, high = stats.t.interval(
        0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values) or 1e-300
    )
    assert half == pytest.approx((high - low) / 2, abs=1e-9)


def test_one_seed_has_no_interval() -> None:
    assert np.isnan(t_half_width(np.array([np.nan]), np.array([1]))).all()


def test_damaged_runs_are_left_out_with_the_reason(sweep: Path) -> None:
    (sweep / "0" / "run.json").write_text('{"status": "comp')
    (sweep / "1" / "curves.csv").unlink()
    (sweep / "2" / "curves.csv").write_text("iteration\n1\n")
    (sweep / "9" / "run.json").unlink()  # killed in training
    (sweep / "figures").mkdir()
    loaded = load_sweep(sweep)
    assert loaded.runs["run"].tolist() == ["10"]
    reasons = {Path(folder).name: reason for folder, reason in loaded.skipped}
    assert reasons.keys() == {"0", "1", "2", "9"}
    assert "run.json is damaged" in reasons["0"]
    assert "curves.csv cannot be read" in reasons["1"]
    assert "curves.csv is damaged" in reasons["2"]
    assert "has no run.json" in reasons["9"]


def test_a_configuration_of_the_wrong_type_is_damage(sweep: Path) -> None:
    record = sweep / "0" / "run.json"
    values = json.loads(record.read_text())
    values["config"]["batch_size"] = "many"
    record.write_text(json.dumps(values))
    reseal(record)
    ((folder, reason),) = load_sweep(sweep).skipped
    assert folder == str(sweep / "0")
    why = "its config.batch_size is text, where a whole number is due."
    assert reason == f"{record} is damaged: {why}"


def test_a_folder_without_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="No complete run lies in"):
        load_sweep(tmp_path)
    with pytest.raises(RunFolderError, match="is not a folder"):
        load_sweep(tmp_path / "absent")


def test_one_run_is_a_sweep_of_one(sweep: Path) -> None:
    loaded = load_sweep(sweep / "1")
    assert loaded.runs[["run", "sweep"]].to_numpy().tolist() == [["1", "lr"]]
    assert loaded.knobs == []
    assert len(loaded.settings) == 1


def test_two_sweeps_merge(sweep: Path, tmp_path: Path) -> None:
    other = tmp_path / "wd"
    write_run(other / "0", [0.1, 0.5], optimizer__lr=0.1, optimizer__weight_decay=0.5)
    loaded = load_sweep([sweep, other])
    assert loaded.runs["sweep"].tolist() == ["lr"] * 5 + ["wd"]
    assert loaded.knobs == [LR, "optimizer.weight_decay"]
    assert loaded.path == sweep


def test_the_same_run_counts_once_and_the_completed_one_stays(sweep: Path, tmp_path: Path) -> None:
    other = tmp_path / "again"
    write_run(other / "0", [0.1, 0.7, 0.80], optimizer__lr=0.1, seed=0)
    write_run(other / "1", [0.1, 0.3, 0.4], optimizer__lr=1.0, seed=1)  # failed in the first
    loaded = load_sweep([sweep, other])
    assert loaded.runs["run"].tolist() == ["0", "1", "2", "9", "1"]
    assert {Path(folder).name for folder, _ in loaded.skipped} == {"0", "10"}
    assert loaded.settings["n"].tolist() == [3, 1]


def test_runs_in_nested_folders_are_found(tmp_path: Path) -> None:
    write_run(tmp_path / "s" / "lr=0.1" / "seed=10", [0.1, 0.5], seed=10)
    write_run(tmp_path / "s" / "lr=0.1" / "seed=9", [0.1, 0.5], seed=9)
    assert load_sweep(tmp_path / "s").runs["run"].tolist() == ["lr=0.1/seed=9", "lr=0.1/seed=10"]


def test_what_only_comes_along_with_the_data_set_is_no_knob(tmp_path: Path) -> None:
    for i, (name, size) in enumerate([("digits", 100), ("mnist", 200), ("mnist", 200)]):
        write_run(tmp_path / str(i), [0.1, 0.5], data__name=name, data__train_size=size, seed=i)
    assert load_sweep(tmp_path).knobs == ["data.name"]
    write_run(tmp_path / "3", [0.1, 0.5], data__name="mnist", data__train_size=150)
    assert load_sweep(tmp_path).knobs == ["data.name", "data.train_size"]


def test_tables_do_not_tell_when_where_or_in_what_company_runs_were_trained(
    sweep: Path, tmp_path: Path
) -> None:
    first = [path.read_bytes() for path in write_tables(load_sweep(sweep))]
    elsewhere = tmp_path / "moved" / "lr"
    shutil.copytree(sweep, elsewhere)
    for record in elsewhere.glob("*/run.json"):
        values = json.loads(record.read_text())
        values["finished"] = "2031-01-01T00:00:00+00:00"
        values["stack"] = values["stack"] and {"seconds": 77.7, "runs": 40}
        record.write_text(json.dumps(values))
        reseal(record)
    assert [path.read_bytes() for path in write_tables(load_sweep(elsewhere))] == first


def test_tables_read_back(sweep: Path) -> None:
    loaded = load_sweep(sweep)
    runs_csv, curves_parquet = write_tables(loaded)
    assert (runs_csv.name, curves_parquet.name) == ("runs.csv", "curves.parquet")
    back = pd.read_csv(runs_csv)
    assert back[LR].tolist() == loaded.runs[LR].tolist()
    assert back["final_val_accuracy"].tolist()[:3] == [0.80, 0.82, 0.84]
    pd.testing.assert_frame_equal(pq.read_table(curves_parquet).to_pandas(), loaded.curves)
    assert not list(sweep.glob(".*.part"))


def test_a_sweep_shows_itself_in_a_notebook(sweep: Path) -> None:
    html = load_sweep(sweep)._repr_html_()
    assert "5 runs: 3 completed, 1 diverged and 1 failed" in html
    assert "0.820 ± 0.050" in html
    assert "<planted>" not in html


def test_reading_tables_imports_neither_torch_nor_matplotlib() -> None:
    code = (
        "import sys, sweeplab.sweeps.tables as t;"
        "print([m for m in ('torch', 'matplotlib', 'hydra', 'omegaconf') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@given(st.lists(st.integers(0, 10**6)))
def test_natural_order_is_that_of_numbers(numbers: list[int]) -> None:
    assert sorted(map(str, numbers), key=natural) == [str(n) for n in sorted(numbers)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (64, "64"),
        (1e-5, "1e-05"),
        (0.1, "0.1"),
        ("mnist", "mnist"),
        (0.30000001, "0.3"),
    ],
)
def test_values_as_a_person_writes_them(value: object, text: str) -> None:
    assert value_text(value) == text


def test_levels_of_an_axis_are_short_and_distinct() -> None:
    assert level_texts([0.0, 0.00316228, 0.1]) == ["0", "0.00316", "0.1"]
    assert level_texts([0.123456, 0.123567]) == ["0.123", "0.124"]
    assert level_texts([0.123456, 0.123467]) == ["0.12346", "0.12347"]
    assert level_texts([100, 2000]) == ["100", "2000"]
    assert level_texts(["mnist", "digits"]) == ["mnist", "digits"]


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (0.8941, 0.0042, "0.894 ± 0.004"),
        (0.8941, 0.0004, "0.8941 ± 0.0004"),  # not ± 0.000
        (0.8941, 0.0, "0.894 ± 0.000"),  # it is
        (0.8941, np.nan, "0.894"),
        (np.nan, np.nan, "–"),
    ],
)
def test_a_mean_has_as_many_digits_as_its_interval_needs(
    mean: float, half: float, text: str
) -> None:
    assert plus_minus(mean, half) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [(0.0123, "+0.012 ± 0.100"), (-0.0123, "−0.012 ± 0.100"), (-0.0001, "0.000 ± 0.100")],
)
def test_a_difference_carries_its_sign(change: float, text: str) -> None:
    assert plus_minus(change, 0.1, signed=True) == text


def test_things_are_counted_and_listed() -> None:
    assert [count(n, "run") for n in (0, 1, 2, 11520)] == [
        "0 runs",
        "1 run",
        "2 runs",
        "11,520 runs",
    ]
    assert count(2, "class", "classes") == "2 classes"
    assert some(["a, b", "c"]) == "a, b; c"
    assert some(list("abcdef"), 4) == "a; b; c; d; and 2 more"
