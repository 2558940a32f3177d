"""Nothing documented crashes: every pair of the README's keys, swept together, ends in a report."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import own_data
from conftest import ROOT, Command
from sweeplab.data.mnist import IDX_FILES

# Values of each key to sweep. A key that the README's table gains must gain a line here.
VALUES = {
    "data.name": "digits,mnist",
    "data.root": "{root},{again}",
    "data.train_size": "40,80",
    "data.val_size": "20,40",
    "data.val_start": "100,130",
    "data.train_draw": "0,3",
    "data.path": "{npz},{same}",
    "data.label": "sort,number",
    "data.test_share": "0,0.3",
    "data.order": "file,shuffled",
    "data.order_seed": "1,2",
    "data.balanced": "false,true",
    "data.scale": "unit,standardize,l2,none",
    "data.size": "6,8",
    "data.colour": "grey,rgb",
    "data.on_broken": "skip,stop",
    "batch_size": "10,20",
    "epochs": "1,2",
    "optimizer.lr": "0.1,0.5",
    "optimizer.weight_decay": "0,0.1",
    "optimizer.momentum": "0.5,0.9",
    "optimizer.nesterov": "false,true",
    "optimizer.schedule": "constant,cosine,linear",
    "optimizer.warmup": "0,0.5",
    "seed": "1,2,3",
    "eval_every": "2,epoch",
    "eval_train": "0,30",
    "device": "auto,cpu",
}
# Where a run is made is no part of what it is: the second of two such runs is dropped as a repeat.
PLACES = {"data.root", "data.path", "data.on_broken", "device"}
# Small, and the same places in every data set.
SMALL = {
    "data.name": "digits",
    "data.root": "{root}",
    "data.train_size": "60",
    "data.val_size": "40",
    "data.val_start": "100",
    "batch_size": "20",
    "epochs": "2",
    "eval_every": "2",
    "optimizer.momentum": "0.5",
    "seed": "1,2",
}
# What else a key needs: data of one's own, or a key that makes it matter.
NEEDS = {
    "data.path": {"data.name": "arrays", "data.path": "{npz}"},
    "data.test_share": {"data.name": "arrays", "data.path": "{npz}"},
    "data.label": {"data.name": "arrays", "data.path": "{table}"},
    "data.size": {"data.name": "images", "data.path": "{photos}"},
    "data.colour": {"data.name": "images", "data.path": "{photos}"},
    "data.order_seed": {"data.order": "shuffled"},
}
# Keys that choose which examples validate.
VALIDATING = {
    *("data.name", "data.val_size", "data.val_start", "data.label"),
    *("data.order", "data.order_seed"),
}


def documented() -> list[str]:
    """The keys of the README's table."""
    table = (ROOT / "README.md").read_text().split("| key |")[1].split("\n\n")[0]
    return [re.findall(r"`([\w.]+)`", row)[0] for row in table.splitlines()[2:]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 images of noise in MNIST's format: another data set beside the digits."""
    root = tmp_path_factory.mktemp("data") / "first"
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for file in IDX_FILES:
        shape = (200, 28, 28) if "images" in file else (200,)
        values = random.integers(0, 256 if "images" in file else 10, shape, dtype=np.uint8)
        header = np.array([0x0800 | len(shape), *shape], dtype=">i4").tobytes()
        (raw / file).write_bytes(header + values.tobytes())
    (root.parent / "again").symlink_to(root)
    # Not sorted by class, as most files are: `data.order=file` is for such.
    images, labels = own_data.features(classes=4)
    mixed = random.permutation(len(labels))
    np.savez(root / "x.npz", X=images[mixed], y=labels[mixed])
    (root / "same.npz").symlink_to(root / "x.npz")
    table = own_data.wine().sample(frac=1, random_state=0)
    table.assign(sort=table["number"] % 2).to_csv(root / "wine.csv", index=False)
    own_data.photos(root / "photos")
    return root


def places(root: Path) -> dict[str, Path]:
    """What the values of keys name in braces."""
    return {
        "root": root,
        "again": root.parent / "again",
        "npz": root / "x.npz",
        "same": root / "same.npz",
        "table": root / "wine.csv",
        "photos": root / "photos",
    }


def swept(sweeplab: Command, root: Path, *, code: int = 0, **values: str) -> str:
    """Train a sweep and build its report, by the commands a user types; the text of the page.

    Trained and reported apart, for PNG files cost more time than all the rest.
    """
    words = [
        f"{'data' if key == 'data.name' else key}={value.format(**places(root))}"
        for key, value in (SMALL | values).items()
    ]
    fixed = ["hydra.sweep.dir=sweep", "hydra.sweeper.report=false"]
    done = sweeplab("train", "-m", *words, *fixed)
    assert done.code == code, done.text
    assert "Traceback" not in done.err
    done = sweeplab("report", "sweep", "--format", "svg")
    assert done.code == 0, done.text
    assert "Report: sweep/report.html" in done.out
    page = Path("sweep/report.html").read_text()
    text = re.sub(r"(?s)<(style|script|svg)\b.*?</\1>|<[^>]*>", " ", page)
    return " ".join(text.split())


def test_every_documented_key_is_swept_here() -> None:
    assert set(documented()) == set(VALUES)


def possible(one: str, other: str) -> bool:
    """Whether two keys can be swept together: some are for one source, or exclude each other."""
    sources = {NEEDS.get(key, {}).get("data.path") for key in (one, other)} - {None}
    sources -= {"{npz}"} if "{table}" in sources else set()
    return (
        len(sources) < 2
        and not (sources and "data.name" in (one, other))
        and {one, other} != {"data.order", "data.order_seed"}
        # Folders of photographs are read class by class, so "file" would train on a few classes.
        and not ("data.order" in (one, other) and "{photos}" in sources)
    )


# Every key together with the two that once took the report down, three keys at a time: a sweep of
# five keys holds ten pairs. `make test-slow` takes each pair of the others alone.
WITH_EACH = ("data.val_size", "epochs")
OTHERS = [key for key in VALUES if key not in WITH_EACH]
AT_ONCE = 3


def fits(key: str, group: list[str]) -> bool:
    """Whether a sweep of ``group`` takes ``key`` too, without another source or set of images."""
    sources = {
        NEEDS[one]["data.path"] for one in (key, *group) if "data.path" in NEEDS.get(one, {})
    }
    return (
        len(group) < AT_ONCE
        and len(sources) < 2
        and all(possible(key, one) for one in group)
        and len(VALIDATING & {key, *group}) < 2
    )


def at_once() -> list[tuple[str, ...]]:
    groups: list[list[str]] = []
    for key in OTHERS:
        group = next((group for group in groups if fits(key, group)), [])
        groups += [] if group else [group]
        group.append(key)
    return [(*group, *WITH_EACH) for group in groups]


GROUPS = [
    *(pytest.param(group, id=" and ".join(group)) for group in at_once()),
    *(
        pytest.param(pair, id=" and ".join(pair), marks=pytest.mark.slow)
        for pair in itertools.combinations(OTHERS, 2)
        if possible(*pair)
    ),
]


def test_every_key_is_swept_with_the_two() -> None:
    together = [group for group in at_once() if {*WITH_EACH} <= {*group}]
    assert sorted(key for group in together for key in group if key in OTHERS) == sorted(OTHERS)


@pytest.mark.parametrize("group", GROUPS)
def test_keys_swept_together_give_a_report(
    sweeplab: Command, root: Path, group: tuple[str, ...]
) -> None:
    needed = {key: value for one in group for key, value in NEEDS.get(one, {}).items()}
    asked = needed | {key: VALUES[key] for key in group}
    if {"data.label", "data.path"} == set(group):
        asked["data.path"] = "{table},{table}"
    page = swept(sweeplab, root, **asked)
    runs = math.prod(
        len(values.split(",")) for key, values in (SMALL | asked).items() if key not in PLACES
    )
    assert f"{runs} runs: {runs} completed" in page
    # Accuracies on different images are not compared: each set of images has an answer of its own.
    sets = math.prod(len(VALUES[key].split(",")) for key in group if key in VALIDATING)
    html = Path("sweep/report.html").read_text()
    answers = re.findall(r'<h3>(On [^<]+)</h3>\s*<p class="lead">[^<]', html)
    assert len(set(answers)) == (sets if sets > 1 else 0)


class TestUnusualSweeps:
    def test_one_value_and_one_seed(self, sweeplab: Command, root: Path) -> None:
        page = swept(sweeplab, root, **{"optimizer.lr": "0.1", "seed": "1"})
        assert "How good is it?" in page

    def test_one_seed_of_each_setting(self, sweeplab: Command, root: Path) -> None:
        page = swept(sweeplab, root, **{"optimizer.lr": "0.1,0.5", "seed": "1"})
        assert "2 runs: 2 completed; swept: learning rate; 1 seed" in page

    def test_one_value_and_two_seeds(self, sweeplab: Command, root: Path) -> None:
        assert "2 runs: 2 completed; nothing swept; 2 seeds" in swept(sweeplab, root)

    def test_every_run_diverges(self, sweeplab: Command, root: Path) -> None:
        page = swept(sweeplab, root, **{"optimizer.lr": "3e38,2e38"})
        assert "4 runs: 4 diverged" in page
        assert "No run ran to its end with a result" in page

    def test_every_run_fails(
        self, sweeplab: Command, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: Any, **__: Any) -> Any:
            raise RuntimeError("planted")

        monkeypatch.setattr("sweeplab.execute.stack.stream_stack", broken)
        page = swept(sweeplab, root, code=1, **{"optimizer.lr": "0.1,0.5"})
        assert "4 runs: 4 failed" in page
        assert "RuntimeError: planted" in page
