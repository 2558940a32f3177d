"""Figures as they are drawn: whole, named, readable, and as parts of a page."""

from __future__ import annotations

import itertools
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from report_sweeps import curves as make_curves
from report_sweeps import two_knobs, write_grid, write_run
from sweeplab import figures
from sweeplab.config import RunConfig
from sweeplab.errors import SweeplabError
from sweeplab.figures.catalogue import sections
from sweeplab.figures.panels import line_key, panels
from sweeplab.figures.plots import Plot, first_images
from sweeplab.figures.plots.training import write_training_curves
from sweeplab.figures.svg import page_parts, to_svg
from sweeplab.figures.theme import DARK, fixed_map, on_colour, styled
from sweeplab.report.page.plots import picture
from sweeplab.report.text import asked
from sweeplab.statistics import Law, analyse
from sweeplab.sweeps.comparable import comparable
from sweeplab.sweeps.question import Question
from sweeplab.sweeps.settings import METRIC
from sweeplab.sweeps.tables import Sweep, load_sweep

LR, WD, SIZE, BATCH = "optimizer.lr", "optimizer.weight_decay", "data.train_size", "batch_size"


@pytest.fixture
def runs() -> pd.DataFrame:
    return two_knobs()


def table_of(runs: pd.DataFrame, *knobs: str) -> Sweep:
    """A sweep that is a table of runs alone."""
    return Sweep(Path("sweep"), runs, pd.DataFrame(), list(knobs))


def plots_of(sweep: Sweep) -> list[Plot]:
    return [plot for part in sections(sweep, analyse(sweep)) for plot in part.plots]


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return load_sweep(write_grid(tmp_path_factory.mktemp("grid")))


@pytest.fixture(scope="module")
def plots(grid: Sweep) -> list[Plot]:
    return plots_of(grid)


class TestBesideTheAnswer:
    def test_the_legend_has_only_what_the_panel_shows(self, plots: list[Plot]) -> None:
        [plot] = [plot for plot in plots if plot.name == "knob-batch_size"]
        labels = [text.get_text() for text in plot.figure.legends[0].get_texts()]
        best = (
            "best setting at this value; bars: 95 % interval, luck of the validation set left out"
        )
        assert labels == ["one run", "diverged run, with their number", best]
        assert [label for _, label in picture(plot, "").legend] == [best]

    def test_a_search_has_points_and_no_empty_heat_map(self, tmp_path: Path) -> None:
        for i in range(15):
            at = {"optimizer__lr": 0.1 + i / 10, "optimizer__weight_decay": min(i, 13) / 100}
            write_run(tmp_path / str(i), [0.1, 0.3, 0.5 + i / 100], **at)
        found = load_sweep(tmp_path)
        by_name = {plot.name: plot for plot in plots_of(found)}
        assert "pairs" not in by_name
        assert asked.picture(Question("best"), found) == "knob-optimizer-lr"
        shown = picture(by_name["knob-optimizer-lr"], "")
        assert [label for _, label in shown.legend] == ["one run"]


class TestDrawing:
    def test_every_figure_of_a_large_sweep_is_there(self, plots: list[Plot]) -> None:
        names = [plot.name for plot in plots]
        assert len(names) == len(set(names))
        slugs = ("data-train_size", "batch_size", "optimizer-lr", "optimizer-weight_decay")
        assert set(names) == {
            *(f"knob-{slug}" for slug in slugs),
            *(f"curves-{slug}" for slug in slugs),
            *("pairs", "train-size", "batch-size", "importance", "best-iteration", "templates"),
            *("early", "budget", "tries"),
        }

    def test_nothing_is_cut_off(self, plots: list[Plot]) -> None:
        for plot in plots:
            assert_whole(plot.figure, plot.name)

    @pytest.mark.parametrize("count", [2, 8, 20])
    def test_heat_maps_with_many_values_stay_whole(self, count: int) -> None:
        values = np.geomspace(1e-5, 10, count).round(6)
        rows = [(a, b, 0, "completed", 0.5) for a in values for b in values]
        runs = pd.DataFrame(rows, columns=[LR, WD, "seed", "status", METRIC])
        for which in ("best", "final"):
            for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
                runs[f"{which}_{name}"] = 0.5
        runs = runs.assign(best_iteration=0)
        assert_whole(figures.heatmap(table_of(runs, LR, WD), LR, WD), "heat map")

    def test_every_axis_has_a_name(self, plots: list[Plot]) -> None:
        pictures = {"templates", "mistakes"}
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
        for plot in plots_of(load_sweep(write_grid(tmp_path, seeds=1))):
            assert "95 %" not in plot.caption, plot.name

    def test_the_callers_matplotlib_is_left_alone(self, runs: pd.DataFrame) -> None:
        before = dict(mpl.rcParams)
        to_svg(figures.heatmaps(table_of(runs, LR, WD), recommended=2, tied=[0, 2]))
        assert dict(mpl.rcParams) == before
        from matplotlib import pyplot as plt

        assert plt.get_fignums() == []

    def test_the_same_sweep_gives_the_same_bytes(self, grid: Sweep, plots: list[Plot]) -> None:
        again = {plot.name: plot.figure for plot in plots_of(grid)}
        for plot in plots:
            assert to_svg(plot.figure) == to_svg(again[plot.name]), plot.name


