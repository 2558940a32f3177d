"""`sweeplab compare`: two sweeps, or two settings, held against each other."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from scipy.stats import t as student
from sklearn.datasets import load_digits

from conftest import Command, reseal
from report_sweeps import write_images, write_run
from sweeplab.report.versus import build_comparison
from sweeplab.sweeps.folder import SweepFolder, SweepRecord, write_sweep
from sweeplab.sweeps.sides import find_sides, folder_beside
from trained import configs, write_trained

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sweeps ``a`` and ``b``: two learning rates of three seeds, ``b`` with momentum 0.9."""
    folder = tmp_path_factory.mktemp("planted")
    asked = configs()
    write_trained(folder / "a", asked)
    fast = [replace(c, optimizer=replace(c.optimizer, momentum=0.9)) for c in asked]
    write_trained(folder / "b", fast)
    return folder


def said(*words: object, formats: tuple[str, ...] = ()) -> str:
    left, right = find_sides([*map(str, words)])
    out = Path(str(words[0])).parent / "out"
    return "\n".join(build_comparison(left, right, out, formats=formats).sentences)


def ends(sweep: Path) -> pd.DataFrame:
    """The last validation accuracy of each run, by its own files alone."""
    rows = []
    for run in sorted(sweep.glob("[0-9]*")):
        config = json.loads((run / "run.json").read_text())["config"]
        last = pd.read_csv(run / "curves.csv")["val_accuracy"].iloc[-1]
        rows.append((config["optimizer"]["lr"], config["seed"], last, run))
    return pd.DataFrame(rows, columns=["lr", "seed", "accuracy", "run"])


def rightness(run: Path) -> np.ndarray:
    """Which of the 100 validation digits a run gets right, by scikit-learn's digits."""
    weights = load_file(run / "weights.safetensors")
    images, labels = load_digits(return_X_y=True)
    x = images[1000:1100].astype(np.float32) / 16
    return (x @ weights["weight"].T + weights["bias"]).argmax(axis=1) == labels[1000:1100]


def numbers_in(sentence: str) -> list[float]:
    return [float(n.replace("−", "-")) for n in re.findall(r"[+−]?\d+\.\d+", sentence)]


def test_the_one_thing_that_was_planted_is_named_and_measured(planted: Path) -> None:
    a, b = ends(planted / "a"), ends(planted / "b")
    both = a.merge(b, on=["lr", "seed"])
    by_setting = (both["accuracy_y"] - both["accuracy_x"]).groupby(both["lr"]).mean()
    text = said(planted / "a", planted / "b")
    lead = text.splitlines()[2]
    assert lead.startswith("B (momentum 0.9) is better than A (momentum 0) by ")
    assert "on average over the 2 settings that both have" in lead
    _, _, mean, low, high = numbers_in(lead.replace("momentum 0)", "momentum 0.0)"))
    assert mean == pytest.approx(by_setting.mean(), abs=0.0006)
    assert low < mean < high
    table = pd.read_csv(planted / "out" / "differences.csv").set_index("optimizer.lr")
    pd.testing.assert_series_equal(
        table["difference"].sort_index(), by_setting, check_names=False, atol=1e-6
    )
    assert (table["seeds"] == 3).all()
    # The other way round everything changes its sign, and nothing else.
    back = said(planted / "b", planted / "a").splitlines()[2]
    assert back == lead.replace("B (momentum 0.9) is better than A (momentum 0)",
                                "B (momentum 0) is worse than A (momentum 0.9)")  # fmt: skip


def test_the_interval_is_that_of_pairs_of_images_and_seeds(planted: Path) -> None:
    """Against a bootstrap over seeds and images (A. B. Owen's pigeonhole), which knows no model."""
    a, b = ends(planted / "a"), ends(planted / "b")
    both = a.merge(b, on=["lr", "seed"]).query("lr == 0.5")
    gaps = np.array(
        [
            rightness(y) * 1.0 - rightness(x)
            for x, y in zip(both["run_x"], both["run_y"], strict=True)
        ]
    )  # [S, M]
    rng = np.random.default_rng(0)
    seeds, images = gaps.shape
    means = [
        gaps[np.ix_(rng.integers(0, seeds, seeds), rng.integers(0, images, images))].mean()
        for _ in range(4000)
    ]
    runs = [planted / side / str(ends(planted / side).query("lr == 0.5").index[0]) for side in "ab"]
    lead = said(*runs).splitlines()[2]
    _, _, mean, low, high = numbers_in(lead.replace("momentum 0)", "momentum 0.0)"))
    assert mean == pytest.approx(gaps.mean(), abs=0.0006)
    # Three seeds are few: the interval knows it, which the bootstrap does not.
    assert 0.8 < (high - low) / 2 / (1.96 * np.std(means)) < 2.0


