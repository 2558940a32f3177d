"""The report's page: complete in one file, and true to the tables."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from conftest import Command, reseal
from report_sweeps import write_grid, write_images, write_run
from sweeplab.report.build import build_report
from sweeplab.sweeps.folder import SweepFolder, SweepRecord, write_sweep
from sweeplab.sweeps.tables import load_sweep, write_tables


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of 48 runs over four knobs with a report; its name must be escaped."""
    folder = write_grid(tmp_path_factory.mktemp("sweeps") / "<i onclick=alert(1)> & $x$")
    loaded = load_sweep(folder)
    write_tables(loaded)
    build_report(loaded)
    return folder


@pytest.fixture(scope="module")
def html(sweep: Path) -> str:
    return (sweep / "report.html").read_text()


class Reader(HTMLParser):
    """Collects start tags with their attributes, and the text outside style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.within = tag

    def handle_data(self, data: str) -> None:
        if self.within not in ("style", "script"):
            self.text += f" {data}"

    def values(self, name: str) -> list[str]:
        return [value for _, attrs in self.tags if (value := attrs.get(name)) is not None]


class TestPage:
    def test_files(self, sweep: Path) -> None:
        figures = {path.name for path in (sweep / "figures").glob("[!.]*")}
        assert {"pairs.svg", "pairs.png", "importance.png"} <= figures
        assert len(figures) % 2 == 0
        assert (sweep / "runs.csv").is_file()
        assert (sweep / "curves.parquet").is_file()
        assert not list(sweep.rglob(".*.part"))

    def test_nothing_is_fetched(self, html: str) -> None:
        reader = Reader(html)
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            for value in reader.values(name):
                assert value.startswith(("#", "data:")), value
        assert "@import" not in html
        assert not re.search(r"url\(\s*['\"]?https?:", html)

    def test_names_are_escaped(self, html: str) -> None:
        assert "<i onclick" not in html
        assert "<planted>" not in html
        assert "&lt;i onclick=alert(1)&gt; &amp; $x$" in html
        assert "a &lt;planted&gt; failure" in html

    def test_ids_are_unique_and_every_reference_resolves(self, html: str) -> None:
        reader = Reader(html)
        ids = reader.values("id")
        assert len(ids) == len(set(ids))
        wanted = {v[1:] for v in reader.values("href") if v.startswith("#")}
        wanted |= {v[1:] for v in reader.values("xlink:href") if v.startswith("#")}
        wanted |= {
            one
            for name in ("aria-labelledby", "aria-describedby")
            for value in reader.values(name)
            for one in value.split()
        }
        wanted |= set(re.findall(r"url\(#([^)]+)\)", html))
        assert wanted <= set(ids)

    def test_the_answer_is_the_best_row_of_the_settings(self, sweep: Path, html: str) -> None:
        settings = load_sweep(sweep).settings
        best = settings.loc[settings["final_val_accuracy"].idxmax()]
        text = " ".join(Reader(html).text.split())
        assert f"{best['final_val_accuracy']:.3f}" in text[: text.index("Explore the runs")]
        assert "48 runs: 46 completed, 1 diverged and 1 failed" in text

    def test_every_run_is_named_with_its_setting(self, html: str) -> None:
        [table] = re.findall(r'<table id="settings-table">.*?</table>', html, re.DOTALL)
        cells = re.findall(r"<td>((?:\d+, )*\d+)</td></tr>", table)
        named = [name for cell in cells for name in cell.split(", ")]
        assert sorted(map(int, named)) == list(range(48))

    def test_failed_and_diverged_runs_are_named_with_the_reason(self, html: str) -> None:
        assert "loss not finite at iteration 14" in html
        assert "RuntimeError: a &lt;planted&gt; failure" in html

    def test_the_same_runs_give_the_same_report(self, sweep: Path) -> None:
        def files() -> dict[str, bytes]:
            paths = [sweep / "report.html", *(sweep / "figures").iterdir()]
            return {path.name: path.read_bytes() for path in paths}

        first = files()
        assert len(first) > 30
        build_report(load_sweep([sweep]))
        assert files() == first


class TestUnusualSweeps:
    def build(self, folder: Path, *more: Path) -> str:
        page = build_report(load_sweep([folder, *more]), formats=())
        assert more or page == folder / "report.html"
        return " ".join(Reader(page.read_text()).text.split())

    def test_all_runs_failed(self, tmp_path: Path) -> None:
        for i in range(2):
            write_run(tmp_path / "s" / str(i), None, seed=i)
        text = self.build(tmp_path / "s")
        assert "No run ran to its end" in text
        assert text.count("RuntimeError: a <planted> failure") >= 2

    def test_all_runs_diverged(self, tmp_path: Path) -> None:
        for i in range(2):
            write_run(tmp_path / "s" / str(i), [0.1, 0.2], diverged_at=11, optimizer__lr=9.0 + i)
        assert "No run ran to its end with a result" in self.build(tmp_path / "s")

    def test_a_single_run(self, tmp_path: Path) -> None:
        write_run(tmp_path / "s" / "0", [0.1, 0.5, 0.625])
        write_images(tmp_path / "s")
        text = self.build(tmp_path / "s" / "0")
        assert "The validation accuracy is 0.625 after 20 iterations." in text
        assert "±" not in text[: text.index("Learning curves")]

    def test_a_wrong_model_is_not_explained(self, tmp_path: Path) -> None:
        # The weights are zero and 10 % right, but the curves say 62 %: other images, or weights.
        write_run(tmp_path / "s" / "0", [0.1, 0.5, 0.625])
        write_run(tmp_path / "t" / "0", [0.1, 0.1, 0.1])
        for name, expected in (("s", False), ("t", True)):
            write_images(tmp_path / name)
            text = self.build(tmp_path / name)
            assert ("Which classes are confused" in text) is expected

    def test_one_seed_of_each(self, tmp_path: Path) -> None:
        for i, rate in enumerate((0.01, 0.1, 1.0)):
            write_run(tmp_path / "s" / str(i), [0.1, 0.4, 0.5 + rate / 10], optimizer__lr=rate)
        text = self.build(tmp_path / "s")
        assert "If you want one setting, use learning rate = 1 (run 2)." in text
        assert "3 settings could be the best" in text

    def test_two_data_sets_are_kept_apart(self, tmp_path: Path) -> None:
        for i, (name, rate) in enumerate(
            [("digits", 0.1), ("digits", 1.0), ("mnist", 0.1), ("mnist", 1.0)]
        ):
            write_run(
                tmp_path / "s" / str(i),
                [0.1, 0.4, 0.5 + 0.1 * i],
                data__name=name,
                optimizer__lr=rate,
            )
        text = self.build(tmp_path / "s")
        assert "On digits The learning rate makes no clear difference" in text
        assert "use learning rate = 1 (run 1)" in text
        assert "use learning rate = 1 (run 3)" in text

    def test_damaged_runs_are_named(self, tmp_path: Path) -> None:
        for i in range(3):
            write_run(tmp_path / "s" / str(i), [0.1, 0.4, 0.5], seed=i)
        (tmp_path / "s" / "1" / "run.json").write_text("{")
        text = self.build(tmp_path / "s")
        assert "2 runs: 2 completed" in text
        assert f"{tmp_path / 's' / '1'} : {tmp_path / 's' / '1' / 'run.json'} is damaged" in text

    def test_merged_sweeps_say_what_differs(self, tmp_path: Path) -> None:
        write_run(tmp_path / "a" / "0", [0.1, 0.4, 0.5], optimizer__lr=0.1)
        write_run(tmp_path / "b" / "0", [0.1, 0.4, 0.6], optimizer__lr=0.2)
        text = self.build(tmp_path / "a", tmp_path / "b")
        assert "a and b" in text
        assert "2 sweeps are merged here." in text[: text.index("What each knob does")]
        assert "b: 1 run; only here: learning rate 0.2" in text

    def test_unrelated_sweeps_say_what_compares_and_what_does_not(self, tmp_path: Path) -> None:
        for rate in (0.1, 1.0):
            write_run(tmp_path / "a" / f"{rate}", [0.1, 0.5 + rate / 10], optimizer__lr=rate)
            other = {"optimizer__lr": rate, "data__name": "mnist", "data__val_size": 60}
            write_run(tmp_path / "m" / f"{rate}", [0.1, 0.6 + rate / 10], **other)
            twice = {"optimizer__weight_decay": rate / 10, "epochs": 20}
            write_run(tmp_path / "b" / f"{rate}", [0.1, 0.3], **twice)
        page = build_report(
            load_sweep([tmp_path / "a", tmp_path / "m", tmp_path / "b"]), formats=()
        )
        text = " ".join(Reader(page.read_text()).text.split())
        assert (
            "validated on 2 different sets of images: digits (a and b) and mnist (m). Accuracies "
            "are compared within each set only" in text
        )
        assert (
            "On digits, epochs changes only from sweep to sweep (10 in a; 20 in b), and learning "
            "rate and weight decay with it: which of them makes a difference" in text
        )
        assert "a: 2 runs over learning rate" in text
        assert "b: 2 runs over weight decay; only here: epochs 20; learning rate 0.01" in text
        # The list of contents names each set of images once, and what there is of it below.
        nav = text[text.index("On digits Explore") : text.index("On all of them")]
        assert nav.count("digits") == 1
        assert "On mnist" in nav
        assert nav.count("Settings") == 2

    def test_merged_sweeps_that_share_runs_or_differ_in_versions_say_so(
        self, tmp_path: Path
    ) -> None:
        for name, rate in (("a", 0.1), ("b", 0.1), ("b", 0.2)):
            folder = write_run(tmp_path / name / str(rate), [0.1, 0.5], optimizer__lr=rate)
        record = json.loads(folder.record.read_text())
        record["environment"]["python"] = "3.13"
        folder.record.write_text(json.dumps(record))
        reseal(folder.record)
        text = self.build(tmp_path / "a", tmp_path / "b")
        assert "1 run that is in more than one is counted once." in text
        assert "different environments: python (a: 3.11; b: 3.13)." in text

    def test_the_terminal_says_what_is_compared(self, sweeplab: Command, tmp_path: Path) -> None:
        for name, rate in (("a", 0.1), ("b", 0.2)):
            write_run(tmp_path / name / "0", [0.1, 0.5], optimizer__lr=rate)
        out = sweeplab("report", "a", "b", "--format", "svg").out
        assert "2 sweeps are merged here." in out
        assert "- b: 1 run; only here: learning rate 0.2" in out
        assert "merged" not in sweeplab("report", "a", "--format", "svg").out

    def test_a_folder_of_sweeps_is_reported_as_what_it_holds(
        self, sweeplab: Command, tmp_path: Path
    ) -> None:
        for name, rate in (("a", 0.1), ("b", 0.2)):
            write_run(tmp_path / "outputs" / name / "0", [0.1, 0.5], optimizer__lr=rate)
            write_sweep(SweepFolder(tmp_path / "outputs" / name), SweepRecord(name, "", []))
        done = sweeplab("report", "outputs", "--format", "svg")
        assert "2 sweeps are merged here." in done.out
        assert "- b: 1 run; only here: learning rate 0.2" in done.out
        assert "Report: outputs/report.html" in done.out
        text = " ".join(Reader((tmp_path / "outputs" / "report.html").read_text()).text.split())
        assert "a: 1 run; only here: learning rate 0.1" in text

    def test_a_smaller_report_leaves_no_figures_of_a_larger_one(self, tmp_path: Path) -> None:
        folder = tmp_path / "s"
        for i, rate in enumerate((0.1, 1.0)):
            write_run(folder / str(i), [0.1, 0.4, 0.5], optimizer__lr=rate)
        build_report(load_sweep([folder]), formats=("png", "svg"))
        (folder / "figures" / "mine.png").write_bytes(b"")
        (folder / "figures" / "knob-batch_size.png").write_bytes(b"")  # by this name, but not ours
        shutil.rmtree(folder / "1")
        build_report(load_sweep([folder]), formats=("png",))
        assert {path.name for path in (folder / "figures").glob("[!.]*")} == {
            *("loss.png", "accuracy.png"),
            *("mine.png", "knob-batch_size.png"),
        }

    def test_notes_on_figures_name_no_other_files(self, tmp_path: Path) -> None:
        write_run(tmp_path / "s" / "0", [0.1, 0.4, 0.5])
        (tmp_path / "kept").write_text("")
        folder = tmp_path / "s" / "figures"
        folder.mkdir()
        for notes in ('{"files": ["../../kept", "..", ""]}', '{"files": 1}', "{", "[]"):
            (folder / ".figures.json").write_text(notes)
            build_report(load_sweep([tmp_path / "s"]), formats=("png",))
        assert (tmp_path / "kept").exists()

    def test_pdf_figures(self, sweeplab: Command, tmp_path: Path) -> None:
        write_run(tmp_path / "s" / "0", [0.1, 0.4, 0.5])
        assert sweeplab("report", "s", "--format", "pdf").code == 0
        files = sorted((tmp_path / "s" / "figures").glob("[!.]*"))
        assert [file.name for file in files] == ["accuracy.pdf", "loss.pdf"]
        assert all(file.read_bytes().startswith(b"%PDF-") for file in files)
        assert sweeplab("report", "s", "--format", "gif").code == 2


def test_building_a_report_needs_no_torch(tmp_path: Path) -> None:
    write_run(tmp_path / "0", [0.1, 0.4, 0.5])
    code = (
        "import sys; from sweeplab.report.build import build_report;"
        "from sweeplab.sweeps.tables import load_sweep;"
        "build_report(load_sweep(sys.argv[1])); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