def assert_whole(figure: Figure, name: str) -> None:
    """Everything of each panel lies within it, and the legend above all of them."""
    figure.draw_without_rendering()
    for part in figure.subfigs:
        (ax,) = part.axes
        box, cell = ax.get_tightbbox(), part.bbox
        assert box is not None
        where = f"{name}, {ax.get_title(loc='left')}"
        assert box.x0 >= cell.x0 - 1, where
        assert box.x1 <= cell.x1 + 1, where
        assert box.y0 >= cell.y0 - 1, where
        assert box.y1 <= cell.y1 + 1, where
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert box.x1 <= figure.bbox.x1, name
        assert box.y0 >= max(part.bbox.y1 for part in figure.subfigs) - 1, name


class TestForNotebooks:
    def test_every_documented_function_draws(self, grid: Sweep) -> None:
        documented = set(re.findall(r"``(\w+)\(", figures.__doc__ or ""))
        assert documented == set(dir(figures))
        arguments: dict[str, list[Any]] = {
            "knob": [grid, LR],
            "heatmap": [grid, LR, BATCH],
            "loss": [grid, "17"],
            "accuracy": [grid, 17],
        }
        # Both ask for four values or more, and this grid has three.
        analysis, points = analyse(grid), np.geomspace(1, 1000, 4)
        law = Law(points, points**-0.5, -0.5, 0.1, (3.45, -1.73), 0.1, 0.0)
        found = replace(analysis.further, ridge=law, power_law=law)
        for name in ("best_rate", "power_law"):
            arguments[name] = [grid, replace(analysis, further=found)]
        for name in documented - {"halving"}:  # which this grid had not: test_halving.py draws it
            draw = getattr(figures, name)
            assert draw.__doc__, name
            assert isinstance(draw(*arguments.get(name, [grid])), Figure), name

    def test_an_unknown_name_is_refused(self) -> None:
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            figures.nothing  # noqa: B018

    def test_a_knob_that_was_not_swept_is_refused(self, grid: Sweep) -> None:
        for draw in (
            lambda: figures.knob(grid, "epochs"),
            lambda: figures.learning_curves(grid, hue="epochs"),
            lambda: figures.heatmap(grid, LR, "epochs"),
        ):
            with pytest.raises(SweeplabError, match="epochs has one value in this sweep"):
                draw()
        with pytest.raises(SweeplabError, match="x must be one of iteration, epochs, examples"):
            figures.learning_curves(grid, x="hours")
        with pytest.raises(SweeplabError, match="no setting 99"):
            figures.learning_curves(grid, setting=99)

    def test_learning_curves_are_the_means_over_seeds(self, tmp_path: Path) -> None:
        for seed, end in enumerate((0.5, 0.7)):
            for rate, gain in ((0.1, 0.0), (1.0, 0.2)):
                values = {"seed": seed, "optimizer__lr": rate, "batch_size": 10}
                write_run(tmp_path / f"{seed}{rate}", [0.1, end + gain], **values)
        figure = figures.learning_curves(load_sweep(tmp_path), x="epochs")
        assert len(figure.axes) == 4
        ends = [line.get_xydata()[-1].tolist() for line in figure.axes[3].lines]
        # 10 iterations of 10 images are one pass over 100
        assert sorted(ends) == [pytest.approx([1, 0.6]), pytest.approx([1, 0.8])]

    def test_an_axis_of_curves_ends_above_the_highest_line(self, tmp_path: Path) -> None:
        for seed, end in enumerate((0.86, 0.94)):  # a t interval of 0.9 ± 0.51
            for rate in (0.1, 1.0):
                write_run(
                    tmp_path / f"{seed}{rate}",
                    [0.1, end - rate / 50],
                    seed=seed,
                    optimizer__lr=rate,
                )
        _, _, training, validation = figures.learning_curves(load_sweep(tmp_path)).axes
        for ax in (training, validation):
            assert 0.948 < ax.get_ylim()[1] < 0.98  # training is 0.05 better than 0.898

    def test_the_first_images_are_shown_of_new_data_alone(self, grid: Sweep) -> None:
        runs = grid.runs.assign(**{"data.name": "mine"})
        assert list(first_images.plots(grid, analyse(grid))) == []
        images = grid.path / "images"
        shutil.copy(images / "digits.safetensors", images / "mine.safetensors")
        [plot] = first_images.plots(replace(grid, runs=runs), analyse(grid))
        assert plot.title == "The first 18 training images"

    def test_curves_in_panels_by_another_knob(self, grid: Sweep) -> None:
        figure = figures.learning_curves(grid, hue=LR, col=BATCH)
        titles = [ax.get_title(loc="left") for ax in figure.axes]
        assert titles == ["batch = 10", "batch = 20"]
        # Validation and training of each of three rates.
        assert [len(ax.lines) for ax in figure.axes] == [6, 6]

    def test_every_run_is_a_point_and_diverged_runs_are_counted(self, runs: pd.DataFrame) -> None:
        runs.loc[0, "status"] = "failed"
        left, _ = figures.knob(table_of(runs, LR, WD), LR).axes
        points, crosses = left.collections
        assert len(points.get_offsets()) == 4
        assert len(crosses.get_offsets()) == 3
        assert [text.get_text() for text in left.texts] == ["3"]

    def test_many_effects_are_cut_to_the_largest(self, grid: Sweep) -> None:
        effects = pd.DataFrame({"effect": [f"effect {i}" for i in range(30)]}).assign(
            knobs=[()] * 30, share=np.linspace(0.01, 0.3, 30), low=np.nan, high=np.nan
        )
        (ax,) = figures.importance(grid, replace(analyse(grid), importance=effects)).axes
        names = {text.get_text() for text in ax.texts}
        assert {"effect 29", "effect 16"} <= names
        assert "effect 15" not in names
        # An axis too short for its name has none, and never that of a column.
        few = replace(analyse(grid), importance=effects.head(2))
        assert figures.importance(grid, few).axes[0].get_ylabel() == ""

    def test_a_recommended_setting_that_is_not_the_best_of_its_cell_is_marked(
        self, runs: pd.DataFrame
    ) -> None:
        # Cell (0.1, 0) holds two settings, which differ in batch size; the first is better.
        rows = [(0.1, 0.0, 8, 0.9), (0.1, 0.0, 16, 0.8), (1.0, 0.0, 8, 0.7), (1.0, 0.5, 8, 0.6)]
        table = pd.DataFrame(rows, columns=[LR, WD, BATCH, METRIC])
        rest = runs.drop(columns=[LR, WD, METRIC]).iloc[:4].assign(seed=0, status="completed")
        sweep = table_of(rest.assign(**table.to_dict("list")), LR, WD, BATCH)
        figure = figures.heatmaps(sweep, [(LR, WD)], recommended=1, tied=[0, 1, 2])
        places = {patch.get_xy(): patch.get_linewidth() for patch in figure.axes[0].patches}
        assert {(int(x), int(y)) for x, y in places} == {(0, 1), (1, 1)}
        assert places[(0.04, 1.04)] > places[(1.04, 1.04)]


