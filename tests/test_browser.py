"""The report's page in a real browser."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from many_runs import many, page_of
from report_sweeps import LR, WD, write_grid
from sweeplab.report.build import build_report
from sweeplab.sweeps.tables import load_sweep

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of 48 runs over four knobs with a report; its name must be escaped."""
    folder = write_grid(tmp_path_factory.mktemp("sweeps") / "<i onclick=alert(1)> & $x$")
    build_report(load_sweep([folder]))
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield opened
        opened.close()


@contextmanager
def opened(browser: Any, page: Path, width: int = 1280, **options: Any) -> Iterator[Any]:
    """A page opened without a network; it asks for nothing, and the console is free of errors."""
    fragment = options.pop("fragment", "")
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
    tab = context.new_page()
    errors: list[str] = []
    asked: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page.as_uri() + fragment)
    if options.get("java_script_enabled", True):
        tab.wait_for_function("document.documentElement.dataset.ready === 'yes'")
        tab.wait_for_function(
            "[...document.querySelectorAll('.explore')].every(e => e.dataset.drawn)"
        )
    yield tab
    assert errors == []
    # Modules lie within the page, as data.
    assert {url.split("#")[0] for url in asked if not url.startswith("data:")} == {page.as_uri()}
    context.close()


def shown(tab: Any) -> int:
    """How many settings the table says it shows."""
    return int(tab.locator("#explore-table [role=status]").inner_text().split(" of ")[1].split()[0])


