"""What commands import: PyTorch takes a second, and nothing else should take another unasked."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeplab.data import digits

HEAVY = (
    "torch",
    "sklearn",
    "pandas",
    "pyarrow",
    "scipy",
    "seaborn",
    "matplotlib",
    "torchvision",
    "mlflow",
    "tensorboardX",
)
PROGRAM = """
import json, sys
from sweeplab.cli.main import main
sys.argv = ["sweeplab", *sys.argv[1:]]
try:
    main()
finally:
    print("\\n" + json.dumps(sorted(sys.modules)))
"""
# A worker does this with each stack it is handed.
WORKER = """
import json, sys
from pathlib import Path
from sweeplab.config import DataConfig, RunConfig
from sweeplab.data import load
from sweeplab.execute.files import Stack, StackFiles, StackRun
from sweeplab.execute.stack import train_file
from sweeplab.runs.folder import RunFolder, RunIdentity
from sweeplab.runs.record import signature
from sweeplab.training import ENGINE_VERSION
config = RunConfig(data=DataConfig("digits", "data", 100, 100, 1000), epochs=1)
checksum = load(config.data).checksum
name = signature(config, checksum, ENGINE_VERSION)
identity = RunIdentity(config, name, checksum, ENGINE_VERSION)
files = StackFiles(Path("stacks/a.json").absolute())
files.write(Stack([StackRun(RunFolder(Path("run").absolute()), identity, {})], ["sweeplab"]))
train_file(str(files.path), 1)
assert Path("run/run.json").exists()
print("\\n" + json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize(
    ("program", "words", "wanted"),
    [
        (PROGRAM, ("ls", "."), set()),
        (PROGRAM, ("experiments",), set()),
        (PROGRAM, ("train", "--help"), {"torch", "pyarrow"}),
        (PROGRAM, ("train", "data=digits", "epochs=1"), {"torch", "pyarrow", "matplotlib"}),
        (
            PROGRAM,
            ("train", "-m", "data=digits", "epochs=1", "seed=1,2", "hydra.sweeper.report=false"),
            {"torch", "pyarrow", "pandas", "scipy"},
        ),
        (WORKER, (), {"torch", "pyarrow"}),
    ],
    ids=["ls", "experiments", "help", "one-run", "sweep", "worker"],
)
def test_each_command_imports_what_it_needs(
    tmp_path: Path, program: str, words: tuple[str, ...], wanted: set[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    assert {name for name in HEAVY if name in modules} <= wanted


def test_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    table = digits._table()
    np.testing.assert_array_equal(table[:, :-1], images)
    np.testing.assert_array_equal(table[:, -1], labels)


def test_digits_are_asked_of_scikit_learn_where_its_table_lies_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = digits._table()
    monkeypatch.setattr(digits, "find_spec", lambda _: None)
    np.testing.assert_array_equal(digits._table(), found)


def test_a_report_is_built_apart_and_by_whom_it_is_asked_of_where_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is the same, and no figure was drawn in this process, unless the other was lost."""
    from sweeplab.report import apart, build
    from sweeplab.sweeps.folder import SweepFolder
    from sweeplab.task.finish import finish

    sweep = tmp_path / "sweep"
    shutil.copytree(next((Path(__file__).parent / "data" / "sweeps-0.1.0").iterdir()), sweep)
    here: list[Path] = []

    def built_here(*given: Any) -> Path:
        here.append(sweep)
        return original(*given)

    original = build.build_report
    monkeypatch.setattr(build, "build_report", built_here)
    apart.begin()
    assert finish(SweepFolder(sweep), report=True) == 0
    assert not here
    page = (sweep / "report.html").read_bytes()
    (sweep / "report.html").unlink()
    apart.begin()
    apart._begun[0].kill()
    assert finish(SweepFolder(sweep), report=True) == 0
    assert here
    assert (sweep / "report.html").read_bytes() == page
    assert not apart._begun
