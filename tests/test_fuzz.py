"""Damaged and hostile files and command lines: one clear message, or a skipped run; never more.

Each loader gets a few hundred inputs in the normal run, and together more than ten thousand in the
one marked ``slow``, which prints how many.
"""

from __future__ import annotations

import copy
import json
import os
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from conftest import reseal
from sweeplab.config import check, to_dict
from sweeplab.errors import RunFolderError, SweeplabError
from sweeplab.evaluation import evaluate
from sweeplab.parse import from_dict
from sweeplab.report.build import build_report
from sweeplab.runs import folder as run_folder
from sweeplab.runs.files import sha256
from sweeplab.runs.folder import RunFolder
from sweeplab.sweeps.folder import SweepFolder, read_sweep
from sweeplab.sweeps.images import read_images
from sweeplab.sweeps.tables import load_sweep
from trained import command, configs, write_trained

SCRIPT = "<script>alert(1)</script>"
HOSTILE: list[Any] = [
    None,
    True,
    False,
    -1,
    0,
    1,
    10**12,
    2**63,
    10**400,
    -0.0,
    0.5,
    1.5,
    1e-320,
    1e308,
    float("nan"),
    float("inf"),
    "",
    " ",
    "1",
    "nan",
    "many",
    SCRIPT,
    "../../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "\0",
    "\x1b]0;owned\x07\x1b[31m",
    "\ud800",
    "[/bold] [red] :smile:",
    "${oc.env:HOME}",
    "${eval:1}",
    "${seed}",
    "x" * 5000,
    [],
    [[]],
    ["x"],
    {},
    {"a": 1},
    {"": {"": []}},
]
YAML_TRAPS = [
    "!!python/object/apply:os.system ['true']",
    "!!python/name:os.system",
    "&a [*a]",
    "*nothing",
    "!!timestamp x",
    "!!bool x",
    "!!int ''",
    "2001-99-99",
    "0x" + "f" * 5000,
    "9" * 5000,
    "[" * 3000,
    "{" * 3000,
    "? " * 3000,
    "? [1]\n: 2",
    "1_0:59:59",
    "${" * 300,
    "${a.b.c}",
    "${oc.env:NOT_THERE}",
    "${oc.decode:'[1'}",
    "'${oc.select:seed}'",
    "???",
    "1e400",
    ".nan",
    ".inf",
    "-.inf",
    "1e-9",
    "\x07",
    "\u2028",
    "---\n---",
    "%TAG ! x",
]
CELLS = ["", "nan", "inf", "-inf", "-1", "0", "1", "0.5", "1e400", "9" * 30, "x", '"', SCRIPT, "\0"]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs; run 1 is the one that is damaged."""
    return write_trained(tmp_path_factory.mktemp("fuzz") / "s", configs(seeds=2)).path


def nodes(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    keys = tree.keys() if isinstance(tree, dict) else range(len(tree)) if type(tree) is list else ()
    for key in keys:
        yield from nodes(tree[key], (*path, key))


@st.composite
def damaged_json(draw: st.DrawFn, content: bytes) -> bytes:
    """``content`` with some of its values replaced, removed or added."""
    tree = json.loads(content)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(nodes(tree))))
        value = copy.deepcopy(draw(st.sampled_from(HOSTILE)))
        if not path:
            tree = value if draw(st.integers(0, 9)) == 0 else tree
            continue
        owner = tree
        for key in path[:-1]:
            owner = owner[key]
        kind = draw(st.sampled_from(["replace", "replace", "replace", "remove", "add"]))
        if kind == "remove":
            del owner[path[-1]]
        elif kind == "add" and isinstance(owner, dict):
            owner[draw(st.sampled_from(["x", "", SCRIPT, "../x", "a/b", "\ud800"]))] = value
        else:
            owner[path[-1]] = value
    return json.dumps(tree).encode()


@st.composite
def damaged_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """``content`` cut short, with bytes changed or inserted, repeated, or something else."""
    kind = draw(st.sampled_from(["cut", "flip", "insert", "repeat", "other", "deep"]))
    place = draw(st.integers(0, max(len(content) - 1, 0)))
    if kind == "cut":
        return content[:place]
    if kind == "flip":
        changed = bytearray(content)
        for _ in range(draw(st.integers(1, 4))):
            changed[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
        return bytes(changed)
    if kind == "insert":
        return content[:place] + draw(st.binary(max_size=20)) + content[place:]
    if kind == "repeat":
        return content * draw(st.integers(2, 3))
    if kind == "deep":
        return draw(st.sampled_from([b"[", b'{"a":', b"- ", b"{a: "])) * 20_000
    return draw(st.binary(max_size=200))


@st.composite
def damaged_csv(draw: st.DrawFn, content: bytes) -> bytes:
    """``content`` with cells replaced, or lines removed, repeated or swapped."""
    lines = content.decode().splitlines()
    for _ in range(draw(st.integers(1, 3))):
        i = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["cell", "cell", "cell", "remove", "repeat", "swap"]))
        if kind == "cell":
            cells = lines[i].split(",")
            cells[draw(st.integers(0, len(cells) - 1))] = draw(st.sampled_from(CELLS))
            lines[i] = ",".join(cells)
        elif kind == "remove" and len(lines) > 1:
            del lines[i]
        elif kind == "repeat":
            lines.insert(i, lines[i])
        else:
            j = draw(st.integers(0, len(lines) - 1))
            lines[i], lines[j] = lines[j], lines[i]
    return "\n".join(lines).encode("utf-8", "replace") + b"\n"


@st.composite
def damaged_yaml(draw: st.DrawFn, content: bytes) -> bytes:
    """``content`` with values, or whole lines, replaced."""
    lines = content.decode().splitlines()
    for _ in range(draw(st.integers(1, 3))):
        i = draw(st.integers(0, len(lines) - 1))
        value = draw(
            st.sampled_from(YAML_TRAPS)
            | st.sampled_from(HOSTILE).map(lambda v: json.dumps(v, ensure_ascii=True))
            | st.text(string.printable, max_size=8)
        )
        key = lines[i].split(":", 1)[0]
        lines[i] = draw(st.sampled_from([f"{key}: {value}", f"  {value}: 1", value]))
    return "\n".join(lines).encode("utf-8", "replace")


@st.composite
def damaged_images(draw: st.DrawFn, content: bytes) -> bytes:
    """A sound safetensors file whose tensors or metadata are not those of images."""
    tensors = load(content)
    name = draw(st.sampled_from(sorted(tensors)))
    change = draw(st.sampled_from(["remove", "empty", "flat", "float", "large", "negative", "cut"]))
    value = tensors.pop(name)
    shape = {"empty": value[:0], "flat": value.reshape(-1), "cut": value[: len(value) // 2]}
    changed = {
        "float": np.full(value.shape, np.nan),
        "large": value + 200,
        "negative": value.astype(np.int64) - 100,
    }
    if change != "remove":
        tensors[name] = np.ascontiguousarray((shape | changed)[change])
    about = {"classes": json.dumps([str(i) for i in range(10)]), "brightest": "16"}
    if draw(st.booleans()):
        key = draw(st.sampled_from(["classes", "brightest"]))
        odd = draw(
            st.sampled_from(["", "0", "-1", "nan", "{}", "[]", "3", f'["{SCRIPT}"]', "[[1]]"])
        )
        about[key] = odd
    return save(tensors, metadata=about)


def either(first: Callable[[bytes], Any], second: Callable[[bytes], Any] = damaged_bytes) -> Any:
    return lambda content: first(content) | second(content)


@dataclass(frozen=True)
class Place:
    """One file of the sweep, what is done to it, and who reads it."""

    file: str
    damage: Callable[[bytes], Any]
    read: Callable[[Path], Any]
    few: int = 150
    many: int = 900
    known_checksum: bool = False  # run.json gets the damaged file's checksum: a forgery

    @property
    def name(self) -> str:
        return f"{self.file} {self.read.__name__.strip('_')}"


def _run(sweep: Path) -> RunFolder:
    return RunFolder(sweep / "1")


def record(sweep: Path) -> None:
    found = run_folder.read_record(_run(sweep))
    run_folder.is_complete(_run(sweep), found)
    run_folder.damaged_files(_run(sweep), found)
    json.dumps(to_dict(found.config), ensure_ascii=False).encode()


def curves(sweep: Path) -> None:
    run_folder.read_curves(_run(sweep))


def weights(sweep: Path) -> None:
    run_folder.read_weights(_run(sweep))


def config(sweep: Path) -> None:
    check(run_folder.read_config(_run(sweep)))


def jobs(sweep: Path) -> None:
    for job in read_sweep(SweepFolder(sweep)).jobs:
        assert (sweep / job.folder).resolve().is_relative_to(sweep.resolve())


def table(sweep: Path) -> None:
    """What is accepted is right; the other runs are there whatever happens to this one."""
    loaded = load_sweep(sweep)
    found = loaded.runs.set_index("run")["final_val_accuracy"]
    assert {"0", "2", "3"} <= set(found.index)
    if found.get("1") is not None and loaded.runs.set_index("run").loc["1", "status"] != "failed":
        last = loaded.curves[loaded.curves["run"] == "1"].iloc[-1]
        assert found["1"] == last["val_accuracy"] or found.isna()["1"]


def page(sweep: Path) -> None:
    html = build_report(load_sweep([sweep]), formats=(), out=sweep / "page").read_text()
    assert SCRIPT not in html


def pictures(sweep: Path) -> None:
    """What is accepted can be drawn: every label has a name, and every image a label."""
    images = read_images(sweep / "images" / "digits.safetensors")
    for label in (*images.train_labels, *images.val_labels):
        assert images.classes[label]
    assert len(images.train_images) == len(images.train_labels) > 0
    assert len(images.val_images) == len(images.val_labels) > 0
    assert images.val_images[0].shape == images.train_images[0].shape
    assert images.brightest > 0


def ls(sweep: Path) -> None:
    quiet("ls", sweep)


def reproduce(sweep: Path) -> None:
    quiet("reproduce", sweep / "1")


def evaluated(sweep: Path) -> None:
    evaluate(_run(sweep))


def prune(sweep: Path) -> None:
    quiet("prune", sweep, "--keep-best", 1, "--failed", "--dry-run")


def quiet(*words: object) -> str:
    code, text = command(*words)
    assert "Traceback" not in text, text
    assert "\x1b" not in text
    assert code in (0, 1, 2)
    return text


RUN, CONFIG = "1/run.json", "1/.hydra/config.yaml"
CURVES, WEIGHTS = "1/curves.csv", "1/weights.safetensors"
IMAGES = "images/digits.safetensors"
PLACES = [
    Place(RUN, either(damaged_json), record, few=300, many=2000),
    Place(RUN, either(damaged_json), table, few=60, many=500),
    Place(RUN, damaged_json, ls, few=40, many=300),
    Place(RUN, damaged_json, reproduce, few=25, many=200),
    Place(RUN, damaged_json, prune, few=15, many=100),
    Place(RUN, damaged_json, page, few=2, many=15),
    Place(CURVES, either(damaged_csv), curves, few=200, many=1500, known_checksum=True),
    Place(CURVES, either(damaged_csv), table, few=40, many=400, known_checksum=True),
    Place(CURVES, damaged_csv, page, few=2, many=15, known_checksum=True),
    Place(CURVES, damaged_csv, reproduce, few=10, many=100),
    Place(WEIGHTS, damaged_bytes, weights, few=200, many=1500),
    Place(WEIGHTS, damaged_bytes, evaluated, few=60, many=300, known_checksum=True),
    Place(WEIGHTS, damaged_bytes, page, few=1, many=15, known_checksum=True),
    Place(CONFIG, either(damaged_yaml), config, few=300, many=2000),
    Place(CONFIG, damaged_yaml, reproduce, few=25, many=200),
    Place("sweep.json", either(damaged_json), jobs, few=200, many=1000),
    Place("sweep.json", either(damaged_json), ls, few=30, many=200),
    Place("1/test.json", either(damaged_json), evaluated, few=60, many=300),
    Place("runs.csv", either(damaged_csv), ls, few=40, many=300),
    Place("curves.parquet", damaged_bytes, table, few=15, many=100),
    Place(IMAGES, either(damaged_images), pictures, few=150, many=600),
    Place(IMAGES, either(damaged_images), page, few=2, many=15),
]


def fuzz(place: Place, sweep: Path, examples: int, *, again: bool) -> int:
    """Damage the file in ``examples`` ways; the only errors allowed are those with a message."""
    path = sweep / place.file
    if place.file == "1/test.json":
        evaluate(_run(sweep))
    sound = path.read_bytes()
    run_json = _run(sweep).record.read_bytes()
    tried = 0

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=again,
        suppress_health_check=list(HealthCheck),
    )
    @given(place.damage(sound))
    def attack(content: bytes) -> None:
        nonlocal tried
        tried += 1
        path.write_bytes(content)
        if place.known_checksum:
            forged = json.loads(run_json)
            about = {"bytes": len(content), "sha256": sha256(content)}
            forged["files"][path.name] = about
            _run(sweep).record.write_text(json.dumps(forged))
            reseal(_run(sweep).record)
        try:
            place.read(sweep)
        except SweeplabError as error:
            assert str(error)  # noqa: PT017

    try:
        attack()
    finally:
        path.write_bytes(sound)
        _run(sweep).record.write_bytes(run_json)
    return tried


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_damaged_file_is_skipped_or_named(sweep: Path, place: Place) -> None:
    assert fuzz(place, sweep, place.few, again=True) >= place.few // 4
    if place.read is not page:  # that takes seconds
        place.read(sweep)


KEYS = [
    "batch_size",
    "epochs",
    "seed",
    "optimizer.lr",
    "optimizer.momentum",
    "optimizer",
    "data",
    "data.name",
    "data.train_size",
    "data.root",
    "device",
    "hydra.launcher.on_failure",
    "hydra.sweep.subdir",
    "+new",
    "~seed",
    "hydra/launcher",
    "data@x",
    "hydra.sweep.dir",
    "",
]
VALUES = [
    "0",
    "-1",
    "1e400",
    "nan",
    "inf",
    "9" * 50,
    "9" * 5000,
    "null",
    "true",
    "[]",
    "{}",
    "{a:1}",
    "range(3)",
    "range(0,1e9,x)",
    "interval(0,1)",
    "choice(1,2)",
    "glob(*)",
    "sort(3,1)",
    "1,,2",
    "'",
    '"',
    "\\",
    "${seed}",
    "${nothing}",
    "${oc.env:NOT_THERE}",
    "${eval:1}",
    "${now:}",
    "${hydra:job.num}",
    "???",
    SCRIPT,
    "a=b",
    "a b",
    "\u00e4",
    "\x07",
    "/dev/null/x",
    "digits",
    "mnist",
]
overrides = st.lists(
    st.builds(
        "{}={}".format,
        st.sampled_from(KEYS),
        st.sampled_from(VALUES) | st.text(string.printable, max_size=12),
    )
    | st.text(string.printable, min_size=1, max_size=12).filter(lambda t: not t.startswith("-")),
    min_size=1,
    max_size=3,
)


def fuzz_command(folder: Path, examples: int, *, again: bool) -> int:
    """Ask for sweeps with odd overrides. ``--dry-run``: composed, checked, planned."""
    tried = 0

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=again,
        suppress_health_check=list(HealthCheck),
    )
    @given(overrides, st.booleans())
    def attack(words: list[str], later: bool) -> None:
        nonlocal tried
        tried += 1
        first = ("train", "-m", "--dry-run", "data=digits")
        quiet(*(first if later else first[:3]), *words)

    before = Path.cwd()
    os.chdir(folder)
    try:
        attack()
    finally:
        os.chdir(before)
    return tried


def test_any_command_line_works_or_says_why(tmp_path: Path) -> None:
    assert fuzz_command(tmp_path, 40, again=True) >= 10


@given(
    st.dictionaries(
        st.sampled_from(["seed", "data", "optimizer", "device", "x"]),
        st.recursive(
            st.sampled_from([*HOSTILE, *YAML_TRAPS]),
            lambda inner: st.dictionaries(st.sampled_from(["lr", "name", "root"]), inner),
            max_leaves=4,
        ),
    )
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_tree_is_a_configuration_or_is_refused(tree: dict[str, Any]) -> None:
    try:
        check(from_dict(tree))
    except SweeplabError as error:
        assert str(error)  # noqa: PT017


def test_a_resolver_that_runs_code_is_never_asked(sweep: Path) -> None:
    from omegaconf import OmegaConf

    asked: list[object] = []
    OmegaConf.register_new_resolver("run", asked.append, replace=True)
    path = _run(sweep).config
    sound = path.read_text()
    try:
        for text in (
            "${run:1}",
            "${oc.env:X,${run:1}}",
            "${${device}:1}",
            "${ run : 1}",
            "${oc.decode:\\${run:1}}",
            "\\\\${run:1}",
        ):
            path.write_text(sound.replace("seed: 1", f"seed: '{text}'"))
            with pytest.raises(SweeplabError, match="is not a run's configuration: seed"):
                run_folder.read_config(_run(sweep))
        for text in ("device: \\${run:1}", "data: {root: '${device}'}\ndevice: \\${run:1}"):
            path.write_text(text)
            assert run_folder.read_config(_run(sweep)).device == "${run:1}"
    finally:
        path.write_text(sound)
        OmegaConf.clear_resolver("run")
    assert asked == []


def test_nested_aliases_and_brackets_are_refused_at_once(sweep: Path) -> None:
    path = _run(sweep).config
    sound = path.read_text()
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
    )
    try:
        # The brackets end the process of PyYAML's C loader: without a message, by a signal.
        for text, message in ((bomb, "alias"), ("[" * 200_000, "nested"), ("x" * 2**21, "larger")):
            path.write_text(text)
            with pytest.raises(RunFolderError, match=message):
                run_folder.read_config(_run(sweep))
    finally:
        path.write_text(sound)


@pytest.mark.slow
def test_ten_thousand_inputs(
    sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = {place.name: fuzz(place, sweep, place.many, again=False) for place in PLACES}
    tried["command line"] = fuzz_command(tmp_path, 1000, again=False)
    with capsys.disabled():
        print("\n", *(f"{count:6d}  {name}\n" for name, count in tried.items()))
        print(f"{sum(tried.values()):6d}  in all, no traceback")
    assert sum(tried.values()) >= 10_000
