"""CSV: a row a run, a row a setting, and a row an iteration, for spreadsheets and R."""

from __future__ import annotations

from pathlib import Path

from sweeplab.export.runs import need_sweep
from sweeplab.runs.durable import make_folder
from sweeplab.runs.files import write_text
from sweeplab.sweeps.tables import load_sweep, runs_table


def export_csv(sweep: Path, out: Path, skipped: list[str]) -> tuple[int, int]:
    """Write ``runs.csv``, ``settings.csv`` and ``curves.csv`` to ``out``; always the same bytes.

    Returns:
        how many runs there are, twice: tables are written anew.
    """
    need_sweep(sweep)
    found = load_sweep(sweep)
    skipped += [reason for _, reason in found.skipped]
    make_folder(out)
    tables = {"runs": runs_table(found), "settings": found.settings, "curves": found.curves}
    for name, table in tables.items():
        text = table.to_csv(index=False, lineterminator="\n")
        write_text(out / f"{name}.csv", text)
    return len(found.runs), len(found.runs)
