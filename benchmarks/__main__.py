"""``python benchmarks``: every way to train the same grid, on this machine, in one go.

Writes ``docs/benchmarks.json`` and ``docs/images/benchmarks.png``, and prints the tables that
``docs/benchmarks.md`` shows. Takes about ten minutes on two cores; ``--quick`` a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path
from typing import Any

import commands
import plot
import training

from sweeplab.config import DataConfig, RunConfig
from sweeplab.data import load
from sweeplab.errors import DataError
from sweeplab.provenance import environment

DOCS = Path(__file__).resolve().parent.parent / "docs"
DIGITS = ["data=digits"]


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing saved")
    parser.add_argument("--only", choices=("training", "commands", "growth"))
    options = parser.parse_args()
    results: dict[str, Any] = {"environment": environment() | {"machine": platform.machine()}}
    results["environment"].pop("command")
    base, dataset, data = _mnist_or_digits()
    if options.only in (None, "training"):
        results["training"] = training.measure(dataset, base, turns=2 if options.quick else 5)
        _print_training(results["training"])
    if options.only in (None, "commands"):
        results["commands"] = _measure_commands(data, options.quick)
        _print_commands(results["commands"])
    if options.only in (None, "growth"):
        sizes = (10, 100) if options.quick else (10, 100, 1000, 10000)
        results["growth"] = [commands.run("stacked", DIGITS, size) for size in sizes]
        _print_growth(results["growth"])
    if not options.quick and options.only is None:
        text = json.dumps(results, indent=1)
        (DOCS / "benchmarks.json").write_text(text + "\n", encoding="utf-8")
        plot.draw(results, DOCS / "images" / "benchmarks.png")


def _mnist_or_digits() -> tuple[RunConfig, Any, list[str]]:
    """Real work: MNIST where it is at hand, else the digits that come with scikit-learn."""
    base = RunConfig(data=DataConfig(root=os.environ.get("SWEEPLAB_DATA", "data")))
    try:
        return base, load(base.data), []
    except DataError:
        print("MNIST is not at hand: on digits instead")
        base = RunConfig(data=DataConfig("digits", "data", 1000, 400, 1000))
        return base, load(base.data), DIGITS


def _measure_commands(data: list[str], quick: bool) -> dict[str, list[dict[str, Any]]]:
    """Two sizes for the slow launchers, which gives their cost a run; 1,000 runs for ours."""
    small, large = (5, 20) if quick else (20, 100)
    return {
        "basic": [commands.run("basic", data, size) for size in (small, large)],
        "joblib": [commands.run("joblib", data, size) for size in (small, large)],
        "stacked": [commands.run("stacked", data, size) for size in (small, large, 1000)],
    }


def extrapolated(measured: list[dict[str, Any]], runs: int) -> float:
    """Seconds for ``runs`` runs, on the line through the two sizes measured."""
    first, second = measured[0], measured[1]
    slope = (second["seconds"] - first["seconds"]) / (second["runs"] - first["runs"])
    return float(second["seconds"] + slope * (runs - second["runs"]))


def _print_training(found: dict[str, Any]) -> None:
    print(f"\nTraining alone, {found['settings']} settings, this process")
    for name, milliseconds in found["ms_a_run"].items():
        ratio = found["times_faster_than"].get(name)
        rest = f"   train_stack is {ratio:.1f} times faster" if ratio else ""
        print(f"  {name:12} {milliseconds:8.2f} ms a run {1000 / milliseconds:8.1f} runs/s{rest}")
    print(
        f"  {found['gflop_a_run']:.2f} GFLOP of matrix products a run, at "
        f"{found['share_of_product_rate']:.0%} of the {found['product_gflops']:.0f} GFLOP/s that "
        "torch.mm reaches here on these shapes"
    )


def _print_commands(found: dict[str, list[dict[str, Any]]]) -> None:
    print("\nWhole commands for 1,000 runs, folders and tables written, no report")
    stacked = found["stacked"][-1]
    for name, measured in found.items():
        last = measured[-1]
        measured_here = last["runs"] == stacked["runs"]
        seconds = last["seconds"] if measured_here else extrapolated(measured, stacked["runs"])
        note = "" if measured_here else f" (extrapolated from {last['runs']} runs)"
        ratio = seconds / stacked["seconds"]
        print(f"  {name:8} {seconds:8.1f} s  {ratio:5.1f} x  {last['megabytes']:6.0f} MB{note}")
    outside = stacked["seconds"] - stacked["training_seconds"]
    print(f"  stacked spends {outside / stacked['runs'] * 1000:.2f} ms a run outside training")


def _print_growth(found: list[dict[str, Any]]) -> None:
    print("\nGrowth of the stacked launcher, digits")
    for row in found:
        print(
            f"  {row['runs']:6} runs {row['seconds']:8.1f} s "
            f"{row['seconds'] / row['runs'] * 1000:8.2f} ms a run {row['megabytes']:6.0f} MB"
        )


if __name__ == "__main__":
    main()
