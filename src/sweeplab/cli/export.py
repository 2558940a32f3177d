"""``sweeplab export``."""

from __future__ import annotations

from pathlib import Path

from sweeplab.terminal import console, say, shown
from sweeplab.words import count

STORE, TABLES = "mlflow.db", "csv"


def export(sweep: Path, *, to: str, output: Path | None) -> None:
    """Export a sweep, and say how to look at it."""
    skipped: list[str] = []
    with console().status(f"exporting to {to}"):
        added, total, where, look = _export(sweep, to, output, skipped)
    for reason in skipped:
        say(f"Left out: {reason}")
    runs = count(total, "run")
    new = f"{added:,} of {runs} added" if 0 < added < total else runs
    say(f"{new if added else f'Nothing new: {runs}'} in {shown(where)}")
    if look:
        say(f"Look: {look}")


def _export(
    sweep: Path, to: str, output: Path | None, skipped: list[str]
) -> tuple[int, int, Path, str]:
    if to == "tensorboard":
        from sweeplab.export.tensorboard import export_tensorboard

        return *export_tensorboard(sweep, skipped), sweep, f"tensorboard --logdir {shown(sweep)}"
    if to == "mlflow":
        from sweeplab.export.mlflow import export_mlflow

        store = (output or sweep) / STORE
        store.parent.mkdir(parents=True, exist_ok=True)
        look = f"mlflow ui --backend-store-uri sqlite:///{shown(store)}"
        return *export_mlflow(sweep, store, skipped), store, look
    from sweeplab.export.tables import export_csv

    out = output or sweep / TABLES
    return *export_csv(sweep, out, skipped), out, ""
