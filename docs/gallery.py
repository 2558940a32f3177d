"""Train every shipped experiment and show its figures in docs/gallery.md: ``make gallery``.

What is trained already is not trained again. The sentences are those of the reports. The picture
of a report's top, docs/images/report.png, needs a Chromium, and stays as it is without one.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image

from sweeplab.cli.experiments import Experiment, read, shipped_experiments
from sweeplab.figures.catalogue import sections
from sweeplab.figures.plots import Plot
from sweeplab.figures.svg import to_bytes
from sweeplab.report.text.verdict import Verdict, verdict
from sweeplab.statistics import analyse
from sweeplab.sweeps.comparable import comparable
from sweeplab.sweeps.settings import count_statuses
from sweeplab.sweeps.tables import load_sweep
from sweeplab.terminal import say

DOCS = Path(__file__).parent
IMAGES = DOCS / "images"
SWEEPS = Path("outputs/gallery")
# Each experiment, in the order of the gallery, with the figures that answer its question.
SHOWN = {
    "tutorial": ["curves-setting", "templates", "confusion"],
    "learning_rate": ["knob-optimizer-lr", "curves-optimizer-lr"],
    "batch_size": ["batch-size", "pairs"],
    "weight_decay": ["knob-optimizer-weight_decay", "templates"],
    "dataset_size": ["train-size", "curves-data-train_size"],
    "dataset_size_by_weight_decay": ["train-size", "pairs"],
    "grid": ["importance", "pairs"],
    "quickstart": ["pairs"],
    "probe": ["knob-optimizer-lr"],
    "search": ["tries"],
    "halving": ["halving"],
}
WIDTH = 1600  # pixels of a picture, at most
COLOURS = 192
LARGEST = 140_000  # bytes; a larger picture is made smaller
WINDOW = {"width": 1280, "height": 985}
HEAD = """# Gallery

Every shipped experiment with what its report says and shows. The first seven are on real MNIST
images, the others on scikit-learn's digits. `make gallery` trains them, in a few minutes, and
writes this page; figures, captions and sentences are those of the reports. A report has more: all
of its figures, an explorer of all runs, and where everything came from.
"""


def main() -> None:
    """Train, draw, write."""
    experiments = {path.stem: read(path) for path in shipped_experiments()}
    missing = experiments.keys() - SHOWN.keys()
    if missing:
        sys.exit(f"Say in SHOWN which figures to show of: {', '.join(sorted(missing))}.")
    IMAGES.mkdir(exist_ok=True)
    parts = [HEAD]
    for name, figures in SHOWN.items():
        train(name)
        parts.append(part(experiments[name], SWEEPS / name, figures))
    (DOCS / "gallery.md").write_text("\n".join(parts), encoding="utf-8")
    picture_of_report(SWEEPS / "grid" / "report.html", IMAGES / "report.png")
    say(f"Gallery: {DOCS / 'gallery.md'}")


def train(name: str) -> None:
    """Train what is missing of an experiment, and build its report."""
    program = Path(sys.executable).with_name("sweeplab")
    words = ["train", f"experiments/{name}.yaml", f"hydra.sweep.dir={SWEEPS / name}"]
    subprocess.run([program, *words], check=True)


def part(experiment: Experiment, folder: Path, figures: list[str]) -> str:
    """An experiment's part of the page; its pictures are written on the way."""
    whole = load_sweep(folder)
    [sweep] = comparable(whole).values()
    analysis = analyse(sweep)
    said = verdict(sweep, analysis, experiment.asks)
    plots = {plot.name: plot for one in sections(sweep, analysis) for plot in one.plots}
    lines = [
        f"## {experiment.name.replace('_', ' ').capitalize()}",
        f"*{experiment.question}*",
        f"`sweeplab train experiments/{experiment.name}.yaml` ({count_statuses(whole.runs)})",
        *sentences(said),
        *(figure(f"{experiment.name}-{name}".replace("_", "-"), plots[name]) for name in figures),
    ]
    return "\n\n".join(lines) + "\n"


def sentences(said: Verdict) -> list[str]:
    """What the report answers, what follows, which setting to use, and what is to mind."""
    return [f"**{said.lead}** {' '.join(said.findings)}", said.setting, " ".join(said.cautions)]


def figure(name: str, plot: Plot) -> str:
    """Write a figure's picture; its Markdown, with the report's caption below."""
    path = IMAGES / f"{name}.png"
    path.write_bytes(small(to_bytes(plot.figure, "png")))
    alt = plot.alt.replace("[", "(").replace("]", ")")
    return f"![{plot.title}. {alt}](images/{path.name})\n\n**{plot.title}.** {plot.caption}"


def small(png: bytes) -> bytes:
    """The picture in few colours, at most :data:`WIDTH` pixels wide and :data:`LARGEST` bytes."""
    with Image.open(io.BytesIO(png)) as opened:
        whole = opened.convert("RGB")
    content, width = b"", min(whole.width, WIDTH)
    while not content or len(content) > LARGEST:
        image = whole.resize(
            (width, round(whole.height * width / whole.width)), Image.Resampling.LANCZOS
        )
        sink = io.BytesIO()
        image.quantize(COLOURS, dither=Image.Dither.NONE).save(sink, "png", optimize=True)
        content, width = sink.getvalue(), int(0.9 * width)
    return content


def picture_of_report(page: Path, target: Path) -> None:
    """The first screen of a report, as a browser shows it."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        say(f"No Chromium is installed here: {target} stays as it is.")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        shown = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = shown.new_page(viewport=WINDOW, color_scheme="light")
        tab.goto(page.absolute().as_uri())
        tab.wait_for_function("document.documentElement.dataset.ready === 'yes'")
        target.write_bytes(small(tab.screenshot()))
        shown.close()


if __name__ == "__main__":
    main()
