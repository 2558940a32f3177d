"""A sweep's folder with runs that were really trained, made without the command line."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra

from sweeplab import config as run_config
from sweeplab.cli.main import main
from sweeplab.config import DataConfig, OptimizerConfig, RunConfig
from sweeplab.data import load
from sweeplab.provenance import environment
from sweeplab.runs.folder import RunFolder
from sweeplab.runs.saved_config import to_yaml
from sweeplab.runs.write import write_hydra_files, write_result
from sweeplab.sweeps.folder import JobEntry, SweepFolder, SweepRecord, write_sweep
from sweeplab.task.finish import finish
from sweeplab.task.prepare import identify
from sweeplab.training import train_stack

DIGITS = DataConfig("digits", "data", 200, 100, 1000)


def configs(seeds: int = 3) -> list[RunConfig]:
    """A learning rate that works and one that works better, each with some seeds."""
    return [
        RunConfig(data=DIGITS, epochs=2, optimizer=OptimizerConfig(lr=lr), seed=seed)
        for lr in (0.1, 0.5)
        for seed in range(seeds)
    ]


def write_trained(folder: Path, asked: Sequence[RunConfig]) -> SweepFolder:
    """Train ``asked`` and leave what a sweep leaves, but for the report."""
    sweep = SweepFolder(folder)
    dataset = load(asked[0].data)
    jobs = []
    for number, result in enumerate(train_stack(list(asked), dataset)):
        run, identity = RunFolder(folder / str(number)), identify(result.config, dataset.checksum)
        texts = {"config": to_yaml(run_config.to_dict(result.config)), "overrides": "[]"}
        write_hydra_files(run, texts)
        write_result(run, identity, result, environment())
        jobs.append(JobEntry(number, str(number), [], identity.signature, "completed"))
    write_sweep(sweep, SweepRecord("train", "", jobs))
    with redirect_stdout(io.StringIO()):
        finish(sweep, report=False)
    return sweep


@contextmanager
def arguments(words: Sequence[object]) -> Iterator[None]:
    """``sys.argv`` of a command, meanwhile."""
    before = sys.argv
    sys.argv = ["sweeplab", *map(str, words)]
    try:
        yield
    finally:
        sys.argv = before


def command(*words: object) -> tuple[int, str]:
    """``sweeplab WORD ...`` in this process: its exit code, and all that it printed."""
    GlobalHydra.instance().clear()
    printed = io.StringIO()
    code: object = 0
    with arguments(words), redirect_stdout(printed), redirect_stderr(printed):
        try:
            main()
        except SystemExit as stop:
            code = stop.code
            if isinstance(code, str):
                printed.write(code)
                code = 1
    assert isinstance(code, int | None)
    return code or 0, printed.getvalue()
