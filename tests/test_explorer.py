"""What the page's explorer is given: every setting, run, curve and model, and nothing invented."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from report_sweeps import LR, WD, write_grid, write_images, write_run
from sweeplab.report.page import models
from sweeplab.report.page.explorer import _sample, explorer
from sweeplab.statistics import analyse
from sweeplab.sweeps.tables import Sweep, load_sweep


def unpacked(sweep: Sweep, home: Path) -> dict[str, Any]:
    """The header and the arrays, read by the format's description alone."""
    made = explorer(sweep, analyse(sweep), home, key="explore", title="")
    assert made is not None
    whole = gzip.decompress(base64.b64decode(made.packed))
    (length,) = struct.unpack("<I", whole[:4])
    header = json.loads(whole[4 : 4 + length])
    body = whole[4 + length :]
    for name, (kind, place, size) in header["arrays"].items():
        header[name] = np.frombuffer(body, kind, size, place)
    return header


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return load_sweep(write_grid(tmp_path_factory.mktemp("grid")))


@pytest.fixture(scope="module")
def given_to_it(grid: Sweep) -> dict[str, Any]:
    return unpacked(grid, grid.path)


class TestGiven:
    def test_settings_are_means_over_completed_seeds(
        self, grid: Sweep, given_to_it: dict[str, Any]
    ) -> None:
        done = grid.runs[grid.runs["status"] == "completed"]
        expected = done.groupby(grid.knobs, sort=False)["final_val_accuracy"].agg(["mean", "size"])
        knobs = given_to_it["knobs"]
        levels = given_to_it["levels"].reshape(len(knobs), -1)
        means = given_to_it["mean"].reshape(4, -1)
        place = [one["key"] for one in given_to_it["metrics"]].index("val_accuracy")
        found = 0
        for s in range(levels.shape[1]):
            values = tuple(knob["values"][levels[k, s]] for k, knob in enumerate(knobs))
            if values in expected.index:
                found += 1
                assert means[place, s] == pytest.approx(expected.loc[values, "mean"], abs=1e-6)
                assert given_to_it["n"][s] == expected.loc[values, "size"]
        assert found == len(expected) == 23  # of 24 settings one has no completed seed

    def test_every_run_is_found_in_its_folder(
        self, grid: Sweep, given_to_it: dict[str, Any]
    ) -> None:
        [root] = given_to_it["roots"]
        folders = [str(Path(root["path"]) / name) for name in given_to_it["runs"]]
        assert folders == grid.runs["folder"].tolist()
        assert root["link"] == "."
        words = [given_to_it["status"][code] for code in given_to_it["run_status"]]
        assert words == grid.runs["status"].tolist()

    def test_curves_are_those_of_the_runs(self, grid: Sweep, given_to_it: dict[str, Any]) -> None:
        curves = given_to_it["curve"].reshape(48, 4, given_to_it["points"]).astype(float)
        low, high = given_to_it["loss_range"].astype(float)
        first = grid.curves[(grid.curves["run"] == "0") & grid.curves["val_loss"].notna()]
        clocks = given_to_it["grids"][given_to_it["grid"][0]]
        assert clocks["iteration"] == first["iteration"].tolist() == [0, 10, 20, 30, 40]
        assert clocks["epochs"] == [0, 2, 4, 6, 8]  # batches of 10 from 50 images
        share = curves[0, :, :5] / 65534
        assert share[3] == pytest.approx(first["val_accuracy"], abs=1e-4)
        assert share[1] == pytest.approx(first["train_accuracy"], abs=1e-4)
        assert low * (high / low) ** share[2] == pytest.approx(first["val_loss"], rel=1e-3)
        assert (curves[0, :, 5:] == 65535).all()
        assert (curves[47] == 65535).all()  # a failed run has none

    def test_models_are_those_of_the_middle_runs(
        self, grid: Sweep, given_to_it: dict[str, Any]
    ) -> None:
        # All weights are zero, and class 0 is predicted of every image: 10 % right, which is not
        # what the curves say, so that no confusion is shown.
        assert len(given_to_it["model_run"]) == 23
        assert not given_to_it["template"].any()
        assert not given_to_it["confusion"].any()
        assert given_to_it["shape"] == [8, 8]

    def test_links_start_from_where_the_page_lies(self, grid: Sweep, tmp_path: Path) -> None:
        [root] = unpacked(grid, tmp_path / "there")["roots"]
        assert ((tmp_path / "there") / root["link"]).resolve() == grid.path.resolve()

    def test_the_same_sweep_gives_the_same_bytes(self, grid: Sweep) -> None:
        made = [explorer(grid, analyse(grid), grid.path, key="e", title="") for _ in range(2)]
        assert made[0] == made[1]


