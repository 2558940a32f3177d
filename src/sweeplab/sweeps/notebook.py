"""What a sweep shows of itself in a notebook."""

from __future__ import annotations

from html import escape

import pandas as pd

from sweeplab.sweeps.settings import METRIC, count_statuses, ranked
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, knob_name, number, plus_minus, value_text

MOST = 5


def sweep_html(sweep: Sweep) -> str:
    """A short summary: what ran, what was swept, and the best settings."""
    best = ranked(sweep.settings).head(MOST)
    table = pd.DataFrame({knob_name(knob): best[knob].map(value_text) for knob in sweep.knobs})
    table["validation accuracy"] = best[METRIC].combine(best["half_width"], plus_minus)
    table["training accuracy"] = best["final_train_accuracy"].map(number)
    table["n"] = best["n"]
    left_out = (
        f"<p>{count(len(sweep.skipped), 'folder')} left out: see <code>.skipped</code></p>"
        if sweep.skipped
        else ""
    )
    return (
        f"<div><p><b>{escape(str(sweep.path))}</b>: {count_statuses(sweep.runs)}</p>{left_out}"
        f"{table.to_html(index=False, border=0)}<p>The best {len(best)} of "
        f"{len(sweep.settings)} settings, by mean final validation accuracy over seeds, with "
        "95 % t intervals. Tables: <code>.runs</code>, <code>.curves</code>, "
        "<code>.settings</code>.</p></div>"
    )