def test_two_runs_of_one_seed_are_compared_image_by_image(planted: Path, tmp_path: Path) -> None:
    for side in "ab":
        shutil.copytree(planted / side / "3", tmp_path / side / "3")
        shutil.copytree(planted / side / "images", tmp_path / side / "images")
    gap = rightness(tmp_path / "b" / "3") * 1.0 - rightness(tmp_path / "a" / "3")
    m = len(gap)
    # A success and a failure are added in 2 M (A. Agresti and Y. Min, 2005).
    half = student.ppf(0.975, m - 1) * np.sqrt(gap.var(ddof=1) / m + 1 / m**2)
    text = said(tmp_path / "a" / "3", tmp_path / "b" / "3")
    table = pd.read_csv(tmp_path / "a" / "out" / "differences.csv").iloc[0]
    assert table["difference"] == pytest.approx(gap.mean(), abs=1e-6)
    assert (table["high"] - table["low"]) / 2 == pytest.approx(half, abs=1e-5)
    assert "One seed alone: what another seed would do is not known." in text


def test_two_settings_of_a_sweep_are_named_by_runs(planted: Path) -> None:
    text = said(planted / "a", 0, 4)
    means = ends(planted / "a").groupby("lr")["accuracy"].mean()
    assert "B (learning rate 0.5) is better than A (learning rate 0.1)" in text
    assert f"A reaches {means[0.1]:.3f}, B {means[0.5]:.3f}." in text
    assert said(planted / "a" / "2", planted / "a" / "5").splitlines()[2:] == text.splitlines()[2:]


def test_only_seeds_that_both_have_are_compared(planted: Path, tmp_path: Path) -> None:
    for side in "ab":
        shutil.copytree(planted / side, tmp_path / side)
    shutil.rmtree(tmp_path / "a" / "0")  # learning rate 0.1, seed 0
    text = said(tmp_path / "a", tmp_path / "b")
    both = ends(tmp_path / "a").merge(ends(tmp_path / "b"), on=["lr", "seed"])
    gap = (both["accuracy_y"] - both["accuracy_x"]).groupby(both["lr"]).mean()
    table = pd.read_csv(tmp_path / "out" / "differences.csv").set_index("optimizer.lr")
    assert table["difference"].to_dict() == pytest.approx(gap.to_dict(), abs=1e-6)
    assert table["seeds"].to_dict() == {0.1: 2, 0.5: 3}
    assert "They share no seed" not in text


