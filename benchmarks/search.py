"""``python -m benchmarks.search``: what searching finds, and what it takes, on real MNIST.

Each way to search gets the same budget over the four knobs of ``experiments/grid.yaml``, and is
repeated with other seeds of the search. Regret is how far the best mean found lies below the best
of the grid's 240 settings, on the same validation images; below zero where it is better. Plain
Optuna trains one trial after another through ``train_one``, as a script of one's own would; as that
takes long, it is given a part of the budget, and its time is counted up.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median

import optuna
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from sweeplab import data_config
from sweeplab.config import RunConfig
from sweeplab.data import load, resolve
from sweeplab.figures.panels import Cell, panels
from sweeplab.figures.theme import MUTED, UNORDERED, styled
from sweeplab.report.text.stopped import share
from sweeplab.sweeps.settings import METRIC
from sweeplab.sweeps.tables import load_sweep
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
HALVED = ("hydra.sweeper.halving={from: 1, factor: 3}", "eval_every=epoch")
WAYS = {
    "random": ("random",),
    "sobol": ("sobol",),
    "tpe": ("tpe",),
    "gp": ("gp",),
    "sobol-h60": ("sobol", *HALVED),
    "tpe-h60": ("tpe", *HALVED),
}


def best_of(folder: Path) -> float:
    """The highest mean final validation accuracy of a sweep's settings."""
    return float(load_sweep(folder).settings["final_val_accuracy"].max())


def command(folder: Path, *words: str) -> float:
    """Run ``sweeplab train`` without a report, into a folder; its seconds."""
    started = time.perf_counter()
    given = [SWEEPLAB, "train", *words, f"hydra.sweep.dir={folder}", "hydra.sweeper.report=false"]
    subprocess.run(given, check=True, capture_output=True)
    return time.perf_counter() - started


def plain_optuna(trials: int, seed: int) -> float:
    """Seconds of so many trials of Optuna's TPE over the same space, one after another."""
    started = time.perf_counter()
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        size = trial.suggest_categorical("size", [250, 700, 2000])
        config = RunConfig(batch_size=trial.suggest_categorical("batch", [4, 16, 64, 250]))
        config.data = resolve(replace(data_config("mnist"), train_size=size))
        config.optimizer = replace(
            config.optimizer,
            lr=trial.suggest_float("lr", 0.01, 1, log=True),
            weight_decay=trial.suggest_float("decay", 1e-5, 0.1, log=True),
        )
        dataset = load(config.data)
        runs = [train_one(replace(config, seed=one), dataset) for one in range(SEEDS)]
        ended = [run.status == "completed" for run in runs]
        pairs = zip(runs, ended, strict=True)
        return fmean(float(run.curves.val_accuracy[-1]) if whole else 0.0 for run, whole in pairs)

    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
    optuna.create_study(direction="maximize", sampler=sampler).optimize(objective, n_trials=trials)
    return time.perf_counter() - started


def searched(folder: Path, name: str, budget: int, repeats: int) -> Iterator[tuple[Path, float]]:
    """The folders of a way to search, and the seconds that each took; 0 if it was there."""
    method, *more = WAYS[name]
    for seed in range(repeats):
        where = folder / f"{name}-{seed}"
        how = (f"hydra.sweeper.method={method}", f"hydra.sweeper.seed={seed}")
        words = ("-m", "hydra/sweeper=search", *how, f"hydra.sweeper.budget={budget}", *more)
        done = (where / "runs.csv").exists()
        yield where, 0.0 if done else command(where, *words, *SPACE)


@styled
def drawn(folder: Path, repeats: int, target: float) -> Figure:
    """The regret of the best setting so far against the settings tried."""
    rows = []
    for name, seed in itertools.product(("random", "sobol", "tpe", "gp"), range(repeats)):
        sweep = load_sweep(folder / f"{name}-{seed}")
        means = sweep.settings[METRIC].fillna(0.0).cummax()  # in the order of their first runs
        for tried, best in enumerate(means, start=1):
            rows.append({"search": name, "settings tried": tried, "regret": target - best})
    figure, (ax,) = panels(1, cell=Cell(width=6.2, height=3.4, left=0.8))
    sns.lineplot(
        pd.DataFrame(rows),
        x="settings tried",
        y="regret",
        hue="search",
        style="search",
        palette=list(UNORDERED[:4]),
        estimator="median",
        errorbar=("pi", 100),
        err_kws={"alpha": 0.12, "linewidth": 0},
        ax=ax,
    )
    ax.axhline(0, color=MUTED, linewidth=0.8)
    ax.set(ylabel="regret: below the grid's best", ylim=(-0.006, 0.06), xlim=(1, None))
    return figure


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the sweeps go, or are already")
    parser.add_argument("--budget", type=int, default=60, help="settings of a search")
    parser.add_argument("--repeats", type=int, default=5, help="searches of each kind")
    parser.add_argument("--plot", type=Path, help="a file for the figure")
    parser.add_argument("--plain", type=int, default=0, help="trials by plain Optuna")
    options = parser.parse_args()
    grid = options.folder / "grid"
    if not (grid / "runs.csv").exists():
        print(f"The grid took {command(grid, 'experiments/grid.yaml'):.0f} s.")
    target = best_of(grid)
    print(f"The grid's best mean: {target:.4f}.\n")
    print("| search | regret, median | lowest | highest | iterations | seconds, median |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in WAYS:
        regrets, times, parts = [], [], []
        for where, took in searched(options.folder, name, options.budget, options.repeats):
            regrets.append(target - best_of(where))
            parts.append(share(load_sweep(where).runs))
            times.append(took)
        numbers = " | ".join(f"{of(regrets):.4f}" for of in (median, min, max))
        print(f"| {name} | {numbers} | {median(parts):.0%} | {median(times):.0f} |", flush=True)
    if options.plot:
        drawn(options.folder, options.repeats, target).savefig(options.plot, dpi=130)
    if options.plain:
        took = command(options.folder / "timed", "-m", "hydra/sweeper=search", *SPACE)
        plain = plain_optuna(options.plain, 0) / options.plain * options.budget
        print(f"\nA search by TPE, the whole command: {took:.1f} s. Plain Optuna: {plain:.0f} s,")
        print(f"counted up from {options.plain} trials.")


if __name__ == "__main__":
    main()
