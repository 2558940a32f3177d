"""``python benchmarks``: every way to train the same grid, on this machine, in one go.

Prints ``docs/benchmarks.md`` and writes it, with ``docs/benchmarks.json`` and its pictures in
``docs/images``. Takes about ten minutes on two quiet cores; ``--quick`` two.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import commands
import peers
import plot
import probes
import training
import words

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
    parser.add_argument("--only", choices=("training", "peers", "probes", "commands", "growth"))
    options = parser.parse_args()
    today = datetime.now(UTC).date().isoformat()
    about = environment() | {"machine": platform.machine(), "date": today}
    results: dict[str, Any] = {"environment": {k: v for k, v in about.items() if k != "command"}}
    base, dataset, data = _mnist_or_digits()
    # The folders stay until all is measured: after many files were deleted, ext4 takes up to
    # twenty times as long to make new ones, for minutes.
    with tempfile.TemporaryDirectory(prefix="sweeplab-benchmark-") as folder:
        if options.only in (None, "training"):
            results["training"] = training.measure(dataset, base, turns=2 if options.quick else 5)
        if options.only in (None, "peers"):
            results["peers"] = peers.measure(dataset, base, turns=1 if options.quick else 3)
        if options.only in (None, "probes"):
            results["probes"] = probes.measure(quick=options.quick)
        if options.only in (None, "commands"):
            results["commands"] = _measure_commands(Path(folder), data, options.quick)
        if options.only in (None, "growth"):
            sizes = (1, 20, 100) if options.quick else (1, 20, 1000, 10000)
            results["growth"] = [
                commands.run(Path(folder), "stacked", DIGITS, size) for size in sizes
            ]
    text = words.markdown(results)
    print(text)
    if not options.quick and options.only is None:
        (DOCS / "benchmarks.json").write_text(
            json.dumps(results, indent=1) + "\n", encoding="utf-8"
        )
        (DOCS / "benchmarks.md").write_text(text + "\n", encoding="utf-8")
        plot.draw(results, DOCS / "images" / "benchmarks.png")
        plot.draw_peers(results["peers"], DOCS / "images" / "benchmarks-peers.png")


def _mnist_or_digits() -> tuple[RunConfig, Any, list[str]]:
    """Real work: MNIST where it is at hand, else the digits that come with scikit-learn."""
    base = RunConfig(data=DataConfig(root=os.environ.get("SWEEPLAB_DATA", "data")))
    try:
        return base, load(base.data), []
    except DataError:
        print("MNIST is not at hand: on digits instead")
        base = RunConfig(data=DataConfig("digits", "data", 1000, 400, 1000))
        return base, load(base.data), DIGITS


def _measure_commands(
    folder: Path, data: list[str], quick: bool
) -> dict[str, list[dict[str, Any]]]:
    """Two sizes for the slow launchers, which gives their cost a run; 1,000 runs for ours."""
    small, large, whole = (5, 20, 100) if quick else (20, 100, words.RUNS)

    def measured(launcher: str, runs: int, repeats: int = 1) -> dict[str, Any]:
        """The command of median time."""
        found = [commands.run(folder, launcher, data, runs) for _ in range(repeats)]
        return sorted(found, key=lambda row: row["seconds"])[repeats // 2] | {"repeats": repeats}

    return {
        "basic": [measured("basic", size) for size in (small, large)],
        "joblib": [measured("joblib", size) for size in (small, large)],
        "stacked": [measured("stacked", size) for size in (small, large)]
        + [measured("stacked", whole, repeats=3)],
    }


if __name__ == "__main__":
    main()
