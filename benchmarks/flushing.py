"""What waiting for the disk costs: sweeps on digits, with and without, in turn.

`python -m benchmarks.flushing FOLDER RUNS ROUNDS`, with FOLDER on the file system in question.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from sweeplab.config import DataConfig, OptimizerConfig, RunConfig
from sweeplab.data import load
from sweeplab.execute.files import Stack, StackRun
from sweeplab.execute.stack import train_and_write
from sweeplab.runs import durable
from sweeplab.runs.folder import RunFolder
from sweeplab.task.prepare import identify

STACK = 128


def sweep(folder: Path, runs: int) -> float:
    """The seconds that ``runs`` runs take to be trained and written, in stacks, into ``folder``."""
    data = DataConfig("digits", "data", 1000, 400, 1000)
    checksum = load(data).checksum
    configs = [
        RunConfig(data=data, epochs=2, seed=seed, optimizer=OptimizerConfig(lr=0.1))
        for seed in range(runs)
    ]
    all_runs = [
        StackRun(RunFolder(folder / str(n)), identify(config, checksum), {"config": "{}\n"})
        for n, config in enumerate(configs)
    ]
    start = time.perf_counter()
    for first in range(0, runs, STACK):
        train_and_write(Stack(all_runs[first : first + STACK], []))
    return time.perf_counter() - start


def nothing(*_: Any) -> None:
    """In the place of a wait for the disk."""


def main(folder: Path, runs: int, rounds: int) -> None:
    """Print the seconds of each sweep, and what a run's wait comes to."""
    waits = durable.flush, durable.flush_folders
    sweep(folder / "warm", STACK)
    differences = []
    for number in range(rounds):
        seconds = {}
        for flushed in (True, False) if number % 2 else (False, True):
            durable.flush, durable.flush_folders = waits if flushed else (nothing, nothing)
            seconds[flushed] = sweep(folder / "sweep", runs)
            shutil.rmtree(folder / "sweep")
        differences.append(1000 * (seconds[True] - seconds[False]) / runs)
        print(f"{runs} runs: {seconds[True]:.1f} s, without waiting {seconds[False]:.1f} s")
    shutil.rmtree(folder / "warm")
    print(f"a run: {statistics.median(differences):.2f} ms (median of {rounds})")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