class TestUnusualSweeps:
    """A report's figures of sweeps in which little is as usual; each is drawn."""

    @pytest.mark.parametrize(
        ("key", "two"),
        {
            "data__train_size": (50, 100),
            "data__val_size": (40, 50),
            "data__val_start": (100, 110),
            "batch_size": (10, 25),
            "optimizer__lr": (0.1, 1.0),
            "optimizer__weight_decay": (0.0, 0.1),
            "eval_every": (5, 10),
        }.items(),
    )
    def test_epochs_and_another_knob(self, key: str, two: Any, tmp_path: Path) -> None:
        for i, (epochs, value) in enumerate(itertools.product((1, 2), two)):
            values = {"batch_size": 10, "epochs": epochs, key: value}
            write_run(tmp_path / str(i), [0.1, 0.4, 0.5 + i / 50], **values)
        sweep = load_sweep(tmp_path)
        assert len(sweep.runs) == 4
        for part in comparable(sweep).values():
            plots = plots_of(part)
            names = {f"knob-{knob.replace('.', '-')}" for knob in part.knobs}
            assert names <= {plot.name for plot in plots}
            for plot in plots:
                assert "nan" not in plot.alt + plot.caption, plot.name
                assert_whole(plot.figure, plot.name)

    @pytest.mark.parametrize("accuracies", [None, [0.1, 0.2]])
    def test_no_run_completed(self, accuracies: Any, tmp_path: Path) -> None:
        for i, rate in enumerate((0.1, 1.0)):
            write_run(tmp_path / str(i), accuracies, diverged_at=14, optimizer__lr=rate)
        assert plots_of(load_sweep(tmp_path)) == []

    def test_seeds_alone_give_the_mean_curves(self, tmp_path: Path) -> None:
        for seed in range(3):
            write_run(tmp_path / str(seed), [0.1, 0.4, 0.5 + seed / 10], seed=seed)
        plots = {plot.name: plot for plot in plots_of(load_sweep(tmp_path))}
        assert set(plots) == {"curves-setting", "best-iteration", "budget"}
        assert "validation accuracy 0.600" in plots["curves-setting"].alt

    def test_sweeps_without_a_curve_are_refused_by_name(self, tmp_path: Path) -> None:
        for i, rate in enumerate((0.1, 1.0)):
            write_run(tmp_path / str(i), None, optimizer__lr=rate)
        sweep = load_sweep(tmp_path)
        for draw in (figures.learning_curves, figures.heatmaps):
            with pytest.raises(SweeplabError, match="Every run of this sweep failed"):
                draw(sweep)
        with pytest.raises(SweeplabError, match="that did not fail, but is '0'"):
            figures.loss(sweep, "0")

    def test_a_knob_that_is_words_or_yes_and_no(self, runs: pd.DataFrame) -> None:
        runs["optimizer.nesterov"] = [True, False] * 4
        runs["seed"] = 0
        runs["data.name"] = ["mnist"] * 4 + ["digits"] * 4
        for key in ("optimizer.nesterov", "data.name"):
            sweep = table_of(runs, LR, WD, key)
            assert_whole(figures.knob(sweep, key), key)
            assert_whole(figures.heatmaps(sweep), key)


