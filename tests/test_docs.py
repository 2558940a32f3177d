"""What the documentation says works: its commands run, its links resolve, its files ship."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import own_data
from conftest import ROOT, Command
from sweeplab.cli.experiments import read, shipped_experiments
from sweeplab.config import KNOBS
from sweeplab.data.mnist import IDX_FILES

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SMALL = ["epochs=1", "hydra.sweeper.report=false"]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.M | re.S)


def commands(page: Path) -> list[str]:
    lines = [line.strip() for block in blocks(page, "sh") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture
def fake_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2,500 images of noise in MNIST's format, so that every experiment finds its data."""
    random = np.random.default_rng(0)
    for name in ("MNIST", "FashionMNIST"):
        raw = tmp_path / "data" / name / "raw"
        raw.mkdir(parents=True)
        for file in IDX_FILES:
            shape = (2500, 28, 28) if "images" in file else (2500,)
            values = random.integers(0, 256 if "images" in file else 10, shape, dtype=np.uint8)
            kind = 0x0800 | len(shape)
            header = np.array([kind, *shape], dtype=">i4").tobytes()
            (raw / file).write_bytes(header + values.tobytes())
    monkeypatch.delenv("SWEEPLAB_DATA", raising=False)


@pytest.fixture
def own(tmp_path: Path) -> None:
    """The files of one's own that the pages name."""
    (tmp_path / "elsewhere").mkdir()
    for folder in (tmp_path, tmp_path / "elsewhere"):
        own_data.npz(folder / "features.npz")
    own_data.csv(tmp_path / "wine.csv")
    own_data.photos(tmp_path / "photos")


@pytest.fixture
def sweep(sweeplab: Command, tmp_path: Path) -> Path:
    """A small sweep of 18 runs, another, and an image to predict."""
    folder = tmp_path / "outputs" / "quickstart" / "2026-11-23_10-00-00"
    grid = ("data=digits", *SMALL, "optimizer.lr=0.01,0.1", "seed=range(9)")
    assert sweeplab("train", "-m", *grid, f"hydra.sweep.dir={folder}").code == 0
    shutil.copytree(folder, tmp_path / "B_DIR")
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(tmp_path / "digit.png")
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.usefixtures("fake_mnist", "own")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_shown_runs(
    sweeplab: Command, tmp_path: Path, sweep: Path, page: Path
) -> None:
    for line in commands(page):
        program, *words = shlex.split(line, comments=True)
        if program == "make":
            done = subprocess.run(
                ["make", "-n", *words], cwd=ROOT, capture_output=True, check=False
            )
            assert done.returncode == 0, line
            continue
        assert program == "sweeplab", f"{page.name} shows '{line}': teach this test about it"
        if "hydra/launcher=slurm" in line:
            continue
        words = [re.sub("SWEEP_DIR|A_DIR", str(sweep), word) for word in words]
        if words[0] == "train" and not {"--cfg", "--help", "--dry-run"} & set(words):
            sweeps = "-m" in words or words[1].endswith(".yaml")
            words += SMALL if sweeps else SMALL[:1]
        assert sweeplab(*words).code == 0, line


def test_the_python_shown_runs(
    sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [code] = blocks(ROOT / "README.md", "python")
    names: dict[str, object] = {}
    exec(code, names)
    assert len(names["sweep"].runs) == 18  # type: ignore[attr-defined]
    assert names["result"].config.batch_size == 32  # type: ignore[attr-defined]


def test_the_experiment_shown_runs(sweeplab: Command, tmp_path: Path) -> None:
    [text] = blocks(ROOT / "README.md", "yaml")
    (tmp_path / "mine.yaml").write_text(text)
    done = sweeplab("train", "mine.yaml", "--dry-run")
    assert done.code == 0
    assert "45 runs to train" in done.out


@pytest.mark.usefixtures("fake_mnist")
@pytest.mark.parametrize("path", shipped_experiments(), ids=lambda path: path.stem)
def test_every_experiment_asks_a_question_and_can_be_trained(sweeplab: Command, path: Path) -> None:
    assert read(path).question.endswith("?")
    done = sweeplab("train", f"experiments/{path.name}", "--dry-run")
    assert done.code == 0, done.text
    listed = sweeplab("experiments").out
    assert f"experiments/{path.name}" in listed
    assert read(path).question in listed


@pytest.mark.usefixtures("fake_mnist")
@pytest.mark.parametrize("data", ["mnist", "fashion_mnist", "digits"])
def test_every_data_set_can_be_trained_on(sweeplab: Command, data: str) -> None:
    assert sweeplab("train", f"data={data}", "epochs=1", "hydra.run.dir=here").code == 0


def test_the_wheel_works_in_an_empty_folder(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, source)
    for name in ("src", "conf", "experiments"):
        shutil.copytree(ROOT / name, source / name)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    shutil.rmtree(source)
    empty = tmp_path / "empty"
    empty.mkdir()
    code = (
        "import sys, sweeplab; from sweeplab.cli.main import main;"
        f"assert sweeplab.__file__.startswith({str(installed)!r}), sweeplab.__file__; main()"
    )
    for words, says in (
        (["train", "data=digits", "epochs=1"], "Run folder"),
        (["train", "experiments/quickstart.yaml", "--dry-run"], "60 runs to train"),
        (["experiments"], "experiments/grid.yaml"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=empty,
            env={**os.environ, "PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert says in done.stdout


def test_the_readme_lists_every_key_with_its_value_and_meaning() -> None:
    rows = re.findall(
        r"^\| `([\w.]+)` \| (.+?) \| (.+) \|$", (ROOT / "README.md").read_text(), re.M
    )
    assert rows == [
        (
            key,
            f"`{known.default or repr('')}`" if known.type is str else str(known.default),
            known.meaning,
        )
        for key, known in KNOBS.items()
    ]