def settings_of(sweep: Path) -> Any:
    return load_sweep(sweep).settings


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
class TestExplorer:
    def test_pointing_names_a_setting_and_a_click_chooses_it(
        self, browser: Any, sweep: Path
    ) -> None:
        best = settings_of(sweep)["final_val_accuracy"].max()
        with opened(browser, sweep / "report.html") as tab:
            stage = tab.locator(".stage").first
            stage.scroll_into_view_if_needed()
            box = stage.bounding_box()
            # Lines end on the axis at the right, the best one at its top.
            tab.mouse.move(box["x"] + box["width"] - 62 - 4, box["y"] + 31)
            assert f"validation accuracy {best:.3f}" in tab.locator(".tip").inner_text()
            assert tab.locator("#explore-table tr.hovered").count() == 1
            tab.locator("#explore-table tbody tr").nth(2).click()
            row = tab.locator("#explore-table tr.chosen-row td").first.inner_text()
            title = tab.locator(".chosen h4").inner_text()
            assert f"Validation accuracy {float(row):.3f}" in tab.locator(".facts").inner_text()
            runs = tab.locator(".runs tbody tr")
            assert runs.count() == 2
            name = runs.first.locator("a").inner_text()
            [run] = load_sweep(sweep).runs.query(f"run == '{name}'").to_dict("records")
            assert f"lr = {run[LR]:g}" in title
            assert runs.first.locator("a").get_attribute("href") == f"./{name}/"
            command = runs.first.locator("code").inner_text()
            assert command.startswith("sweeplab reproduce ")
            assert shlex.split(command)[2] == run["folder"]

    def test_dragging_along_an_axis_keeps_a_range(self, browser: Any, sweep: Path) -> None:
        means = settings_of(sweep)["final_val_accuracy"].dropna()
        with opened(browser, sweep / "report.html") as tab:
            axis = tab.get_by_role("slider", name="Range of validation accuracy")
            axis.scroll_into_view_if_needed()
            box = axis.bounding_box()
            middle = box["x"] + box["width"] / 2
            tab.mouse.move(middle, box["y"] + 2)
            tab.mouse.down()
            tab.mouse.move(middle, box["y"] + box["height"] / 2, steps=3)
            tab.mouse.up()
            tab.wait_for_function("location.hash.includes('only')")
            low, high = map(float, axis.get_attribute("aria-valuetext").split(" to "))
            assert shown(tab) == means.between(low - 5e-4, high + 5e-4).sum() < len(means)
            tab.get_by_role("button", name="Show all settings").click()
            tab.wait_for_function("!location.hash.includes('only')")
            assert shown(tab) == 24

    def test_keys_do_what_the_pointer_does(self, browser: Any, sweep: Path) -> None:
        with opened(browser, sweep / "report.html") as tab:
            axis = tab.get_by_role("slider", name="Range of learning rate")
            axis.focus()
            tab.keyboard.press("ArrowDown")  # from all to the lowest value
            tab.wait_for_function("location.hash.includes('only')")
            assert axis.get_attribute("aria-valuetext") == "0.01 to 0.01"
            assert shown(tab) == (settings_of(sweep)[LR] == 0.01).sum() == 8
            tab.keyboard.press("Shift+ArrowUp")
            tab.wait_for_function("location.hash.includes('0.1')")
            assert shown(tab) == 16
            tab.keyboard.press("Escape")
            tab.wait_for_function("!location.hash.includes('only')")
            assert shown(tab) == 24
            slider = tab.get_by_role("slider", name="batch size", exact=True)
            before = tab.locator(".runs a").first.inner_text()
            old = slider.input_value()
            slider.focus()
            tab.keyboard.press("ArrowRight" if old == "0" else "ArrowLeft")
            tab.wait_for_function("location.hash.includes('setting')")
            batch = ["10", "20"][1 - int(old)]
            assert f"batch = {batch}" in tab.locator(".chosen h4").inner_text()
            after = tab.locator(".runs a").first.inner_text()
            runs = load_sweep(sweep).runs.set_index("run")
            differ = [
                k
                for k in (LR, WD, "batch_size", "data.train_size")
                if runs.loc[before, k] != runs.loc[after, k]
            ]
            assert differ == ["batch_size"]
            tab.locator("#explore-table tbody button").nth(3).focus()
            tab.keyboard.press("Enter")
            tab.wait_for_function(
                "document.querySelector('#explore-table tbody').rows[3].className == 'chosen-row'"
            )

    def test_an_address_brings_the_same_view_back(self, browser: Any, sweep: Path) -> None:
        with opened(browser, sweep / "report.html") as tab:
            choices = {
                "Result": "validation loss",
                "Colour": "learning rate",
                "Curves": "by batch size",
                "against": "training examples seen",
            }
            for name, option in choices.items():
                box = tab.get_by_role("combobox", name=re.compile(f"^{name}"))
                box.select_option(option)
            tab.get_by_label("log time").check()
            tab.get_by_label("Filter").fill("lr>=0.1")
            tab.get_by_role("slider", name="Range of batch size").focus()
            tab.keyboard.press("ArrowUp")
            tab.locator("#explore-table tbody tr").nth(3).click()
            tab.wait_for_function("location.hash.includes('setting')")
            address, title = tab.evaluate("location.hash"), tab.locator(".chosen h4").inner_text()
            rows = tab.locator("#explore-table tbody").inner_text()
        with opened(browser, sweep / "report.html", fragment=address) as tab:
            assert tab.locator(".chosen h4").inner_text() == title
            assert tab.locator("#explore-table tbody").inner_text() == rows
            assert tab.get_by_label("log time").is_checked()
            assert tab.get_by_role("combobox", name=re.compile("^Curves")).input_value() == "1"
            chosen = tab.evaluate(
                "[...document.querySelectorAll('.bar select')].map(s => s.selectedOptions[0].text)"
            )
            assert chosen == [*choices.values()]
            assert shown(tab) == 8
        for wrong in (
            "#explore?metric=no&setting=x~y&only=lr~5~6&clock=",
            "#explore?",
            "#nothing?a",
        ):
            with opened(browser, sweep / "report.html", fragment=wrong) as tab:
                assert shown(tab) == 24

    def test_a_filter_finds_values_and_not_digits(self, browser: Any, sweep: Path) -> None:
        table = settings_of(sweep)
        expected = {
            "0.01": (table[LR] == 0.01) | (table[WD] == 0.01),
            "10": table["batch_size"] == 10,  # and not 100
            "lr>0.1": table[LR] > 0.1,
            "batch=20 images=50": (table["batch_size"] == 20) & (table["data.train_size"] == 50),
            "val_accuracy>=0.8": table["final_val_accuracy"] >= 0.8,
        }
        with opened(browser, sweep / "report.html") as tab:
            for words, rows in expected.items():
                tab.get_by_label("Filter").fill(words)
                tab.wait_for_function(
                    "w => location.hash.includes(encodeURIComponent(w).replaceAll('%20', '+'))",
                    arg=words,
                )
                assert shown(tab) == rows.sum() > 0, words
            tab.get_by_label("Filter").fill("run=7")
            tab.wait_for_function("document.querySelector('#explore-table tbody').rows.length == 1")
            tab.get_by_label("Filter").fill("sevn")
            tab.wait_for_function("!document.querySelector('#explore-table tbody').rows.length")

    def test_the_table_sorts(self, browser: Any, sweep: Path) -> None:
        losses = settings_of(sweep)["final_val_loss"].dropna().sort_values()
        with opened(browser, sweep / "report.html") as tab:
            column = (
                tab.locator("#explore-table thead th").all_inner_texts().index("validation loss")
            )
            head = tab.locator("#explore-table thead th").nth(column)
            for direction, first in (
                ("descending", losses.iloc[-1]),
                ("ascending", losses.iloc[0]),
            ):
                head.get_by_role("button").click()
                tab.wait_for_function(
                    "([n, d]) => document.querySelectorAll('#explore-table thead th')[n]"
                    ".ariaSort == d",
                    arg=[column, direction],
                )
                cells = tab.locator("#explore-table tbody tr").first.locator("th, td")
                assert float(cells.nth(column).inner_text()) == pytest.approx(first, abs=5e-5)

    def test_ten_thousand_runs(self, browser: Any, tmp_path: Path) -> None:
        sweep = many(tmp_path)
        (tmp_path / "report.html").write_text(page_of(sweep, tmp_path))
        with opened(browser, tmp_path / "report.html") as tab:
            assert tab.locator(".bar [role=status]").inner_text().startswith("All 2,500 settings.")
            tab.get_by_role("slider", name="Range of batch size").focus()
            tab.keyboard.press("ArrowUp")
            tab.wait_for_function(
                "document.querySelector('.bar [role=status]').innerText.startsWith('500 of 2,500')"
            )
            # While a brush is dragged fewer lines are drawn; when it rests, all of them.
            tab.keyboard.press("Escape")
            one = tab.get_by_role("slider", name="Range of validation accuracy").bounding_box()
            x, y = one["x"] + one["width"] / 2, one["y"] + 15
            tab.mouse.move(x, y)
            tab.mouse.down()
            tab.mouse.move(x, y + 20)
            tab.mouse.move(x, y + 120)
            tab.wait_for_function(
                "document.querySelector('.bar [role=status]').innerText.includes(' of 2,500')"
            )
            ink = (
                "() => { const c = document.querySelector('.stage canvas'); return c.getContext"
                "('2d').getImageData(0, 0, c.width, c.height).data.reduce((n, v) => n + v, 0); }"
            )
            moving = tab.evaluate(ink)
            tab.mouse.up()
            tab.wait_for_function(f"n => ({ink})() != n", arg=moving)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