class TestSvg:
    @pytest.fixture
    @styled
    def figure(self) -> Figure:
        keys = [line_key("a & b", "#1f2328", (0, (1, 2))), line_key("c", "#1f2328")]
        figure, axes = panels(3, columns=2, legend=keys)
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
        panels, keys = page_parts(figure, to_svg(figure), "name")
        assert len(panels) == 3
        joined = "".join([*panels, *(key for key, _ in keys)])
        assert "#1f2328" not in joined
        assert "var(--c1f2328)" in joined
        ids = re.findall(r'id="([^"]*)"', joined)
        assert len(ids) == len(set(ids))
        assert all(one.startswith("name-") for one in ids)
        used = set(re.findall(r"url\(#([^)]*)\)|href=\"#([^\"]*)\"", joined))
        assert {a or b for a, b in used} <= set(ids)
        for part in [*panels, *(key for key, _ in keys)]:
            ET.fromstring(part.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" '))

    def test_legend_entries(self, figure: Figure) -> None:
        _, [(key, label), (other, second)] = page_parts(figure, to_svg(figure), "name")
        assert (label, second) == ("a & b", "c")
        assert "stroke-dasharray" in key
        assert "stroke-dasharray" not in other
        for svg in (key, other):  # the line lies within its window
            x, y, width, height = map(float, re.search(r'viewBox="([^"]*)"', svg)[1].split())  # type: ignore[index]
            start, *_, end = re.findall(r"[ML] (\S+) (\S+)", svg)
            assert x <= float(start[0]) < float(end[0]) <= x + width
            assert y <= float(start[1]) == float(end[1]) <= y + height

    def test_values_keep_their_colour_on_a_dark_page(self) -> None:
        shades = {to_hex(fixed_map("viridis")(i)) for i in range(256)}
        assert not shades & DARK.keys()

    @pytest.mark.parametrize(
        ("colour", "text"), [((1, 1, 0), "#010101"), ((0.2, 0, 0.3), "#ffffff")]
    )
    def test_text_on_colour_reads(self, colour: Any, text: str) -> None:
        assert on_colour(colour) == text


def test_training_curves_are_titled_with_batch_size_and_learning_rate(tmp_path: Path) -> None:
    written = write_training_curves(tmp_path, make_curves([0.1, 0.5, 0.7]), RunConfig())
    assert {path.name for path in written} == {
        f"{name}.{kind}" for name in ("loss", "accuracy") for kind in ("png", "svg")
    }
    assert all(path.stat().st_size for path in written)
    for name in ("Loss", "Accuracy"):
        title = f"{name} (batch size = 64, learning rate = 0.01)"
        assert title in (tmp_path / f"{name.lower()}.svg").read_text()
