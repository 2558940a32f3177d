"""When a sweep has ended: its images, tables and report, and a summary on the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from sweeplab.data import Dataset, load
from sweeplab.errors import RunFolderError, SweeplabError
from sweeplab.runs.checks import typed_config
from sweeplab.runs.files import write_bytes
from sweeplab.runs.folder import RunFolder, RunRecord, read_record
from sweeplab.runs.sweep import SweepFolder, read_sweep, write_sweep
from sweeplab.task.words import failures
from sweeplab.terminal import console, say, shown

EXAMPLES = 18  # the first training images, which the report shows


def finish(folder: SweepFolder, *, report: bool) -> int:
    """Write tables and report, print the summary.

    Returns:
        The exit code: 1 when a run failed, else 0.
    """
    runs = _note_states(folder)
    if not runs:
        return 1
    from sweeplab.report.tables import load_sweep, write_tables
    from sweeplab.task.summary import print_summary

    _write_images(folder, [record for _, record in runs])
    sweep = load_sweep(folder.path)
    write_tables(sweep)
    print_summary(sweep, console())
    failed = [(run, record) for run, record in runs if record.status == "failed"]
    if failed:
        failures(failed)
    say(f"\nTables: {shown(folder.runs_table)}")
    if report:
        # Matplotlib takes a second to import, which a sweep without report need not wait for.
        from sweeplab.report.build import build_report

        say(f"Report: {shown(build_report([folder.path]))}")
    return 1 if failed else 0


def _note_states(folder: SweepFolder) -> list[tuple[RunFolder, RunRecord]]:
    """Bring ``sweep.json`` up to date with the run folders, and return those that ended."""
    sweep = read_sweep(folder)
    found = []
    for entry in sweep.jobs:
        run = RunFolder(folder.path / entry.folder)
        try:
            record = read_record(run)
        except RunFolderError:
            continue
        entry.state = record.status
        found.append((run, record))
    write_sweep(folder, sweep)
    return found


def _write_images(folder: SweepFolder, records: Sequence[RunRecord]) -> None:
    """Keep the images that the report shows, for it reads no data set and may run elsewhere."""
    data: dict[str, dict[str, Any]] = {}  # the one of the most training images, by name
    for record in records:
        values = record.config["data"]
        known = data.setdefault(values["name"], values)
        if values["train_size"] > known["train_size"]:
            data[values["name"]] = values
    folder.images.mkdir(exist_ok=True)
    for name, values in data.items():
        try:
            images = _images(load(typed_config({"data": values}).data))
            write_bytes(folder.images / f"{name}.safetensors", images)
        except SweeplabError as error:  # the data went away meanwhile: the report does without
            say(f"The report shows no images of {name}: {error}")


def _images(dataset: Dataset) -> bytes:
    def raw(images: Tensor) -> Tensor:
        pixels = (images * dataset.brightest).round().to(torch.uint8)
        return pixels.reshape(-1, *dataset.image_shape).contiguous()

    return save(
        {
            "train_images": raw(dataset.train_images[:EXAMPLES]),
            "train_labels": dataset.train_labels[:EXAMPLES].contiguous(),
            "val_images": raw(dataset.val_images),
            "val_labels": dataset.val_labels.contiguous(),
        },
        metadata={
            "classes": json.dumps(dataset.class_names),
            "brightest": str(dataset.brightest),
        },
    )
