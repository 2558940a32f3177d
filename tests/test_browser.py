"""The report's page in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from report_sweeps import write_grid
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


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
class TestBrowser:
    @contextmanager
    def page(self, sweep: Path, width: int = 1280, **options: Any) -> Iterator[Any]:
        """The report opened without a network; on leaving, the console must be free of errors."""
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
            context = browser.new_context(
                viewport={"width": width, "height": 900}, offline=True, **options
            )
            page = context.new_page()
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
            page.goto((sweep / "report.html").as_uri())
            page.wait_for_function("document.documentElement.dataset.tables === 'ready'")
            yield page
            assert errors == []
            browser.close()

    def test_every_figure_is_visible(self, sweep: Path) -> None:
        with self.page(sweep) as page:
            sizes = page.evaluate(
                "[...document.querySelectorAll('figure')].map(f => ({id: f.id, panels:"
                " [...f.querySelectorAll('.panels > svg')].map(s => { const b ="
                " s.getBoundingClientRect(); const g = s.querySelector('g').getBBox();"
                " return [b.width, b.height, g.width, g.height]; })}))"
            )
            assert len(sizes) == 14
            for figure in sizes:
                assert figure["panels"], figure["id"]
                for panel in figure["panels"]:
                    assert min(panel) > 40, (figure["id"], panel)

    def test_table_sorts_and_filters(self, sweep: Path) -> None:
        from playwright.sync_api import expect

        with self.page(sweep) as page:
            table = page.locator("#settings-table")
            column = table.locator("thead th").all_inner_texts().index("validation accuracy")
            read = (
                "n => [...document.querySelectorAll('#settings-table tbody tr')]"
                ".map(r => parseFloat(r.children[n].innerText))"
            )
            assert page.evaluate(read, column) == sorted(page.evaluate(read, column), reverse=True)
            table.locator("thead th").nth(column).click()
            # The table is redrawn a moment later.
            expect(table.locator("thead th").nth(column)).to_have_attribute(
                "aria-sort", "ascending"
            )
            page.wait_for_function(
                f"n => {{ const v = ({read})(n).filter(x => !isNaN(x));"
                " return v.every((x, i) => !i || v[i - 1] <= x); }",
                arg=column,
            )
            rows = page.locator("#runs-table tbody tr")
            assert rows.count() == 25
            page.locator("#runs input[type=search]").fill("diverged")
            expect(rows).to_have_count(1)
            assert "diverged" in rows.first.inner_text()

    def test_conditions_can_be_set(self, sweep: Path) -> None:
        with self.page(sweep) as page:
            page.locator("#runs button", has_text="Filter by conditions").click()
            assert page.locator(".dtsb-searchBuilder").is_visible()

    @pytest.mark.parametrize("width", [390, 768, 1280])
    def test_no_sideways_scrolling(self, sweep: Path, width: int) -> None:
        with self.page(sweep, width) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            smallest = page.evaluate(
                "Math.min(...[...document.querySelectorAll('.panels > svg')].map(s =>"
                " 8 * s.getBoundingClientRect().width / s.viewBox.baseVal.width))"
            )
            assert smallest >= 7.5  # pixels, of the smallest text

    def test_light_and_dark(self, sweep: Path) -> None:
        colours = {}
        for scheme in ("light", "dark"):
            with self.page(sweep, color_scheme=scheme) as page:
                colours[scheme] = page.evaluate(
                    "[getComputedStyle(document.body).backgroundColor,"
                    " getComputedStyle(document.querySelector('.panels text')).fill]"
                )
        assert colours == {
            "light": ["rgb(255, 255, 255)", "rgb(31, 35, 40)"],
            "dark": ["rgb(15, 20, 26)", "rgb(230, 237, 243)"],
        }

    def test_commands_can_be_copied(self, sweep: Path) -> None:
        with self.page(sweep, permissions=["clipboard-read", "clipboard-write"]) as page:
            page.locator("#runs button.copy").first.click()
            copied = page.evaluate("navigator.clipboard.readText()")
            assert copied.startswith("sweeplab reproduce ")
            assert copied == page.locator("#runs code").first.text_content()
