"""What a sweep shows of itself in a notebook."""

from __future__ import annotations

from jinja2 import Environment

from sweeplab.sweeps.settings import METRIC, count_statuses, ranked
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import knob_name, number, plus_minus, value_text

MOST = 5
TEMPLATE = """<div><p><b>{{ sweep.path }}</b>: {{ statuses }}</p>
{% if sweep.skipped %}
<p>{{ sweep.skipped | length }} folders left out: see <code>.skipped</code></p>
{% endif %}
<table>
<thead><tr>{% for head in heads %}<th>{{ head }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in rows %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>
<p>The best {{ rows | length }} of {{ sweep.settings | length }} settings, by mean final validation
accuracy over seeds, with 95 % t intervals. Tables: <code>.runs</code>, <code>.curves</code>,
<code>.settings</code>.</p></div>"""


def sweep_html(sweep: Sweep) -> str:
    """A short summary: what ran, what was swept, and the best settings."""
    accuracies = ["validation accuracy", "training accuracy", "n"]
    rows = [
        [
            *(value_text(row[knob]) for knob in sweep.knobs),
            plus_minus(row[METRIC], row["half_width"]),
            number(row["final_train_accuracy"]),
            row["n"],
        ]
        for row in ranked(sweep.settings).head(MOST).to_dict("records")
    ]
    template = Environment(autoescape=True).from_string(TEMPLATE)
    return template.render(
        sweep=sweep,
        statuses=count_statuses(sweep.runs),
        heads=[*map(knob_name, sweep.knobs), *accuracies],
        rows=rows,
    )
