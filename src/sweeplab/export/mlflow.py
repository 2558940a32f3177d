"""MLflow: its SQLite store, one parent run a sweep and a child for each run.

``mlflow ui --backend-store-uri sqlite:///SWEEP/mlflow.db`` shows it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from sweeplab.errors import RunFolderError
from sweeplab.export.runs import ExportRun, ended_runs, need
from sweeplab.sweeps.answers import read_answers
from sweeplab.sweeps.folder import SweepFolder, read_sweep

if TYPE_CHECKING:
    from mlflow import MlflowClient

MOST_METRICS = 1000  # in one log_batch, and at most 100 knobs
PAGE = 1000  # runs in one answer of the store
SIGNATURE, FINISHED, SWEEP = "sweeplab.signature", "sweeplab.finished", "sweeplab.sweep"
PARENT = "mlflow.parentRunId"


def export_mlflow(sweep: Path, store: Path, skipped: list[str]) -> tuple[int, int]:
    """Add the runs that are not in the store yet.

    A run that was exported half, or was trained anew since, is put there anew.

    Args:
        sweep: a sweep's folder.
        store: the SQLite file.
        skipped: see ``ended_runs``.

    Returns:
        how many runs were added, and how many there are.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing here asks a network
    need(["mlflow", "sqlalchemy", "alembic"], "mlflow")
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    name = read_sweep(SweepFolder(sweep)).name
    with FileLock(store.with_name(f".{store.name}.lock")):
        client = MlflowClient(tracking_uri=f"sqlite:///{store.absolute()}")
        known = client.get_experiment_by_name(name)
        experiment = (
            known.experiment_id
            if known
            else client.create_experiment(
                name, artifact_location=store.absolute().parent.joinpath("mlartifacts").as_uri()
            )
        )
        parent = _parent(client, experiment, sweep)
        there = {
            run.data.tags.get(SIGNATURE): run
            for run in _runs(client, experiment, f"tags.`{PARENT}` = '{parent}'")
        }
        added = total = 0
        for run in ended_runs(sweep, skipped):
            total += 1
            old = there.get(run.record.signature)
            if old is not None:
                same = old.data.tags.get(FINISHED) == run.record.finished
                if same and old.info.status != "RUNNING":
                    continue
                client.delete_run(old.info.run_id)
            _add(client, experiment, parent, run)
            added += 1
        client.set_terminated(parent)
    return added, total


def _parent(client: MlflowClient, experiment: str, sweep: Path) -> str:
    """The run that stands for the sweep."""
    name = sweep.resolve().name
    for run in _runs(client, experiment, f"tags.`{SWEEP}` = '{name}'"):
        return str(run.info.run_id)
    record = read_sweep(SweepFolder(sweep))
    tags = {SWEEP: name, "sweeplab.question": record.question}
    try:
        tags["sweeplab.answer"] = " ".join(read_answers(SweepFolder(sweep)).sentences)
    except RunFolderError:
        tags["sweeplab.answer"] = ""
    run = client.create_run(experiment, run_name=name, tags={k: v for k, v in tags.items() if v})
    return str(run.info.run_id)


def _runs(client: MlflowClient, experiment: str, which: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_runs([experiment], which, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _add(client: MlflowClient, experiment: str, parent: str, run: ExportRun) -> None:
    from mlflow.entities import Metric, Param

    ended = int(run.ended * 1000)
    tags = {
        PARENT: parent,
        SIGNATURE: run.record.signature,
        FINISHED: run.record.finished,
        "sweeplab.run": run.name,
        "sweeplab.status": run.record.status,
        "sweeplab.data_checksum": run.record.data_checksum,
    }
    if run.record.error is not None:
        tags["sweeplab.error"] = run.record.error.message
    seconds = run.record.stack.seconds / run.record.stack.runs if run.record.stack else 0.0
    made = client.create_run(
        experiment, start_time=ended - int(seconds * 1000), tags=tags, run_name=run.name
    )
    metrics = [
        Metric(name, value, ended, iteration)
        for iteration, values in run.evaluations()
        for name, value in values.items()
    ]
    last = metrics[-1].step if metrics else 0
    metrics += [Metric(name, value, ended, last) for name, value in run.results.items()]
    params = [Param(key, str(value)) for key, value in run.knobs.items()]
    # Each call waits for the disk.
    first = MOST_METRICS - len(params)
    client.log_batch(made.info.run_id, metrics[:first], params)
    for start in range(first, len(metrics), MOST_METRICS):
        client.log_batch(made.info.run_id, metrics[start : start + MOST_METRICS])
    how = "FAILED" if run.record.status == "failed" else "FINISHED"
    client.set_terminated(made.info.run_id, how, ended)
