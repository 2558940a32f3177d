"""``python benchmarks/search.py``: what searching finds, and what it takes, on real MNIST.

Each way to search gets the same budget over the four knobs of ``experiments/grid.yaml``, and is
repeated with other seeds of the search. Regret is how far the best mean found lies below the best
of the grid's 240 settings, on the same validation images; below zero where it is better. Plain
Optuna trains one trial after another through ``train_one``, as a script of one's own would.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median

import optuna

from sweeplab.config import RunConfig
from sweeplab.data import load, resolve
from sweeplab.sweeps.tables import load_sweep
from sweeplab.task.search.suggest import METHODS
from sweeplab.training import train_one

SWEEPLAB = str(Path(sys.executable).with_name("sweeplab"))
SEEDS = 3
SPACE = (
    "data.train_size=choice(250,700,2000)",
    "batch_size=choice(4,16,64,250)",
    "optimizer.lr=tag(log,interval(0.01,1))",
    "optimizer.weight_decay=tag(log,interval(0.00001,0.1))",
    f"seed=range({SEEDS})",
)


def best_of(folder: Path) -> float:
    """The highest mean final validation accuracy of a sweep's settings."""
    return float(load_sweep(folder).settings["final_val_accuracy"].max())


def command(*words: str) -> float:
    """Run ``sweeplab train`` without a report; its seconds."""
    started = time.perf_counter()
    given = [SWEEPLAB, "train", *words, "hydra.sweeper.report=false"]
    subprocess.run(given, check=True, capture_output=True)
    return time.perf_counter() - started


def plain_optuna(budget: int, seed: int) -> tuple[float, float]:
    """Optuna's TPE over the same space, a trial at a time: the best mean, and its seconds."""
    started = time.perf_counter()
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        config = RunConfig(batch_size=trial.suggest_categorical("batch", [4, 16, 64, 250]))
        config.data = replace(
            config.data, train_size=trial.suggest_categorical("size", [250, 700, 2000])
        )
        config.optimizer = replace(
            config.optimizer,
            lr=trial.suggest_float("lr", 0.01, 1, log=True),
            weight_decay=trial.suggest_float("decay", 1e-5, 0.1, log=True),
        )
        dataset = load(resolve(config.data))
        runs = [train_one(replace(config, seed=one), dataset) for one in range(SEEDS)]
        return fmean(0.0 if run.final is None else run.final.val_accuracy for run in runs)

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True)
    )
    study.optimize(objective, n_trials=budget)
    return study.best_value, time.perf_counter() - started


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=int, default=60, help="settings of a search")
    parser.add_argument("--repeats", type=int, default=5, help="searches of each kind")
    parser.add_argument("--plain", type=int, default=1, help="searches by plain Optuna")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sweeplab-search-") as parent:
        grid = Path(parent) / "grid"
        seconds = command("experiments/grid.yaml", f"hydra.sweep.dir={grid}")
        target = best_of(grid)
        print(f"The grid's 240 settings: best {target:.4f}, {seconds:.0f} s.\n")
        print("| search | regret, median | lowest | highest | seconds, median |")
        print("| --- | --- | --- | --- | --- |")
        for method in METHODS:
            regrets, times = [], []
            for seed in range(options.repeats):
                folder = Path(parent) / f"{method}-{seed}"
                how = (f"hydra.sweeper.method={method}", f"hydra.sweeper.seed={seed}")
                budget = f"hydra.sweeper.budget={options.budget}"
                words = ("-m", "hydra/sweeper=search", *how, budget, *SPACE)
                times.append(command(*words, f"hydra.sweep.dir={folder}"))
                regrets.append(target - best_of(folder))
            _row(method, regrets, times)
        plain = [plain_optuna(options.budget, seed) for seed in range(options.plain)]
        if plain:
            _row("plain Optuna", [target - best for best, _ in plain], [took for _, took in plain])


def _row(name: str, regrets: list[float], times: list[float]) -> None:
    middle, low, high = median(regrets), min(regrets), max(regrets)
    print(f"| {name} | {middle:.4f} | {low:.4f} | {high:.4f} | {median(times):.0f} |", flush=True)


if __name__ == "__main__":
    main()
