"""The short table that a sweep leaves on the terminal."""

from __future__ import annotations

import math

from rich.console import Console
from rich.table import Table

from sweeplab.sweeps.settings import count_statuses, ranked
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import knob_name, value_text

SHOWN = 5  # settings


def print_summary(sweep: Sweep, console: Console) -> None:
    """Print the best settings, with mean and spread over seeds, and how the runs ended."""
    console.print(f"\n{count_statuses(sweep.runs)}.")
    best = ranked(sweep.settings)
    if best.empty:
        return
    table = Table(box=None, header_style="bold")
    for knob in sweep.knobs:
        table.add_column(knob_name(knob), justify="right")
    table.add_column("seeds", justify="right")
    table.add_column("final validation accuracy", justify="right")
    if best["diverged"].any():
        table.add_column("diverged", justify="right")
    for _, row in best.head(SHOWN).iterrows():
        spread = row["half_width"]
        accuracy = f"{row['final_val_accuracy']:.4f}"
        cells = [value_text(row[knob]) for knob in sweep.knobs]
        cells.append(str(int(row["n"])))
        cells.append(accuracy if math.isnan(spread) else f"{accuracy} ± {spread:.4f}")
        if best["diverged"].any():
            cells.append(str(int(row["diverged"])))
        table.add_row(*cells)
    console.print(table)
    more = len(best) - SHOWN
    if more > 0:
        console.print(f"... and {more} more settings")
    if (best["n"] > 1).any():
        console.print("± is half of the 95 % t interval of the mean over the seeds.")
    if len(best) > 1:
        console.print("Settings this close may be equally good: the report says which are tied.")
