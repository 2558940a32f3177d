"""Figures as they are drawn: whole, named, readable, and as parts of a page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from report_sweeps import curves as make_curves
from report_sweeps import two_knobs, write_grid
from sweeplab.config import RunConfig
from sweeplab.figures import heatmaps, knobs, parallel
from sweeplab.figures.bands import (
    MOST_POINTS,
    accuracy_floor,
    sparse,
)
from sweeplab.figures.importance import draw_importance
from sweeplab.figures.layout import cell_of, line_key, panels
from sweeplab.figures.plot import Plot
from sweeplab.figures.svg import legend_keys, page_panels, to_svg
from sweeplab.figures.theme import DARK, fixed_map, on_colour, styled
from sweeplab.report.sections import sections
from sweeplab.report.text.verdict import verdict
from sweeplab.report.training_curves import training_curves, write_training_curves
from sweeplab.statistics import analyse
from sweeplab.sweeps.settings import METRIC, summarise
from sweeplab.sweeps.tables import load_sweep

LR, WD, SIZE, BATCH = "optimizer.lr", "optimizer.weight_decay", "data.train_size", "batch_size"


@pytest.fixture
def runs() -> pd.DataFrame:
    return two_knobs()


def draw_all(folder: Path) -> list[Plot]:
    sweep = load_sweep(folder)
    analysis = analyse(sweep)
    parts = sections(sweep, analysis, verdict(sweep, analysis))
    return [plot for part in parts for plot in part.plots]


@pytest.fixture(scope="module")
def plots(tmp_path_factory: pytest.TempPathFactory) -> list[Plot]:
    return draw_all(write_grid(tmp_path_factory.mktemp("grid")))


class TestDrawing:
    def test_every_figure_of_a_large_sweep_is_there(self, plots: list[Plot]) -> None:
        names = [plot.name for plot in plots]
        assert len(names) == len(set(names))
        slugs = ("data-train_size", "batch_size", "optimizer-lr", "optimizer-weight_decay")
        assert set(names) == {
            *(f"knob-{slug}" for slug in slugs),
            *(f"curves-{slug}" for slug in slugs),
            *("pairs", "parallel", "train-size", "batch-size", "overview", "facets"),
            *("importance", "best-iteration", "templates", "images"),
        }

    def test_nothing_is_cut_off(self, plots: list[Plot]) -> None:
        for plot in plots:
            plot.figure.draw_without_rendering()
            dpi = plot.figure.get_dpi()
            for ax in plot.figure.axes:
                cell = cell_of(ax)
                assert cell is not None
                box = ax.get_tightbbox()
                assert box is not None
                where = f"{plot.name}, {ax.get_title(loc='left')}"
                assert box.x0 >= cell.x0 * dpi - 1, where
                assert box.x1 <= cell.x1 * dpi + 1, where
                assert box.y0 >= cell.y0 * dpi - 1, where
                assert box.y1 <= cell.y1 * dpi + 1, where
            for legend in plot.figure.legends:
                box = legend.get_window_extent()
                assert box.x1 <= plot.figure.bbox.x1, plot.name
                assert box.y0 >= max(cell_of(ax).y1 for ax in plot.figure.axes) * dpi - 1  # type: ignore[union-attr]

    @pytest.mark.parametrize("count", [2, 8, 20])
    def test_heat_maps_with_many_values_stay_whole(self, count: int) -> None:
        values = np.geomspace(1e-5, 10, count).round(6)
        settings = pd.DataFrame(
            [(a, b, 1, 0.5) for a in values for b in values], columns=[LR, WD, "n", METRIC]
        ).assign(setting=range(count**2))
        figure = heatmaps.draw_heatmaps(settings, [(LR, WD)], 0)
        figure.draw_without_rendering()
        (ax,) = figure.axes
        box, cell = ax.get_tightbbox(), cell_of(ax)
        assert box is not None
        assert cell is not None
        assert box.y0 >= 0
        assert box.x0 >= 0
        assert box.y1 <= cell.y1 * figure.dpi

    def test_every_axis_has_a_name(self, plots: list[Plot]) -> None:
        pictures = {"templates", "images", "mistakes", "parallel"}
        for plot in plots:
            for ax in plot.figure.axes:
                if plot.name not in pictures:
                    assert ax.get_xlabel(), plot.name
                    assert ax.get_ylabel(), plot.name

    def test_captions_and_descriptions_have_numbers(self, plots: list[Plot]) -> None:
        for plot in plots:
            assert plot.caption.endswith("."), plot.name
            assert re.search(r"\d", plot.alt), plot.name
            assert "nan" not in plot.alt + plot.caption, plot.name

    def test_one_seed_claims_no_interval(self, tmp_path: Path) -> None:
        for plot in draw_all(write_grid(tmp_path, seeds=1)):
            assert "95 %" not in plot.caption, plot.name

    def test_the_callers_matplotlib_is_left_alone(self, runs: pd.DataFrame) -> None:
        before = dict(mpl.rcParams)
        table = summarise(runs, [LR, WD])
        to_svg(heatmaps.draw_heatmaps(table, [(LR, WD)], 2, [0, 2]))
        assert dict(mpl.rcParams) == before
        from matplotlib import pyplot as plt

        assert plt.get_fignums() == []

    @pytest.mark.parametrize(
        "draw",
        [
            lambda runs: knobs.draw_knob(
                knobs.axis_points(runs, LR),
                knobs.isolation(summarise(runs, [LR, WD]), LR),
                LR,
            ),
            lambda runs: heatmaps.draw_heatmaps(summarise(runs, [LR, WD]), [(LR, WD)]),
            lambda runs: parallel.draw_parallel(summarise(runs, [LR, WD]), [LR, WD], None),
            lambda _: draw_importance(
                pd.DataFrame(
                    {"name": ["a", "b"], "share": [0.7, 0.1], "low": [0.6, np.nan], "high": 0.8}
                )
            ),
        ],
    )
    def test_figures_are_functions_of_frames(
        self, draw: Callable[[pd.DataFrame], Figure], runs: pd.DataFrame
    ) -> None:
        assert isinstance(draw(runs), Figure)


def test_the_documented_names_are_there() -> None:
    import sweeplab.figures as named

    for name in dir(named):
        assert getattr(named, name) is not None
        assert name == "EVALUATED" or getattr(named, name).__doc__, name
    shown = set(re.findall(r"``(?:draw_\w+|\w+)(?=[(`])", named.__doc__ or ""))
    drawings = {name.strip("`") for name in shown if "draw_" in name}
    assert drawings == {name for name in dir(named) if name.startswith("draw_")}
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        named.nothing  # noqa: B018


class TestImportance:
    TABLE = pd.DataFrame(
        {
            "name": [f"effect {i}" for i in range(30)],
            "share": np.linspace(0.01, 0.3, 30),
            "low": np.nan,
            "high": np.nan,
        }
    )

    def test_many_effects_are_cut_to_the_largest(self) -> None:
        (ax,) = draw_importance(self.TABLE).axes
        names = {text.get_text() for text in ax.texts}
        assert {"effect 29", "effect 16"} <= names
        assert "effect 15" not in names


class TestCurves:
    def test_the_accuracy_axis_begins_a_tenth_below_all_ends(self) -> None:
        bands = pd.DataFrame(
            {
                LR: [0.1, 0.1, 1.0, 1.0],
                "iteration": [0, 10, 0, 10],
                "val_accuracy": [0.1, 0.86, 0.1, 0.9],
            }
        )
        assert accuracy_floor(bands, [LR], "iteration") == pytest.approx(0.8)
        bands.loc[1, "val_accuracy"] = 0.12
        assert accuracy_floor(bands, [LR], "iteration") == 0

    @given(st.integers(1, 2000))
    def test_long_curves_keep_their_ends(self, length: int) -> None:
        drawn = sparse(pd.DataFrame({"iteration": range(length)}))["iteration"].tolist()
        assert drawn == sorted(set(drawn))
        assert len(drawn) == min(length, MOST_POINTS)
        assert (drawn[0], drawn[-1]) == (0, length - 1)


class TestSvg:
    @pytest.fixture
    @styled
    def figure(self) -> Figure:
        figure, axes = panels(3, columns=2, legend=[line_key("a & b", "#1f2328", (0, (1, 2)))])
        for ax in axes:
            ax.plot([0, 1], [0.12345678, 1], color="#1f2328")
            ax.set_title("accuracy 0.123456 <b> $x$")
        return figure

    def test_text_stays_whole_while_coordinates_are_rounded(self, figure: Figure) -> None:
        svg = to_svg(figure)
        assert "accuracy 0.123456 &lt;b&gt; $x$" in svg
        paths = " ".join(re.findall(r' d="([^"]*)"', svg))
        assert not re.search(r"\.\d{3}", paths)
        ET.fromstring(svg)

    def test_panels_for_the_page(self, figure: Figure) -> None:
        found = page_panels(figure, to_svg(figure), "name")
        assert len(found) == 3
        joined = "".join(found)
        assert "#1f2328" not in joined
        assert "var(--c1f2328)" in joined
        ids = re.findall(r'id="([^"]*)"', joined)
        assert all(one.startswith("name-") for one in ids)
        used = set(re.findall(r"url\(#([^)]*)\)|href=\"#([^\"]*)\"", joined))
        assert {a or b for a, b in used} <= set(ids)
        for panel in found:
            ET.fromstring(
                panel.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ')
            )

    def test_legend_entries(self, figure: Figure) -> None:
        (key,) = legend_keys(figure)
        assert (key.label, key.kind, key.dash) == ("a & b", "line", "2 4")
        assert key.colour == "var(--c1f2328)"

    def test_values_keep_their_colour_on_a_dark_page(self) -> None:
        shades = {to_hex(fixed_map("viridis")(i)) for i in range(256)}
        assert not shades & DARK.keys()

    @pytest.mark.parametrize(
        ("colour", "text"), [((1, 1, 0), "#010101"), ((0.2, 0, 0.3), "#ffffff")]
    )
    def test_text_on_colour_reads(self, colour: Any, text: str) -> None:
        assert on_colour(colour) == text


def test_training_curves_are_titled_with_batch_size_and_learning_rate(tmp_path: Path) -> None:
    config = RunConfig()
    curves = make_curves([0.1, 0.5, 0.7])
    figures = training_curves(curves, config)
    assert list(figures) == ["loss", "accuracy"]
    for name, figure in figures.items():
        (ax,) = figure.axes
        assert ax.get_title(loc="left") == f"{name.title()} (batch size = 64, learning rate = 0.01)"
    written = write_training_curves(tmp_path, curves, config)
    assert {path.name for path in written} == {
        f"{name}.{kind}" for name in ("loss", "accuracy") for kind in ("png", "svg")
    }
    assert all(path.stat().st_size for path in written)


def test_a_recommended_setting_that_is_not_the_best_of_its_cell_is_marked() -> None:
    # Cell (0.1, 0) holds settings 0 and 1, which differ in a third knob; 0 is the better one.
    settings = pd.DataFrame(
        [(0.1, 0.0, 1, 0.9), (0.1, 0.0, 1, 0.8), (1.0, 0.0, 1, 0.7), (1.0, 0.5, 1, 0.6)],
        columns=[LR, WD, "n", METRIC],
    ).assign(setting=range(4))
    figure = heatmaps.draw_heatmaps(settings, [(LR, WD)], recommended=1, tied=[0, 1, 2])
    places = {patch.get_xy(): patch.get_linewidth() for patch in figure.axes[0].patches}
    assert {(int(x), int(y)) for x, y in places} == {(0, 1), (1, 1)}
    assert places[(0.04, 1.04)] > places[(1.04, 1.04)]
