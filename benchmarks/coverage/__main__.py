"""``python benchmarks/coverage``: hold the report's statistics against known truths.

Simulated sweeps, and sweeps drawn from 23,040 real runs: of the shipped grid and of another with
momentum, on which no constant of the statistics was chosen. They are trained once.

What is measured is added to ``docs/coverage.csv`` as it comes, and ``docs/coverage.md`` is written
from all that stands there. A case that stands there is not measured again: after an end of any
kind the same command goes on, and ``--again`` starts anew.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import bank
import cases
import pandas as pd
import table
from table import RESULTS


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{cases.QUICK} times fewer sweeps")
    parser.add_argument("--only", default="", help="cases whose name contains all these words")
    parser.add_argument("--again", action="store_true", help="measure anew what was measured")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the table of all results")
    options = parser.parse_args()
    words, fewer = options.only.split(), cases.QUICK if options.quick else 1
    asked = cases.simulated(fewer) if "real" not in words else []
    for grid in bank.GRIDS if "simulated" not in words else ():
        if grid in words or not set(bank.GRIDS) & set(words):
            asked += cases.resampled(grid, fewer)
    asked = [case for case in asked if set(words) <= set(case.name.replace(",", "").split())]
    known = table.read(options.results)
    before = known["measure"].astype(str).str.startswith("before: ")  # of before.py
    if options.again:
        known = known[before | ~known["case"].isin([case.name for case in asked])]
    pd.set_option("display.float_format", "{:.4f}".format)
    # The quickest first, so that what is said at the end of an hour is said of most.
    done = set(known.loc[~before.loc[known.index], "case"])
    for case in sorted(asked, key=lambda case: case.settings):
        if case.name in done:
            continue
        started = time.perf_counter()
        frame = case.run()
        seconds = time.perf_counter() - started
        print(f"\n{case.name} ({case.sweeps} sweeps, {seconds:.0f} s)")
        print(frame.drop(columns="case").to_string(index=False), flush=True)
        known = pd.concat([known, frame], ignore_index=True)
        table.save(known, options.results)
    table.write(known, options.results.with_suffix(".md"))


if __name__ == "__main__":
    main()