def test_a_copy_is_the_same(planted: Path, tmp_path: Path) -> None:
    shutil.copytree(planted / "a", tmp_path / "a")
    shutil.copytree(planted / "a", tmp_path / "copy")
    text = said(tmp_path / "a", tmp_path / "copy")
    assert "They are the same: the 6 runs that both have are alike to the last bit." in text


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
def test_the_page_in_a_browser(planted: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    from playwright.sync_api import sync_playwright

    said(planted / "a", planted / "b")
    page = (planted / "out" / "comparison.html").as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        for scheme, width in (("light", 1280), ("dark", 390)):
            tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            asked: list[str] = []
            tab.on("request", lambda request, asked=asked: asked.append(request.url))
            tab.goto(page)
            assert [url for url in asked if not url.startswith("data:")] == [page]
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            found = axe.Axe().run(tab).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
        browser.close()


def sweep(folder: Path) -> Path:
    """A sweep's record beside runs that a test wrote."""
    folder.mkdir(parents=True, exist_ok=True)
    write_sweep(SweepFolder(folder), SweepRecord(folder.name, "", []))
    return folder


def write(folder: Path, lrs: dict[float, list[float | None]], **more: object) -> Path:
    """A run a learning rate and seed that ends at an accuracy; None for one that diverged."""
    for rate, accuracies in lrs.items():
        for seed, accuracy in enumerate(accuracies):
            at = {"optimizer__lr": rate, "seed": seed, **more}
            run = folder / f"{rate}-{seed}"
            if accuracy is None:
                write_run(run, [0.1, 0.1], diverged_at=14, **at)
            else:
                write_run(run, [0.1, 0.3, accuracy], **at)
    return sweep(folder)


class TestWhatCannotBePaired:
    def test_no_setting_in_common(self, tmp_path: Path) -> None:
        a = write(tmp_path / "a", {0.1: [0.5, 0.52], 0.2: [0.6, 0.62]})
        b = write(tmp_path / "b", {0.3: [0.7, 0.72], 0.4: [0.4, 0.42]})
        text = said(a, b)
        assert (
            "They share no setting, so nothing can be paired: they differ in learning rate." in text
        )
        assert "The best setting of A reaches 0.610, the best of B 0.710: +0.100" in text
        page = (tmp_path / "out" / "comparison.html").read_text()
        assert "0.1 and 0.2" in page
        assert "0.3 and 0.4" in page

    def test_other_validation_images(self, tmp_path: Path) -> None:
        a = write(tmp_path / "a", {0.1: [0.5]})
        b = write(tmp_path / "b", {0.1: [0.6]}, data__val_start=120)
        text = said(a, b)
        assert "They were validated on different images, so their accuracies do not compare" in text
        assert "better" not in text

    def test_other_images_under_the_same_name(self, tmp_path: Path) -> None:
        a = write(tmp_path / "a", {0.1: [0.5]})
        b = write(tmp_path / "b", {0.1: [0.6]})
        for folder in (a, b):
            write_images(folder)
        assert "No difference between A and B could be seen" in said(a, b)
        file = b / "images" / "digits.safetensors"
        content = bytearray(file.read_bytes())
        content[-1] ^= 1  # of the last validation image, or label
        file.write_bytes(bytes(content))
        text = said(a, b)
        assert "both ask for the same validation images and had different ones" in text
        assert "better" not in text

    def test_one_set_of_two(self, tmp_path: Path) -> None:
        a = write(tmp_path / "a", {0.1: [0.5, 0.52]})
        b = write(tmp_path / "b", {0.1: [0.7, 0.74]})
        for i, folder in enumerate((a, b)):
            run = folder / "m"
            write_run(run, [0.1, 0.9], data__name=f"mnist{i}", data__val_size=50)
        text = said(a, b)
        assert "B is better than A by 0.210" in text


class TestRunsThatDidNotEnd:
    def test_a_setting_with_a_diverged_seed_is_not_averaged_over_the_others(
        self, tmp_path: Path
    ) -> None:
        a = write(tmp_path / "a", {0.1: [0.5, 0.52], 1.0: [0.6, 0.6]})
        b = write(tmp_path / "b", {0.1: [0.7, 0.74], 1.0: [0.9, None]})
        text = said(a, b)
        assert "B is better than A by 0.210" in text
        assert "1 in B alone diverged; 1 setting with such a run is not compared." in text

    def test_where_no_setting_is_without_one_the_seeds_are_left_out(self, tmp_path: Path) -> None:
        a = write(tmp_path / "a", {1.0: [0.6, 0.62, 0.9]})
        b = write(tmp_path / "b", {1.0: [0.8, 0.82, None]})
        text = said(a, b)
        assert "A reaches 0.610, B 0.810." in text
        assert "the seeds that did are left out on both sides" in text
        assert "which flatters the side that they are of" in text

    def test_nothing_ended(self, tmp_path: Path) -> None:
        a = write(tmp_path / "a", {1.0: [None, None]})
        b = write(tmp_path / "b", {1.0: [0.8, 0.8]})
        assert "no run ended on both sides" in said(a, b)

    def test_failed_runs_are_counted(self, tmp_path: Path) -> None:
        a = write(tmp_path / "a", {0.1: [0.5, 0.52]})
        b = write(tmp_path / "b", {0.1: [0.7]})
        write_run(b / "f", None, optimizer__lr=0.1, seed=1)
        text = said(a, b)
        assert "A reaches 0.500, B 0.700." in text
        assert "1 run that failed or was stopped early is left out." in text


def test_no_difference_says_what_would_have_been_seen(tmp_path: Path) -> None:
    a = write(tmp_path / "a", {0.1: [0.50, 0.52], 0.2: [0.6, 0.62]})
    b = write(tmp_path / "b", {0.1: [0.52, 0.50], 0.2: [0.6, 0.62]}, epochs=20)
    text = said(a, b)
    lead = text.splitlines()[2]
    assert lead.startswith(
        "On average no difference between A (epochs 10) and B (epochs 20) could be seen in the 2 "
        "settings that both have; one of over 0."
    )
    assert "In none of the 2 settings by itself is the difference clear." in text


def test_several_planted_things_cannot_be_told_apart(tmp_path: Path) -> None:
    a = write(tmp_path / "a", {0.1: [0.5, 0.52]})
    b = write(tmp_path / "b", {0.1: [0.7, 0.74]}, epochs=20, batch_size=20)
    assert "They differ in batch size and epochs: which of them makes" in said(a, b)
    # How often is measured changes no training.
    c = write(tmp_path / "c", {0.1: [0.7, 0.74]}, epochs=20, eval_every=5)
    text = said(a, c)
    assert "B (epochs 20) is better than A (epochs 10) by 0.210" in text
    assert "which of them" not in text


def test_seeds_that_differ_are_not_paired(tmp_path: Path) -> None:
    a = write(tmp_path / "a", {0.1: [0.5, 0.52, 0.51]})
    b = tmp_path / "b"
    for seed in (7, 8, 9):
        write_run(b / str(seed), [0.1, 0.3, 0.8], optimizer__lr=0.1, seed=seed)
    assert "They share no seed" in said(a, sweep(b))


def test_other_code_is_named(tmp_path: Path) -> None:
    a = write(tmp_path / "a", {0.1: [0.5, 0.52]})
    b = write(tmp_path / "b", {0.1: [0.7, 0.74]})
    for run in b.glob("0*"):
        record = json.loads((run / "run.json").read_text())
        record["environment"] |= {"python": "3.13", "git": {"commit": "d" * 40, "dirty": False}}
        (run / "run.json").write_text(json.dumps(record))
        reseal(run / "run.json")
    text = said(a, b)
    assert (
        "They were not trained by the same means: python is 3.11 in A, 3.13 in B; git commit is "
        "abc in A, dddddddddddd in B." in text
    )


def test_own_data_may_lie_elsewhere(tmp_path: Path) -> None:
    own = {"data__name": "arrays", "data__val_size": 50}
    a = write(tmp_path / "a", {0.1: [0.5, 0.52]}, data__path="here/x.npz", **own)
    b = write(tmp_path / "b", {0.1: [0.7, 0.74]}, data__path="there/x.npz", epochs=20, **own)
    assert "B (epochs 20) is better than A (epochs 10) by 0.210" in said(a, b)


def test_the_command_leaves_both_sides_as_they_are(
    sweeplab: Command, planted: Path, tmp_path: Path
) -> None:
    for side in "ab":
        shutil.copytree(planted / side, tmp_path / "outputs" / side)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    done = sweeplab("compare", "outputs/a", "outputs/b")
    assert done.code == 0
    assert "A: outputs/a (6 runs: 6 completed)" in done.out
    assert "Page: outputs/a-vs-b/comparison.html" in done.out
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert {path.name for path in (tmp_path / "outputs").iterdir()} == {"a", "b", "a-vs-b"}
    done = sweeplab("compare", "outputs/a", "0", "3", "--output", "mine")
    assert "Page: mine/comparison.html" in done.out
    done = sweeplab("compare", "outputs/a", "outputs/b", "--output", "outputs/a")
    assert (done.code, "is the folder of a sweep" in done.err) == (1, True)
    left, right = find_sides(["outputs/a/0", "outputs/b/3"])
    assert folder_beside(left, right) == tmp_path / "outputs" / "a-0-vs-b-3"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a"], "compare takes two sweeps, or two runs"),
        (["a", "a"], "a and a have runs in common"),
        (["a", "a/1"], "a and a/1 have runs in common"),
        (["a", "0", "1"], "Runs 0 and 1 are of one setting and differ in the seed alone"),
        (["a", "0", "99"], "a has no run 99: its runs are 0 to 5"),
        (["a", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    sweeplab: Command, planted: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    shutil.copytree(planted / "a", tmp_path / "a")
    done = sweeplab("compare", *words)
    assert done.code == 1
    assert message in done.err
    assert {path.name for path in tmp_path.iterdir()} == {"a"}
