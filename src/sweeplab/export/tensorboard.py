"""TensorBoard: an event file in each run's own folder, with curves and hyperparameters.

``tensorboard --logdir SWEEP`` then lists the runs by their folders, and the tab HParams has a row
for each.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

from sweeplab.export.runs import ExportRun, ended_runs, need
from sweeplab.runs.durable import remove_file, write_bytes
from sweeplab.runs.files import EVENTS

VERSION = "brain.Event:2"


def export_tensorboard(sweep: Path, skipped: list[str]) -> tuple[int, int]:
    """Write the event files that are not there yet.

    Returns:
        how many runs were added, and how many there are.
    """
    need(["tensorboardX"], "tensorboard")
    added = total = 0
    for run in ended_runs(sweep, skipped):
        total += 1
        # Named after what it was made of: whole, since it was renamed into its place.
        path = run.folder.path / f"{EVENTS}{int(run.ended)}.{run.record.signature}"
        older = set(run.folder.path.glob(f"{EVENTS}*")) - {path}
        if not path.exists():
            write_bytes(path, events(run), flushed=False)
            added += 1
        for stale in older:  # of the run before it was trained anew
            remove_file(stale)
    return added, total


def events(run: ExportRun) -> bytes:
    """The content of a run's event file."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary
    from tensorboardX.record_writer import RecordWriter
    from tensorboardX.summary import hparams

    results = run.results
    known = {**run.knobs, "status": run.record.status}
    found: list[Any] = [Event(wall_time=run.ended, file_version=VERSION)]
    found += [Event(wall_time=run.ended, summary=each) for each in hparams(known, results)]
    columns = run.table.to_pydict() if len(run.table) else {"iteration": []}
    names = [name for name in columns if name not in ("iteration", "epoch", "examples")]
    last = 0
    for row, iteration in enumerate(columns["iteration"]):
        last = iteration
        values = [
            Summary.Value(tag=name, simple_value=value)
            for name in names
            if (value := columns[name][row]) is not None and not math.isnan(value)
        ]
        if values:
            summary = Summary(value=values)
            found.append(Event(wall_time=run.ended, step=iteration, summary=summary))
    values = [Summary.Value(tag=name, simple_value=value) for name, value in results.items()]
    found.append(Event(wall_time=run.ended, step=last, summary=Summary(value=values)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events"
        writer = RecordWriter(str(path))
        for event in found:
            writer.write(event.SerializeToString())
        writer.close()
        return path.read_bytes()