class TestModels:
    def test_confusion_and_weights(self, tmp_path: Path) -> None:
        weight = np.zeros((10, 64), np.float32)
        weight[3, 5], weight[4, 6] = 0.5, -0.25
        bias = np.zeros(10, np.float32)
        bias[9] = -9
        for i, rate in enumerate((0.1, 1.0)):
            right = [0.1, 0.1, 0.1]
            write_run(tmp_path / str(i), right, weight=0 * weight, optimizer__lr=rate)
        write_run(tmp_path / "2", right, weight=weight, bias=bias, optimizer__lr=3.0)
        write_images(tmp_path)
        given_to_it = unpacked(load_sweep(tmp_path), tmp_path)
        tables = given_to_it["confusion"].reshape(3, 10, 10)
        # Five images of each class, all taken for class 0.
        assert tables[0].tolist() == [[5] + [0] * 9] * 10
        pictures = given_to_it["template"].reshape(3, 10, 64)
        assert (pictures[2, 3, 5], pictures[2, 4, 6]) == (15, -8)  # -7.5 to the even one
        assert np.count_nonzero(pictures) == 2
        assert given_to_it["largest"].tolist() == [0, 0, 0.5]

    def test_of_many_the_best_of_each_value_are_kept(
        self, grid: Sweep, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(models, "MOST_WEIGHTS", 9 * 640)
        given_to_it = unpacked(grid, grid.path)
        assert len(given_to_it["model_run"]) == 9
        kept = grid.runs.iloc[given_to_it["model_run"]]
        for knob in grid.knobs:
            assert set(kept[knob]) == set(grid.runs[knob])


class TestUnusual:
    def test_where_only_seeds_differ_runs_are_compared(self, tmp_path: Path) -> None:
        for seed in range(3):
            write_run(tmp_path / str(seed), [0.1, 0.4, 0.5 + seed / 10], seed=seed)
        given_to_it = unpacked(load_sweep(tmp_path), tmp_path)
        assert given_to_it["unit"] == "run"
        assert [knob["key"] for knob in given_to_it["knobs"]] == ["seed"]
        assert given_to_it["recommended"] == 1  # the middle one

    def test_one_run_has_nothing_to_explore(self, tmp_path: Path) -> None:
        write_run(tmp_path / "0", [0.1, 0.5])
        sweep = load_sweep(tmp_path)
        assert explorer(sweep, analyse(sweep), tmp_path, key="e", title="") is None

    def test_runs_of_the_same_name_in_merged_sweeps(self, tmp_path: Path) -> None:
        for name, rate in (("a", 0.1), ("b", 0.2)):
            write_run(tmp_path / name / "0", [0.1, rate], optimizer__lr=rate)
        sweep = load_sweep([tmp_path / "a", tmp_path / "b"])
        given_to_it = unpacked(sweep, tmp_path / "a")
        roots = [given_to_it["roots"][i] for i in given_to_it["run_root"]]
        assert [Path(root["path"]).name for root in roots] == ["a", "b"]
        assert [root["link"] for root in roots] == [".", "../b"]
        ends = given_to_it["curve"].reshape(2, 4, -1)[:, 3, 1] / 65534
        assert ends == pytest.approx([0.1, 0.2], abs=1e-4)

    def test_runs_that_all_diverged_keep_their_curves(self, tmp_path: Path) -> None:
        for i, (rate, decay) in enumerate(((9.0, 0.0), (10.0, 0.1), (10.0, 0.0))):
            values = {"optimizer__lr": rate, "optimizer__weight_decay": decay}
            write_run(tmp_path / str(i), [0.1, 0.2], diverged_at=11, **values)
        given_to_it = unpacked(load_sweep(tmp_path), tmp_path)
        assert given_to_it["recommended"] == -1
        assert given_to_it["diverged"].tolist() == [1, 1, 1]
        assert (given_to_it["curve"].reshape(3, 4, -1)[:, 3, :2] < 65535).all()
        assert [knob["key"] for knob in given_to_it["knobs"]] == [LR, WD]

    @given(st.integers(1, 20_000))
    def test_a_sample_keeps_both_ends(self, length: int) -> None:
        places = _sample(length, 64)
        assert places[0] == 0
        assert places[-1] == length - 1
        assert len(places) == min(length, len(places)) <= 64
        assert (np.diff(places) > 0).all()
        assert pd.Series(places).between(0, length - 1).all()
