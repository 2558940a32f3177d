"""What tests share: the command line in this process, small data, and real MNIST if there is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import setup_globals
from hypothesis import settings

from sweeplab.config import DataConfig, RunConfig
from sweeplab.places import conf_dir

# A busy machine is no failure: no example has a time limit.
settings.register_profile("sweeplab", deadline=None)
settings.load_profile("sweeplab")

# Under `nohup`, or in the background of a script, these are ignored, and the commands that tests
# start would inherit that: one sent Ctrl-C would train on.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


Command = Callable[..., Finished]


def reseal(path: Path, *, sign: bool = False) -> None:
    """Have a ``run.json`` that was changed hold together again, as one that was written so.

    Args:
        sign: the signature too, of a record whose identity was changed.
    """
    from sweeplab.parse import from_dict
    from sweeplab.runs.files import sealed, to_json
    from sweeplab.runs.record import signature

    values = json.loads(path.read_bytes())
    values.pop("checksum", None)
    if sign:
        config = from_dict(values["config"])
        values["signature"] = signature(config, values["data_checksum"], values["engine_version"])
    path.write_bytes(sealed(to_json(values)))


@pytest.fixture
def sweeplab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """``sweeplab WORD ...`` in an empty folder, in this process: a new one would import torch.

    Reports too are built in this process, which has matplotlib from then on; the process that a
    sweep begins for its report is for tests of commands in processes of their own.
    """
    from hydra.core.global_hydra import GlobalHydra

    from sweeplab.cli.main import main

    monkeypatch.setattr("sweeplab.cli.train.begin", lambda: None)

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: object) -> Finished:
        GlobalHydra.instance().clear()
        monkeypatch.setattr(sys, "argv", ["sweeplab", *map(str, words)])
        capfd.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
            if isinstance(code, str):
                print(code, file=sys.stderr)
                code = 1
        out, err = capfd.readouterr()
        return Finished(int(code or 0), out, err)

    return run


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``sweeplab WORD ...`` in an empty folder, in a process of its own."""
    program = shutil.which("sweeplab", path=str(Path(sys.executable).parent))
    assert program, "sweeplab is not installed beside this Python"

    def run(*words: object, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *map(str, words)],
            cwd=tmp_path,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture
def digits() -> RunConfig:
    """The shipped digits settings, with few epochs."""
    return RunConfig(data=DataConfig("digits", "data", 1000, 400, 1000), epochs=2)


@pytest.fixture
def mnist_root() -> Path:
    """Real MNIST, where ``SWEEPLAB_DATA`` points at it."""
    root = Path(os.environ.get("SWEEPLAB_DATA", "data")).absolute()
    if not (root / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file():
        pytest.skip("SWEEPLAB_DATA points at no MNIST")
    return root


@pytest.fixture
def loader() -> Iterator[ConfigLoader]:
    """Hydra's loader over ``conf/``, as a command has it."""
    setup_globals()
    GlobalHydra.instance().clear()
    ConfigStore.instance().store(name="run_config", node=RunConfig)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield GlobalHydra.instance().config_loader()
