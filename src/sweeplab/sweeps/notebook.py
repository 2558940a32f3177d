"""What a sweep shows of itself in a notebook."""

from __future__ import annotations

from markupsafe import Markup

from sweeplab.sweeps.settings import METRIC, count_statuses, ranked
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import knob_name, number, plus_minus, value_text

MOST = 5


def sweep_html(sweep: Sweep) -> str:
    """A short summary: what ran, what was swept, and the best settings."""
    rows = Markup("").join(
        Markup("<tr>{}<td>{}</td><td>{}</td><td>{}</td></tr>").format(
            Markup("").join(
                Markup("<td>{}</td>").format(value_text(row[knob])) for knob in sweep.knobs
            ),
            plus_minus(row[METRIC], row["half_width"]),
            number(row["final_train_accuracy"]),
            row["n"],
        )
        for row in ranked(sweep.settings).head(MOST).to_dict("records")
    )
    heads = Markup("").join(
        Markup("<th>{}</th>").format(name)
        for name in (
            *(knob_name(knob) for knob in sweep.knobs),
            "validation accuracy",
            "training accuracy",
            "n",
        )
    )
    left_out = (
        Markup("<p>{} folders left out: see <code>.skipped</code></p>").format(len(sweep.skipped))
        if sweep.skipped
        else ""
    )
    return str(
        Markup(
            "<div><p><b>{}</b>: {}</p>{}<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>"
            "<p>The best {} of {} settings, by mean final validation accuracy over seeds, with "
            "95 % t intervals. Tables: <code>.runs</code>, <code>.curves</code>, "
            "<code>.settings</code>.</p></div>"
        ).format(
            sweep.path,
            count_statuses(sweep.runs),
            left_out,
            heads,
            rows,
            min(MOST, len(sweep.settings)),
            len(sweep.settings),
        )
    )
