"""The best learning rate of each batch size, on a line."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from sweeplab.errors import SweeplabError
from sweeplab.figures.laws import CELL, draw_law, name_ticks
from sweeplab.figures.panels import line_key, panels
from sweeplab.figures.plots import Analysis, Plot, series
from sweeplab.figures.slices import held_note, setting_of
from sweeplab.figures.theme import ACCENT, MUTED, styled
from sweeplab.statistics.analysis import analyse
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import examples, plus_minus, value_text

BATCH, RATE = "batch_size", "optimizer.lr"
REFERENCES = {"constant": (0.0, (1, 1.5)), "in proportion": (1.0, (5, 2))}  # slope, dash


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """The best rates, where both knobs were swept and four sizes have one within the range."""
    law = analysis.further.ridge
    if law is None:
        return
    yield Plot(
        "best-rate",
        "The best learning rate of each batch size",
        best_rate(sweep, analysis),
        held_note(setting_of(sweep, analysis.recommended), sweep.knobs, [BATCH, RATE])
        + "Points: the top of the parabola through the highest mean accuracy and its neighbours. "
        "Batch sizes whose best rate is an end of the range are left out. Band: 95 %, from the "
        f"chance of {examples()} and seeds or the scatter of the points, whichever is wider.",
        f"Slope {plus_minus(law.slope, law.half, 2)} on logarithmic axes. Best learning rate by "
        "batch size: "
        + series(
            f"{value_text(x)}: {value_text(float(f'{y:.2g}'))}"
            for x, y in zip(law.x, law.y, strict=True)
        ),
    )


@styled
def best_rate(sweep: Sweep, analysis: Analysis | None = None) -> Figure:
    """The best learning rate against the batch size, with a line, its band and two references.

    Args:
        sweep: runs that share a validation set.
        analysis: what ``statistics.analyse`` says of it, where that is at hand.

    Raises:
        SweeplabError: fewer than four batch sizes have a best rate within the range.
    """
    law = (analysis or analyse(sweep)).further.ridge
    if law is None:
        raise SweeplabError(
            "Sweep the learning rate and four batch sizes or more, each with its best rate within "
            "the range: fewer have one here."
        )
    keys = [line_key("best learning rate", ACCENT, marker="o")]
    keys += [line_key(name, MUTED, (0, dash)) for name, (_, dash) in REFERENCES.items()]
    figure, (ax,) = panels(1, cell=CELL, legend=keys)
    draw_law(ax, law, BATCH)
    across = np.array(ax.get_xlim())
    centre, height = np.exp(law.centre)
    for slope, dash in REFERENCES.values():
        y = height * (across / centre) ** slope
        sns.lineplot(x=across, y=y, color=MUTED, linewidth=1.0, linestyle=(0, dash), ax=ax)
    name_ticks(ax, law)
    ax.set_ylabel("best learning rate (log scale)")
    return figure
