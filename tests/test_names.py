"""Data sets, classes and columns of any name: in figures, their files, and on the page."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from safetensors.numpy import save_file

from report_sweeps import write_run
from sweeplab.figures.plots.confusion import confusion
from sweeplab.figures.svg import page_parts, to_svg
from sweeplab.report.build import build_report
from sweeplab.sweeps.tables import load_sweep
from sweeplab.words import setting_text

HOSTILE = 'R&D "\'<b>url(#x) id="y" </script>\n\x07\x1b[31m$\\frac$ #0072b2'
ALIKE = HOSTILE.replace("&", "-")  # a file's name would be the same
CLASSES = [HOSTILE, ALIKE, "_hidden", " ", "", "\N{GRINNING FACE}", "a\nb", "<g id='z'>"]


class _Read(HTMLParser):
    """The ids and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.links: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids.update([named["id"]] if named.get("id") else [])
        if (to := named.get("href") or "").startswith("#"):
            self.links.add(to[1:])

    def handle_data(self, data: str) -> None:
        self.text += data


def write_sweep(folder: Path, name: str, classes: list[str], images: str) -> None:
    random = np.random.default_rng(0)
    for i, lr in enumerate((0.1, 0.5)):
        write_run(
            folder / f"{images}{i}", [0.1, 0.3, 0.4 + lr],
            data__name=name, optimizer__lr=lr, bias=np.zeros(len(classes), np.float32),
            weight=random.normal(size=(len(classes), 64)).astype(np.float32),
        )  # fmt: skip
    (folder / "images").mkdir(exist_ok=True)
    save_file(
        {
            "train_images": random.integers(0, 17, (18, 8, 8), dtype=np.uint8),
            "train_labels": np.arange(18) % len(classes),
            "val_images": random.integers(0, 17, (50, 8, 8), dtype=np.uint8),
            "val_labels": np.arange(50) % len(classes),
        },
        folder / "images" / f"{name}.safetensors",
        metadata={"classes": json.dumps(classes), "brightest": "16"},
    )


def _as_folder(name: str) -> str:
    """A data set's name cannot lead to another folder."""
    return name.replace("/", "").replace("\\", "")


def test_no_name_stops_a_report_or_becomes_an_id(tmp_path: Path) -> None:
    for i, name in enumerate((_as_folder(HOSTILE), _as_folder(ALIKE))):
        write_sweep(tmp_path, name, CLASSES, f"{i}-")
    path = build_report(load_sweep(tmp_path), formats=["svg"])
    page = _Read(path.read_text())
    assert {name: n for name, n in page.ids.items() if n > 1} == {}
    assert page.links <= set(page.ids)
    assert not any(set(name) - set(map(chr, range(33, 127))) for name in page.ids)
    assert 'R&D "\'<b>url(#x) id="y" <script>' in page.text
    assert "\x07" not in path.read_text()
    figures = [ET.parse(file) for file in (tmp_path / "figures").glob("*.svg")]
    assert len(figures) == sum(name.startswith("figure-") for name in page.ids if "title" in name)
    assert page.text.count("On R&D") == page.text.count("On R-D") > 0


def test_classes_are_read_as_they_are_called(tmp_path: Path) -> None:
    write_sweep(tmp_path, "digits", CLASSES, "")
    figure = confusion(load_sweep(tmp_path))
    svg = to_svg(figure)
    (panel,), _ = page_parts(figure, svg, "p")
    for text in (svg, panel):
        assert re.search("R&(amp;)?D \"'&lt;b&gt;url", text)  # and no more of it: it is long
        assert not re.search("[\x07\x1b]", text)


def test_classes_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    write_sweep(tmp_path, "digits", [f"of the same beginning {i}" for i in range(40)], "")
    (ax,) = confusion(load_sweep(tmp_path)).subfigs[0].axes
    heights = [bar.get_y() for bar in ax.patches]
    assert len(set(heights)) == len(heights) == len(ax.get_yticklabels()) == 20


def test_a_zero_that_stands_for_all_is_said_to_be_all() -> None:
    values = {"eval_train": 0, "epochs": 0}
    assert setting_text(values, [*values]) == "training images evaluated = all, epochs = 0"
    assert setting_text({"eval_train": 30}, ["eval_train"]) == "training images evaluated = 30"