class TestBrowser:
    SEEN = (
        "[...document.querySelectorAll('figure')].filter(f => f.checkVisibility())"
        ".map(f => ({id: f.id, panels:"
        " [...f.querySelectorAll('.panels > svg')].map(s => { const b ="
        " s.getBoundingClientRect(); const g = s.querySelector('g').getBBox();"
        " return [b.width, b.height, g.width, g.height]; })}))"
    )

    @pytest.mark.parametrize("way", ["screen", "print", "without script"])
    def test_figures_are_visible(self, browser: Any, sweep: Path, way: str) -> None:
        with opened(
            browser, sweep / "report.html", java_script_enabled=way != "without script"
        ) as tab:
            tab.emulate_media(media="print" if way == "print" else "screen")
            explorer = tab.locator("#explore").is_visible()
            assert explorer is (way == "screen")
            if way == "print":
                assert tab.locator("#settings-table tbody tr:visible").count() == 24
            drawn = {"figure-knob-optimizer-lr", "figure-curves-batch_size"}  # the explorer's too
            if way == "without script":  # nothing can be asked of the page
                for name in drawn:
                    assert tab.locator(f"#{name}").is_visible()
                return
            sizes = tab.evaluate(self.SEEN)
            names = {figure["id"] for figure in sizes}
            assert drawn <= names if way == "print" else not drawn & names
            assert {"", "figure-pairs", "figure-train-size", "figure-batch-size"} <= names
            for figure in sizes:
                assert figure["panels"], figure["id"]
                for panel in figure["panels"]:
                    assert min(panel) > 40, (figure["id"], panel)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing(self, browser: Any, sweep: Path, scheme: str) -> None:
        axe = pytest.importorskip("axe_playwright_python.sync_playwright")
        with opened(browser, sweep / "report.html", color_scheme=scheme) as tab:
            found = axe.Axe().run(tab).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []

    @pytest.mark.parametrize("width", [390, 768, 1280])
    def test_no_sideways_scrolling(self, browser: Any, sweep: Path, width: int) -> None:
        with opened(browser, sweep / "report.html", width) as tab:
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            smallest = tab.evaluate(
                "Math.min(...[...document.querySelectorAll('.panels > svg')]"
                ".filter(s => s.checkVisibility()).map(s =>"
                " 8 * s.getBoundingClientRect().width / s.viewBox.baseVal.width))"
            )
            assert smallest >= 7.5  # pixels, of the smallest text
            if width == 390:  # the accuracy is seen without scrolling the table
                head = tab.locator(
                    "#explore-table thead th", has_text="validation accuracy"
                ).bounding_box()
                assert head["x"] + head["width"] <= width

    def test_light_and_dark(self, browser: Any, sweep: Path) -> None:
        colours = {}
        for scheme in ("light", "dark"):
            with opened(browser, sweep / "report.html", color_scheme=scheme) as tab:
                colours[scheme] = tab.evaluate(
                    "[getComputedStyle(document.body).backgroundColor,"
                    " getComputedStyle(document.querySelector('.panels text')).fill]"
                )
        assert colours == {
            "light": ["rgb(255, 255, 255)", "rgb(31, 35, 40)"],
            "dark": ["rgb(15, 20, 26)", "rgb(230, 237, 243)"],
        }

    def test_commands_can_be_copied(self, browser: Any, sweep: Path) -> None:
        allowed = ["clipboard-read", "clipboard-write"]
        with opened(browser, sweep / "report.html", permissions=allowed) as tab:
            tab.locator(".runs button.copy").first.click()
            copied = tab.evaluate("navigator.clipboard.readText()")
            assert copied.startswith("sweeplab reproduce ")
            assert copied == tab.locator(".runs code").first.text_content()
