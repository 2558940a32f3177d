"""What halving stopped, in sentences."""

from __future__ import annotations

import pandas as pd

from sweeplab.sweeps.settings import setting_numbers
from sweeplab.sweeps.tables import Sweep, varying
from sweeplab.words import count, listed, percent, setting_text


def stopped(part: Sweep) -> list[str]:
    """How much of a part halving stopped, and what is left; nothing where it stopped nothing."""
    early = part.stopped
    if early.empty:
        return []
    every = pd.concat([early, part.runs])
    knobs = varying(every)
    settings = setting_numbers(every, knobs).iloc[: len(early)].nunique()
    of = settings + len(part.settings)
    epochs, longest = (
        listed([str(number) for number in sorted(early[column].unique())], "or")
        for column in ("stopped_after", "epochs")
    )
    said = [
        f"Halving stopped {count(len(early), 'run')}, of {settings:,} of {of:,} settings, after "
        f"{epochs} of {longest} epochs, for others were better by then.",
        f"They keep their curves, and are in no comparison here; {percent(share(every))} of all "
        "iterations were trained.",
    ]
    if len(part.settings) == 1 and len(part.runs):
        row = part.runs.iloc[0]
        said.append(f"The one setting that is left is {setting_text(row.to_dict(), knobs)}.")
    return said


def share(runs: pd.DataFrame) -> float:
    """How many of the iterations that the runs' configurations ask for were trained."""
    ran = runs[runs["status"] != "failed"]
    whole = ran["epochs"] * (ran["data.train_size"] // ran["batch_size"])
    # A run that diverged needs no more.
    trained = ran["iterations"].where(ran["status"] == "stopped", whole)
    return float(trained.sum() / whole.sum())
