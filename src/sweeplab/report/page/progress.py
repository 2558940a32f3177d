"""``progress.html``: how far a sweep is, a page that a browser loads anew by itself."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Template

from sweeplab.sweeps.progress import Moment, bad_ends, duration

WIDTH, HEIGHT, MARGIN = 640, 200, 8
REFRESH_SECONDS = 2

TEMPLATE = Template(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
{% if refresh %}<meta http-equiv="refresh" content="{{ refresh }}">{% endif %}
<title>{{ percent }} · {{ title }}</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto;
         padding: 0 1rem; }
  progress { width: 100%; height: 1.2rem; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.5rem; }
  dt { opacity: .75; } dd { margin: 0; font-variant-numeric: tabular-nums; }
  svg { width: 100%; height: auto; } polyline { fill: none; stroke: #0b84c6; stroke-width: 2; }
  line { stroke: currentColor; opacity: .4; } text { fill: currentColor; font-size: 13px; }
</style>
</head>
<body>
<main>
<h1>{{ title }}</h1>
<p><strong>{{ state }}</strong></p>
<progress value="{{ part }}" max="1" aria-label="part of the work done">{{ percent }}</progress>
<dl>
{% for name, text in rows %}<dt>{{ name }}</dt><dd>{{ text }}</dd>
{% endfor %}</dl>
{% if points %}
<h2>Best validation accuracy so far</h2>
<svg viewBox="0 0 {{ width }} {{ height + 40 }}" role="img"
     aria-label="It rose from {{ low }} to {{ high }} in {{ elapsed }}">
<text x="0" y="14">{{ high }}</text>
<polyline points="{{ points }}"/>
<line x1="0" y1="{{ height + 16 }}" x2="{{ width }}" y2="{{ height + 16 }}"/>
<text x="0" y="{{ height + 12 }}">{{ low }}</text>
<text x="0" y="{{ height + 34 }}">0 s</text>
<text x="{{ width }}" y="{{ height + 34 }}" text-anchor="end">{{ elapsed }} of training</text>
</svg>
{% endif %}
{% if report %}<p><a href="{{ report }}">The report</a></p>{% endif %}
</main>
</body>
</html>
""",
    autoescape=True,
)


def render_progress(title: str, known: Sequence[Moment], *, gone: bool, report: str) -> str:
    """The page.

    Args:
        known: the moments of one command, in order; at least one.
        gone: nobody trains any more, though the last of them does not say so.
        report: a link to the report, or empty.
    """
    now = known[-1]
    states = {
        "training": "Training",
        "report": "Trained. The report is being written.",
        "ended": "It has ended.",
        "stopped": "It was stopped. Repeat its command to go on.",
    }
    rows = [("runs", f"{now.done:,} of {now.runs:,} done")]
    rows += [(how, f"{n:,}") for n, how in bad_ends(now) if n]
    rows.append(("iterations", f"{now.iterations:,} of {now.of_iterations:,}"))
    rows.append(("so far", duration(now.elapsed)))
    if now.left is not None:
        rows.append(("left", f"about {duration(now.left)}"))
    if now.best is not None:
        rows.append(("best so far", f"{now.best:.3f}, run {now.best_run}"))
    if now.state == "training" and not gone:
        rows.append(("Ctrl-C would lose", duration(now.at_risk)))
    over = gone or now.state in ("ended", "stopped")
    curve = [(each.elapsed, each.best) for each in known if each.best is not None]
    low, high = (curve[0][1], curve[-1][1]) if curve else (0.0, 0.0)
    page: str = TEMPLATE.render(
        title=title,
        refresh="" if over else REFRESH_SECONDS,
        state="Whatever trained it is gone. Repeat its command to go on."
        if gone
        else (states[now.state]),
        part=f"{now.part:.3f}",
        percent=f"{now.part:.0%}",
        rows=rows,
        points=_points(curve) if len(curve) > 1 and high > low else "",
        low=f"{low:.3f}",
        high=f"{high:.3f}",
        elapsed=duration(now.elapsed),
        width=WIDTH,
        height=HEIGHT,
        report=report,
    )
    return page


def _points(curve: Sequence[tuple[float, float]]) -> str:
    longest = max(curve[-1][0], 1e-9)
    low, high = curve[0][1], curve[-1][1]
    return " ".join(
        f"{x / longest * WIDTH:.1f},{MARGIN + 14 + (high - y) / (high - low) * (HEIGHT - 14):.1f}"
        for x, y in curve
    )
